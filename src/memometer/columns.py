"""Columns of any length: as one array whatever their bytes, rows of them, and hashes of their values.

Arrow's ``string`` and ``list`` count bytes and elements of a chunk in 32 bits. A column of many chunks has no such
limit, but code that makes one array of it runs into it; whoever needs that, does it here.
"""

import concurrent.futures
import functools
import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from memometer.files import hash_json

__all__ = ["ROWS", "fits_narrow", "hash_columns", "is_text", "narrowed", "one_array", "pieces_of", "take_rows"]

NARROW = 2**31 - 1
"""Bytes of text, or elements of lists, that one array of 32-bit offsets holds."""

ROWS = 65_536
"""Of a piece of a column that is looked at in one go."""

LONG = 254
"""Lengths from here on are hashed apart, so that the others take a byte each."""


def one_array(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """A column as a single array: of its own type, or of ``large_string`` and ``large_list`` where it needs 64 bits.

    >>> one_array(pa.chunked_array([["a"], ["b", None]])).to_pylist()
    ['a', 'b', None]
    """
    if isinstance(column, pa.Array):
        return column
    if column.num_chunks == 1:
        return column.chunk(0)
    return (column if fits_narrow(column) else column.cast(_wide(column.type))).combine_chunks()


def fits_narrow(column: pa.ChunkedArray | pa.Array) -> bool:
    """Whether one array with offsets of 32 bits can hold the column."""
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    if is_text(column.type):
        return sum(map(_span, chunks)) <= NARROW
    if _is_list(column.type):
        values = [chunk.flatten() for chunk in chunks]
        return sum(map(len, values)) <= NARROW and fits_narrow(pa.chunked_array(values, column.type.value_type))
    return True


def take_rows(table: pa.Table, rows: npt.NDArray[np.int64] | Sequence[int] | pa.Array) -> pa.Table:
    """The ``rows`` of a table, in that order; its columns keep their types, whatever their bytes.

    >>> take_rows(pa.table({"a": ["x", "y", "z"]}), [2, 0])["a"].to_pylist()
    ['z', 'x']
    """
    places = np.asarray(rows, np.int64)
    if len(places) and not 0 <= places.min() <= places.max() < table.num_rows:
        raise IndexError(f"rows {places.min()} to {places.max()} of a table of {table.num_rows}")
    if bool(np.all(places[1:] >= places[:-1])):
        return pa.table([_ascending(column, places) for column in table.itercolumns()], schema=table.schema)
    order = np.argsort(places, kind="stable")
    back = np.empty(len(places), np.int64)
    back[order] = np.arange(len(places))
    columns = [_in_order(_ascending(column, places[order]), back) for column in table.itercolumns()]
    return pa.table(columns, schema=table.schema)


def pieces_of(column: pa.ChunkedArray | pa.Array, size: int = ROWS) -> Iterator[pa.Array]:
    """The column in arrays of at most ``size`` rows, without a copy."""
    for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
        for start in range(0, len(chunk), size):
            yield chunk.slice(start, size)


def hash_columns(table: pa.Table, names: Sequence[str]) -> str:
    """128-bit BLAKE2b, as 32 hex digits, of the values of some columns in their order.

    It tells values, nulls and kinds of values apart, and knows nothing of chunks, slices, dictionaries and the width of
    offsets: of texts and lists go in how long each is, and apart from that what they hold, one after another.
    """
    columns = [table[name] for name in names]
    with concurrent.futures.ThreadPoolExecutor() as threads:
        found = list(threads.map(_hash_column, columns))
    kinds = [_kind(column.type) for column in columns]
    return hash_json([table.num_rows, *map(list, zip(names, kinds, found, strict=True))])


def is_text(kind: pa.DataType) -> bool:
    """Whether values are texts or bytes, of either width of offsets."""
    checks = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    return any(check(kind) for check in checks)


def text_buffers(array: pa.Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """(n + 1,) offsets of an array of texts, from 0, and the bytes that they point into."""
    _, offsets, values = array.buffers()
    if not len(array) or offsets is None:
        return np.zeros(len(array) + 1, np.int64), np.empty(0, np.uint8)
    large = pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type)
    found = np.frombuffer(offsets, np.int64 if large else np.int32)[array.offset : array.offset + len(array) + 1]
    held = np.frombuffer(b"" if values is None else values, np.uint8)[found[0] : found[-1]]
    return found.astype(np.int64) - int(found[0]), held


def _ascending(column: pa.ChunkedArray, rows: npt.NDArray[np.int64]) -> pa.ChunkedArray:
    """Ascending rows of a column, chunk by chunk: Arrow would first make one array of all chunks."""
    parts, start = [], 0
    for chunk in column.chunks:
        first, last = np.searchsorted(rows, [start, start + len(chunk)])
        parts += [chunk.take(piece) for piece in pieces_of(pa.array(rows[first:last] - start))]
        start += len(chunk)
    return pa.chunked_array(parts, column.type)


def narrowed(array: pa.Array, kind: pa.DataType) -> pa.ChunkedArray:
    """The values in chunks of ``kind``, whose offsets have 32 bits, as many as it takes.

    >>> narrowed(pa.array(["a", "b"], pa.large_string()), pa.string()).type
    DataType(string)
    """
    return pa.chunked_array(_narrow_parts(array, kind), kind)


def _in_order(column: pa.ChunkedArray, rows: npt.NDArray[np.int64]) -> pa.ChunkedArray:
    whole = one_array(column)
    taken = (part for piece in pieces_of(pa.array(rows)) for part in _narrow_parts(whole.take(piece), column.type))
    return pa.chunked_array(taken, column.type)


def _narrow_parts(array: pa.Array, kind: pa.DataType) -> Iterator[pa.Array]:
    if array.type == kind:
        yield array
    elif fits_narrow(array):
        # a slice is cast with the offsets of the whole, so its values are put to a beginning first
        yield array.take(pa.array(np.arange(len(array)))).cast(kind) if array.offset else array.cast(kind)
    else:
        half = len(array) // 2
        yield from _narrow_parts(array.slice(0, half), kind)
        yield from _narrow_parts(array.slice(half), kind)


def _span(array: pa.Array) -> int:
    """Bytes of an array of texts."""
    return int(text_buffers(array)[0][-1])


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _wide(kind: pa.DataType) -> pa.DataType:
    """The type with offsets of 64 bits all through."""
    if pa.types.is_string(kind):
        return pa.large_string()
    if pa.types.is_binary(kind):
        return pa.large_binary()
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_wide(kind.value_type), kind.list_size)
    return pa.large_list(_wide(kind.value_type)) if _is_list(kind) else kind


def _kind(kind: pa.DataType) -> str:
    """The name of a type, whatever the width of its offsets."""
    if pa.types.is_dictionary(kind):
        return _kind(kind.value_type)
    if _is_list(kind):
        return f"list of {_kind(kind.value_type)}"
    return str(kind).removeprefix("large_")


def _hash_column(column: pa.ChunkedArray) -> dict[str, str]:
    """Digests of what a column is made of, by what it is."""
    digests: dict[str, Any] = defaultdict(functools.partial(hashlib.blake2b, digest_size=16))
    for piece in pieces_of(column):
        _feed(piece, digests)
    return {part: digest.hexdigest() for part, digest in digests.items()}


def _feed(array: pa.Array, digests: dict[str, Any], within: str = "") -> None:
    """Adds an array's values to the digests; those of lists go to digests of their own."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    valid = array.is_valid().to_numpy(zero_copy_only=False) if array.null_count else None
    if is_text(array.type) or _is_list(array.type):
        lengths = _lengths(array)
        if valid is not None:
            lengths = np.where(valid, lengths, -1)
        digests[f"{within}lengths"].update(np.minimum(lengths + 1, LONG + 1).astype(np.uint8))
        if len(long := lengths[lengths >= LONG]):
            digests[f"{within}long"].update(np.ascontiguousarray(long, np.int64))
    elif not pa.types.is_null(array.type):
        digests[f"{within}valid"].update(np.ones(len(array), np.uint8) if valid is None else valid.view(np.uint8))
    if _is_list(array.type):
        _feed(array.flatten(), digests, f"{within}in ")
        return
    there = array.drop_null() if array.null_count else array
    if is_text(array.type):
        digests[f"{within}values"].update(text_buffers(there)[1])
    elif pa.types.is_boolean(array.type):
        digests[f"{within}values"].update(there.to_numpy(zero_copy_only=False).view(np.uint8))
    elif not pa.types.is_null(array.type):
        digests[f"{within}values"].update(_fixed(there))


def _lengths(array: pa.Array) -> npt.NDArray[np.int64]:
    """(n,) bytes of texts or elements of lists; of a null, any number."""
    if is_text(array.type):
        return np.diff(text_buffers(array)[0])
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    return np.asarray(lengths, np.int64)


def _fixed(array: pa.Array) -> npt.NDArray[np.uint8]:
    """The bytes of values that have one width, without nulls."""
    if not len(array):
        return np.empty(0, np.uint8)
    width = array.type.bit_width // 8
    held: npt.NDArray[np.uint8] = np.frombuffer(array.buffers()[1], np.uint8)
    return held[array.offset * width : (array.offset + len(array)) * width]
