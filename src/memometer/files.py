"""Files that are whole or absent, and hashes of what goes into a result."""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from memometer.errors import InputError, MemometerError
from memometer.storage.cache import fetched_hash, uploaded
from memometer.storage.paths import AnyPath, StorePath

__all__ = [
    "atomic_path",
    "clear_leftovers",
    "create_file",
    "hash_bytes",
    "hash_file",
    "hash_json",
    "json_text",
    "naming",
    "read_json",
    "read_words",
    "write_json",
    "write_text",
]

TEMPORARY = ".tmp"
"""How the name of a file ends that is being written; it begins with a dot and the name that it will have."""


NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}
"""What a file system says where a file cannot have two names."""


@contextlib.contextmanager
def naming(path: AnyPath) -> Iterator[None]:
    """Errors within it name the file that was to be written, where they name none or a temporary one."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            error.add_note(f"writing {path}")
        elif error.filename is None or str(error.filename).endswith(TEMPORARY):
            error.filename = str(path)
        raise
    except MemometerError:
        raise
    except Exception as error:
        error.add_note(f"writing {path}")
        raise


@contextlib.contextmanager
def atomic_path(path: AnyPath) -> Iterator[Path]:
    """Yields a temporary path beside ``path`` and renames it to ``path`` on success.

    A reader sees the old file or the whole new one, also after a ``kill -9`` or a power cut in between; what is written
    later is not there without it. An object of a store is written from a temporary file of the cache.
    """
    if isinstance(path, StorePath):
        with naming(path), uploaded(path) as temporary:
            yield temporary
        return
    with naming(path), _temporary(path) as temporary:
        yield temporary
        temporary.chmod(0o644)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)


def create_file(path: AnyPath, data: bytes) -> bool:
    """Makes a file of ``data``, whole, where there is none; whether it did. Of all who try at once one succeeds.

    Args:
        path: of the file.
        data: unlike what anyone else writes there; see `StorePath.create`.
    """
    if isinstance(path, StorePath):
        return path.create(data)
    with naming(path), _temporary(path) as temporary:
        temporary.write_bytes(data)
        temporary.chmod(0o644)
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            return _create_at_once(path, data)
        return True


@contextlib.contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    """A new file beside ``path``, which `clear_leftovers` leaves alone while it is written; in the end it goes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{path.name}.{secrets.token_hex(8)}{TEMPORARY}"
    handle = -1
    try:  # from before the file is there: a signal may come at any moment
        handle = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        with contextlib.suppress(OSError):  # a file system without locks: none is held, and none is asked for below
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield temporary
    finally:
        if handle >= 0:
            os.close(handle)
        with contextlib.suppress(OSError):  # what went wrong before is what there is to say
            temporary.unlink(missing_ok=True)


def clear_leftovers(folder: AnyPath, name: str = "") -> None:
    """Removes what killed runs were writing in a folder; a file that a live process writes stays.

    Args:
        folder: its own files alone are looked at.
        name: of the one file whose leftovers go; all by default.
    """
    if isinstance(folder, StorePath):
        return  # a store shows nothing that is not whole
    for path in folder.glob(f".{name}{'.' if name else ''}*{TEMPORARY}"):
        with contextlib.suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def write_text(path: AnyPath, text: str) -> None:
    """Writes UTF-8 text atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def json_text(value: Any) -> str:
    """Indented JSON with a last line break; NaN and infinity are errors, since JSON has none."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: AnyPath, value: Any) -> None:
    """Writes `json_text` atomically."""
    write_text(path, json_text(value))


def read_words(path: AnyPath, *, what: str) -> str:
    """Reads UTF-8 text that a user wrote.

    Args:
        path: of the file.
        what: it holds, for messages.

    Raises:
        InputError: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 (byte {error.start:,}); save the {what} as UTF-8 text") from error
    except OSError as error:
        raise InputError(f"cannot read the {what} {path}: {error.strerror or error}; check the path") from error


def read_json(path: AnyPath) -> Any:
    """Reads a UTF-8 JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def hash_bytes(data: bytes) -> str:
    """128-bit BLAKE2b of ``data`` as 32 hex digits: memometer's hash for images, weights and stages."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def hash_file(path: AnyPath) -> str:
    """``hash_bytes`` of a file's content, read in pieces; an object comes near for it."""
    if isinstance(path, StorePath):
        return fetched_hash(path)
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def hash_json(value: Any) -> str:
    """``hash_bytes`` of ``value`` as canonical JSON (sorted keys)."""
    return hash_bytes(json.dumps(value, sort_keys=True, ensure_ascii=True, allow_nan=False).encode())


def _create_at_once(path: Path, data: bytes) -> bool:
    """`create_file` where files have one name each: one who looks at once may see it empty."""
    try:
        with path.open("xb") as file:
            file.write(data)
    except FileExistsError:
        return False
    return True


def _sync_folder(folder: Path) -> None:
    """Makes a rename last, where the system lets a folder be synced."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
