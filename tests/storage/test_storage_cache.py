"""Copies of objects on this machine: found again, cleared by use, checked."""

import concurrent.futures
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from object_store import BUCKET, forget

from memometer.arrays import map_array
from memometer.errors import DamagedError, InputError
from memometer.files import atomic_path, hash_bytes, hash_file
from memometer.storage.cache import _bytes, cache_at, with_copy
from memometer.storage.paths import path_of


@pytest.fixture
def place(store):
    return path_of(f"s3://{BUCKET}/run")


def put(path, data):
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)
    return path


def copies(folder=None):
    return sorted(Path(folder or os.environ["MEMOMETER_CACHE"]).glob("objects/*/*/*"))


def fetched(store):
    return [path for command, path in store.seen if command == "GET" and "list-type" not in path]


def test_what_was_written_or_read_is_near(store, place):
    path = put(place / "x", b"1" * 1000)
    assert with_copy(path, Path.read_bytes) == b"1" * 1000
    assert fetched(store) == []
    forget()
    assert with_copy(path, Path.read_bytes) == b"1" * 1000
    assert fetched(store) == []
    [copy] = copies()
    copy.unlink()
    asked = len(store.seen)
    assert with_copy(path, Path.read_bytes) == b"1" * 1000
    assert with_copy(path, Path.read_bytes) == b"1" * 1000
    assert len(fetched(store)) == 1
    assert len(store.seen) - asked == 2


def test_an_object_that_was_replaced_is_another(store, place):
    path = put(place / "x", b"one")
    assert hash_file(path) == hash_bytes(b"one")
    store.put("run/x", b"two")
    assert hash_file(path) == hash_bytes(b"two")
    assert with_copy(path, Path.read_bytes) == b"two"


def test_an_object_that_changes_under_a_command_is_said(store, place):
    path = put(place / "x", b"one")
    store.put("run/x", b"two")
    for copy in copies():
        copy.unlink()
    with pytest.raises(DamagedError, match="is not what it was when this command began"):
        with_copy(path, Path.read_bytes)


def test_a_damaged_copy_is_fetched_again(place):
    path = put(place / "x", b"1" * 1000)
    [copy] = copies()
    copy.write_bytes(b"2" * 1000)
    assert hash_file(path) == hash_bytes(b"1" * 1000)
    copy.write_bytes(b"1" * 999)
    assert hash_file(path) == hash_bytes(b"1" * 1000)


def test_what_was_used_longest_ago_goes(place, tmp_path):
    with cache_at(tmp_path / "cache", "10KB"):
        for number in range(40):
            path = put(place / str(number), bytes([number]) * 1000)
            os.utime(copies(tmp_path / "cache")[0].parent)  # the folder's time says nothing
            assert sum(copy.stat().st_size for copy in copies(tmp_path / "cache")) <= 10_000
            with_copy(place / "0", lambda copy: os.utime(copy, ns=(2**62, 2**62)))
            assert with_copy(path, Path.read_bytes) == bytes([number]) * 1000
        held = {copy.read_bytes()[0] for copy in copies(tmp_path / "cache")}
        assert 0 in held
        assert 39 in held
        assert len(held) >= 7
        assert all(with_copy(place / str(n), Path.read_bytes) == bytes([n]) * 1000 for n in range(40))
    assert "MEMOMETER_CACHE_SIZE" not in os.environ


def test_an_object_larger_than_the_cache_is_read(place, tmp_path):
    with cache_at(tmp_path / "cache", "100"):
        path = put(place / "x", b"1" * 1000)
        assert with_copy(path, Path.read_bytes) == b"1" * 1000
        put(place / "y", b"2" * 1000)
        assert [copy.read_bytes()[:1] for copy in copies(tmp_path / "cache")] == [b"2"]


def test_an_array_stays_mapped_when_its_copy_goes(place, tmp_path):
    array = np.arange(1000.0)
    with cache_at(tmp_path / "cache", "10KB"):
        with atomic_path(place / "a.npy") as temporary, temporary.open("wb") as file:
            np.save(file, array)
        mapped = map_array(place / "a.npy")
        for number in range(20):
            put(place / str(number), b"1" * 5000)
        np.testing.assert_array_equal(mapped, array)
        np.testing.assert_array_equal(map_array(place / "a.npy"), array)


def test_threads_and_processes_share_a_cache(store, place, tmp_path):
    paths = [put(place / str(number), bytes([number]) * 3000) for number in range(16)]
    code = (
        "import sys; from pathlib import Path; from memometer.storage.cache import with_copy;"
        "from memometer.storage.paths import path_of;"
        "[sys.exit(f'{n}') for _ in range(3) for n in range(16)"
        f" if with_copy(path_of('s3://{BUCKET}/run') / str(n), Path.read_bytes) != bytes([n]) * 3000]"
    )
    import json

    import fsspec

    with cache_at(tmp_path / "cache", "20KB"):
        environment = {**os.environ, "FSSPEC_S3": json.dumps(fsspec.config.conf["s3"])}
        others = [subprocess.Popen([sys.executable, "-c", code], env=environment) for _ in range(2)]
        with concurrent.futures.ThreadPoolExecutor(4) as threads:
            found = list(threads.map(lambda path: with_copy(path, Path.read_bytes), paths * 3))
        assert found == [bytes([number]) * 3000 for number in range(16)] * 3
        assert [other.wait() for other in others] == [0, 0]
    assert not list((tmp_path / "cache" / "tmp").iterdir())


def test_what_a_killed_process_left_goes(place, tmp_path):
    (tmp_path / "cache" / "tmp").mkdir(parents=True)
    (tmp_path / "cache" / "tmp" / "0123.vectors.npy").write_bytes(b"half")
    with cache_at(tmp_path / "cache"):
        put(place / "x", b"1")
    assert not list((tmp_path / "cache" / "tmp").iterdir())


@pytest.mark.parametrize(("size", "n"), [("100", 100), ("1.5 kb", 1500), ("20GB", 2 * 10**10), ("1GiB", 2**30)])
def test_sizes(size, n):
    assert _bytes(size) == n


@pytest.mark.parametrize("size", ["-1", "20 apples", "GB"])
def test_what_is_no_size(size):
    with pytest.raises(InputError, match="is no size of a cache; expected"), cache_at(size=size):
        pass
