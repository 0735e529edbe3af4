"""An audit in lots: the same bytes whatever the size of a lot, and a killed one goes on."""

import dataclasses
import itertools

import pytest
from file_digests import file_digests
from worlds import VectorWorld

from memometer import audit_vl_dejavu, pieces
from memometer.measures.vl_dejavu import direction, scoring, sensitivity
from memometer.neighbors import kept
from memometer.objects import disturbed, sets
from memometer.report import render
from memometer.runs import tables
from memometer.statistics import labels

TABLES = ("samples", "neighbors", "objects", "gallery", "rejects")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return VectorWorld(tmp_path_factory.mktemp("world"), seed=4, n=60, m=90, plant=1.5)


@pytest.fixture(scope="module")
def whole(world):
    return audit_vl_dejavu(**world.options, k=3, sweep=(1, 15), images=False, replicates=50)


def tiny(monkeypatch):
    """Lots of a few records everywhere, three shards of the bank."""

    def cut(*, m, **_):
        edges = [m * place // 3 for place in range(4)]
        return kept.Cut(13, tuple(itertools.pairwise(edges)))

    monkeypatch.setattr(kept.Cut, "of", cut)
    monkeypatch.setattr(scoring, "LOT", 7)
    monkeypatch.setattr(sensitivity, "LOT", 11)
    monkeypatch.setattr(disturbed, "BATCH", 5)
    monkeypatch.setattr(sets, "BATCH", 5)
    monkeypatch.setattr(direction, "BATCH_ROWS", 17)
    monkeypatch.setattr(labels, "PAIRS", 40)


def test_lots_of_any_size_give_the_same_run(world, whole, monkeypatch):
    tiny(monkeypatch)
    audit = audit_vl_dejavu(**world.options, k=3, sweep=(1, 15), images=False, replicates=50)
    assert audit.summary == whole.summary
    for name in TABLES:
        assert audit.tables[name].equals(whole.tables[name]), name
    assert audit.samples["distance_target"].null_count == 0


def test_an_audit_that_is_killed_after_any_piece_goes_on_to_the_same_bytes(world, whole, monkeypatch, tmp_path):
    tiny(monkeypatch)
    options = {**world.options, "k": 3, "sweep": (1, 15), "images": False, "replicates": 50, "out": tmp_path / "run"}
    monkeypatch.setattr(tables, "HELD_BYTES", 0)
    write, left = pieces._Disk.write, 0

    def killed(self, piece, arrays):
        nonlocal left
        small = write(self, piece, arrays)
        left -= 1
        if left == 0:
            raise KeyboardInterrupt
        return small

    monkeypatch.setattr(pieces._Disk, "write", killed)
    n_runs = 0
    while not (tmp_path / "run" / "summary.json").exists():
        left, n_runs = 9, n_runs + 1
        try:
            audit_vl_dejavu(**options)
        except KeyboardInterrupt:
            continue
    assert n_runs >= 5
    resumed = audit_vl_dejavu(**options)
    assert {**resumed.summary.as_dict(), "key": None} == {**whole.summary.as_dict(), "key": None}
    for name in TABLES:
        assert resumed.tables[name].equals(whole.tables[name]), name
    assert "recall_target" in resumed.names_of("samples")
    assert resumed.columns_of("samples", ["recall_target"]).equals(whole.samples.select(["recall_target"]))
    assert render(resumed) == render(dataclasses.replace(resumed, tables=whole.tables))
    digests = file_digests(tmp_path / "run" / "stages")
    monkeypatch.setattr(pieces._Disk, "write", write)
    audit_vl_dejavu(**{**options, "out": tmp_path / "other"})
    assert file_digests(tmp_path / "other" / "stages") == digests
