"""Arrow IPC files, mapped into memory."""

import functools

import pyarrow as pa

__all__ = ["open_arrow"]


@functools.lru_cache(maxsize=8)  # one file after another, as records come in order
def open_arrow(path: str, version: tuple[int, int] = (0, 0)) -> pa.Table:  # noqa: ARG001 (a key)
    """The table of an Arrow stream or file; its bytes are read when they are asked for.

    Args:
        path: the file.
        version: what changes with its content, so that nothing is kept that is no longer there.

    Raises:
        ArrowException: it is neither.
    """
    source = pa.memory_map(path)
    try:
        return pa.ipc.open_stream(source).read_all()
    except pa.ArrowInvalid:
        return pa.ipc.open_file(source).read_all()
