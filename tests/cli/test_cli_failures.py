"""Whatever fails, each command says it in one sentence that names the place, the cause and what to do."""

import contextlib
import errno
import functools
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from failure_world import commands, done, memometer
from file_digests import file_digests
from locks import held
from pictures import python
from privileges import as_anyone

from memometer import files, locking
from memometer.cli.sentences import GOES_ON, sentence

VERBS = tuple(verb for verb in commands(Path(), Path()) if verb not in ("vectors", "split"))
QUICK = tuple(verb for verb in VERBS if verb not in ("demo", "sweep"))


@pytest.fixture
def small_files(monkeypatch):
    """Files of at most 64 bytes, as 'ulimit -f' sets it: every write of more fails."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # Python would keep byte code that is cut off
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def said(words, *, code=1):
    """The one sentence with which a command fails."""
    out, errors = done(*words, code=code)
    assert "Traceback" not in errors
    lines = [line for line in errors.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, errors
    assert out == ""
    assert "not foreseen" not in lines[0]
    return lines[0]


def left(folder):
    return [path for path in folder.rglob("*") if path.name.endswith(".tmp") or path.name.endswith("lock")]


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "demo"])
def test_files_that_may_not_grow(world, tmp_path, small_files, verb):
    words = said(commands(world, tmp_path)[verb])
    assert str(tmp_path / verb) in words
    assert "ulimit -f" in words
    assert "again" not in words  # the same command would fail again
    assert not left(tmp_path)


@pytest.mark.parametrize("verb", VERBS)
def test_a_folder_without_permission(world, tmp_path, verb):
    (tmp_path / "closed").mkdir(mode=0o555)
    with as_anyone():
        words = said(commands(world, tmp_path / "closed")[verb])
    assert f"{tmp_path / 'closed' / verb}: permission denied; give yourself the permission, or" in words


@pytest.fixture
def mounted(request, tmp_path):
    """An empty file system, mounted with the options that are the fixture's parameter."""
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", request.param, "none", str(tmp_path)], check=False)
    if done.returncode:
        pytest.skip("needs the right to mount")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


@pytest.mark.parametrize("mounted", ["ro"], indirect=True)
@pytest.mark.parametrize("verb", VERBS)
def test_a_file_system_that_is_read_only(world, mounted, verb):
    words = said(commands(world, mounted)[verb])
    assert f"{mounted / verb}: read-only file system; choose another place, or mount it for writing" in words


@pytest.mark.parametrize("verb", QUICK)
def test_a_full_disk(world, tmp_path, verb, monkeypatch):
    def full(_handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "fsync", full)
    command = commands(world, tmp_path)[verb]
    words = said(command)
    assert str(tmp_path / verb) in words
    assert "no space left on device" in words
    assert "; make room there, then run the same command again" in words
    goes_on = any(" ".join(map(str, command[:n])) in GOES_ON for n in (1, 2))
    assert words.endswith(": it goes on where it was") == goes_on
    assert not left(tmp_path)


@pytest.mark.parametrize("mounted", ["size=16k"], indirect=True)
@pytest.mark.parametrize("verb", ["import", "scenes", "train", "train-ssl", "vl-dejavu", "sslmem", "compare", "report"])
def test_a_disk_that_is_really_full(world, mounted, verb):
    words = said(commands(world, mounted)[verb])
    assert str(mounted / verb) in words
    assert "no space left on device" in words or "see whether the disk is full" in words


@pytest.mark.parametrize("verb", [verb for verb in QUICK if verb not in ("remove", "duplicates", "report")])
def test_a_folder_that_is_removed_midway(world, tmp_path, verb, monkeypatch):
    synced = []

    def sync(handle):
        synced.append(handle)
        if len(synced) == 3:  # the second file: a folder is synced after each
            shutil.rmtree(tmp_path / verb)

    monkeypatch.setattr(files.os, "fsync", sync)
    words = said(commands(world, tmp_path)[verb])
    assert str(tmp_path / verb) in words
    assert "see whether it was moved or removed" in words


def test_no_folder_for_temporary_files(world, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/nowhere"])
    for verb in ("import", "train", "clipmem", "utility", "report"):
        monkeypatch.setattr(tempfile, "tempdir", None)
        monkeypatch.delenv("TMPDIR", raising=False)
        done(*commands(world, tmp_path)[verb])
    assert {path.name for path in tmp_path.iterdir()} == {"import", "train", "clipmem", "utility", "report"}
    assert not (tmp_path / "clipmem" / "scratch").exists()


GARBAGE = {
    "empty": b"",
    "zeros": bytes(100),
    "words": b"no such thing\n",
    "list": b"[1, 2]",
    "object": b'{"key": 1, "model_cfg": [1], "roles": 3}',
    "deep": b"[" * 50_000 + b"]" * 50_000,
    "bytes": b"\xff\xfe\x00abc",
}
RUN_FILES = ("summary.json", "manifest.json", "config.toml")
READ = [
    *((f"clipmem/{name}", verb) for name in RUN_FILES for verb in ("report", "compare")),
    ("clipmem/samples.parquet", "remove"),
    ("clipmem/gallery.parquet", "report"),
    ("scenes/records.parquet", "train"),
    ("scenes/records.parquet", "duplicates"),
    ("scenes/records.parquet", "split"),
    ("scenes/records.parquet", "sweep"),
    ("a/open_clip_config.json", "utility"),
    ("a/open_clip_model.safetensors", "utility"),
    *((f"vectors/{name}", "vectors") for name in ("images.npy", "images.parquet", "texts.npy", "texts.parquet")),
    ("sweep.toml", "sweep"),
]


@pytest.mark.parametrize(("name", "verb"), READ)
def test_what_is_read_may_be_anything(world, tmp_path, name, verb):
    copy = shutil.copytree(world, tmp_path / "world")
    whole = (copy / name).read_bytes()
    middle = len(whole) // 2
    cut = {"half": whole[:middle], "bit": whole[:middle] + bytes([whole[middle] ^ 4]) + whole[middle + 1 :]}
    for kind, content in (GARBAGE | cut).items():
        (copy / name).write_bytes(content)
        code, _, errors = memometer(*commands(copy, tmp_path)[verb])
        lines = [line for line in errors.splitlines() if line.startswith("error: ")]
        assert (code in (1, 2), len(lines)) == (True, 1) or (code == 0 and not lines), (kind, errors)
        assert code or kind in ("bit", "half"), (kind, errors)
        assert "not foreseen" not in errors, (kind, errors)
        assert not lines or str(copy) in lines[0], (kind, lines)


@pytest.mark.parametrize("verb", ["vl-dejavu", "utility"])
def test_a_store_that_another_writes_is_waited_for(world, tmp_path, verb, monkeypatch):
    words = [*commands(world, tmp_path)[verb], "--store", tmp_path / "store"]
    done(*words)
    first = file_digests(tmp_path / "store")
    shutil.rmtree(tmp_path / verb)
    said = []
    with contextlib.ExitStack() as others:
        for key in (path for path in (tmp_path / "store").iterdir() if path.is_dir()):
            others.enter_context(held(key))

        def let_go(words):
            said.append(words)
            others.close()

        monkeypatch.setattr(locking, "GRACE", 0.1)
        monkeypatch.setattr(locking, "notice", let_go)
        done(*words)
    (line,) = said
    assert f"waiting for {tmp_path / 'store'}" in line
    assert f"which is being written by process {os.getpid()} on" in line
    assert file_digests(tmp_path / "store") == first


def stopped(words, number, *, after):
    """Sends a signal to a command and all its processes once ``after()``; (exit code, standard error)."""
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    # What runs in the background may ignore SIGINT, and hand that on.
    heard = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(python("-m", "memometer", *words), **pipes, preexec_fn=heard)  # noqa: PLW1509 (no threads here)
    while not after() and process.poll() is None:
        time.sleep(0.01)
    os.killpg(process.pid, number)
    return process.communicate()[1], process.returncode


def test_ctrl_c_is_a_sentence(tmp_path):
    words = ("data", "scenes", "--n", 4000, "--out", tmp_path / "out", "--workers", 2)
    errors, code = stopped(words, signal.SIGINT, after=lambda: list(tmp_path.glob("out/.records*")))
    assert (errors, code) == ("stopped; run the same command again to do it from the start\n", 130)
    assert not left(tmp_path)


def test_a_signal_to_end_is_a_sentence(world, tmp_path):
    words = ("data", "import", *world.glob("scenes/*.tar"), "--out", tmp_path / "out", "--workers", 1)
    errors, code = stopped(words, signal.SIGTERM, after=(tmp_path / "out" / ".import").exists)
    assert (errors, code) == ("ended by SIGTERM; run the same command again to go on where it was\n", 143)


@pytest.mark.parametrize("quiet", [True, False])
def test_what_a_stopped_command_left_of_its_pools_goes_without_a_word(quiet):
    code = f"""
import multiprocessing, os, signal
from memometer.cli import start
{quiet} and start._quiet_tracker()
held = multiprocessing.get_context("spawn").Semaphore()
os.kill(os.getpid(), signal.SIGKILL)
"""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=inherited)
    said = run.stderr
    assert ("leaked semaphore" in said) != quiet
    assert not (quiet and said)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), ["memory ran out; give", "--batch-size"]),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
            ["memory ran out ("],
        ),
        (RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB"), ["memory ran out (CUDA", "goes on"]),
        (ImportError("libtorch.so: failed to map segment from shared object"), ["memory ran out (lib"]),
        (OSError(errno.EDQUOT, "x", "runs/a"), ["runs/a: disk quota exceeded; make room in your quota", "goes on"]),
        (OSError(errno.EIO, "x", b"runs/a"), ["runs/a: input/output error; the device fails"]),
        (OSError(errno.EACCES, "x", "a.tmp", None, "runs/a"), ["runs/a: permission denied"]),
        (RecursionError("maximum recursion depth exceeded"), ["nested too deeply"]),
        (Exception("I/O error: No space left on device (os error 28)"), ["no space left on device; make room"]),
        (RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos 448 vs 342"), ["disk is full"]),
        (OSError("ZSTD decompression failed: Data corruption"), ["is damaged, or not", "restore it from"]),
        (
            RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. "),
            ["died (Data", "fewer --workers, then"],
        ),
        (KeyError("x"), ["KeyError: 'x'; this was not foreseen", "MEMOMETER_TRACEBACK=1"]),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_sentences(error, words):
    found = sentence(error, command="train")
    for word in words:
        assert word in found
    assert "\n" not in found
