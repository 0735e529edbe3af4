"""Near hashes against all pairs, and the duplicates of records."""

import dataclasses
import io
import json

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from commands import invoke
from hypothesis import given, settings
from PIL import Image, ImageEnhance, ImageFilter
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from memometer.cli import data_duplicates
from memometer.data import hamming, near_pairs
from memometer.data.duplicates import NEAR_DISTANCE, duplicate_links, find_duplicates
from memometer.data.fingerprints import perceptual_hash
from memometer.data.hamming import link_hashes
from memometer.data.records import RECORD_SCHEMA, Records
from memometer.errors import InputError


def all_pairs(hashes, max_distance):
    return {
        (i, j, (hashes[i] ^ hashes[j]).bit_count())
        for j in range(len(hashes))
        for i in range(j)
        if (hashes[i] ^ hashes[j]).bit_count() <= max_distance
    }


def clusters(n, pairs):
    first, second = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    graph = coo_matrix((np.ones(len(first)), (first, second)), shape=(n, n))
    labels = connected_components(graph, directed=False)[1]
    return np.unique(labels, return_index=True)[1][labels].tolist()


def some_hashes(rng, n, *, centres, flips):
    """Hashes around a few centres, so that many are near, at the boundary, or just beyond it."""
    hashes = rng.integers(0, 2**64, centres, np.uint64)[rng.integers(0, centres, n)]
    for _ in range(flips):
        hashes ^= np.where(rng.random(n) < 0.7, np.uint64(1) << rng.integers(0, 64, n).astype(np.uint64), np.uint64(0))
    return np.unique(hashes)


@pytest.mark.parametrize("max_distance", [0, 1, 2, 3, 4, 6, 8, 11, 16])
def test_every_pair_within_the_distance_is_found(max_distance):
    """64 hashes of 64 kinds: every pair shows both a kind they have not met, so every pair is handed on."""
    hashes = some_hashes(np.random.default_rng(max_distance), 64, centres=2, flips=9)
    kinds = np.uint64(1) << np.arange(len(hashes)).astype(np.uint64)
    links = link_hashes(hashes, max_distance=max_distance, kinds=kinds)
    found = zip(links.first.tolist(), links.second.tolist(), links.distance.tolist(), strict=True)
    assert {(min(i, j), max(i, j), distance) for i, j, distance in found} == all_pairs(hashes.tolist(), max_distance)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), st.integers(1, 400), st.sampled_from([1, 2, 4, 6, 7]), st.integers(1, 4))
def test_links_connect_the_clusters_and_show_every_kind_met(seed, n, max_distance, n_kinds):
    rng = np.random.default_rng(seed)
    hashes = some_hashes(rng, n, centres=max(n // 10, 1), flips=8)
    kinds = rng.integers(1, 2**n_kinds, len(hashes)).astype(np.uint64)
    links = link_hashes(hashes, max_distance=max_distance, kinds=kinds)
    pairs = list(zip(links.first.tolist(), links.second.tolist(), links.distance.tolist(), strict=True))
    wanted = all_pairs(hashes.tolist(), max_distance)
    assert {(min(i, j), max(i, j), distance) for i, j, distance in pairs} <= wanted
    assert clusters(len(hashes), pairs) == clusters(len(hashes), wanted)
    assert len(pairs) < len(hashes) * (1 + n_kinds)
    met, meet = kinds.copy(), kinds.copy()
    for i, j, _ in wanted:
        meet[i] |= kinds[j]
        meet[j] |= kinds[i]
    np.bitwise_or.at(met, links.first, links.first_meets)
    np.bitwise_or.at(met, links.second, links.second_meets)
    assert met.tolist() == meet.tolist()


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("max_distance", [1, 2, 3, 4, 6, 8, 11, 16])
def test_near_pairs_are_all_pairs_whatever_the_bands(monkeypatch, max_distance, depth):
    monkeypatch.setattr(near_pairs, "_depth", lambda *_: depth)
    rng = np.random.default_rng([max_distance, depth])
    hashes = some_hashes(rng, 900, centres=12, flips=11)
    first, second = near_pairs.near_pairs(hashes, max_distance=max_distance, most=10**6)
    wanted = [(i, j) for i, j, _ in all_pairs(hashes.tolist(), max_distance)]
    assert sorted(zip(first.tolist(), second.tolist(), strict=True)) == sorted(wanted)


@pytest.mark.parametrize("max_distance", [1, 4, 6, 9])
def test_links_are_the_same_whether_pairs_are_listed_or_too_many(monkeypatch, max_distance):
    """The one is gone through in the order in which the other meets them."""
    rng = np.random.default_rng(max_distance)
    hashes = some_hashes(rng, 3_000, centres=100, flips=6)
    kinds = rng.integers(1, 2**3, len(hashes)).astype(np.uint64)
    listed = dataclasses.astuple(link_hashes(hashes, max_distance=max_distance, kinds=kinds))
    monkeypatch.setattr(hamming, "near_pairs", lambda *_, **__: None)
    met = dataclasses.astuple(link_hashes(hashes, max_distance=max_distance, kinds=kinds))
    assert all(np.array_equal(one, other) for one, other in zip(listed, met, strict=True))
    assert len(listed[0])


@pytest.mark.parametrize("listed", [True, False])
def test_no_hash_of_a_large_bucket_is_passed_over(monkeypatch, listed):
    """12,000 hashes share their upper half, and so a bucket of two bands, as blank pictures with some noise do."""
    if not listed:
        monkeypatch.setattr(hamming, "near_pairs", lambda *_, **__: None)
    hashes = np.unique(np.random.default_rng(0).integers(0, 2**32, 12_000, np.uint64))
    links = link_hashes(hashes, max_distance=4)
    rows = [np.flatnonzero(np.bitwise_count(hashes ^ one) <= 4) for one in hashes]
    wanted = [(i, int(j)) for i, near in enumerate(rows) for j in near[near > i]]
    assert len(wanted) > 500
    pairs = list(zip(links.first.tolist(), links.second.tolist(), strict=True))
    assert set(pairs) <= set(wanted)
    assert clusters(len(hashes), pairs) == clusters(len(hashes), wanted)


def test_too_many_pairs_are_told_and_not_listed():
    hashes = np.unique(np.uint64(1) << np.arange(64).astype(np.uint64))
    assert near_pairs.near_pairs(hashes, max_distance=2, most=2_015) is None
    assert len(near_pairs.near_pairs(hashes, max_distance=2, most=2_016)[0]) == 64 * 63 // 2


def test_a_dense_cluster_gives_few_pairs():
    """2,081 hashes within 4 bits of one another have 2.2 million pairs."""
    bits = [1 << bit for bit in range(64)]
    hashes = np.unique(np.array([0, *bits, *(one | other for one in bits for other in bits)], np.uint64))
    kinds = np.uint64(1) << (np.arange(len(hashes)) % 3).astype(np.uint64)
    assert len(link_hashes(hashes, max_distance=4, kinds=kinds).first) < 4 * len(hashes)


def test_the_distance_has_limits():
    for distance in (-1, 17):
        with pytest.raises(InputError, match=f"is {distance} bits; give 0 to 16"):
            link_hashes(np.zeros(1, np.uint64), max_distance=distance)


# ── records ──


def records(rows, folder="."):
    """Records of (id, image hash, perceptual hash, role)."""
    names = ("record_id", "image_hash", "image_phash", "role")
    table = pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows], schema=RECORD_SCHEMA)
    return Records(table=table, folder=folder)


def listed(duplicates):
    names = ("record_id_1", "record_id_2", "kind", "distance", "across")
    return [tuple(pair[name] for name in names) for pair in duplicates.table.to_pylist()]


def test_exact_and_near_pairs_are_told_apart():
    found = find_duplicates(
        records(
            [
                ("far", "h0", 0xFFFF << 32, "a"),
                ("one", "h1", 0b0000, "a"),
                ("copy", "h1", 0b0000, "b"),
                ("same look", "h2", 0b0000, "a"),
                ("near", "h3", 0b0011, "a"),
                ("bytes only", "h3", None, None),
                ("nothing", None, None, "a"),
            ]
        )
    )
    assert listed(found) == [
        ("one", "copy", "exact", 0, True),
        ("near", "bytes only", "exact", None, False),
        ("copy", "same look", "near", 0, True),
        ("one", "same look", "near", 0, False),
        ("copy", "near", "near", 2, True),
        ("one", "near", "near", 2, False),
    ]
    assert found.across_roles()["record_id_2"].to_pylist() == ["copy", "same look", "near"]
    assert (len(found), found.n_records, found.n_unhashed) == (6, 7, 1)
    counts = found.to_dict()
    assert (counts["n_exact"], counts["n_near"], counts["n_across_roles"]) == (2, 4, 3)
    assert json.loads(json.dumps(counts))["across_roles"][0]["role_2"] == "b"


def test_ten_thousand_equal_images_give_a_chain():
    n = 10_000
    rows = [(str(row), f"h{row}", 0, "ab"[row % 2]) for row in range(n)]
    found = find_duplicates(records(rows))
    assert len(found) < 3 * n
    across = found.across_roles()
    assert set(across["record_id_1"].to_pylist()) | set(across["record_id_2"].to_pylist()) == {row[0] for row in rows}


hash_rows = st.lists(
    st.tuples(
        st.sampled_from(["x", "y", "z", None]),
        st.sampled_from([0, 0b1, 0b111, 0b11111, 0b1111111, 1 << 40, None]),
        st.sampled_from(["a", "b", "c", None]),
    ),
    max_size=14,
)


@settings(deadline=None, max_examples=100)
@given(hash_rows, st.integers(0, 4), st.booleans())
def test_clusters_and_crossings_are_those_of_all_pairs(rows, max_distance, two_sets):
    def alike(one, other):
        exact = one[0] is not None and one[0] == other[0]
        hashed = one[1] is not None and other[1] is not None
        return exact or (hashed and (one[1] ^ other[1]).bit_count() <= max_distance)

    named = [(f"r{place}", *row) for place, row in enumerate(rows)]
    cut = len(named) // 2 if two_sets else len(named)
    if not named or (two_sets and cut in {0, len(named)}):
        return
    found = find_duplicates(
        records(named[:cut]), records(named[cut:]) if two_sets else None, max_distance=max_distance
    ).table.to_pylist()
    wanted = {(i, j) for j in range(len(rows)) for i in range(j) if alike(rows[i], rows[j])}
    pairs = [(int(pair["record_id_1"][1:]), int(pair["record_id_2"][1:])) for pair in found]
    assert len(pairs) == len(set(pairs))
    assert set(pairs) <= wanted
    assert clusters(len(rows), pairs) == clusters(len(rows), list(wanted))

    def side(i):
        return (i >= cut, rows[i][2])

    def across(i, j):
        return (i >= cut) != (j >= cut) or (None not in {rows[i][2], rows[j][2]} and rows[i][2] != rows[j][2])

    assert [pair["across"] for pair in found] == [across(i, j) for i, j in pairs]
    both = [(i, j) for pair in wanted if across(*pair) for i, j in (pair, pair[::-1])]
    shown = {(i, side(j)) for pair in pairs if across(*pair) for i, j in (pair, pair[::-1])}
    assert shown == {(i, side(j)) for i, j in both}


def test_a_record_in_both_sets_is_across():
    rows = [("same", "h", 1, None)]
    assert listed(find_duplicates(records(rows), records(rows))) == [("same", "same", "exact", 0, True)]


def test_links_do_not_depend_on_kinds_being_given():
    hashes, looks = pa.chunked_array([["x", "x", "y"]]), pa.chunked_array([pa.array([1, 1, 3], pa.uint64())])
    first, second = duplicate_links(hashes, looks)
    assert sorted(zip(first.tolist(), second.tolist(), strict=True)) == [(0, 1), (0, 2)]


def test_too_many_roles_are_refused():
    rows = [(str(row), None, row, f"role{row}") for row in range(65)]
    with pytest.raises(InputError, match="65 roles; duplicates are told apart for 64"):
        find_duplicates(records(rows))


def photograph(seed, size=96):
    """Smooth random blobs: like a photograph, most of its power is in low frequencies."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (7, 7, 3), np.uint8))
    fine = Image.fromarray(rng.integers(0, 256, (24, 24, 3), np.uint8))
    return Image.blend(*(part.resize((size, size), Image.Resampling.BICUBIC) for part in (coarse, fine)), 0.1)


def jpeg(picture):
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=40)
    return Image.open(data)


def test_edited_copies_are_near_and_other_pictures_are_not():
    pictures = [photograph(seed) for seed in range(40)]
    rows = [(f"p{place}", None, perceptual_hash(picture), "a") for place, picture in enumerate(pictures)]
    edits = [
        lambda picture: picture.resize((48, 48), Image.Resampling.BILINEAR),
        lambda picture: picture.resize((120, 90)),
        lambda picture: picture.convert("L"),
        lambda picture: picture.filter(ImageFilter.GaussianBlur(1)),
        lambda picture: ImageEnhance.Contrast(picture).enhance(0.8),
        jpeg,
    ]
    for place, picture in enumerate(pictures):
        edited = edits[place % len(edits)](picture)
        rows.append((f"e{place}", None, perceptual_hash(edited), "b"))
    across = find_duplicates(records(rows), max_distance=NEAR_DISTANCE).table
    pairs = list(zip(across["record_id_1"].to_pylist(), across["record_id_2"].to_pylist(), strict=True))
    assert sorted(pairs) == sorted((f"p{place}", f"e{place}") for place in range(40))


# ── the command ──


@pytest.fixture
def folders(tmp_path):
    rows = {
        "records": [("r1", "h1", 0, "a"), ("r2", "h1", 0, "b"), ("r3", "h2", 1 << 50, "a"), ("r4", "h4", 2**63, None)],
        "public": [("p1", "h2", 1 << 50, None), ("p2", "h9", 0xFFFF << 20, None)],
    }
    for name, its_rows in rows.items():
        (tmp_path / name).mkdir()
        pq.write_table(records(its_rows).table, tmp_path / name / "records.parquet")
    return tmp_path


def test_the_command_lists_pairs(folders):
    words = ("--public", folders / "public", "--max-distance", 0, "--out", folders / "p.parquet")
    result = invoke(data_duplicates.command, folders / "records", *words)
    assert result.exit_code == 0, result.output
    assert "2 exact and 0 near pairs among 6 records, 2 of them across roles" in result.stdout
    assert pq.read_table(folders / "p.parquet")["record_id_2"].to_pylist() == ["r2", "p1"]
    again = invoke(data_duplicates.command, folders / "records", "--out", folders / "p.parquet")
    assert "--overwrite" in str(again.exception)


def test_the_command_prints_json(folders):
    result = invoke(data_duplicates.command, folders / "records", "--role", "a", "--json")
    found = json.loads(result.stdout)
    assert (found["n_records"], found["n_exact"], found["n_near"], found["across_roles"]) == (2, 0, 1, [])
    wrong = invoke(data_duplicates.command, folders / "records", "--public-role", "x")
    assert "--public-role is of the folder --public" in str(wrong.exception)
