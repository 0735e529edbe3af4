"""The search against its oracle: the same bytes, whatever the vectors and however the work is cut."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from neighbor_cases import assert_same, plan, plans, problems, single, vectors

from memometer.neighbors import Neighbors, search, search_oracle
from memometer.neighbors.search import search_by


@settings(max_examples=100, deadline=None)
@given(problems(st.integers(-2, 2)), plans, st.sampled_from("efd"), st.sampled_from("efd"))
def test_ties_are_ordered_by_the_lower_row(problem, how, query_type, bank_type):
    queries, bank, k = problem
    queries, bank = queries.astype(query_type), bank.astype(bank_type)
    assert_same(search_by(how, queries, bank, k), search_oracle(queries, bank, k))


wide = st.builds(np.ldexp, st.floats(-1, 1, width=32), st.integers(-300, 300))  # norms between 1e-100 and 1e100


@settings(max_examples=100, deadline=None)
@given(problems(wide), plans)
def test_float64_of_any_magnitude(problem, how):
    queries, bank, k = problem
    for side in (queries, bank):
        side[:, 0] = np.where(np.abs(side).max(axis=1) < 1e-90, 1e-90, side[:, 0])
    assert_same(search_by(how, queries, bank, k), search_oracle(queries, bank, k))


@settings(max_examples=100, deadline=None)
@given(problems(single), plans)
def test_float32_from_subnormal_to_largest(problem, how):
    queries, bank, k = problem[0].astype(np.float32), problem[1].astype(np.float32), problem[2]
    for side in (queries, bank):
        side[~side.any(axis=1), 0] = 1e-45
    assert_same(search_by(how, queries, bank, k), search_oracle(queries, bank, k))


@pytest.mark.parametrize("on_device", [False, True])
@pytest.mark.parametrize("k", [1, 10, 100, 1024])
def test_random_vectors(k, on_device):
    queries, bank = vectors(0, 40, 70), vectors(1, 3000, 70)
    how = plan(tile_rows=700, block_rows=16, columns=300, on_device=on_device)
    assert_same(search_by(how, queries, bank, k), search_oracle(queries, bank, k))


@pytest.mark.parametrize("on_device", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_similarities_closer_than_float32_tells_apart(dtype, on_device):
    """Float32 products of these rows differ by rounding alone: a search that trusts them loses neighbours."""
    step = 1e-7 if dtype == np.float32 else 1e-13
    base = vectors(0, 1, 512, dtype=np.float64)
    bank = (base * (1 + step * vectors(1, 2000, 512, dtype=np.float64))).astype(dtype)
    queries = base * 0.7 + vectors(2, 8, 512, dtype=np.float64)
    expected = search_oracle(queries, bank, 20)
    how = plan(tile_rows=600, block_rows=4, columns=200, on_device=on_device)
    assert_same(search_by(how, queries, bank, 20), expected)
    rounded = np.argsort(-(queries.astype(np.float32) @ bank.astype(np.float32).T), axis=1, kind="stable")[:, :20]
    assert not np.array_equal(rounded, expected.rows)


@pytest.mark.parametrize("on_device", [False, True])
def test_small_vectors_in_a_tile_with_a_giant(on_device):
    """Beside the giant the others become subnormal in float32, which has few bits left for them."""
    bank = np.abs(vectors(0, 400, 16, dtype=np.float64)) * 1e-3
    bank[7] = -1e40
    queries = np.abs(vectors(1, 5, 16, dtype=np.float64))
    assert_same(
        search_by(plan(tile_rows=400, columns=400, on_device=on_device), queries, bank, 3),
        search_oracle(queries, bank, 3),
    )


def test_norms_of_every_magnitude():
    magnitudes = 10.0 ** np.random.default_rng(0).uniform(-37, 37, size=(500, 1))
    bank = (vectors(1, 500, 24, dtype=np.float64) * magnitudes).astype(np.float32)
    queries = vectors(2, 20, 24) * np.float32(10.0) ** np.arange(-30, 30, 3, dtype=np.float32)[:, None]
    assert_same(search_by(plan(tile_rows=90, columns=40), queries, bank, 30), search_oracle(queries, bank, 30))


def test_equal_rows_come_in_order():
    bank = np.repeat(vectors(0, 1, 33), 5000, axis=0)
    found = search(vectors(1, 6, 33), bank, k=100)
    np.testing.assert_array_equal(found.rows, np.tile(np.arange(100), (6, 1)))


def test_duplicates_far_apart_keep_their_order():
    bank = np.tile(vectors(0, 50, 20), (40, 1))
    queries = vectors(1, 9, 20)
    assert_same(search_by(plan(tile_rows=64, columns=10), queries, bank, 130), search_oracle(queries, bank, 130))


def test_by_hand():
    queries = np.array([[3.0, 4.0], [-1.0, 0.0]])
    bank = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 1.0], [-2.0, 2.5]])
    found = search(queries, bank, k=3)
    # 3, 4, 7, 4, 4: rows 1, 3 and 4 tie behind row 2. Then -1, 0, -1, 0, 2: rows 1 and 3 tie behind row 4.
    np.testing.assert_array_equal(found.rows, [[2, 1, 3], [4, 1, 3]])
    np.testing.assert_array_equal(found.similarities, [[7.0, 4.0, 4.0], [2.0, 0.0, 0.0]])
    assert (len(found), found.k) == (2, 3)


def test_pieces_do_not_change_a_byte():
    queries, bank = vectors(0, 50, 65), vectors(1, 1500, 65)
    expected = search(queries, bank, k=17)
    for tile_rows, block_rows, columns, threads in [
        (1500, 50, 1500, 1),
        (1, 50, 1, 2),
        (33, 7, 16, 3),
        (512, 1, 100, 2),
    ]:
        how = plan(tile_rows=tile_rows, block_rows=block_rows, columns=columns, threads=threads)
        assert_same(search_by(how, queries, bank, 17), expected)


def test_permutations_permute_the_answer():
    queries, bank = vectors(0, 30, 40), vectors(1, 900, 40)
    straight = search(queries, bank, k=25)
    rows = np.random.default_rng(2).permutation(900)
    permuted = search(queries, bank[rows], k=25)
    np.testing.assert_array_equal(rows[permuted.rows], straight.rows)
    assert permuted.similarities.tobytes() == straight.similarities.tobytes()
    order = np.random.default_rng(3).permutation(30)
    assert_same(search(queries[order], bank, k=25), Neighbors(straight.rows[order], straight.similarities[order]))


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
    how = plan(tile_rows=200, block_rows=4, columns=64)
    assert_same(search_by(how, queries, bank, 12), search_oracle(queries, bank, 12))


def test_no_queries():
    found = search(np.empty((0, 8), np.float32), vectors(0, 9, 8), k=4)
    assert found.rows.shape == found.similarities.shape == (0, 4)
