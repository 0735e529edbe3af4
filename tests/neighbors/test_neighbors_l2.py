"""The search by l2 distance against its oracle: the same bytes, whatever the vectors and however the work is cut."""

import functools
import math

import neighbor_cases
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neighbor_cases import CPU, assert_same, plan, vectors
from neighbor_inputs import Counted, changed

from memometer.errors import InputError, VectorError
from memometer.neighbors import Neighbors, kernels, search
from memometer.neighbors.metrics import l2_metric
from memometer.neighbors.oracle import LANES, distances_oracle
from memometer.neighbors.plan import Plan
from memometer.neighbors.products import CpuProducts
from memometer.neighbors.search import search_by

assert_exact = functools.partial(neighbor_cases.assert_exact, metric="l2")


@pytest.mark.parametrize("on_device", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_distances_closer_than_float32_tells_apart(dtype, on_device):
    """Far from the origin and near to one another: float32 products lose the differences, which are all that counts."""
    step = 1e-6 if dtype == np.float32 else 1e-12
    base = 30 * vectors(0, 1, 512, dtype=np.float64)
    bank = (base + step * vectors(1, 2000, 512, dtype=np.float64)).astype(dtype)
    queries = (base + step * vectors(2, 8, 512, dtype=np.float64)).astype(dtype)
    how = plan(tile_rows=600, block_rows=4, columns=200, on_device=on_device)
    found = assert_exact(queries, bank, 20, how)
    low, high = queries.astype(np.float32), bank.astype(np.float32)
    rounded = np.argsort((high**2).sum(1) / 2 - low @ high.T, axis=1, kind="stable")[:, :20]
    assert not np.array_equal(rounded, found.rows)


@pytest.mark.parametrize("on_device", [False, True])
@pytest.mark.parametrize("giant", [1e6, 1e20, 1e49])
@pytest.mark.parametrize("size", [1e-6, 1.0])
def test_a_giant_on_either_side(on_device, giant, size):
    bank, queries = (size * vectors(seed, rows, 16, dtype=np.float64) for seed, rows in ((0, 400), (1, 9)))
    how = plan(tile_rows=150, block_rows=3, columns=400, on_device=on_device)
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


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 300), st.integers(0, 2**32), st.sampled_from("fd"), st.sampled_from("fd"))
def test_compiled_distance_is_the_oracles_and_a_distance(dim, seed, query_type, bank_type):
    rng = np.random.default_rng(seed)
    query, bank = rng.standard_normal(dim).astype(query_type), rng.standard_normal((3, dim)).astype(bank_type)
    compiled = np.array([kernels.minus_distance(query, row, np.empty(LANES)) for row in bank])
    expected = distances_oracle(query, bank)
    assert (0.0 - compiled).tobytes() == expected.tobytes()
    exact = [math.fsum((a - b) ** 2 for a, b in zip(query.tolist(), row.tolist(), strict=True)) for row in bank]
    np.testing.assert_allclose(expected, exact, rtol=(dim + 3) * 2.0**-52)


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


def test_each_row_is_read_once_but_the_first_query():
    queries, bank = Counted(vectors(0, 20, 12)), Counted(vectors(1, 300, 12))
    how = Plan(64, 8, 1000, 2, CPU, CpuProducts(columns=10))
    search_by(how, queries, bank, 5, metric="l2")
    assert queries.spans == [(0, 1), (0, 8), (8, 16), (16, 20)]
    assert bank.spans == [(0, 64), (64, 128), (128, 192), (192, 256), (256, 300)]
    assert search(np.empty((0, 8), np.float32), vectors(0, 9, 8), k=4, metric="l2").rows.shape == (0, 4)


QUERIES, BANK = vectors(0, 20, 12), vectors(1, 300, 12)


@pytest.mark.parametrize(
    ("queries", "bank", "metric", "error", "text"),
    [
        (changed(QUERIES, 0, np.nan), BANK, "l2", VectorError, "queries: the vector in row 0 is not finite"),
        (QUERIES, changed(BANK, (250, 3), np.inf), "l2", VectorError, "bank: the vector in row 250 is not finite"),
        (
            QUERIES,
            changed(BANK, 3, 1e51, float),
            "l2",
            VectorError,
            r"row 3 has norm 3.46e\+51, outside 1e-100 to 1e\+50",
        ),
        (QUERIES, changed(BANK, 3, 1e-170, float), "l2", VectorError, "row 3 has norm 0, outside 1e-100"),
        (QUERIES, BANK, "cosine", InputError, "metric is 'cosine'; pass 'inner' or 'l2'"),
    ],
)
def test_errors(queries, bank, metric, error, text):
    with pytest.raises(error, match=text):
        search(queries, bank, 5, metric=metric)
