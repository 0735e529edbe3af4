"""The search against its oracle: the same bytes, whatever the vectors and however the work is cut."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from neighbor_cases import KINDS, assert_exact, assert_same, plan, plans, problems, single, vectors

from memometer.neighbors import Neighbors, blocks, kernels, search
from memometer.neighbors.search import search_by

both = pytest.mark.parametrize("metric", ["inner", "l2"])


@both
@settings(max_examples=100, deadline=None)
@given(problems(st.integers(-2, 2)), plans, st.tuples(*[st.sampled_from("efd")] * 2), st.booleans())
def test_ties_are_ordered_by_the_lower_row(metric, problem, how, types, zeros):
    queries, bank, k = problem
    if zeros and metric == "l2":
        queries[0] = bank[-1] = 0
    assert_exact(queries.astype(types[0]), bank.astype(types[1]), k, how, metric=metric)


def wide(largest):
    return problems(st.builds(np.ldexp, st.floats(-1, 1, width=32), st.integers(-300, largest)))


@pytest.mark.parametrize(("metric", "largest"), [("inner", 300), ("l2", 160)])  # norms from 1e-100 to 1e100 or 1e50
@settings(max_examples=150, deadline=None)
@given(st.data(), plans)
def test_float64_of_any_magnitude(metric, largest, data, how):
    queries, bank, k = data.draw(wide(largest))
    for side in (queries, bank):
        side[:, 0] = np.where(np.abs(side).max(axis=1) < 1e-90, 1e-90, side[:, 0])
    assert_exact(queries, bank, k, how, metric=metric)


@both
@settings(max_examples=100, deadline=None)
@given(problems(single), plans)
def test_float32_from_subnormal_to_largest(metric, problem, how):
    queries, bank, k = problem[0].astype(np.float32), problem[1].astype(np.float32), problem[2]
    for side in (queries, bank) if metric == "inner" else ():
        side[~side.any(axis=1), 0] = 1e-45
    assert_exact(queries, bank, k, how, metric=metric)


@both
@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("k", [1, 10, 100, 1024])
def test_random_vectors(metric, k, kind):
    queries, bank = vectors(0, 40, 70), vectors(1, 3000, 70)
    if metric == "l2":
        bank *= np.linspace(0.1, 4, 3000, dtype=np.float32)[:, None]
    assert_exact(queries, bank, k, plan(tile_rows=700, block_rows=16, columns=300, kind=kind), metric=metric)


@both
@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_closer_than_float32_tells_apart(metric, dtype, kind):
    """Float32 products of these rows differ by rounding alone: a search that trusts them loses neighbours."""
    step = 1e-7 if dtype == np.float32 else 1e-13
    base, near, others = (vectors(seed, rows, 512, dtype=np.float64) for seed, rows in enumerate((1, 2000, 8)))
    bank, queries = base * (1 + step * near), base * 0.7 + others
    if metric == "l2":  # far from the origin and near to one another
        bank, queries = (30 * base + 10 * step * side for side in (near, others))
        queries = queries.astype(dtype)
    how = plan(tile_rows=600, block_rows=4, columns=200, kind=kind)
    found = assert_exact(queries, bank.astype(dtype), 20, how, metric=metric)
    low, high = queries.astype(np.float32), bank.astype(dtype).astype(np.float32)
    rounded = (high**2).sum(1) / 2 * (metric == "l2") - low @ high.T
    assert not np.array_equal(np.argsort(rounded, axis=1, kind="stable")[:, :20], found.rows)


@pytest.mark.parametrize("kind", list(KINDS))
def test_small_vectors_in_a_tile_with_a_giant(kind):
    """Beside the giant the others become subnormal in float32, which has few bits left for them."""
    bank = np.abs(vectors(0, 400, 16, dtype=np.float64)) * 1e-3
    bank[7] = -1e40
    queries = np.abs(vectors(1, 5, 16, dtype=np.float64))
    assert_exact(queries, bank, 3, plan(tile_rows=400, columns=400, kind=kind))


def test_norms_of_every_magnitude():
    magnitudes = 10.0 ** np.random.default_rng(0).uniform(-37, 37, size=(500, 1))
    bank = (vectors(1, 500, 24, dtype=np.float64) * magnitudes).astype(np.float32)
    queries = vectors(2, 20, 24) * np.float32(10.0) ** np.arange(-30, 30, 3, dtype=np.float32)[:, None]
    assert_exact(queries, bank, 30, plan(tile_rows=90, columns=40))


def test_equal_rows_come_in_order():
    bank = np.repeat(vectors(0, 1, 33), 5000, axis=0)
    found = search(vectors(1, 6, 33), bank, k=100)
    np.testing.assert_array_equal(found.rows, np.tile(np.arange(100), (6, 1)))


def test_duplicates_far_apart_keep_their_order():
    assert_exact(vectors(1, 9, 20), np.tile(vectors(0, 50, 20), (40, 1)), 130, plan(tile_rows=64, columns=10))


def test_by_hand():
    queries = np.array([[3.0, 4.0], [-1.0, 0.0]])
    bank = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 1.0], [-2.0, 2.5]])
    found = search(queries, bank, k=3)
    # 3, 4, 7, 4, 4: rows 1, 3 and 4 tie behind row 2. Then -1, 0, -1, 0, 2: rows 1 and 3 tie behind row 4.
    np.testing.assert_array_equal(found.rows, [[2, 1, 3], [4, 1, 3]])
    np.testing.assert_array_equal(found.similarities, [[7.0, 4.0, 4.0], [2.0, 0.0, 0.0]])
    assert (len(found), found.k) == (2, 3)


CUTS = [(1500, 50, 99, 1500, 1), (1, 50, 99, 1, 2), (33, 7, 9, 16, 3), (512, 1, 1000, 100, 2)]


@both
def test_pieces_and_permutations_change_no_byte(metric):
    queries, bank = vectors(0, 50, 65), vectors(1, 1500, 65)
    expected = search(queries, bank, k=17, metric=metric)
    for tile_rows, block_rows, held_rows, columns, threads in CUTS:
        how = plan(tile_rows=tile_rows, block_rows=block_rows, held_rows=held_rows, columns=columns, threads=threads)
        assert_same(search_by(how, queries, bank, 17, metric=metric), expected)
    rows = np.random.default_rng(2).permutation(1500)
    permuted = search(queries, bank[rows], k=17, metric=metric)
    assert_same(Neighbors(rows[permuted.rows], permuted.similarities), expected)
    order = np.random.default_rng(3).permutation(50)
    found = search(queries[order], bank, k=17, metric=metric)
    assert_same(found, Neighbors(expected.rows[order], expected.similarities[order]))


def test_smaller_k_is_a_prefix():
    queries, bank = vectors(0, 20, 16), np.round(vectors(1, 700, 16))
    bank[~bank.any(axis=1)] = 1
    most = search(queries, bank, k=200)
    for k in (1, 7, 60):
        assert_same(search(queries, bank, k=k), Neighbors(most.rows[:, :k].copy(), most.similarities[:, :k].copy()))


@example(0)
@given(st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_concentrated_vectors(seed):
    """Embeddings of real models lie in a narrow cone."""
    cone = vectors(seed, 1, 48) * 5
    queries, bank = cone + vectors(seed + 1, 9, 48), cone + vectors(seed + 2, 600, 48)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    bank /= np.linalg.norm(bank, axis=1, keepdims=True)
    assert_exact(queries, bank, 12, plan(tile_rows=200, block_rows=4, columns=64))


@both
def test_no_queries(metric):
    found = search(np.empty((0, 8), np.float32), vectors(0, 9, 8), k=4, metric=metric)
    assert found.rows.shape == found.similarities.shape == (0, 4)


@both
@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("k", [1, 40])
@pytest.mark.parametrize("most", [1, 70])
def test_candidates_that_find_no_room_to_wait(monkeypatch, metric, kind, k, most):
    """Floors have to rise in the middle of a tile; among equal rows, and in a narrow cone, that makes no room."""
    monkeypatch.setattr(blocks, "WAITING", 1)
    monkeypatch.setattr(blocks, "LEAST_WAITING", most)
    queries, bank = vectors(0, 9, 33), vectors(1, 2500, 33)
    bank[100:700] = bank[99]
    bank[700:1600] = bank[99] + np.float32(1e-4) * bank[700:1600]
    queries[::2] = bank[99] + np.float32(0.01) * queries[::2]
    assert_exact(queries, bank, k, plan(tile_rows=1200, columns=500, block_rows=4, kind=kind), metric=metric)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(-1e200, 1e200), min_size=1, max_size=200), st.data(), st.sampled_from("fd"))
def test_the_kth_is_reached_by_k_of_the_values_and_hardly_more(values, data, dtype):
    some = np.clip(np.array(values), -1e30, 1e30).astype(dtype)
    k = data.draw(st.integers(1, len(some)))
    kth = kernels.nearly_kth(some, k)
    assert (some >= kth).sum() >= k
    assert np.sort(some)[-k] - kth <= (float(some.max()) - float(some.min())) * 2.0**-15 + 1e-30
