"""Copies of objects on this machine, up to a size; the one that was used longest ago goes first.

A copy is named by the address, the size and the version of its object, so an object that was replaced is another; and
by the hash of its own bytes, so that damage to it can be found. Several processes may use one folder: copies take their
names whole, one process at a time clears, and a file that is read stays readable when its name goes.
"""

import contextlib
import dataclasses
import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from memometer.errors import DamagedError, InputError
from memometer.storage.paths import StorePath
from memometer.storage.reading import Stored

__all__ = ["FOLDER", "SIZE", "cache_at", "fetched_hash", "uploaded", "with_copy"]

Result = TypeVar("Result")

FOLDER = "MEMOMETER_CACHE"
"""The variable that names the folder; by default ``memometer`` in the user's folder of caches."""

SIZE = "MEMOMETER_CACHE_SIZE"
"""The variable that says how large it may become."""

DEFAULT_SIZE = "20GB"

UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}

MAY_ADD = 32
"""The part of the size, 1/32, that a process adds before it looks whether something has to go."""

KEPT = 7 / 8
"""Of the size, when something has to go."""


@dataclasses.dataclass(frozen=True)
class _Cache:
    folder: Path
    size: int

    def place(self, path: StorePath, said: Stored) -> Path:
        """The folder of the copy of an object: it holds one file, named by the hash of its bytes."""
        key = hashlib.blake2b(f"{path}\n{said.size}\n{said.version}".encode(), digest_size=16).hexdigest()
        return self.folder / "objects" / key[:2] / key

    def find(self, path: StorePath, said: Stored) -> Path | None:
        """The copy of an object, which has now been used."""
        with contextlib.suppress(OSError):
            for copy in self.place(path, said).iterdir():
                if copy.stat().st_size == said.size:
                    os.utime(copy)
                    return copy
        return None

    def keep(self, file: Path, path: StorePath, said: Stored) -> Path:
        """Moves a file there as the copy of an object."""
        place, name = self.place(path, said), _hash(file)
        for _ in range(3):
            place.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # another process has just cleared the empty folder
                file.replace(place / name)
                break
        self.clear(added=said.size, newest=place / name)
        return place / name

    @contextlib.contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        """A temporary file that goes again, unless it is moved away; that of a killed process goes when it clears."""
        folder = self.folder / "tmp"
        folder.mkdir(parents=True, exist_ok=True)
        self.clear()
        path, handle = folder / f"{secrets.token_hex(8)}.{name}", -1
        try:
            while not path.exists():  # who clears may come between the file and its lock
                if handle >= 0:
                    os.close(handle)
                handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
                with contextlib.suppress(OSError):  # a file system without locks: none is held, and nothing is cleared
                    fcntl.flock(handle, fcntl.LOCK_EX)
            yield path
        finally:
            if handle >= 0:
                os.close(handle)
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def clear(self, *, added: int = 0, newest: Path | None = None) -> None:
        """Removes what was used longest ago, where there is too much; looks once in a while."""
        _added[self.folder] = _added.get(self.folder, self.size) + added
        if _added[self.folder] * MAY_ADD < self.size:
            return
        with (self.folder / ".lock").open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return  # another process is at it
            _added[self.folder] = 0
            self._clear_killed()
            copies = sorted(self._copies())
            left = sum(size for _, size, _ in copies)
            if left <= self.size:
                return
            for _, size, copy in copies:
                if left > self.size * KEPT and copy != newest:
                    with contextlib.suppress(OSError):
                        copy.unlink()
                        copy.parent.rmdir()
                    left -= size

    def _copies(self) -> Iterator[tuple[int, int, Path]]:
        """When each was used last, in ns, its bytes, and where it is."""
        for copy in (self.folder / "objects").glob("*/*/*"):
            with contextlib.suppress(FileNotFoundError):
                said = copy.stat()
                yield said.st_mtime_ns, said.st_size, copy

    def _clear_killed(self) -> None:
        for path in (self.folder / "tmp").glob("*"):
            with contextlib.suppress(OSError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()


_added: dict[Path, int] = {}
"""Bytes that this process has added to a folder since it last looked; unknown at first."""

_seen: dict[str, tuple[Stored, str]] = {}
"""What an object was when this process last fetched or wrote it: its version, and the hash of its bytes."""


@contextlib.contextmanager
def cache_at(folder: str | Path | None = None, size: str | None = None) -> Iterator[None]:
    """Within it copies lie in a folder up to a size, here and in processes that are started; None leaves what is set.

    Args:
        folder: is made when something is copied.
        size: e.g. ``"20GB"``.

    Raises:
        InputError: it is no size.
    """
    wanted = {FOLDER: None if folder is None else str(Path(folder).expanduser().absolute()), SIZE: size}
    before = {name: os.environ.get(name) for name in wanted}
    _set(wanted)
    try:
        _current()
        yield
    finally:
        for name in wanted:
            os.environ.pop(name, None)
        _set(before)


def fetched_hash(path: StorePath) -> str:
    """`memometer.files.hash_file` of an object, which is then near; its copy is read, and fetched again if damaged.

    Raises:
        FileNotFoundError: there is none.
        InputError, UnreachableError: see `StorePath.fetch`.
    """
    said = path.stored()
    found = with_copy(path, _hash, said=said)
    if found != _seen[path.address][1]:
        _drop(path, said)
        found = with_copy(path, _hash, said=said)
    return found


def with_copy(path: StorePath, use: Callable[[Path], Result], *, said: Stored | None = None) -> Result:
    """What ``use`` makes of a copy of an object.

    Args:
        path: the object; one that this process has fetched or written is taken to be the same still.
        use: may be called again, where another process clears away what it is about to open.
        said: what the store says of the object now.

    Raises:
        FileNotFoundError: there is none.
        DamagedError: it is another than this process found there before.
        InputError, UnreachableError: see `StorePath.fetch`.
    """
    while True:
        copy = _copy(path, said)
        try:
            return use(copy)
        except FileNotFoundError:
            if copy.exists():
                raise


@contextlib.contextmanager
def uploaded(path: StorePath) -> Iterator[Path]:
    """Yields a temporary file on this machine that becomes the object on success, whole or not at all."""
    cache = _current()
    with cache.scratch(path.name) as temporary:
        yield temporary
        digest = hashlib.md5(usedforsecurity=False)
        for data in _blocks(temporary):
            digest.update(data)
        said = path.upload(temporary)
        if said.version.strip('"') == digest.hexdigest():  # else it may be another's, who wrote there in this moment
            copy = cache.keep(temporary, path, said)
            _seen[path.address] = (said, copy.name)
        else:
            _seen.pop(path.address, None)


def _copy(path: StorePath, said: Stored | None) -> Path:
    """A copy of an object, fetched where there is none."""
    cache = _current()
    known = _seen.get(path.address)
    version = said or (known[0] if known else path.stored())
    if copy := cache.find(path, version):
        _seen[path.address] = (version, copy.name)
        return copy
    with cache.scratch(path.name) as temporary:
        with temporary.open("wb") as file:
            came = path.fetch(file)
        if said is None and known and _hash(temporary) != known[1]:
            raise DamagedError(
                f"{path} is not what it was when this command began",
                "see what else writes there, and run the same command again",
            )
        copy = cache.keep(temporary, path, came)
    _seen[path.address] = (came, copy.name)
    return copy


def _drop(path: StorePath, said: Stored) -> None:
    if copy := _current().find(path, said):
        copy.unlink(missing_ok=True)


def _current() -> _Cache:
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "memometer"
    return _Cache(Path(os.environ.get(FOLDER) or default), _bytes(os.environ.get(SIZE) or DEFAULT_SIZE))


def _bytes(size: str) -> int:
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", size, re.IGNORECASE)
    if match is None or match[2].upper() not in UNITS:
        raise InputError(f"'{size}' is no size of a cache; expected bytes, or e.g. 500MB, 20GB, 1TB")
    return int(float(match[1]) * UNITS[match[2].upper()])


def _set(variables: dict[str, str | None]) -> None:
    os.environ.update({name: value for name, value in variables.items() if value is not None})


def _hash(file: Path) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for data in _blocks(file):
        digest.update(data)
    return digest.hexdigest()


def _blocks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while data := opened.read(2**20):
            yield data
