"""Shards of one store: each piece is claimed once, those of the dead are taken over, and no byte is another."""

import concurrent.futures
import json
import multiprocessing
import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest
from file_digests import file_digests
from piece_works import SIZE, Failing, N, Squares, begun, made_by

from memometer import locking
from memometer.engines import Here, claims, shards
from memometer.engines.agreement import SHARDS, agree, makers
from memometer.engines.claims import Claims
from memometer.engines.processes import Processes
from memometer.engines.shards import Merging, Shard, Shards, shard_of
from memometer.errors import BusyError, InputError, JobError
from memometer.files import clear_leftovers
from memometer.locking import one_writer

MANY = 700  # rows of the test that kills: 100 pieces


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """A dead shard is found out in half a second."""
    monkeypatch.setattr(claims, "BEAT", 0.05)
    monkeypatch.setattr(claims, "PATIENCE", 0.5)
    monkeypatch.setattr(shards, "POLL", 0.02)


@pytest.fixture
def store(tmp_path):
    """A store whose shards agree, and what one process makes beside it."""
    agree(tmp_path / "store", options={"seed": 0}, inputs={})
    return tmp_path / "store"


def whole(tmp_path, n=N):
    made_by(Here(), tmp_path / "whole", Squares(tmp_path / "marks of whole"), n=n)
    return file_digests(tmp_path / "whole")


def run_shard(shard, store, marks, n, pause):
    """One shard's run, in a process of its own."""
    made_by(Shards(shard, store=store), store / "stage", Squares(marks, pause), n=n)


def started(*arguments):
    process = multiprocessing.get_context("fork").Process(target=run_shard, args=arguments)
    process.start()
    return process


def merged(store, marks, n=N):
    made_by(Merging(), store / "stage", Squares(marks), n=n)
    return file_digests(store / "stage")


def test_shards_make_each_piece_once(tmp_path, store):
    marks = tmp_path / "marks"
    processes = [started(Shard(number, 3), store, marks, N, 0.05) for number in (1, 2, 3)]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert merged(store, marks) == whole(tmp_path)
    assert all(len(each) == 1 for each in begun(marks).values())
    assert len({each[0] for each in begun(marks).values()}) == 3
    assert sum(int(line.split(": ")[1].split()[0]) for line in makers(store).splitlines()) == len(begun(marks))


def test_each_begins_at_its_share(tmp_path, store):
    order = []
    shard = Shards(Shard(2, 4), store=store)
    made_by(shard, store / "stage", lambda span: (order.append(span[0] // SIZE), Squares(tmp_path / "m")(span))[1])
    assert order == [*range(3, 13), *range(3)]


def test_progress_counts_what_others_made(tmp_path, store):
    process = started(Shard(1, 2), store, tmp_path / "marks", N, 0.05)
    told = []
    made_by(Shards(Shard(2, 2), store=store), store / "stage", Squares(tmp_path / "marks", 0.05), advance=told.append)
    process.join()
    assert sum(told) == N


def test_random_kills_change_no_byte(tmp_path, store):
    marks, chance, kills = tmp_path / "marks", random.Random(0), 0  # noqa: S311
    arguments = {number: (Shard(number, 8), store, marks, MANY, 0.3) for number in range(1, 9)}
    running = {number: started(*arguments[number]) for number in arguments}
    while running:
        time.sleep(0.06)
        for number, process in list(running.items()):
            if process.is_alive():
                continue
            process.join()
            assert process.exitcode in (0, -signal.SIGKILL)
            if process.exitcode == 0:
                del running[number]
            else:
                running[number] = started(*arguments[number])
        alive = [process for process in running.values() if process.is_alive()]
        if alive and kills < 60:
            os.kill(chance.choice(alive).pid, signal.SIGKILL)
            kills += 1
    assert kills >= 50
    assert merged(store, marks, MANY) == whole(tmp_path, MANY)


def test_a_dead_shard_is_named(tmp_path, store, capsys):
    process = started(Shard(1, 2), store, tmp_path / "marks", N, 60)
    while not list(store.glob("stage/*.claim-1")):
        time.sleep(0.01)
    process.kill()
    process.join()
    made_by(Shards(Shard(2, 2), store=store), store / "stage", Squares(tmp_path / "marks"))
    said = " ".join(capsys.readouterr().err.split())
    assert f"shard 1/2 on {os.uname().nodename} (process {process.pid}) has shown no sign of life" in said
    assert "piece 0 of" in said


def test_a_live_shard_keeps_its_claim_whatever_its_clock_says(tmp_path, monkeypatch):
    (tmp_path / "stage").mkdir()
    with Claims(tmp_path / "stage", who="ours") as ours, Claims(tmp_path / "stage", who="theirs") as theirs:
        assert ours.take(0, 0).before is None
        os.utime(tmp_path / "stage" / "00000.claim-1", (0, 0))  # nobody looks at times of files
        end = time.monotonic() + 3 * claims.PATIENCE
        while time.monotonic() < end:
            assert theirs.take(0, 1) is None
            time.sleep(0.02)
        ours._over.set()  # it hangs
        while (taken := theirs.take(0, 1)) is None:
            time.sleep(0.02)
        assert taken.before == "ours"
        assert theirs.standing() == (set(), {0: 2})
    assert [path.name for path in (tmp_path / "stage").iterdir()] == []


@pytest.mark.parametrize("clear", [lambda folder: Claims(folder, who="theirs").clear(), clear_leftovers])
def test_a_claim_is_made_though_another_shard_cleans_up(tmp_path, monkeypatch, clear):
    link = Path.hardlink_to

    def late(path, target):
        clear(tmp_path)
        link(path, target)

    monkeypatch.setattr(Path, "hardlink_to", late)
    with Claims(tmp_path, who="ours") as ours:
        assert ours.take(12, 0) is not None
        assert [path.name for path in tmp_path.iterdir()] == ["00012.claim-1"]


def test_one_that_fails_gives_up_its_claims(tmp_path, store):
    with pytest.raises(InputError, match="row 21 cannot be squared"):
        made_by(Shards(Shard(1, 2), store=store), store / "stage", Failing(tmp_path / "marks"))
    assert list(store.glob("stage/*.claim-*")) == []


def test_damage_is_mended_and_leftovers_go(tmp_path, store):
    expected = whole(tmp_path)
    made_by(Shards(Shard(1, 1), store=store), store / "stage", Squares(tmp_path / "marks"))
    (store / "stage" / "00002.wide.npy").write_bytes(b"damaged")
    (store / "stage" / "00003.claim-1").write_text("of a shard that was killed after its last piece")
    (store / "stage" / ".00003.wide.npy.0123456789abcdef.tmp").write_text("half of a pie")
    made_by(Shards(Shard(1, 2), store=store), store / "stage", Squares(tmp_path / "again"))
    assert sorted(begun(tmp_path / "again")) == [2 * SIZE]
    assert merged(store, tmp_path / "marks") == expected


def test_a_shard_may_have_processes(tmp_path, store):
    engine = Shards(Shard(1, 2), store=store, within=Processes(2))
    made_by(engine, store / "stage", Squares(tmp_path / "marks", 0.05))
    assert merged(store, tmp_path / "marks") == whole(tmp_path)
    assert len({each[0] for each in begun(tmp_path / "marks").values()}) == 2


def test_merge_says_what_is_missing_and_makes_nothing(tmp_path, store):
    made_by(Here(), store / "stage", Squares(tmp_path / "marks"))
    for piece in (0, 4, 5, 6, 12):
        (store / "stage" / f"{piece:05d}.npz").unlink()
    with pytest.raises(JobError, match=r"stage: 5 of 13 pieces are missing in .*stage \(0, 4–6, 12\), and what comes"):
        made_by(Merging(), store / "stage", Squares(tmp_path / "again"))
    assert not (tmp_path / "again").exists()


def test_a_store_that_vanishes_is_not_made_anew(tmp_path, store):
    def work(span):
        shutil.rmtree(store)
        return Squares(tmp_path / "marks")(span)

    with pytest.raises(JobError, match=r"cannot be reached any more|is gone"):
        made_by(Shards(Shard(1, 2), store=store), store / "stage", work)
    with pytest.raises(JobError, match=r"the store .*store is gone; when its disk is there again"):
        made_by(Shards(Shard(1, 2), store=store), store / "next", Squares(tmp_path / "marks"))


def test_shards_share_a_lock_that_others_wait_for(tmp_path, monkeypatch):
    monkeypatch.setattr(locking, "GRACE", 0.1)
    folder = tmp_path / "a"

    def another(*, shared):
        """Whether another holder gets in; a thread has a context of its own."""
        with concurrent.futures.ThreadPoolExecutor(1) as thread:
            return thread.submit(entered, shared).result()

    def entered(shared):
        try:
            with one_writer(folder, shared=shared):
                return True
        except BusyError:
            return False

    with one_writer(folder, shared=True):
        assert another(shared=True)
        assert not another(shared=False)  # though one who shared it is gone
        assert another(shared=True)
    with one_writer(folder):
        assert not another(shared=True)
    assert another(shared=False)
    assert not folder.exists()


@pytest.mark.parametrize("words", ["0/4", "5/4", "3", "a/b", "1/0", "-1/4", "1/4/4", "1/²"])
def test_a_number_out_of_range_is_refused(words):
    with pytest.raises(InputError, match="is no shard; expected I/N with I from 1 to N"):
        shard_of(words)
    assert str(shard_of("3/64")) == "3/64"


def test_shards_of_other_options_are_refused_and_both_are_named(tmp_path, monkeypatch):
    agree(tmp_path, options={"seed": 0, "k": 10}, inputs={"target": {"hash": "a"}})
    agree(tmp_path, options={"k": 10, "seed": 0}, inputs={"target": {"hash": "a"}})
    with pytest.raises(InputError, match="which differ: seed 0 there and 1 here; target of other content"):
        agree(tmp_path, options={"seed": 1, "k": 10}, inputs={"target": {"hash": "b"}})
    monkeypatch.setattr("memometer.engines.agreement.__version__", "9.9")
    with pytest.raises(InputError, match=r"memometer .* there and 9\.9 here"):
        agree(tmp_path, options={"seed": 0, "k": 10}, inputs={"target": {"hash": "a"}})
    (tmp_path / SHARDS / "asked.json").write_text("{")
    with pytest.raises(JobError, match="is damaged"):
        agree(tmp_path, options={}, inputs={})


def test_merge_before_any_shard_says_so(tmp_path):
    with pytest.raises(JobError, match="no shard has begun in"):
        agree(tmp_path, options={}, inputs={}, new=False)
    assert list(tmp_path.iterdir()) == []


def test_the_first_shard_alone_writes_what_is_asked(tmp_path):
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_agreed, args=(tmp_path, seed)) for seed in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert sorted(process.exitcode for process in processes) == [0, 2, 2, 2, 2, 2]
    assert json.loads((tmp_path / SHARDS / "asked.json").read_text())["options"]["seed"] in range(6)
    assert [path.name for path in (tmp_path / SHARDS).iterdir()] == ["asked.json"]


def _agreed(store, seed):
    try:
        agree(store, options={"seed": seed}, inputs={})
    except InputError:
        os._exit(2)
    os._exit(0)
