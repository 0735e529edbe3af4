"""Objects in buckets (``s3://``, ``gs://``) and on the Hugging Face hub (``hf://``), read by spans; nothing is stored.

They are taken to stay what they are while a process reads them, as shards of a data set do; what others write
meanwhile is read through `memometer.storage.places`.
"""

import dataclasses
import functools
import io
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from memometer.storage.addresses import is_remote
from memometer.storage.requests import MISSING, bounded, open_store, patiently

__all__ = [
    "READ_AHEAD",
    "Stored",
    "exact_span",
    "head_bytes",
    "list_objects",
    "matching",
    "open_binary",
    "open_object",
    "read_span",
    "stored",
    "told",
    "whole_bytes",
]

READ_AHEAD = 4 * 2**20
"""Bytes read beyond what was asked for, where an object is read from its beginning to its end."""

NEAR = 2**18
"""Bytes that may lie between two spans of which the second is read next: headers, and members that are no images."""

KEPT = 8
"""Objects of which the last span is kept."""

MOST_LISTED = 2_000_000
"""Objects of which what a listing said is kept, so that they need not be asked for one by one."""


@dataclasses.dataclass(frozen=True)
class Stored:
    """What a store says of an object.

    Attributes:
        size: bytes.
        version: what changes with its content: an ETag, a hash, a time.
    """

    size: int
    version: str


def stored(path: str) -> Stored:
    """What the store says of an object.

    Raises:
        FileNotFoundError: there is none.
        PermissionError: the store refuses.
        UnreachableError: it does not answer.
    """
    return _listed.get(path) or _stored(path, os.getpid())


def list_objects(folder: str) -> list[str]:
    """The objects below a folder, by name; [] where there are none. What the store says of them is kept.

    Raises:
        PermissionError: the store refuses.
        UnreachableError: it does not answer.
    """
    filesystem, inner = open_store(folder)
    try:
        found = patiently(folder, lambda: filesystem.find(inner, detail=True, **bounded(filesystem)))
    except MISSING:
        return []
    names = {_whole(folder, name): said for name, said in found.items() if not name.endswith("/")}
    if len(_listed) + len(names) <= MOST_LISTED:
        _listed.update({name: told(said) for name, said in names.items() if said.get("size") is not None})
    return sorted(names)


def matching(pattern: str) -> list[str]:
    """The objects of a shell pattern, by name.

    Raises:
        PermissionError: the store refuses.
        UnreachableError: it does not answer.
    """
    filesystem, inner = open_store(pattern)
    found = patiently(pattern, lambda: filesystem.glob(inner, **bounded(filesystem)))
    return sorted(_whole(pattern, name) for name in found)


def read_span(path: str, start: int, length: int) -> bytes:
    """A span of an object; where spans are asked for one after another, the next ones are read along.

    Raises:
        FileNotFoundError: there is no such object.
        PermissionError: the store refuses.
        UnreachableError: it does not answer.
    """
    with _lock:
        first, data = _last.get(path, (0, b""))
    if first <= start and start + length <= first + len(data):
        return data[start - first : start - first + length]
    follows = bool(data) and first <= start and start - first - len(data) <= NEAR
    stop = min(start + length + READ_AHEAD, stored(path).size) if follows else start + length
    least = min(length, max(stored(path).size - start, 0))
    found = exact_span(path, start, max(stop, start + length), least=least)
    with _lock:
        _last[path] = (start, found)
        _last.move_to_end(path)
        while len(_last) > KEPT:
            _last.popitem(last=False)
    return found[:length]


def exact_span(path: str, start: int, stop: int, *, least: int) -> bytes:
    """The bytes from ``start`` to ``stop``; fewer where the object ends, but never fewer than ``least``.

    Raises:
        FileNotFoundError: there is no such object.
        PermissionError: the store refuses.
        UnreachableError: it does not answer, or its answers end early.
    """
    filesystem, inner = open_store(path)

    def read() -> bytes:
        data: bytes = filesystem.cat_file(inner, start=start, end=stop, **bounded(filesystem, size=stop - start))
        if len(data) < least:
            raise ConnectionError(f"{len(data):,} of {least:,} bytes came")
        return data

    return patiently(path, read)


def head_bytes(path: str, length: int) -> bytes:
    """The first bytes of a file, here or in a store.

    Raises:
        OSError: it cannot be read.
        UnreachableError: the store does not answer.
    """
    if is_remote(path):
        return read_span(path, 0, min(length, stored(path).size))
    with open_binary(path) as file:
        return file.read(length)


def whole_bytes(path: str) -> bytes:
    """All bytes of a file, here or in a store.

    Raises:
        OSError: it cannot be read.
        UnreachableError: the store does not answer.
    """
    return head_bytes(path, stored(path).size if is_remote(path) else -1)


def open_binary(path: str) -> BinaryIO:
    """A file, here or in a store, to be read in any order.

    Raises:
        OSError: it cannot be read.
        UnreachableError: the store does not answer.
    """
    if not is_remote(path):
        return open(path, "rb")  # noqa: PTH123 (the caller closes it)
    return open_object(stored(path).size, lambda start, stop: exact_span(path, start, stop, least=stop - start))


def open_object(size: int, span: Callable[[int, int], bytes]) -> BinaryIO:
    """An object as a file, to be read in any order.

    Args:
        size: bytes.
        span: the bytes from a place to before another.
    """
    return io.BufferedReader(_Object(size, span), READ_AHEAD)


class _Object(io.RawIOBase):
    """An object of a store as a file."""

    def __init__(self, size: int, span: Callable[[int, int], bytes]) -> None:
        super().__init__()
        self._size, self._span, self._place = size, span, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        self._place = max(start + offset, 0)
        return self._place

    def readinto(self, buffer: Any) -> int:
        length = max(min(len(buffer), self._size - self._place), 0)
        if length:
            buffer[:length] = self._span(self._place, self._place + length)
        self._place += length
        return length


_last: OrderedDict[str, tuple[int, bytes]] = OrderedDict()
_listed: dict[str, Stored] = {}
_lock = threading.Lock()


@functools.lru_cache(maxsize=4096)
def _stored(path: str, process: int) -> Stored:  # noqa: ARG001 (a key)
    filesystem, inner = open_store(path)
    found = patiently(path, lambda: filesystem.info(inner, **bounded(filesystem)))
    if found.get("type") == "directory" or found.get("size") is None:
        raise IsADirectoryError(f"{path} is a folder")
    return told(found)


def told(found: Mapping[str, Any]) -> Stored:
    """What an answer of fsspec says of an object."""
    marks = ("ETag", "etag", "md5Hash", "blob_id", "generation", "LastModified", "last_modified", "created")
    return Stored(int(found["size"]), next((str(found[mark]) for mark in marks if found.get(mark)), ""))


def _whole(like: str, name: str) -> str:
    return f"{like.partition('://')[0]}://{name.removeprefix('/')}"
