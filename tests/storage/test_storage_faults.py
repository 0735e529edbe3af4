"""Stores that fail, stall, cut short, or lose the answer: the work is right, or a sentence says why not."""

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import fsspec
import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from object_store import BUCKET, forget

from memometer.arrays import read_arrays, write_arrays
from memometer.errors import DamagedError, InputError
from memometer.files import atomic_path, create_file, hash_bytes, hash_file, write_text
from memometer.sealing import check_seal
from memometer.storage import paths
from memometer.storage.paths import path_of
from memometer.storage.requests import ATTEMPTS, UnreachableError

FAULTS = (None, "fail", "stall", "truncate", "lose")

schedules = st.lists(st.sampled_from(FAULTS), max_size=40)
steps = st.lists(
    st.tuples(st.sampled_from(["write", "read", "hash", "create", "unlink", "list"]), st.integers(0, 2)),
    min_size=1,
    max_size=8,
)


@hypothesis.settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
    database=None,
    derandomize=True,
)
@hypothesis.given(schedule=schedules, todo=steps)
def test_a_faulty_store_is_as_a_dictionary_or_says_so(memory, schedule, todo):
    """Whatever fails and when: what was written whole is read whole, and a step that gives up may or may not be done.

    The oracle holds of each name the contents that it may have now; one alone where the last step succeeded.
    """
    memory.schedule = iter(())
    memory.store.clear()
    memory.pseudo_dirs[:] = [""]
    forget()
    place = path_of("gs://bucket/run")
    known = {str(name): {None} for name in range(3)}
    memory.schedule = iter(schedule)
    for number, (step, name) in enumerate(todo):
        path, may = place / str(name), known[str(name)]
        data = f"{number}:".encode() * 50
        try:
            if step == "write":
                known[str(name)] = {data}
                with atomic_path(path) as temporary:
                    temporary.write_bytes(data)
            elif step == "create":
                known[str(name)] = {data} if may == {None} else may | {data}
                made = create_file(path, data)
                assert not made or None in may
                known[str(name)] = {data} if made else (may | {data}) - {None}
            elif step == "unlink":
                known[str(name)] = {None}
                path.unlink(missing_ok=True)
            elif step == "list":
                found = {each.name for each in place.iterdir()}
                assert {each for each, contents in known.items() if None not in contents} <= found
                assert found <= {each for each, contents in known.items() if contents != {None}}
            else:
                found = None
                with contextlib.suppress(FileNotFoundError):
                    found = path.read_bytes() if step == "read" else hash_file(path)
                assert found in {each if step == "read" or each is None else hash_bytes(each) for each in may}
        except UnreachableError as error:
            named = str(error)
            memory.schedule = iter(())
            now = path.read_bytes() if path.is_file() else None
            if step == "write" and now not in may | {data}:
                assert data.startswith(now)  # this store, unlike S3, keeps half of what was written: a seal tells
                path.unlink()
                now = None
            known[str(name)] = {now}
            assert step in {"write", "create", "unlink"} or now in may
            assert str(place) in named
    memory.schedule = iter(())
    for name, contents in known.items():
        path = place / name
        assert (path.read_bytes() if path.is_file() else None) in contents


def test_half_an_array_that_a_store_keeps_is_never_read(memory):
    path = path_of("gs://bucket/run/00000.npz")
    memory.schedule = iter(["truncate", None] * ATTEMPTS)
    with pytest.raises(UnreachableError, match=r"00000\.npz could not be written in 4 attempts.*bytes arrived"):
        write_arrays(path, {"rows": np.arange(1000)})
    memory.schedule = iter(())
    assert path.exists()
    assert read_arrays(path) is None
    write_arrays(path, {"rows": np.arange(1000)})
    assert check_seal(path)


def test_a_store_that_cannot_refuse_to_write_over_is_said_once(memory, monkeypatch, capsys):
    pipe = memory.pipe_file
    monkeypatch.setattr(memory, "pipe_file", lambda self, path, value, **_: pipe(self, path, value))
    place = path_of("gs://bucket/run")
    assert create_file(place / "a", b"1")
    assert create_file(place / "b", b"1")
    assert capsys.readouterr().err.count("gs://bucket writes over objects that it is asked to leave") == 1
    assert {each.name for each in place.iterdir()} == {"a", "b"}


def test_an_object_that_changes_as_it_is_read_is_read_anew(store, monkeypatch):
    monkeypatch.setattr(paths, "SPAN", 100)
    path = path_of(f"s3://{BUCKET}/x")
    store.put("x", b"1" * 250)
    answers = itertools.count()

    def replace(command, where):
        if command == "GET" and where.startswith(f"/{BUCKET}/x") and next(answers) == 1:
            store.put("x", b"2" * 250)
        return False

    store.hold = replace
    assert path.read_bytes() == b"2" * 250
    assert next(answers) == 6


@pytest.mark.parametrize("fault", ["fail_any", "lose_every", "cut_every"])
def test_s3_that_fails_now_and_then(store, capsys, fault):
    place = path_of(f"s3://{BUCKET}/run")
    setattr(store, fault, 5)
    for number in range(8):
        write_arrays(place / f"{number:05d}.npz", {"rows": np.arange(number)})
        assert create_file(place / f"{number:05d}.claim-1", b"%d" % number)
        assert not create_file(place / f"{number:05d}.claim-1", b"another")
    for number in range(8):
        np.testing.assert_array_equal(read_arrays(place / f"{number:05d}.npz")["rows"], np.arange(number))
    assert len(list(place.iterdir())) == 16
    assert store.failed >= 1
    assert "requests made again so far: " in capsys.readouterr().err


def test_s3_that_refuses(store):
    write_text(path_of(f"s3://{BUCKET}/mine/x"), "x")
    store.refuse.add(f"/{BUCKET}/theirs")
    path = path_of(f"s3://{BUCKET}/theirs/x")
    sentence = rf"the store refuses s3://{BUCKET}/theirs/x: .*keys of an account that may read and write"
    for ask in (lambda: write_text(path, "x"), path.read_bytes, path.exists, lambda: read_arrays(path), path.open):
        with pytest.raises(InputError, match=sentence):
            ask()
    with pytest.raises(InputError, match="the store refuses"):
        create_file(path, b"x")


def test_a_bucket_that_is_not_there(store):
    path = path_of("s3://no-such-bucket/run/x")
    assert not path.exists()
    assert list(path.parent.iterdir()) == []
    for write in (lambda: write_text(path, "x"), lambda: create_file(path, b"x")):
        with pytest.raises(InputError, match="there is no bucket s3://no-such-bucket; make it, or check its name"):
            write()


def test_no_keys(store, monkeypatch):
    options = {name: value for name, value in fsspec.config.conf["s3"].items() if name not in {"key", "secret"}}
    monkeypatch.setitem(fsspec.config.conf, "s3", options)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    forget()
    with pytest.raises(InputError, match=rf"there are no keys for s3://{BUCKET}/x"):
        write_text(path_of(f"s3://{BUCKET}/x"), "x")


def test_a_store_that_vanishes_in_between(store):
    path = path_of(f"s3://{BUCKET}/run/00000.npz")
    write_arrays(path, {"rows": np.arange(9)})
    store.stall.add(f"/{BUCKET}")
    with pytest.raises(UnreachableError, match=r"00000\.npz could not be read in 4 attempts, the last: .*goes on"):
        read_arrays(path)
    with pytest.raises(UnreachableError, match=r"00000\.npz could not be written in 4 attempts"):
        write_arrays(path, {"rows": np.arange(8)})
    store.stall.clear()
    np.testing.assert_array_equal(read_arrays(path)["rows"], np.arange(9))


def test_a_writer_killed_in_the_middle_of_an_upload_leaves_nothing(store, tmp_path):
    """Of 120 MB, in three parts, the second does not arrive before the kill."""
    path = path_of(f"s3://{BUCKET}/run/large.npy")
    code = (
        "import sys; from memometer.files import atomic_path; from memometer.storage.paths import path_of\n"
        "with atomic_path(path_of(sys.argv[1])) as temporary: temporary.write_bytes(bytes(120 * 2**20))"
    )
    environment = {
        **os.environ,
        "FSSPEC_S3": json.dumps(fsspec.config.conf["s3"] | {"config_kwargs": {"read_timeout": 60}}),
        "MEMOMETER_CACHE": str(tmp_path / "cache"),
    }
    store.hold = lambda command, where: command == "PUT" and "partNumber=2" in where
    writer = subprocess.Popen([sys.executable, "-c", code, str(path)], env=environment)
    assert store.held.wait(60)
    writer.send_signal(signal.SIGKILL)
    assert writer.wait() == -signal.SIGKILL
    store.hold = None
    store.ending.set()
    assert store.names() == []
    assert not path.exists()
    assert list(path.parent.iterdir()) == []
    assert list((tmp_path / "cache" / "tmp").iterdir())
    subprocess.run([sys.executable, "-c", code, str(path)], env=environment, check=True)
    assert path.stored().size == 120 * 2**20
    assert store.names() == ["run/large.npy"]
    assert not list((tmp_path / "cache" / "tmp").iterdir())


def test_a_damaged_object_is_said(store):
    path = path_of(f"s3://{BUCKET}/run/00000.npz")
    write_arrays(path, {"rows": np.arange(1000)})
    whole = store.get("run/00000.npz")
    for data in (whole[: len(whole) // 2], whole[:3000] + b"x" + whole[3001:]):
        store.put("run/00000.npz", data)
        assert read_arrays(path) is None
    with pytest.raises(DamagedError, match=r"s3://.*00000\.npz is damaged"):
        check_seal(path)
    assert Path("s3:") not in Path().iterdir()
