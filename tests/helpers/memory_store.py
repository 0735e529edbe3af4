"""A store of fsspec in memory, under an address that memometer reads, which fails as a schedule says."""

import sys

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from object_store import forget


class InMemory(MemoryFileSystem):
    """fsspec's own file system in memory: nothing here is particular to S3.

    Attributes:
        schedule: what happens to the requests, one after another: ``"fail"``, ``"truncate"`` (half of the bytes are
            read or kept), ``"lose"`` (it is done, and fails), or None. When it has ended nothing happens.
    """

    protocol = "gs"
    store = {}  # noqa: RUF012 (as fsspec has it)
    pseudo_dirs = [""]  # noqa: RUF012
    schedule = iter(())

    def _faulty(self, request, cut):
        fault = next(type(self).schedule, None)
        if fault == "fail":
            raise OSError("busy")
        if fault == "stall":
            raise TimeoutError
        found = cut(request()) if fault == "truncate" else request()
        if fault == "lose":
            raise OSError("the answer is lost")
        return found

    def info(self, path, **how):
        return self._faulty(lambda: MemoryFileSystem.info(self, path, **how), lambda found: found)

    def find(self, path, **how):
        return self._faulty(lambda: MemoryFileSystem.find(self, path, **how), lambda found: found)

    def cat_file(self, path, start=None, end=None, **how):
        return self._faulty(
            lambda: MemoryFileSystem.cat_file(self, path, start=start, end=end, **how),
            lambda data: data[: len(data) // 2],
        )

    def put_file(self, lpath, rpath, **how):
        def cut(found):
            path = self._strip_protocol(rpath)
            data = MemoryFileSystem.cat_file(self, path)
            MemoryFileSystem.pipe_file(self, path, data[: len(data) // 2])
            return found

        return self._faulty(lambda: MemoryFileSystem.put_file(self, lpath, rpath, **how), cut)

    def pipe_file(self, path, value, **how):
        return self._faulty(lambda: MemoryFileSystem.pipe_file(self, path, value, **how), lambda found: found)

    def rm_file(self, path, **how):
        return self._faulty(lambda: MemoryFileSystem.rm_file(self, path, **how), lambda found: found)


@pytest.fixture
def memory(monkeypatch, tmp_path_factory):
    """The class of the file system at ``gs://``."""
    from memometer.storage import requests

    monkeypatch.setitem(sys.modules["fsspec.registry"]._registry, "gs", InMemory)
    monkeypatch.setattr(requests, "FIRST_PAUSE", 0.0)
    monkeypatch.setenv("MEMOMETER_CACHE", str(tmp_path_factory.mktemp("cache")))
    InMemory.store.clear()
    InMemory.pseudo_dirs[:] = [""]
    InMemory.schedule = iter(())
    forget()
    yield InMemory
    InMemory.schedule = iter(())
    forget()
