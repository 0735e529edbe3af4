"""Arrow IPC, streams and files: mapped into memory, or in a store read a record batch at a time.

A stream has no list of its batches. That of one in a store is made from the messages' heads, whose layout is that of
Arrow's columnar format ("Encapsulated message format", "Message.fbs"); their bodies are passed over.
"""

import bisect
import dataclasses
import functools
import itertools
import os
import struct
from collections.abc import Iterator

import pyarrow as pa

from memometer.storage.addresses import is_remote
from memometer.storage.reading import read_span, stored

__all__ = ["ARROW_SUFFIXES", "MAX_BATCH_BYTES", "ArrowTable", "holds_text", "open_arrow", "version_of"]

ARROW_SUFFIXES = (".arrow", ".feather")
"""Of Arrow streams and files: Hugging Face's, and what pandas calls Feather."""

MAX_BATCH_BYTES = 2**30
"""Of one record batch in a store, which is read as a whole for each image in it."""

FILE_MARK = b"ARROW1\0\0"
CONTINUATION = b"\xff\xff\xff\xff"
SCHEMA, DICTIONARY, BATCH = 1, 2, 3
HEAD = 2**12
"""Bytes that are read of a message before its length is known."""


@dataclasses.dataclass(frozen=True)
class _Batch:
    """A record batch in a store: where its message lies, and its rows."""

    offset: int
    length: int
    first: int
    n_rows: int


@dataclasses.dataclass(frozen=True)
class ArrowTable:
    """A table on disk or in a store.

    Attributes:
        path: of the file.
        schema: of its columns.
        num_rows: of all.
        whole: the table, on disk; None in a store.
        start: of one in a store, its schema and dictionaries as a stream has them.
        batches: of one in a store.
    """

    path: str
    schema: pa.Schema
    num_rows: int
    whole: pa.Table | None = None
    start: bytes = b""
    batches: tuple[_Batch, ...] = ()

    def spans(self, most: int) -> Iterator[tuple[int, int]]:
        """Runs of rows, first row and number: of ``most`` on disk, of a batch in a store."""
        if self.whole is None:
            yield from ((batch.first, batch.n_rows) for batch in self.batches if batch.n_rows)
        else:
            yield from ((row, min(most, self.num_rows - row)) for row in range(0, self.num_rows, most))

    def rows(self, first: int, n_rows: int) -> pa.Table:
        """Rows of one span, or some of them.

        Raises:
            ArrowException: the table is damaged.
            OSError: it cannot be read.
        """
        if self.whole is not None:
            return self.whole.slice(first, n_rows)
        place = bisect.bisect_right([batch.first for batch in self.batches], first) - 1
        found = _read_batch(self.path, stored(self.path), place)
        return found.slice(first - self.batches[place].first, n_rows)


def open_arrow(path: str) -> ArrowTable:
    """The table of an Arrow stream or file, here or in a store; its bytes are read when they are asked for.

    Raises:
        ArrowException: it is neither.
        OSError: it cannot be read.
    """
    return _listed(path, stored(path)) if is_remote(path) else _mapped(path, version_of(path))


def version_of(path: str) -> tuple[int, int]:
    """What changes with a file's content, so that nothing is kept in memory that is no longer there."""
    status = os.stat(path)  # noqa: PTH116 (for every image)
    return status.st_size, status.st_mtime_ns


@functools.lru_cache(maxsize=8)  # one file after another, as records come in order
def _mapped(path: str, version: tuple[int, int]) -> ArrowTable:  # noqa: ARG001 (a key)
    source = pa.memory_map(path)
    try:
        whole = pa.ipc.open_stream(source).read_all()
    except pa.ArrowInvalid:
        whole = pa.ipc.open_file(source).read_all()
    return ArrowTable(path, whole.schema, whole.num_rows, whole)


@functools.lru_cache(maxsize=64)
def _listed(path: str, version: object) -> ArrowTable:  # noqa: ARG001 (a key)
    start, batches, row = b"", list[_Batch](), 0
    for kind, offset, length, n_rows in _messages(path, size=stored(path).size):
        if kind == BATCH:
            if length > MAX_BATCH_BYTES:
                raise pa.ArrowInvalid(
                    f"it has {length / 2**30:.1f} GiB in one record batch, more than {MAX_BATCH_BYTES / 2**30:.0f}; "
                    "every single image would cost reading all of them: write it again in smaller ones, or as Parquet"
                )
            batches.append(_Batch(offset, length, row, n_rows))
            row += n_rows
        elif kind in {SCHEMA, DICTIONARY}:
            start += read_span(path, offset, length)
    return ArrowTable(path, pa.ipc.open_stream(start).schema, row, start=start, batches=tuple(batches))


@functools.lru_cache(maxsize=2)  # records come in order, so the next image is most often in the same batch
def _read_batch(path: str, version: object, place: int) -> pa.Table:  # noqa: ARG001 (a key)
    table = open_arrow(path)
    batch = table.batches[place]
    return pa.ipc.open_stream(table.start + read_span(path, batch.offset, batch.length)).read_all()


def _messages(path: str, *, size: int) -> Iterator[tuple[int, int, int, int]]:
    """Kind, offset, length and rows of each message.

    Raises:
        ArrowInvalid: it is no Arrow, or ends early.
    """
    place = len(FILE_MARK) if read_span(path, 0, min(len(FILE_MARK), size)) == FILE_MARK else 0
    for number in itertools.count():
        head = read_span(path, place, min(HEAD, size - place))
        if not head and number:
            return  # a stream may end without saying so
        if head[:4] != CONTINUATION or len(head) < 8:
            raise pa.ArrowInvalid("it is no Arrow stream or file of version 0.15 or later")
        (n_head,) = struct.unpack_from("<i", head, 4)
        if n_head == 0:
            return
        if not 0 < n_head <= size - place - 8:
            raise pa.ArrowInvalid("it ends early, or is damaged")
        if len(head) < 8 + n_head:
            head = read_span(path, place, 8 + n_head)
        kind, n_rows, body = _parsed(head[8 : 8 + n_head])
        length = 8 + n_head + body
        if body < 0 or n_rows < 0 or place + length > size:
            raise pa.ArrowInvalid("it ends early, or is damaged")
        yield kind, place, length, n_rows
        place += length


def _parsed(message: bytes) -> tuple[int, int, int]:
    """Kind, rows and bytes of the body of a message, from its flatbuffer."""
    try:
        (root,) = struct.unpack_from("<I", message, 0)
        kind = _scalar(message, root, 1, "<B")
        body = _scalar(message, root, 3, "<q")
        at = _place(message, root, 2)
        n_rows = 0
        if kind == BATCH and at is not None:
            n_rows = _scalar(message, at + struct.unpack_from("<I", message, at)[0], 0, "<q")
    except struct.error:
        raise pa.ArrowInvalid("it is damaged") from None
    return kind, n_rows, body


def _place(message: bytes, table: int, field: int) -> int | None:
    """Where a field of a flatbuffer's table stands; None for one that is left out."""
    vtable = table - struct.unpack_from("<i", message, table)[0]
    entry = 4 + 2 * field
    offset = struct.unpack_from("<H", message, vtable + entry)[0] if entry < _length(message, vtable) else 0
    return table + offset if offset else None


def _length(message: bytes, vtable: int) -> int:
    if vtable < 0:
        raise struct.error
    return int(struct.unpack_from("<H", message, vtable)[0])


def _scalar(message: bytes, table: int, field: int, form: str) -> int:
    at = _place(message, table, field)
    return 0 if at is None else int(struct.unpack_from(form, message, at)[0])


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
