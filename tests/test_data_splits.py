"""Splits into roles: what is asked for, what stays together, and what never moves."""

import json
from collections import Counter

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from hypothesis import given, settings
from typer.testing import CliRunner

from memometer.cli import data_split
from memometer.data import role_column
from memometer.data.bundles import Bundles, bundle_places
from memometer.data.records import load_records
from memometer.data.roles import NO_ROLE, fill_roles, parse_roles
from memometer.data.splits import split_records
from memometer.errors import InputError, SourceError


def table(ids, **columns):
    """Records with ids and some more columns, one of which memometer does not know."""
    n = len(ids)
    types = {"image_hash": pa.string(), "image_phash": pa.uint64(), "group": pa.string(), "role": pa.string()}
    more = {name: pa.array(values, types[name]) for name, values in columns.items()}
    return pa.table({"record_id": ids, "licence": pa.array(range(n), pa.int16()), "captions": [["a dog"]] * n, **more})


def make(folder, ids, *, parts=1, **columns):
    whole = table(ids, **columns)
    folder.mkdir(parents=True, exist_ok=True)
    if parts == 1:
        pq.write_table(whole, folder / "records.parquet")
        return folder
    (folder / "records.parquet").mkdir(exist_ok=True)
    size = -(-len(ids) // parts)
    for part in range(parts):
        pq.write_table(whole.slice(part * size, size), folder / "records.parquet" / f"part-{part}.parquet")
    return folder


def names(n, start=0):
    return [f"r{number}" for number in range(start, start + n)]


def roles_of(folder):
    records = load_records(folder)
    return dict(zip(records.record_ids.to_pylist(), records.column("role").to_pylist(), strict=True))


# ── what is asked for ──


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


# ── what never moves ──


def grow(folder, ids, *, name="part-9.parquet", **columns):
    """Adds a part, as a further import into a folder of parts would."""
    pq.write_table(table(ids, **columns), folder / "records.parquet" / name)


def test_added_records_move_none(tmp_path):
    folder = make(tmp_path, names(100), parts=2)
    split_records(folder, "a=30,b=30,public=rest")
    before = roles_of(folder)
    grow(folder, names(50, start=500))
    summary = split_records(folder, "a=30,b=30,public=rest")
    after = roles_of(folder)
    assert {name: after[name] for name in before} == before
    assert {after[name] for name in names(50, start=500)} == {"public"}
    assert (summary.n_kept, summary.counts, summary.notices[0]) == (100, {"a": 30, "b": 30, "public": 90}, UNHASHED)


UNHASHED = "150 of 150 records have no image hash: whether they are duplicates is not known"


def test_added_records_fill_what_is_missing(tmp_path):
    folder = make(tmp_path, names(40), parts=4)
    split_records(folder, "a=10,b=10,public=rest")
    before = roles_of(folder)
    (folder / "records.parquet" / "part-0.parquet").unlink()  # ten records are gone
    gone = Counter(before[name] for name in names(10))
    grow(folder, names(20, start=500))
    summary = split_records(folder, "a=10,b=10,public=rest")
    after = roles_of(folder)
    assert all(after[name] == before[name] for name in names(30, start=10))
    assert summary.counts == {"a": 10, "b": 10, "public": 30}
    assert Counter(after[name] for name in names(20, start=500)) == {
        "a": gone["a"],
        "b": gone["b"],
        "public": 20 - gone["a"] - gone["b"],
    }


def test_a_new_duplicate_takes_the_role_of_the_old_record(tmp_path):
    folder = make(tmp_path, names(40), parts=2, image_hash=[f"h{number}" for number in range(40)])
    split_records(folder, "a=10,b=10,public=rest")
    before = roles_of(folder)
    grow(folder, names(20, start=500), image_hash=[f"h{number}" for number in range(20)])
    summary = split_records(folder, "a=10,b=10,public=rest")
    after = roles_of(folder)
    assert all(after[f"r{500 + number}"] == before[f"r{number}"] for number in range(20))
    assert any("more than 10: new duplicates take the role of the old" in notice for notice in summary.notices)


def test_a_new_record_between_two_roles_gets_none(tmp_path):
    folder = make(tmp_path, ["x", "y"], parts=2, image_phash=[0, 0xFFF])
    split_records(folder, "a=1,b=1")
    before = roles_of(folder)
    grow(folder, ["between"], image_phash=[0b111111])
    summary = split_records(folder, "a=1,b=1")
    assert roles_of(folder) == {**before, "between": None}
    assert any(notice.startswith("2 records keep roles that differ") for notice in summary.notices)
    assert any(notice.startswith("1 new records get no role") for notice in summary.notices)


def test_too_few_records_for_a_kept_split(tmp_path):
    folder = make(tmp_path, names(40), parts=4)
    split_records(folder, "a=20,b=rest")
    (folder / "records.parquet" / "part-0.parquet").unlink()
    with pytest.raises(InputError, match=r"asks for 20 records, but .* keep the role, 0 are free\).*--reassign"):
        split_records(folder, "a=20,b=rest")
    assert split_records(folder, "a=20,b=rest", reassign=True).counts == {"a": 20, "b": 10}


@pytest.mark.parametrize("change", [{"seed": 1}, {"roles": "b=30,a=30,public=rest"}, {"max_distance": 4}])
def test_another_split_starts_afresh_and_says_so(tmp_path, change):
    folder = make(tmp_path, names(100))
    split_records(folder, "a=30,b=30,public=rest")
    before = roles_of(folder)
    summary = split_records(folder, **{"roles": "a=30,b=30,public=rest", **change})
    assert summary.n_kept == 0
    assert summary.notices[0].startswith("100 records had roles that are not of a split with this seed")
    fresh = make(tmp_path / "fresh", names(100))
    split_records(fresh, **{"roles": "a=30,b=30,public=rest", **change})
    assert roles_of(folder) == roles_of(fresh)
    assert ("seed" in change or "roles" in change) == (roles_of(folder) != before)


def test_roles_of_the_source_are_replaced_with_a_notice(tmp_path):
    folder = make(tmp_path, names(10), role=["train"] * 10)
    assert split_records(folder, "a=5,b=5").notices[0].startswith("10 records had roles")
    assert set(roles_of(folder).values()) == {"a", "b"}


def test_reassign_says_nothing(tmp_path):
    folder = make(tmp_path, names(10), image_hash=names(10))
    split_records(folder, "a=5,b=5")
    assert split_records(folder, "a=5,b=5", seed=4, reassign=True).notices == ()


def test_roles_can_be_kept_from_another_folder(tmp_path):
    old = make(tmp_path / "old", names(50))
    split_records(old, "a=20,b=20,public=rest")
    new = make(tmp_path / "new", names(80, start=10))
    summary = split_records(new, "a=20,b=20,public=rest", keep=old)
    before, after = roles_of(old), roles_of(new)
    assert all(after[name] == before[name] for name in names(40, start=10))
    assert (summary.n_kept, summary.counts) == (40, {"a": 20, "b": 20, "public": 40})
    again = split_records(new, "a=20,b=20,public=rest")
    assert (again.n_kept, roles_of(new)) == (80, after)
    with pytest.raises(InputError, match="no role to keep"):
        split_records(new, "a=20,b=20,public=rest", keep=make(tmp_path / "far", names(5, start=900)))


# ── the files ──


def test_other_columns_and_row_groups_stay_as_they_are(tmp_path):
    whole = table(names(10), role=[None] * 10).replace_schema_metadata({"owner": "me"})
    whole = whole.select(["licence", "role", "record_id", "captions"])
    path = tmp_path / "records.parquet"
    pq.write_table(whole, path, row_group_size=4, compression="zstd")
    split_records(tmp_path, "a=0.5,b=rest")
    after = pq.ParquetFile(path)
    assert [after.metadata.row_group(group).num_rows for group in range(3)] == [4, 4, 2]
    assert after.metadata.row_group(0).column(0).compression == "ZSTD"
    assert after.schema_arrow.metadata[b"owner"] == b"me"
    assert after.read().drop_columns("role").equals(whole.drop_columns("role"))
    assert after.schema_arrow.names == whole.schema.names


def test_a_second_run_writes_nothing(tmp_path):
    folder = make(tmp_path, names(30), parts=3)
    split_records(folder, "a=10,b=rest")
    before = {part: part.stat().st_mtime_ns for part in folder.rglob("*.parquet")}
    split_records(folder, "a=10,b=rest")
    assert {part: part.stat().st_mtime_ns for part in folder.rglob("*.parquet")} == before
    grow(folder, names(5, start=100))
    split_records(folder, "a=10,b=rest")
    assert all(part.stat().st_mtime_ns == when for part, when in before.items() if part.is_file())


def test_a_split_that_dies_half_way_is_not_taken_for_the_old_one(tmp_path, monkeypatch):
    folder = make(tmp_path, names(40), parts=4)
    split_records(folder, "a=20,b=rest", seed=0)
    old = roles_of(folder)
    rewrite, calls = role_column._rewrite, []

    def dies(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        rewrite(*arguments)

    monkeypatch.setattr(role_column, "_rewrite", dies)
    with pytest.raises(KeyboardInterrupt):
        split_records(folder, "a=20,b=rest", seed=1)
    monkeypatch.setattr(role_column, "_rewrite", rewrite)
    assert not list(folder.rglob("*.tmp"))
    assert split_records(folder, "a=20,b=rest", seed=0).n_kept == 0
    assert roles_of(folder) == old


def test_bad_folders_are_refused(tmp_path):
    with pytest.raises(SourceError, match="no records at"):
        split_records(tmp_path / "nowhere", "a=1")
    with pytest.raises(InputError, match="has no records to split"):
        split_records(make(tmp_path / "empty", pa.array([], pa.string())), "a=1")
    with pytest.raises(SourceError, match="ids that occur twice"):
        split_records(make(tmp_path / "twice", ["x", "x"]), "a=1")
    folder = make(tmp_path / "odd", ["x", "y"])
    (folder / "split.json").write_text("[")
    with pytest.raises(InputError, match=r"split.json is not what a split wrote .* delete it"):
        split_records(folder, "a=1")
    (folder / "records.parquet").write_bytes(b"PAR1")
    with pytest.raises(SourceError, match="cannot be read as records"):
        split_records(folder, "a=1")


def test_records_tied_into_one_are_noticed(tmp_path):
    folder = make(tmp_path, names(400), image_phash=[0] * 200 + list(range(1 << 20, 201 << 20, 1 << 20)))
    summary = split_records(folder, "a=0.5,b=rest", max_distance=0)
    assert summary.largest == 200
    assert "200 records are tied together" in summary.notices[-1]


# ── the command ──


def run(*arguments):
    app = typer.Typer()
    app.command()(data_split.command)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_command_shows_a_table(tmp_path):
    result = run(make(tmp_path, names(30), image_hash=["h"] * 3 + names(27)), "--roles", "a=10,b=5", "--seed", 2)
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["a", "10", "10"] in rows
    assert ["no", "role", "15"] in rows
    assert "kept together: 2 exact duplicates, 0 near duplicates" in result.stdout
    assert f"next: memometer train --records {tmp_path} --role a" in result.stdout
    assert "keep the role they had" not in result.stdout


def test_the_command_prints_json_and_warns_on_stderr(tmp_path):
    run(make(tmp_path, names(30)), "--roles", "a=10,b=rest")
    result = run(tmp_path, "--roles", "a=10,b=0.1", "--json")
    assert json.loads(result.stdout)["roles"] == {"a": 10, "b": 0.1}
    assert "warning: 30 records had roles" in " ".join(result.stderr.split())
