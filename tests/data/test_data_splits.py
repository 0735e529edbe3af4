"""Splits into roles: what is asked for, who gets which, and what stays together."""

import json
from collections import Counter

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from split_folders import make, names, roles_of

from memometer.data.bundles import Bundles, bundle_places
from memometer.data.records import load_records
from memometer.data.roles import NO_ROLE, fill_roles, parse_roles
from memometer.data.splits import split_records
from memometer.errors import InputError


def test_roles_are_read():
    assert parse_roles(" a=3000, b=0.25,public=rest ") == {"a": 3000, "b": 0.25, "public": "rest"}
    assert list(parse_roles({"z": 1, "a": "rest"})) == ["z", "a"]
    assert isinstance(parse_roles("a=1.0")["a"], float)


@pytest.mark.parametrize(
    ("roles", "message"),
    [
        ("", "no roles were given; expected e.g. a=3000"),
        ("a", "'a' names no share"),
        ("a=many", "'a=many' asks for 'many'"),
        ("a=1,a=2", "a role is given twice"),
        ("a=rest,b=rest", "two roles ask for the rest"),
        ("a=0.6,b=0.5", "add up to 1.1"),
        ("a b=1", "'a b' cannot be the name of a role; use letters"),
        ("a=0", "role 'a' asks for 0 records"),
        ("a=-3", "role 'a' asks for -3 records"),
        ("a=1.5", "the fraction 1.5"),
        ("a=0.0", "the fraction 0"),
        ({"a": True}, "role 'a' asks for True"),
        ({"a": "all"}, "role 'a' asks for 'all'"),
        ({"a": float("nan")}, "the fraction nan"),
    ],
)
def test_bad_roles_are_refused(roles, message):
    with pytest.raises(InputError, match=message):
        parse_roles(roles)


def test_counts_and_the_rest(tmp_path):
    folder = make(tmp_path, names(100))
    summary = split_records(folder, "a=30,b=20,public=rest", seed=3)
    assert summary.counts == {"a": 30, "b": 20, "public": 50}
    assert Counter(roles_of(folder).values()) == summary.counts
    assert json.loads((folder / "split.json").read_text())["counts"] == summary.counts


def test_without_a_rest_the_others_have_no_role(tmp_path):
    summary = split_records(make(tmp_path, names(10)), {"a": 4})
    assert (summary.counts, summary.n_unassigned) == ({"a": 4}, 6)
    assert Counter(roles_of(tmp_path).values()) == {"a": 4, None: 6}


def test_fractions_are_close_and_cover_all(tmp_path):
    summary = split_records(make(tmp_path, names(4000)), {f"f{tenth}": 0.1 for tenth in range(10)})
    assert sum(summary.counts.values()) == 4000
    assert all(abs(count - 400) < 5 * (4000 * 0.1 * 0.9) ** 0.5 for count in summary.counts.values())


def test_fractions_and_counts_together(tmp_path):
    summary = split_records(make(tmp_path, names(1000)), "a=0.5,b=100,c=rest")
    assert summary.counts["b"] == 100
    assert 420 < summary.counts["a"] < 580


@pytest.mark.parametrize(
    ("roles", "message"),
    [
        (
            "a=101",
            "role 'a' asks for 101 records, but beside the roles before it there are 100; ask for fewer, or import",
        ),
        ("a=60,b=50", "role 'b' asks for 50 records, but beside the roles before it there are 40;"),
    ],
)
def test_a_count_that_cannot_be_filled(tmp_path, roles, message):
    with pytest.raises(InputError, match=message):
        split_records(make(tmp_path, names(100)), roles)
    assert "role" not in pq.read_schema(tmp_path / "records.parquet").names


# ── membership ──


def test_membership_is_a_hash_of_seed_and_id(tmp_path):
    """Golden: BLAKE2b keyed by the seed, scrambled by splitmix64. Were this to change, old splits would."""
    bundles = Bundles(np.arange(2), np.ones(2, np.int64), 0, 0, 0)
    ids = pa.chunked_array([["r0", "é"]])
    assert bundle_places(ids, bundles, seed=0).tolist() == [2958010637601178431, 12059951072274461167]
    assert bundle_places(ids, bundles, seed=1).tolist() == [5483333833282464200, 5245636535618133601]


@settings(deadline=None, max_examples=25)
@given(st.randoms(use_true_random=False), st.sampled_from(["a=7,b=0.3,c=rest", "a=11,b=11", "a=0.5,b=0.5"]))
def test_the_order_of_records_and_parts_changes_nothing(tmp_path_factory, random, roles):
    ids = names(40)
    looks = [None if number % 3 else number // 12 for number in range(40)]
    groups = [f"g{number % 9}" if number % 2 else None for number in range(40)]
    order = random.sample(range(40), 40)
    one = make(tmp_path_factory.mktemp("one"), ids, image_phash=looks, group=groups)
    other = make(
        tmp_path_factory.mktemp("other"),
        [ids[place] for place in order],
        parts=3,
        image_phash=[looks[place] for place in order],
        group=[groups[place] for place in order],
    )
    assert split_records(one, roles).counts == split_records(other, roles).counts
    assert roles_of(one) == roles_of(other)


def test_another_seed_is_another_split(tmp_path):
    folder = make(tmp_path, names(200))
    split_records(folder, "a=0.5,b=rest", seed=0)
    before = roles_of(folder)
    split_records(folder, "a=0.5,b=rest", seed=1)
    assert 60 < sum(before[name] != role for name, role in roles_of(folder).items()) < 140


def test_large_bundles_go_to_any_role():
    """The smallest of ten hashes is small; were it a bundle's place, nearly all large bundles would go to the first."""
    n = 1000
    bundles = Bundles(np.repeat(np.arange(n), 10), np.full(n, 10), 0, 0, 0)
    places = bundle_places(pa.chunked_array([names(10 * n)]), bundles, seed=0)
    first = (places < 2**63).sum()
    assert 420 < first < 580


# ── what stays together ──


def test_duplicates_and_groups_share_a_role(tmp_path):
    ids = names(300)
    folder = make(
        tmp_path,
        ids,
        image_hash=[f"h{number // 2}" if number < 60 else f"u{number}" for number in range(300)],
        image_phash=[(1 << (number // 3)) * 0b1011011 << 8 if 60 <= number < 120 else None for number in range(300)],
        group=[f"g{number // 10}" if number >= 120 else None for number in range(300)],
    )
    summary = split_records(folder, "a=0.5,b=rest", max_distance=0)
    roles = list(roles_of(folder).values())
    assert all(len(set(roles[start : start + 2])) == 1 for start in range(0, 60, 2))
    assert all(len(set(roles[start : start + 3])) == 1 for start in range(60, 120, 3))
    assert all(len(set(roles[start : start + 10])) == 1 for start in range(120, 300, 10))
    assert (summary.n_exact, summary.n_near, summary.n_grouped, summary.largest) == (30, 40, 162, 10)
    assert summary.counts["a"] > 50
    assert summary.counts["b"] > 50


def test_near_duplicates_share_a_role_within_the_distance(tmp_path):
    looks = [number << 20 for number in (0, 0b111111, 0xFFFFF)]
    make(tmp_path, names(3), image_phash=looks)
    summaries = [split_records(tmp_path, "a=0.5,b=rest", seed=seed, reassign=True) for seed in range(8)]
    assert [summary.n_near for summary in summaries] == [1] * 8
    assert {summary.largest for summary in summaries} == {2}


def test_groups_come_from_a_column_at_the_split(tmp_path):
    folder = make(tmp_path, names(40), parts=2)
    for part in sorted((folder / "records.parquet").iterdir()):
        whole = pq.read_table(part)
        sites = pa.array([int(name[1:]) // 4 for name in whole["record_id"].to_pylist()])
        pq.write_table(whole.append_column("site", sites), part)
    split_records(folder, "a=20,public=rest", group_column="site")
    records = load_records(folder)
    assert records.column("group").to_pylist() == [str(place // 4) for place in range(40)]
    roles = records.column("role").to_pylist()
    assert all(len({*roles[start : start + 4]}) == 1 for start in range(0, 40, 4))
    assert len(set(records.groups.tolist())) == 10
    with pytest.raises(InputError, match="no column 'page' to group by; its columns are record_id, "):
        split_records(folder, "a=20,public=rest", group_column="page")
    with pytest.raises(InputError, match="expected text or numbers"):
        split_records(folder, "a=20,public=rest", group_column="captions")


def test_groups_can_be_left_alone_or_asked_for(tmp_path):
    make(tmp_path / "grouped", names(50), group=["g"] * 50)
    assert split_records(tmp_path / "grouped", "a=25,b=25", by_group=False).n_grouped == 0
    with pytest.raises(InputError, match="asks for 25 records, which the 50 that are left do not add up to"):
        split_records(tmp_path / "grouped", "a=25,b=25")
    with pytest.raises(InputError, match="have no groups"):
        split_records(make(tmp_path / "plain", names(5)), "a=1", by_group=True)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=30), st.lists(st.integers(1, 12), min_size=1, max_size=3))
def test_bundles_fill_roles_in_the_order_of_their_places(sizes, counts):
    """The walk, one bundle at a time: to the first role with room for all of it."""
    places = np.random.default_rng(len(sizes)).permutation(len(sizes)).astype(np.uint64) << np.uint64(40)
    room = dict(enumerate(counts))
    wanted = [NO_ROLE] * len(sizes)
    for bundle in np.argsort(places).tolist():
        for role, left in room.items():
            if sizes[bundle] <= left:
                wanted[bundle] = role
                room[role] -= sizes[bundle]
                break
    shares = {f"x{role}": count for role, count in enumerate(counts)}
    given_none = dict.fromkeys(shares, 0)
    if any(room.values()):
        with pytest.raises(InputError, match="asks for"):
            fill_roles(shares, places=places, sizes=np.array(sizes), given=given_none)
    else:
        assert fill_roles(shares, places=places, sizes=np.array(sizes), given=given_none).tolist() == wanted
