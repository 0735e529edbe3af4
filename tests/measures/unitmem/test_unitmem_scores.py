import functools
import itertools

import numpy as np
import pytest
from array_shapes import unchecked
from unitmem_oracle import unitmem_oracle

from memometer.errors import InputError
from memometer.measures.unitmem.scores import (
    UnitSums,
    class_scores,
    record_counts,
    unit_scores,
    unit_scores_by_median,
)


def some_activations(rng, n=50, units=13):
    """Non-negative, with ties, an idle unit, a constant one, and one of a single record."""
    activations = np.maximum(rng.standard_normal((n, units)), 0).round(1).astype(np.float32)
    activations[:, 0] = 0
    activations[:, 1] = 0.3
    activations[:, 2] = 0
    activations[7, 2] = 0.2
    return activations


def in_pieces(activations, ranks, sizes):
    bounds = np.concatenate([[0], np.cumsum(sizes)])
    return [
        UnitSums.of(activations[start:stop], ranks[start:stop]) for start, stop in itertools.pairwise(bounds.tolist())
    ]


def test_by_hand():
    activations = np.array([[4.0, 1.0, 0.0, 0.0], [1.0, 1.0, 0.0, 2.0], [1.0, 1.0, 0.0, 0.0]])
    scores = unit_scores(UnitSums.of(activations, np.array([2, 0, 1])))
    np.testing.assert_array_equal(scores.unitmem, [0.6, 0.0, np.nan, 1.0])
    assert scores.record.tolist() == [2, 0, 0, 0]
    assert scores.largest.tolist() == [4.0, 1.0, 0.0, 2.0]
    assert scores.rest.tolist() == [1.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize("seed", range(3))
def test_streamed_equals_the_oracle_that_stores_everything(seed):
    rng = np.random.default_rng(seed)
    activations, ranks = some_activations(rng), rng.permutation(50)
    sums = functools.reduce(UnitSums.merged, in_pieces(activations, ranks, [20, 1, 0, 29]))
    scores = unit_scores(sums)
    values, records = unitmem_oracle(activations, ranks.tolist())
    np.testing.assert_allclose(scores.unitmem, values, atol=1e-12)
    assert scores.record.tolist() == records
    assert np.isnan(scores.unitmem[0])
    assert scores.unitmem[1:3].tolist() == [0.0, 1.0]
    assert np.nanmin(scores.unitmem) >= 0
    assert np.nanmax(scores.unitmem) <= 1


def test_merging_in_any_grouping_is_the_same():
    rng = np.random.default_rng(4)
    activations, ranks = some_activations(rng, n=24), rng.permutation(24)
    whole = UnitSums.of(activations, ranks)
    a, b, c = in_pieces(activations, ranks, [10, 5, 9])
    for merged in (
        a.merged(b).merged(c),
        a.merged(b.merged(c)),
        c.merged(a).merged(b),
        UnitSums.empty(13).merged(b).merged(c.merged(a)).merged(UnitSums.empty(13)),
    ):
        assert merged.count == 24
        np.testing.assert_array_equal(merged.largest, whole.largest)
        np.testing.assert_array_equal(merged.record, whole.record)
        np.testing.assert_allclose(merged.total, whole.total, rtol=1e-14)


def test_the_order_of_records_changes_no_bit_within_a_piece():
    rng = np.random.default_rng(5)
    activations, ranks = rng.random((30, 4)).astype(np.float32), rng.permutation(30)
    order = rng.permutation(30)
    there, back = UnitSums.of(activations, ranks), UnitSums.of(activations[order], ranks[order])
    np.testing.assert_array_equal(there.total, back.total)
    np.testing.assert_array_equal(there.record, back.record)


def test_of_equal_largest_the_smaller_id_counts_wherever_it_comes():
    ones = np.ones((1, 1))
    first, second = UnitSums.of(ones, np.array([3])), UnitSums.of(ones, np.array([8]))
    assert first.merged(second).record.tolist() == second.merged(first).record.tolist() == [3]


def test_scale_means_nothing():
    activations = some_activations(np.random.default_rng(6))
    ranks = np.arange(50)
    once, four_times = (unit_scores(UnitSums.of(scale * activations, ranks)).unitmem for scale in (1, 4))
    np.testing.assert_array_equal(once, four_times)


def test_negative_activations_with_no_positive_denominator_are_undefined():
    activations = np.array([[-0.1, 0.1, 0.3], [-0.2, -0.3, -0.1]])
    scores = unit_scores(UnitSums.of(activations, np.array([0, 1])))
    assert np.isnan(scores.unitmem).tolist() == [True, True, False]
    assert scores.unitmem[2] == pytest.approx(0.4 / 0.2)


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_records_leave_every_unit_undefined(n):
    activations, ranks = np.ones((n, 3)), np.arange(n)
    for scores in (unit_scores(UnitSums.of(activations, ranks)), unit_scores_by_median(activations, ranks)):
        assert np.isnan(scores.unitmem).all()
        assert scores.record.tolist() == [n - 1] * 3


@pytest.mark.parametrize("n", [2, 3, 8, 51])
def test_the_median_equals_the_oracle(n):
    rng = np.random.default_rng(n)
    activations = np.maximum(rng.standard_normal((n, 9)) + 0.5, 0).round(1).astype(np.float32)
    ranks = rng.permutation(n)
    values, records = unitmem_oracle(activations, ranks.tolist(), rest=np.median)
    scores = unit_scores_by_median(activations, ranks)
    np.testing.assert_allclose(scores.unitmem, values, atol=1e-12)
    assert scores.record.tolist() == records


def test_classes_by_hand():
    totals, counts = np.array([[6.0, 2.0], [0.0, 0.0], [2.0, 2.0], [1.0, 1.0]]), np.array([2, 0, 2, 1])
    scores, means = class_scores(totals, counts)
    np.testing.assert_array_equal(means, [[3, 1], [np.nan, np.nan], [1, 1], [1, 1]])
    np.testing.assert_array_equal(scores.unitmem, [0.5, 0.0])
    assert scores.record.tolist() == [0, 0]


def test_the_units_of_each_record_are_counted_and_summed():
    scores = unit_scores(UnitSums.of(np.array([[4.0, 0.0, 9.0], [1.0, 0.0, 1.0], [1.0, 0.0, 1.0]]), np.arange(3)))
    counts, sums = record_counts(scores, n=3)
    assert counts.tolist() == [2, 0, 0]
    np.testing.assert_allclose(sums, [0.6 + 0.8, 0, 0])


def test_shapes_that_do_not_fit_are_sentences():
    with pytest.raises(InputError, match="activations of shape \\(2, 3\\) for 4 records; expected \\(4, u\\)"):
        unchecked(UnitSums.of)(UnitSums, np.ones((2, 3)), np.arange(4))
    with pytest.raises(InputError, match="sums of 2 and of 3 units"):
        UnitSums.empty(2).merged(UnitSums.empty(3))
