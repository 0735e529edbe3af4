"""Objects in buckets (``s3://``, ``gs://``) and on the Hugging Face hub (``hf://``), read by spans through fsspec.

Nothing is stored. A request that fails is made again a few times, and is counted; a store that goes on failing, or
that does not answer, stops the work with a sentence, for it says nothing of the records. Endpoints, keys and anonymous
access are those of fsspec's own configuration (``FSSPEC_S3``, ``~/.config/fsspec``) and of the stores' libraries.
"""

import asyncio
import dataclasses
import functools
import io
import os
import posixpath
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from memometer.errors import InputError, JobError
from memometer.memory import memory_is_short
from memometer.progress import notice

__all__ = [
    "READ_AHEAD",
    "Stored",
    "UnreachableError",
    "head_bytes",
    "inside_of",
    "is_remote",
    "list_objects",
    "matching",
    "open_binary",
    "read_span",
    "stored",
    "whole_bytes",
    "within_folder",
]

Result = TypeVar("Result")

EXTRAS = {"s3": "memometer[s3]", "gs": "memometer[gs]", "hf": "memometer[hf]"}
"""What is installed for each kind of address; addresses of other kinds are never read."""

ATTEMPTS = 4
FIRST_PAUSE = 0.25
"""Seconds before a request is made again; each time twice as long."""

SECONDS = 60
"""That one request may take in all."""

S3_CLIENT = {"connect_timeout": 10, "read_timeout": 20, "retries": {"total_max_attempts": 1}}
"""Of botocore; what the user's ``config_kwargs`` say goes before it."""

READ_AHEAD = 4 * 2**20
"""Bytes read beyond what was asked for, where an object is read from its beginning to its end."""

NEAR = 2**18
"""Bytes that may lie between two spans of which the second is read next: headers, and members that are no images."""

KEPT = 8
"""Objects of which the last span is kept."""

MOST_LISTED = 2_000_000
"""Objects of which what a listing said is kept, so that they need not be asked for one by one."""

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*)://(.*)", re.DOTALL)
_MISSING = (FileNotFoundError, IsADirectoryError, NotADirectoryError)
_KEYLESS = frozenset(
    {"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "DefaultCredentialsError"}
)


class UnreachableError(JobError):
    """A store that does not answer, or goes on failing."""


@dataclasses.dataclass(frozen=True)
class Stored:
    """What a store says of an object.

    Attributes:
        size: bytes.
        version: what changes with its content: an ETag, a hash, a time.
    """

    size: int
    version: str


def is_remote(path: str) -> bool:
    """Whether a path is an address of one of the kinds that are read.

    >>> is_remote("s3://bucket/0.tar"), is_remote("/data/0.tar"), is_remote("http://host.org/0.tar")
    (True, False, False)
    """
    scheme, mark, _ = path.partition("://")
    return bool(mark) and scheme in EXTRAS


def inside_of(table: str, name: str) -> str | None:
    """The address that a name has in a table that lies in a store; None where it leads out of the table's bucket.

    >>> inside_of("s3://b/sets/t.csv", "images/1.jpg"), inside_of("s3://b/t.csv", "s3://other/1.jpg")
    ('s3://b/sets/images/1.jpg', None)
    """
    bucket = "/".join(table.split("/")[: 5 if table.startswith("hf://") else 3])
    if "://" not in name:
        inner = posixpath.normpath(posixpath.join(posixpath.dirname(table)[len(bucket) :] or "/", name))
        return f"{bucket}/{inner.lstrip('/')}"
    return name if name.startswith(f"{bucket}/") and ".." not in name.split("/") else None


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
    filesystem, inner = _open(folder)
    try:
        found = _patiently(folder, lambda: filesystem.find(inner, detail=True, **_bounded(filesystem)))
    except _MISSING:
        return []
    names = {_whole(folder, name): said for name, said in found.items() if not name.endswith("/")}
    if len(_listed) + len(names) <= MOST_LISTED:
        _listed.update({name: _told(said) for name, said in names.items() if said.get("size") is not None})
    return sorted(names)


def matching(pattern: str) -> list[str]:
    """The objects of a shell pattern, by name.

    Raises:
        PermissionError: the store refuses.
        UnreachableError: it does not answer.
    """
    filesystem, inner = _open(pattern)
    found = _patiently(pattern, lambda: filesystem.glob(inner, **_bounded(filesystem)))
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
    found = _read(path, start, max(stop, start + length), least=length)
    with _lock:
        _last[path] = (start, found)
        _last.move_to_end(path)
        while len(_last) > KEPT:
            _last.popitem(last=False)
    return found[:length]


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


def within_folder(folder: str, *names: str) -> str:
    """The path of a file below a folder, here or in a store.

    >>> within_folder("s3://b/set/", "", "1.jpg"), within_folder("/data", "a", "1.jpg")
    ('s3://b/set/1.jpg', '/data/a/1.jpg')
    """
    if is_remote(folder):
        return "/".join([folder.rstrip("/"), *(name for name in names if name)])
    return str(Path(folder, *names))


def open_binary(path: str) -> BinaryIO:
    """A file, here or in a store, to be read in any order.

    Raises:
        OSError: it cannot be read.
        UnreachableError: the store does not answer.
    """
    if not is_remote(path):
        return open(path, "rb")  # noqa: PTH123 (the caller closes it)
    return io.BufferedReader(_Object(path), READ_AHEAD)


class _Object(io.RawIOBase):
    """An object of a store as a file."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path, self._size, self._place = path, stored(path).size, 0

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
            buffer[:length] = _read(self._path, self._place, self._place + length, least=length)
        self._place += length
        return length


_last: OrderedDict[str, tuple[int, bytes]] = OrderedDict()
_listed: dict[str, Stored] = {}
_lock = threading.Lock()
_tries = 0


def _read(path: str, start: int, stop: int, *, least: int) -> bytes:
    """The bytes from ``start`` to ``stop``; fewer where the object ends, but never fewer than ``least``."""
    filesystem, inner = _open(path)

    def read() -> bytes:
        data: bytes = filesystem.cat_file(inner, start=start, end=stop, **_bounded(filesystem))
        if len(data) < min(least, max(stored(path).size - start, 0)):
            raise ConnectionError(f"{len(data):,} of {least:,} bytes came")
        return data

    return _patiently(path, read)


def _patiently(path: str, request: Callable[[], Result]) -> Result:
    """What a request gives, which is made again where it fails for want of the store.

    Raises:
        FileNotFoundError, PermissionError: what the store answers; they are not asked again.
        InputError: there are no keys for it.
        UnreachableError: it failed every time.
    """
    global _tries  # noqa: PLW0603 (a count of this process)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return request()
        except (PermissionError, *_MISSING):
            raise
        except Exception as error:  # the stores' libraries raise all kinds
            if memory_is_short(error) or isinstance(error, TypeError):
                raise
            if type(error).__name__ in _KEYLESS:
                raise InputError(
                    f"there are no keys for {path}: {_words(error)}; set those of the store, or for a public bucket "
                    "FSSPEC_S3='{\"anon\": true}'"
                ) from None
            if attempt == ATTEMPTS:
                raise UnreachableError(
                    f"{path} could not be read in {ATTEMPTS} attempts, the last: {_words(error)}; when the store "
                    "answers again, the same command goes on where it was"
                ) from None
            _tries += 1
            if _tries == 10 ** (len(str(_tries)) - 1):  # 1, 10, 100: a night of work says it a few times
                notice(f"requests made again so far: {_tries:,}, the last for {path}: {_words(error)}")
            time.sleep(FIRST_PAUSE * 2 ** (attempt - 1))
    raise AssertionError  # every attempt returns or raises


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError | asyncio.TimeoutError):
        return "no answer in time"
    return " ".join(str(error).split())[:300] or type(error).__name__


@functools.lru_cache(maxsize=4096)
def _stored(path: str, process: int) -> Stored:  # noqa: ARG001 (a key)
    filesystem, inner = _open(path)
    found = _patiently(path, lambda: filesystem.info(inner, **_bounded(filesystem)))
    if found.get("type") == "directory" or found.get("size") is None:
        raise IsADirectoryError(f"{path} is a folder")
    return _told(found)


def _told(found: Mapping[str, Any]) -> Stored:
    marks = ("ETag", "etag", "md5Hash", "blob_id", "generation", "LastModified", "last_modified", "created")
    return Stored(int(found["size"]), next((str(found[mark]) for mark in marks if found.get(mark)), ""))


def _open(path: str) -> tuple[Any, str]:
    """The file system of an address, and the address within it.

    Raises:
        InputError: its library is not installed.
    """
    match = _ADDRESS.fullmatch(path)
    scheme, inner = (match[1], match[2]) if match else ("", path)
    return _filesystem(scheme, os.getpid()), inner


@functools.lru_cache(maxsize=8)
def _filesystem(scheme: str, process: int) -> Any:  # noqa: ARG001 (a key: connections do not survive a fork)
    try:
        import fsspec

        options: dict[str, Any] = {"use_listings_cache": False}
        if scheme == "s3":
            own = fsspec.config.conf.get("s3", {}).get("config_kwargs", {})
            options["config_kwargs"] = {**S3_CLIENT, **own}
        if (
            scheme == "gs"
        ):  # else it asks by another protocol of what kind a bucket is, for a minute where that is closed
            os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
        filesystem = fsspec.filesystem(scheme, **options)
    except (ImportError, ValueError):
        extra = EXTRAS.get(scheme, "fsspec")
        raise InputError(f"addresses in {scheme}:// need a library that is not here: pip install '{extra}'") from None
    if scheme == "s3":
        filesystem.retries = 1  # attempts are counted here
    return filesystem


def _bounded(filesystem: Any) -> dict[str, float]:
    """Keywords that bound the time of a request, where the file system knows them."""
    from fsspec.asyn import AsyncFileSystem

    return {"timeout": SECONDS} if isinstance(filesystem, AsyncFileSystem) else {}


def _whole(like: str, name: str) -> str:
    return f"{like.partition('://')[0]}://{name.removeprefix('/')}"
