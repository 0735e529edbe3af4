"""The search by l2 distance against its oracle: the same bytes, whatever the vectors and however the work is cut."""

import functools

import neighbor_cases
import numpy as np
import pytest
from neighbor_cases import KINDS, assert_same, plan, vectors

from memometer.neighbors import Neighbors, search
from memometer.neighbors.metrics import l2_metric

assert_exact = functools.partial(neighbor_cases.assert_exact, metric="l2")


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("giant", [1e6, 1e20, 1e49])
@pytest.mark.parametrize("size", [1e-6, 1.0])
def test_a_giant_on_either_side(kind, giant, size):
    bank, queries = (size * vectors(seed, rows, 16, dtype=np.float64) for seed, rows in ((0, 400), (1, 9)))
    how = plan(tile_rows=150, block_rows=3, columns=400, kind=kind)
    for change in (bank, queries):
        change[0] *= giant / size
        assert_exact(queries, bank, 3, how)  # the first query decides the unit
        change[[0, -1]] = change[[-1, 0]]
        assert_exact(queries, bank, 3, how)


def test_queries_much_longer_than_the_bank():
    """All distances are the query's norm but for the last bits of float64: every row has to be looked at."""
    queries, bank = 1e9 * vectors(0, 6, 32, dtype=np.float64), vectors(1, 500, 32, dtype=np.float64)
    assert_exact(queries, bank, 7)


def test_zero_vectors_have_distances():
    queries = np.array([[0.0, 0.0], [3.0, 4.0]])
    bank = np.array([[1.0, 0.0], [0.0, 0.0], [3.0, 4.0], [0.0, -1.0]])
    found = search(queries, bank, k=4, metric="l2")
    np.testing.assert_array_equal(found.rows, [[1, 0, 3, 2], [2, 0, 1, 3]])
    np.testing.assert_array_equal(found.similarities, [[0, -1, -1, -25], [0, -20, -25, -34]])
    assert not np.signbit(found.similarities[0, 0])
    assert_exact(np.zeros((3, 5)), np.zeros((9, 5)), 4)


def test_one_search_by_hand_has_another_answer_than_the_inner_product():
    queries, bank = np.array([[1.0, 1.0]]), np.array([[9.0, 9.0], [1.0, 0.5]])
    assert search(queries, bank, k=1).rows.tolist() == [[0]]
    assert search(queries, bank, k=1, metric="l2").rows.tolist() == [[1]]


def test_normalised_vectors_have_the_same_neighbours_either_way():
    queries, bank = vectors(0, 30, 40, dtype=np.float64), vectors(1, 900, 40, dtype=np.float64)
    queries, bank = (side / np.linalg.norm(side, axis=1, keepdims=True) for side in (queries, bank))
    by_angle, by_distance = search(queries, bank, k=12), search(queries, bank, k=12, metric="l2")
    np.testing.assert_array_equal(by_angle.rows, by_distance.rows)
    np.testing.assert_allclose(by_distance.similarities, 2 * by_angle.similarities - 2, atol=1e-14)


def test_units_do_not_change_a_byte():
    queries, bank = vectors(0, 50, 65), vectors(1, 1500, 65)
    expected = search(queries, bank, k=17, metric="l2")
    order = np.arange(50)[::-1]
    tiny_first = np.concatenate([1e-30 * queries[:1], queries[order]])  # a unit that is of no use
    found = search(tiny_first, bank, k=17, metric="l2")
    assert_same(
        Neighbors(found.rows[1:], found.similarities[1:]), Neighbors(expected.rows[order], expected.similarities[order])
    )


def test_the_lifted_product_is_half_of_distance_and_norm():
    query, vector, metric = np.array([3.0, -1.0]), np.array([0.5, 2.0]), l2_metric(7.0)
    norms = np.linalg.norm(query), np.linalg.norm(vector)
    lifted = [
        np.append(side, metric.last_component(np.array([norm]), side=name))
        for side, norm, name in ((query, norms[0], "queries"), (vector, norms[1], "bank"))
    ]
    similarity = -((query - vector) ** 2).sum()
    assert metric.unit == 8
    assert lifted[0] @ lifted[1] == pytest.approx(similarity * metric.slope + metric.offsets(np.array(norms[:1]))[0])
