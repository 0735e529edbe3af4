"""Arrow IPC files, mapped into memory."""

import functools
import os

import pyarrow as pa

__all__ = ["holds_text", "open_arrow", "version_of"]


def open_arrow(path: str) -> pa.Table:
    """The table of an Arrow stream or file; its bytes are read when they are asked for.

    Raises:
        ArrowException: it is neither.
        OSError: it cannot be read.
    """
    return _opened(path, version_of(path))


def version_of(path: str) -> tuple[int, int]:
    """What changes with a file's content, so that nothing is kept in memory that is no longer there."""
    status = os.stat(path)  # noqa: PTH116 (for every image)
    return status.st_size, status.st_mtime_ns


@functools.lru_cache(maxsize=8)  # one file after another, as records come in order
def _opened(path: str, version: tuple[int, int]) -> pa.Table:  # noqa: ARG001 (a key)
    source = pa.memory_map(path)
    try:
        return pa.ipc.open_stream(source).read_all()
    except pa.ArrowInvalid:
        return pa.ipc.open_file(source).read_all()


def holds_text(column: pa.Array) -> bool:
    """Whether a column can be read; False where a text in it is not UTF-8. pyarrow ends the process over other damage.

    Texts that are a column themselves are not looked at, since reading one that is not UTF-8 raises for itself.

    Raises:
        ArrowInvalid: a value lies outside of what the file holds.
    """
    bare = {pa.string(): pa.binary(), pa.large_string(): pa.large_binary()}.get(column.type)
    try:
        (column if bare is None else column.view(bare)).validate(full=True)
    except pa.ArrowInvalid as error:
        if "UTF8" not in str(error):
            raise
        return False
    return True
