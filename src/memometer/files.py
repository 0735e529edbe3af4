"""Files that are whole or absent, and hashes of what goes into a result."""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "atomic_path",
    "hash_bytes",
    "hash_file",
    "hash_json",
    "read_json",
    "write_json",
    "write_table",
    "write_text",
]


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside ``path`` and renames it to ``path`` on success.

    A reader sees the old file or the whole new one, also after a ``kill -9`` in between.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_table(path: Path, table: "pa.Table") -> None:
    """Writes compressed Parquet atomically."""
    import pyarrow.parquet as pq

    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 text atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Writes indented JSON atomically; NaN and infinity are errors, since JSON has none."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Reads a UTF-8 JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def hash_bytes(data: bytes) -> str:
    """128-bit BLAKE2b of ``data`` as 32 hex digits: memometer's hash for images, weights and stages."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def hash_file(path: Path) -> str:
    """``hash_bytes`` of a file's content, read in pieces."""
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def hash_json(value: Any) -> str:
    """``hash_bytes`` of ``value`` as canonical JSON (sorted keys)."""
    return hash_bytes(json.dumps(value, sort_keys=True, ensure_ascii=True, allow_nan=False).encode())
