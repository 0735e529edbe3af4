"""A command killed before any of its file operations goes on when it is run again, and leaves nothing else behind."""

import os

import pytest
from file_digests import file_digests
from import_sources import write_samples
from kills import killed_at
from neighbor_cases import vectors
from pictures import PixelEncoder, write_picture_records

from memometer.data import import_records, load_records, make_scenes, split_records
from memometer.embeddings import embed, embed_images
from memometer.files import atomic_path, clear_leftovers, write_text
from memometer.neighbors import kept, kept_search


def check_every_kill(tmp_path, work, *, prepare=None, at_least):
    """``work(folder)`` ends with the same files, whichever of its operations an earlier run died before."""
    prepare = prepare or (lambda _: None)
    prepare(tmp_path / "whole")
    work(tmp_path / "whole")
    whole = file_digests(tmp_path / "whole")
    number = 1
    while True:
        folder = tmp_path / f"{number}"
        prepare(folder)
        if not killed_at(number, lambda folder=folder: work(folder)):
            break
        work(folder)
        found = file_digests(folder)
        assert found.keys() == whole.keys(), f"killed before operation {number}"
        assert [name for name in whole if found[name] != whole[name]] == [], f"killed before operation {number}"
        number += 1
    assert number > at_least


@pytest.fixture(autouse=True)
def no_sync(monkeypatch):
    """The disk's own speed is not what is tested."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


def test_import(tmp_path):
    shard = write_samples(tmp_path / "a.tar", range(2))
    check_every_kill(tmp_path, lambda folder: import_records(shard, folder), at_least=40)


def test_scenes(tmp_path):
    check_every_kill(tmp_path, lambda folder: make_scenes(folder, n=4, size=32, repeated=1, times=2), at_least=20)


def test_split(tmp_path):
    records = write_picture_records(tmp_path / "records", 4)

    def prepare(folder):
        folder.mkdir()
        (folder / "records.parquet").write_bytes((records / "records.parquet").read_bytes())

    check_every_kill(tmp_path, lambda folder: split_records(folder, {"a": 2, "b": "rest"}), prepare=prepare, at_least=8)


def test_embeddings(tmp_path, monkeypatch):
    monkeypatch.setattr(embed, "PIECE_SIZE", 3)
    records = load_records(write_picture_records(tmp_path / "records", 5))
    check_every_kill(tmp_path, lambda folder: embed_images(records, PixelEncoder(), store=folder), at_least=20)


@pytest.mark.parametrize("shards", [((0, 20),), ((0, 9), (9, 20))])
def test_search(tmp_path, monkeypatch, shards):
    monkeypatch.setattr(kept.Cut, "of", lambda **_: kept.Cut(2, shards))
    queries, bank = vectors(0, 3, 4), vectors(1, 20, 4)
    options = {"metric": "inner", "device": "cpu", "label": "x", "unit": "y"}
    check_every_kill(tmp_path, lambda folder: kept_search(folder, [], queries, bank, 12, **options), at_least=20)


def test_the_same_scenes_are_there_already(tmp_path, capsys, monkeypatch):
    options = {"n": 4, "size": 32, "miscaptioned": 2}
    first = make_scenes(tmp_path / "out", **options)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    split_records(tmp_path / "out", {"a": "rest"})
    assert make_scenes(tmp_path / "out", **options) == first
    assert "already holds these scenes" in capsys.readouterr().err
    changed = {path.name for path, time in before.items() if path.stat().st_mtime_ns != time}
    assert changed == {"records.parquet"}  # by the split
    with pytest.raises(Exception, match="already holds records"):
        make_scenes(tmp_path / "out", **{**options, "seed": 1})
    assert make_scenes(tmp_path / "out", **options, overwrite=True) == first
    assert load_records(tmp_path / "out").column("role").null_count == 4


def test_what_a_live_process_writes_is_no_leftover(tmp_path):
    (tmp_path / ".a.json.killed.tmp").write_text("half")
    (tmp_path / ".b.json.killed.tmp").write_text("half")
    (tmp_path / ".hidden").write_text("mine")
    with atomic_path(tmp_path / "c.json") as temporary:
        temporary.write_text("whole")
        clear_leftovers(tmp_path, "a.json")
        assert {path.name for path in tmp_path.iterdir()} == {".b.json.killed.tmp", ".hidden", temporary.name}
        clear_leftovers(tmp_path)
        assert {path.name for path in tmp_path.iterdir()} == {".hidden", temporary.name}
    write_text(tmp_path / "c.json", "again")
    assert {path.name for path in tmp_path.iterdir()} == {".hidden", "c.json"}
