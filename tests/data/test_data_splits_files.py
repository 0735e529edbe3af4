"""Splits on disk: what a split writes, what it refuses, and the command."""

import functools
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from commands import invoke
from split_folders import grow, make, names, roles_of, table

from memometer.cli import data_split
from memometer.data import role_column
from memometer.data.splits import split_records
from memometer.errors import InputError, SourceError


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


def test_damaged_pages_are_said(tmp_path):
    folder = make(tmp_path, names(200), group=[f"g{number}" for number in range(200)])
    path = folder / "records.parquet"
    whole = path.read_bytes()
    licences = pq.ParquetFile(path).metadata.row_group(0).column(1)  # what a split does not look at, and copies
    start = licences.dictionary_page_offset or licences.data_page_offset
    path.write_bytes(whole[:start] + bytes(40) + whole[start + 40 :])
    with pytest.raises(InputError, match=r"records\.parquet cannot be read as"):
        split_records(folder, "a=10,b=rest")
    assert path.read_bytes()[:start] == whole[:start]


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

    def dies(*arguments, **options):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        rewrite(*arguments, **options)

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
    with pytest.raises(SourceError, match="occur more than once"):
        split_records(make(tmp_path / "twice", ["x", "x"]), "a=1")
    folder = make(tmp_path / "odd", ["x", "y"])
    (folder / "split.json").write_text("[")
    with pytest.raises(InputError, match=r"split.json is not what a split wrote .* delete it"):
        split_records(folder, "a=1")
    (folder / "records.parquet").write_bytes(b"PAR1")
    with pytest.raises(SourceError, match=r"records.parquet that cannot be read"):
        split_records(folder, "a=1")


def test_records_tied_into_one_are_noticed(tmp_path):
    folder = make(tmp_path, names(400), image_phash=[0] * 200 + list(range(1 << 20, 201 << 20, 1 << 20)))
    summary = split_records(folder, "a=0.5,b=rest", max_distance=0)
    assert summary.largest == 200
    assert "200 records are tied together" in summary.notices[-1]


# ── the command ──


run = functools.partial(invoke, data_split.command)


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
