"""Shards whose store is a bucket: claims are objects that one of several creates, the bytes are those of a folder."""

import json
import os
import subprocess
import sys
import time

import fsspec
import pytest
from file_digests import file_digests
from object_store import BUCKET, forget
from piece_works import N, Squares, begun, made_by
from test_storage_audits import fetch_folder

from memometer.engines import Here, claims, shards
from memometer.engines.agreement import agree, makers
from memometer.engines.processes import Processes
from memometer.engines.shards import Merging, Shard, Shards
from memometer.errors import JobError
from memometer.files import create_file
from memometer.storage.paths import path_of

HELPERS = [path for path in sys.path if path.endswith("helpers")]

CODE = """
import sys; sys.path[:0] = {paths}
from pathlib import Path
from piece_works import N, Squares, made_by
from memometer.engines import claims, shards
from memometer.engines.processes import Processes
from memometer.engines.shards import Shard, Shards
from memometer.storage.paths import path_of
claims.BEAT, claims.PATIENCE, shards.POLL = 0.1, 3.0, 0.05
store = path_of({store!r})
made_by(Shards(Shard({number}, 3), store=store), store / "stage", Squares(Path({marks!r}), {pause}), n=N)
"""


@pytest.fixture
def place(store, monkeypatch):
    monkeypatch.setenv("FSSPEC_S3", json.dumps(fsspec.config.conf["s3"]))  # for other processes
    monkeypatch.setattr(claims, "BEAT", 0.1)
    monkeypatch.setattr(claims, "PATIENCE", 3.0)
    monkeypatch.setattr(shards, "POLL", 0.05)
    place = path_of(f"s3://{BUCKET}/run")
    agree(place, options={"seed": 0}, inputs={})
    return place


def started(number, place, marks, *, pause):
    code = CODE.format(paths=HELPERS, store=str(place), number=number, marks=str(marks), pause=pause)
    environment = {**os.environ, "FSSPEC_S3": json.dumps(fsspec.config.conf["s3"])}
    return subprocess.Popen([sys.executable, "-c", code], env=environment)


def test_shards_of_which_one_is_killed(store, place, tmp_path):
    marks = tmp_path / "marks"
    hangs = started(1, place, marks, pause=60)
    while not list((place / "stage").glob("*.claim-1")):
        time.sleep(0.1)
    hangs.kill()
    hangs.wait()
    store.fail_any = 20
    others = [started(number, place, marks, pause=0.05) for number in (2, 3)]
    assert [each.wait() for each in others] == [0, 0]
    store.fail_any = 0
    forget()
    made_by(Merging(), place / "stage", Squares(marks))
    made_by(Here(), tmp_path / "here", Squares(tmp_path / "marks of here"))
    assert file_digests(fetch_folder(store, tmp_path / "there", "run/stage")) == file_digests(tmp_path / "here")
    assert max(len(each) for each in begun(marks).values()) <= 2
    assert len(makers(place).splitlines()) == 2


def test_processes_make_the_pieces_of_a_store(store, place, tmp_path):
    store.fail_any = 20
    made_by(Processes(2), place / "stage", Squares(tmp_path / "marks", 0.02))
    store.fail_any = 0
    made_by(Here(), tmp_path / "here", Squares(tmp_path / "marks of here"))
    assert file_digests(fetch_folder(store, tmp_path / "there", "run/stage")) == file_digests(tmp_path / "here")


def test_a_claim_is_shown_alive_and_given_up(place):
    with claims.Claims(place / "stage", who="ours") as ours, claims.Claims(place / "stage", who="theirs") as theirs:
        assert ours.take(0, 0).before is None
        assert theirs.take(0, 0) is None
        end = time.monotonic() + 1.5 * claims.PATIENCE
        while time.monotonic() < end:
            assert theirs.take(0, 1) is None
            time.sleep(0.1)
        assert ours.standing() == (set(), {0: 1})
        ours.give_up(0)
        time.sleep(3 * claims.BEAT)
        assert ours.standing() == (set(), {})
        assert theirs.take(0, 0).before is None
    assert list((place / "stage").iterdir()) == []


def test_a_store_that_is_gone(store, place, tmp_path):
    store.delete("run/shards/asked.json")
    with pytest.raises(JobError, match=rf"the store s3://{BUCKET}/run is gone"):
        made_by(Shards(Shard(1, 1), store=place), place / "stage", Squares(tmp_path / "marks"))


def test_pieces_that_are_missing_are_not_asked_for_one_by_one(store, place, tmp_path):
    store.seen.clear()
    with pytest.raises(JobError, match="pieces are missing"):
        made_by(Merging(), place / "stage", Squares(tmp_path / "marks"), n=100 * N)
    assert len(store.seen) < 10


def test_googles_store_lets_one_create(monkeypatch, tmp_path):
    """By the emulator of its protocol, which, unlike Google's, may not know a generation: then a warning says so."""
    from gcp_storage_emulator.server import create_server

    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    monkeypatch.setenv("MEMOMETER_CACHE", str(tmp_path / "cache"))
    server = create_server("127.0.0.1", 0, in_memory=True, default_bucket="photographs")
    server.start()
    port = server._api._httpd.server_address[1]
    monkeypatch.setitem(fsspec.config.conf, "gs", {"endpoint_url": f"http://127.0.0.1:{port}", "token": "anon"})
    forget()
    place = path_of("gs://photographs/run")
    made_by(Here(), place / "stage", Squares(tmp_path / "marks"))
    made_by(Here(), tmp_path / "here", Squares(tmp_path / "marks of here"))
    assert [each.read_bytes() for each in (place / "stage").glob("*.npz")] == [
        each.read_bytes() for each in sorted((tmp_path / "here").glob("*.npz"))
    ]
    assert create_file(place / "claim", b"1")
    forget()
    server.stop()
