"""One writer at a time: who holds a lock is said, a dead holder's lock is taken over, nothing is left behind."""

import json
import os
import signal
import socket
import subprocess
import threading
import time

import pytest
from locks import held
from pictures import python
from typer.testing import CliRunner

from memometer import locking
from memometer.cli.main import app, commands
from memometer.errors import BusyError
from memometer.locking import LOCK, one_writer, writes

HOLD = """
import sys, time
from pathlib import Path
from memometer.locking import one_writer
with one_writer(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """What does not wait says so at once."""
    monkeypatch.setattr(locking, "GRACE", 0.1)


def test_a_second_writer_says_who_the_first_is(tmp_path):
    process = subprocess.Popen(python("-c", HOLD, tmp_path / "out"), stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    note = json.loads((tmp_path / "out" / LOCK).read_text())
    assert (note["pid"], note["host"]) == (process.pid, socket.gethostname())
    with pytest.raises(BusyError) as raised, one_writer(tmp_path / "out"):
        pass
    for word in (str(tmp_path / "out"), f"process {process.pid}", note["host"], note["since"], "wait until"):
        assert word in str(raised.value)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert (tmp_path / "out" / LOCK).is_file()  # a killed process leaves its file, which locks nothing
    with one_writer(tmp_path / "out"):
        assert json.loads((tmp_path / "out" / LOCK).read_text())["pid"] == os.getpid()
    assert list((tmp_path / "out").iterdir()) == []


def test_a_file_has_its_lock_beside_it(tmp_path):
    with held(tmp_path / "a.parquet", file=True):
        assert [path.name for path in tmp_path.iterdir()] == [".a.parquet.lock"]
        with pytest.raises(BusyError, match=r"a\.parquet is being written by process"):
            one_writer(tmp_path / "a.parquet", file=True).__enter__()
        with one_writer(tmp_path / "b.parquet", file=True):
            pass
    assert list(tmp_path.iterdir()) == []


def test_a_lock_is_taken_again_within_itself(tmp_path):
    with one_writer(tmp_path / "out"), one_writer(tmp_path / "." / "out"), one_writer(tmp_path / "out" / "a"):
        (tmp_path / "out" / "file").touch()
    with one_writer(tmp_path / "out"):
        assert not (tmp_path / "out" / "a").exists()  # made for the lock, and empty
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["file"]


def test_what_was_made_for_a_lock_alone_goes_with_it(tmp_path):
    with pytest.raises(ZeroDivisionError), one_writer(tmp_path / "a" / "b"):
        1 / 0  # noqa: B018
    assert list(tmp_path.iterdir()) == []


def test_a_writer_that_waits_goes_on_when_the_first_is_done(tmp_path, capsys):
    order = []

    def second():
        with one_writer(tmp_path / "out", wait=True):
            order.append("second")

    thread = threading.Thread(target=second)
    with one_writer(tmp_path / "out"):
        thread.start()
        time.sleep(0.5)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert f"waiting for {tmp_path / 'out'}, which is being written by process {os.getpid()}" in capsys.readouterr().err


def test_writers_that_come_and_go_are_never_two(tmp_path):
    inside, worst = [], []

    def work():
        for _ in range(20):
            with one_writer(tmp_path / "out", wait=True):
                inside.append(None)
                worst.append(len(inside))
                time.sleep(0.0002)
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(worst), max(worst)) == (80, 1)
    assert not list(tmp_path.glob("out/*"))


def test_where_nothing_can_be_written_there_is_no_lock(tmp_path):
    (tmp_path / "file").write_text("a file, not a folder")
    with one_writer(tmp_path / "file"), one_writer(tmp_path / "file" / "below"):
        pass
    assert (tmp_path / "file").read_text() == "a file, not a folder"


def test_a_file_system_without_locks_is_said(tmp_path, monkeypatch, capsys):
    def refuse(*_):
        raise OSError(locking.errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locking.fcntl, "flock", refuse)
    with one_writer(tmp_path / "out"):
        pass
    assert "has no locks" in capsys.readouterr().err


def test_a_symlink_in_the_lock_s_place_is_not_followed(tmp_path):
    (tmp_path / "precious").write_text("precious")
    (tmp_path / LOCK).symlink_to(tmp_path / "precious")
    with one_writer(tmp_path):
        pass
    assert (tmp_path / "precious").read_text() == "precious"


def test_an_argument_that_names_nothing_needs_no_lock(tmp_path):
    @writes("out")
    def work(*, out=None):
        return out

    assert work() is None
    assert work(out=tmp_path / "out") == tmp_path / "out"
    with held(tmp_path / "out"), pytest.raises(BusyError):
        work(out=str(tmp_path / "out"))


MODELS = ("--target", "x:y", "--reference", "x:z")
RECORDS = ("--records", "nowhere", "--role", "a")
VERBS = {
    "import": ("data", "import", "nowhere", "--out"),
    "split": ("data", "split", "--roles", "a=1"),
    "duplicates": ("data", "duplicates", "nowhere", "--out"),
    "scenes": ("data", "scenes", "--out"),
    "annotate": ("annotate", "nowhere", "--with", "timm:x", "--out"),
    "agree": ("objects", "agree", "nowhere", "nowhere", "--out"),
    "tidy": ("objects", "tidy", "nowhere", "--mapping", "nowhere", "--out"),
    "vl-dejavu": ("audit", "vl-dejavu", *MODELS, *RECORDS, "--public", "nowhere", "--out"),
    "image-dejavu": ("audit", "image-dejavu", *MODELS, *RECORDS, "--public", "nowhere", "--out"),
    "clipmem": (
        "audit", "clipmem", *MODELS, "--records", "nowhere", "--candidates", "c",
        "--external", "e", "--out",
    ),
    "sslmem": ("audit", "sslmem", *MODELS, *RECORDS, "--out"),
    "unitmem": ("audit", "unitmem", "--target", "x:y", *RECORDS, "--out"),
    "utility": ("utility", "--model", "x:y", "--records", "nowhere", "--retrieval", "--out"),
    "remove": ("remove", "--scores", "nowhere", "--most", "1", "--out"),
    "report": ("report",),
    "compare": ("compare", "nowhere", "nowhere", "--out"),
    "export": ("export", "nowhere", "--to", "csv", "--out"),
    "view": ("view", "nowhere", "--out"),
    "demo": ("demo", "--out"),
}  # fmt: skip
FILES = {"remove", "duplicates"}
ELSEWHERE = {"train", "train-ssl", "sweep"}
"""Verbs that take the lock once they know what they would write; their own tests hold it."""


READS = {"verify", "models", "log", "estimate"}
"""Verbs that write nothing, or leave the writing to a tracker."""


def test_the_table_names_every_verb():
    assert {name for _, name, _ in commands()} == VERBS.keys() | ELSEWHERE | READS


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_says_who_writes_what_it_would_write(verb, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    with held(out, file=verb in FILES):
        done = CliRunner().invoke(app, [*VERBS[verb], str(out)])
    assert isinstance(done.exception, BusyError), done.output
    assert f"{out} is being written by process {os.getpid()} on {socket.gethostname()} since" in str(done.exception)
    assert list(out.iterdir()) == []
