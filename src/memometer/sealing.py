"""Seals: what is written to be read again carries its own hash, so that damage is found and never becomes a number.

A seal is a word and a hash of all the other bytes of the file. It lies where every reader passes over it: at the end of
a zip (``.npz``, torch's ``.pt``), before the footer of a Parquet file. A file without one, of an earlier version or of
another program, is read as it is; so is a table that another program has written anew, for that leaves the seal out.
JSON has its hash under the key ``checksum``.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from memometer.errors import DamagedError, shown
from memometer.files import atomic_path, hash_file, hash_json, write_json
from memometer.storage.paths import AnyPath, open_whole

__all__ = [
    "AGAIN",
    "check_files",
    "check_open_seal",
    "check_seal",
    "damaged",
    "is_whole",
    "read_sealed_json",
    "seal",
    "sealed_path",
    "write_sealed_json",
]

AGAIN = "restore it from a copy, or make it again"
"""What to do about most damaged files."""

WORD = b"memoseal"
DIGEST = 16
LENGTH = len(WORD) + DIGEST
CHECKSUM = "checksum"
PARQUET = b"PAR1"


@contextlib.contextmanager
def sealed_path(path: AnyPath) -> Iterator[Path]:
    """`memometer.files.atomic_path` whose file, a zip or Parquet, gets a seal before it takes its name."""
    with atomic_path(path) as temporary:
        yield temporary
        seal(temporary)


def seal(path: Path) -> None:
    """Puts a seal into a file that has none."""
    with path.open("r+b") as file:
        size = file.seek(0, 2)
        last = _last_bytes(file, size)
        digest = _digest(file, size - last)
        tail = file.read(last)
        digest.update(tail)
        file.seek(size - last)
        file.write(WORD + digest.digest() + tail)


def check_seal(path: AnyPath, *, advice: str = AGAIN) -> bool:
    """Whether the file has a seal; one that is broken is an error.

    Args:
        path: a zip or Parquet.
        advice: what to do, for the error.

    Raises:
        DamagedError: the file's bytes are not those that were sealed.
        OSError: it cannot be read.
    """
    with open_whole(path) as file:
        return check_open_seal(file, path, advice=advice)


def check_open_seal(file: BinaryIO, path: AnyPath, *, advice: str = AGAIN) -> bool:
    """`check_seal` of a file that is open; it is then at its beginning.

    Raises:
        DamagedError: its bytes are not those that were sealed.
        OSError: it cannot be read.
    """
    size = file.seek(0, 2)
    last = _last_bytes(file, size)
    start = size - last - LENGTH
    file.seek(max(start, 0))
    kept = file.read(LENGTH)
    # Half of the word is enough, for the damage may lie in it.
    if start < 0 or sum(one == other for one, other in zip(kept, WORD, strict=False)) <= len(WORD) // 2:
        file.seek(0)
        return False
    digest = _digest(file, start)
    file.seek(start + LENGTH)
    digest.update(file.read(last))
    file.seek(0)
    if kept[: len(WORD)] != WORD or digest.digest() != kept[len(WORD) :]:
        raise damaged(path, advice=advice)
    return True


def is_whole(path: AnyPath) -> bool:
    """Whether a file is there and its seal, if it has one, unbroken."""
    try:
        check_seal(path)
    except (DamagedError, OSError):
        return False
    return True


def damaged(
    path: AnyPath, why: object = "its bytes are not those that were written", *, advice: str = AGAIN
) -> DamagedError:
    """The error that says so."""
    return DamagedError(f"{path} is damaged: {why}", advice)


def write_sealed_json(path: AnyPath, value: dict[str, Any]) -> None:
    """`memometer.files.write_json` with a checksum of the rest under the last key."""
    plain = json.loads(json.dumps(value, allow_nan=False))
    write_json(path, {**plain, CHECKSUM: hash_json(plain)})


def read_sealed_json(path: AnyPath, *, advice: str = AGAIN) -> dict[str, Any]:
    """Reads a JSON object and takes its checksum off, where it has one.

    Raises:
        DamagedError: it is no JSON object in UTF-8, or not the one that was written.
        OSError: it cannot be read.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise damaged(path, error, advice=advice) from error
    if not isinstance(value, dict):
        raise damaged(path, f"it holds a JSON {type(value).__name__} where an object was written", advice=advice)
    if CHECKSUM in value and hash_json({name: each for name, each in value.items() if name != CHECKSUM}) != value.pop(
        CHECKSUM
    ):
        raise damaged(path, advice=advice)
    return value


def check_files(folder: AnyPath, hashes: object, *, advice: str = AGAIN) -> None:
    """Passes where files have the hashes that were noted when they were written.

    Args:
        folder: of the files.
        hashes: ``hash_file`` by name, as a manifest has them.
        advice: what to do, for the error.

    Raises:
        DamagedError: a file is missing or has another hash; or the names are of no files in the folder.
    """
    if not isinstance(hashes, Mapping):
        raise damaged(folder, f"its manifest has files = {shown(hashes)}; expected names with hashes", advice=advice)
    for name, noted in hashes.items():
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise damaged(folder, f"its manifest names the file {shown(name)}, which is not in it", advice=advice)
        try:
            if not (folder / name).is_file():  # a pipe would never end
                raise DamagedError(f"{folder} lacks {name}", advice)
            found = hash_file(folder / name)
        except OSError as error:
            raise damaged(folder / name, error.strerror or error, advice=advice) from error
        if found != noted:
            raise damaged(folder / name, advice=advice)


def _last_bytes(file: BinaryIO, size: int) -> int:
    """How many bytes have to stay last: those of a Parquet footer, its length and the format's name; of a zip none."""
    if size < 12:
        return 0
    file.seek(size - 8)
    length, name = int.from_bytes(file.read(4), "little"), file.read(4)
    return length + 8 if name == PARQUET and length <= size - 12 else 0


def _digest(file: BinaryIO, stop: int) -> "hashlib.blake2b":
    """The hash of the first ``stop`` bytes; the file is then at that place."""
    digest = hashlib.blake2b(digest_size=DIGEST)
    file.seek(0)
    while stop > 0 and (piece := file.read(min(stop, 1 << 20))):
        digest.update(piece)
        stop -= len(piece)
    return digest
