import itertools

import numpy as np
import pytest
from sslmem_oracle import distance_oracle

from memometer.errors import InputError
from memometer.measures.sslmem.scores import alignment_distances, delta_layermem, relative_sslmem, sslmem


def ragged(rng, sizes, width=7):
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return rng.standard_normal((starts[-1], width)).astype(np.float32), starts


def test_by_hand():
    views = np.array([[1, 0], [0, 3], [-2, 0]], np.float32)
    right_angle, half_turn = np.sqrt(2), 2.0
    found = alignment_distances(views, np.array([0, 3]))
    np.testing.assert_allclose(found, [(2 * right_angle + half_turn) / 3], rtol=1e-15)


def test_against_the_oracle():
    rng = np.random.default_rng(0)
    sizes = rng.integers(0, 7, 60)
    views, starts = ragged(rng, sizes)
    expected = [distance_oracle(views[start:stop]) for start, stop in itertools.pairwise(starts)]
    np.testing.assert_allclose(alignment_distances(views, starts), expected, rtol=1e-12)
    assert np.isnan(expected).sum() == (sizes < 2).sum() > 0


def test_equal_views_are_at_exactly_zero_and_opposite_ones_at_two():
    view = np.random.default_rng(1).standard_normal(33).astype(np.float32)
    assert alignment_distances(np.stack([view] * 5), np.array([0, 5])).tolist() == [0.0]
    np.testing.assert_allclose(alignment_distances(np.stack([view, -view]), np.array([0, 2])), [2.0], rtol=1e-15)


def test_length_means_nothing_and_neither_do_other_records():
    rng = np.random.default_rng(2)
    views, starts = ragged(rng, [5, 2, 3, 5, 1, 4, 5, 5, 2], width=513)
    found = alignment_distances(views, starts)
    scaled = views * np.exp2(rng.integers(-9, 9, len(views)))[:, None].astype(np.float32)
    np.testing.assert_array_equal(alignment_distances(scaled, starts), found)
    for row in range(9):
        part = views[starts[row] : starts[row + 1]]
        alone = alignment_distances(part, np.array([0, len(part)]))
        np.testing.assert_array_equal(alone, found[row : row + 1])


@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf])
def test_a_view_without_direction_makes_its_record_undefined_alone(bad):
    views, starts = ragged(np.random.default_rng(4), [3, 3])
    views[4] = bad
    assert np.isnan(alignment_distances(views, starts)).tolist() == [False, True]


def test_sslmem_by_hand():
    target, reference = np.array([0.5, 1.0, 0.0, 0.0, np.nan]), np.array([1.5, 1.0, 0.0, 2.0, 1.0])
    np.testing.assert_array_equal(sslmem(target=target, reference=reference), [1.0, 0.0, 0.0, 2.0, np.nan])
    np.testing.assert_array_equal(relative_sslmem(target=target, reference=reference), [0.5, 0.0, np.nan, 1.0, np.nan])
    target, reference = np.random.default_rng(5).random((2, 20, 4))
    assert np.abs(relative_sslmem(target=target, reference=reference)).max() <= 1


def test_delta_layermem_is_the_change_from_layer_to_layer():
    relative = np.array([[0.1, 0.3, 0.2], [0.0, np.nan, 0.5]])
    expected = [[np.nan, 0.2, -0.1], [np.nan, np.nan, np.nan]]
    np.testing.assert_allclose(delta_layermem(relative), expected, rtol=1e-12)


def test_views_that_do_not_fit_the_starts_are_a_sentence():
    with pytest.raises(InputError, match="expected \\(views, width\\), and starts that end at the views"):
        alignment_distances(np.ones((4, 2)), np.array([0, 3]))
