"""The search in pieces: the bytes of one search, whatever the cut, and no piece is made twice."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neighbor_cases import assert_same, problems, vectors

from memometer.neighbors import Neighbors, kept, kept_search, search_oracle
from memometer.neighbors.kept import SHOWN, Cut


def cut_by(monkeypatch, *, lot, n_shards):
    def cut(*, m, k, dim):
        edges = [m * place // n_shards for place in range(n_shards + 1)]
        return Cut(lot, tuple(itertools.pairwise(edges)))

    monkeypatch.setattr(kept.Cut, "of", cut)


def found_in(store, queries, bank, k, metric="inner"):
    return kept_search(store, ["q", "b"], queries, bank, k, metric=metric, device="cpu", label="x", unit="y")


def whole(found):
    rows = found.rows(0, len(found), k=found.k)
    return rows, found.similarities(0, len(found))


@pytest.mark.parametrize("metric", ["inner", "l2"])
@pytest.mark.parametrize("cut", [(7, 1), (100, 1), (7, 3), (100, 5), (1, 2), (30, 60)])
@pytest.mark.parametrize("k", [1, SHOWN, SHOWN + 1, 40])
def test_every_cut_gives_the_bytes_of_the_oracle(tmp_path, monkeypatch, metric, cut, k):
    queries, bank = vectors(0, 30, 9), vectors(1, 60, 9)
    bank[30:] = bank[:30]  # equal similarities in several shards
    expected = search_oracle(queries, bank, k, metric=metric)
    cut_by(monkeypatch, lot=cut[0], n_shards=cut[1])
    found = found_in(tmp_path, queries, bank, k, metric)
    rows, similarities = whole(found)
    shown = expected.similarities[:, :SHOWN]
    assert_same(Neighbors(rows.astype(np.int64), similarities), Neighbors(expected.rows, shown.copy()))
    assert rows.dtype == np.int32
    assert (len(found), found.k) == (30, k)
    assert not list(tmp_path.glob("*-parts"))
    for start, stop in ((0, 1), (5, 9), (6, 8), (29, 30)):
        assert np.array_equal(found.rows(start, stop, k=min(k, 3)), expected.rows[start:stop, : min(k, 3)])
        assert np.array_equal(found.similarities(start, stop), shown[start:stop])


@settings(max_examples=30, deadline=None)
@given(problems(st.integers(-2, 2)), st.integers(1, 4), st.integers(1, 4))
def test_ties_across_shards_are_ordered_by_the_lower_row(tmp_path_factory, problem, lot, n_shards):
    queries, bank, k = problem
    with pytest.MonkeyPatch.context() as patch:
        cut_by(patch, lot=lot, n_shards=min(n_shards, len(bank)))
        rows, _ = whole(found_in(tmp_path_factory.mktemp("store"), queries, bank, k))
    assert np.array_equal(rows, search_oracle(queries, bank, k).rows)


@pytest.mark.parametrize("n_shards", [1, 3])
def test_a_second_search_makes_only_what_is_missing_or_damaged(tmp_path, monkeypatch, n_shards):
    queries, bank = vectors(0, 30, 9), vectors(1, 60, 9)
    cut_by(monkeypatch, lot=7, n_shards=n_shards)
    first = whole(found_in(tmp_path, queries, bank, 12))
    asked = []

    def counted(queries, *more, **options):
        asked.append(queries.shape[0])
        return search(queries, *more, **options)

    search = kept.search
    monkeypatch.setattr(kept, "search", counted)
    assert all(np.array_equal(*pair) for pair in zip(whole(found_in(tmp_path, queries, bank, 12)), first, strict=True))
    assert asked == []
    (folder,) = tmp_path.iterdir()
    (folder / "00001.further.npy").write_bytes(b"damaged")
    (folder / "00004.npz").unlink()
    assert all(np.array_equal(*pair) for pair in zip(whole(found_in(tmp_path, queries, bank, 12)), first, strict=True))
    assert asked == [7, 2] if n_shards == 1 else len(asked) == 15
    found_in(tmp_path, queries, bank, 11)
    assert len(list(tmp_path.iterdir())) == 2  # another k is another search


@pytest.mark.parametrize("m", [10, 50_000, 1_280_000, 50_000_000, 3_000_000_000])
@pytest.mark.parametrize("k", [1, 100, 1024])
@pytest.mark.parametrize("dim", [1, 64, 512, 4096])
def test_a_cut_bounds_the_work_and_the_memory_of_a_piece(m, k, dim):
    cut = Cut.of(m=m, k=k, dim=dim)
    edges = [shard[0] for shard in cut.shards] + [cut.shards[-1][1]]
    assert (edges[0], edges[-1]) == (0, m)
    sizes = np.diff(edges)
    assert sizes.max() - sizes.min() <= 1
    assert len(cut.shards) == 1 or sizes.min() >= k
    assert 1 << 14 <= cut.lot <= 1 << 17
    assert cut.lot * max(k, dim) <= 1 << 26
    assert cut.lot * float(sizes.max()) * dim <= (1 << 46) + cut.lot * dim or len(cut.shards) == m // k
