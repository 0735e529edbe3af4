"""Rows of one image as one record: found by a hash of the image's name, brought together in a table of their own."""

import contextlib
import functools
import hashlib
import itertools
import os.path
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from memometer.data.arrow_tables import version_of
from memometer.data.sources.base import PIECE_ROWS, Piece
from memometer.storage.addresses import inside_of, is_remote
from memometer.tables import open_table, table_writer

__all__ = [
    "GROUPED",
    "Payload",
    "bring_together",
    "grouped_rows",
    "has_repeats",
    "image_key",
    "name_hash",
    "plan_groups",
]

GROUPED = "rows-of-images.parquet"
"""The table of rows in the order of their images, in the scratch folder of an import."""

BUCKET_PIECES = 64
"""Pieces whose rows are in memory together."""

_LOOSE = re.compile(r"//|/\.|^\.|/$")
"""In paths that are not as short as they could be; and in those of hidden files."""

_SCHEMA = pa.schema(
    [("image", pa.int64()), ("path", pa.string()), ("number", pa.int64()), ("row", pa.large_binary())]
)  # a table may have more than 2 GiB


class Payload(NamedTuple):
    """One row as its reader can read it again.

    Attributes:
        path: the table.
        number: from 0, within the table.
        row: the row's bytes, whatever the reader makes of them.
    """

    path: str
    number: int
    row: bytes


def image_key(name: str | None, *, table: str) -> str | None:
    r"""One text for all spellings of an image's path in a table: with slashes or backslashes, ``./``, absolute.

    >>> image_key(".\\images\\1.jpg", table="/data/t.csv")
    '/data/images/1.jpg'
    """
    if name is None:
        return None
    if is_remote(table):
        return inside_of(table, name) or name
    name = name.replace("\\", "/") if "\\" in name else name
    path = name if name.startswith("/") else f"{_folder(table)}/{name}"
    return os.path.normpath(path) if _LOOSE.search(path) else path


@functools.lru_cache(maxsize=8)
def _folder(table: str) -> str:
    return os.path.normpath(os.path.dirname(table))  # noqa: PTH120 (as the names in it)


def name_hash(name: str | None, *, place: str) -> int:
    """64 bits of an image's name; of ``place``, which is a row's own, where it has none."""
    text = f"\0{place}" if name is None else name
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).digest(), "little")


def has_repeats(values: np.ndarray) -> np.ndarray | None:
    """(n,) for every row its image's number, by first appearance; None where every row has an image of its own."""
    distinct, first, image = np.unique(values, return_index=True, return_inverse=True)
    if len(distinct) == len(values):
        return None
    rank = np.empty(len(distinct), np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(distinct))
    numbers: np.ndarray = rank[image]
    return numbers


def bring_together(rows: Iterable[Payload], images: np.ndarray, scratch: Path) -> list[Piece]:
    """Writes the rows in the order of their images; a piece is one row group, and no image is in two.

    No more than the rows of a bucket are in memory at a time: rows are first dealt out by their images into files.
    """
    ordered = np.sort(images)
    bounds = _bounds(ordered)
    buckets = [bounds[start : start + BUCKET_PIECES] for start in range(0, len(bounds), BUCKET_PIECES)]
    files = [scratch / f"bucket-{number}.arrow" for number in range(len(buckets))]
    _deal(rows, images, files, firsts=[int(ordered[bucket[0][0]]) for bucket in buckets])
    path = scratch / GROUPED
    with table_writer(path, _SCHEMA) as writer:
        for file, bucket in zip(files, buckets, strict=True):
            with pa.OSFile(str(file)) as source:
                table = pa.ipc.open_stream(source).read_all()
            file.unlink()
            table = table.take(pa.array(np.argsort(table["image"].to_numpy(), kind="stable")))
            first = bucket[0][0]
            for start, stop in bucket:
                writer.write_table(table.slice(start - first, stop - start), row_group_size=stop - start)
    return [Piece(str(path), group=group, n_rows=stop - start) for group, (start, stop) in enumerate(bounds)]


def _deal(rows: Iterable[Payload], images: np.ndarray, files: Sequence[Path], *, firsts: Sequence[int]) -> None:
    """Writes every row into the file of its image; ``firsts`` are the files' first images, ascending."""
    start, remaining = 0, iter(rows)
    with contextlib.ExitStack() as stack:
        sinks = [stack.enter_context(pa.OSFile(str(file), "wb")) for file in files]
        writers = [stack.enter_context(pa.ipc.new_stream(sink, _SCHEMA)) for sink in sinks]
        while together := list(itertools.islice(remaining, PIECE_ROWS)):
            numbers = images[start : start + len(together)]
            columns = [list(column) for column in zip(*together, strict=True)]
            batch = pa.record_batch([pa.array(numbers), *columns], schema=_SCHEMA)
            of_bucket = np.searchsorted(firsts, numbers, side="right") - 1
            for bucket in np.unique(of_bucket).tolist():
                writers[bucket].write_batch(batch.filter(pa.array(of_bucket == bucket)))
            start += len(together)


def grouped_rows(piece: Piece) -> Iterator[list[Payload]]:
    """The rows of each image of a piece."""
    together: list[Payload] = []
    image = None
    table = _open(piece.path, version_of(piece.path)).read_row_group(piece.group)
    for of_image, *row in zip(*(table[name].to_pylist() for name in _SCHEMA.names), strict=True):
        if of_image != image and together:
            yield together
            together = []
        image = of_image
        together.append(Payload(*row))
    if together:
        yield together


@functools.lru_cache(maxsize=1)  # else every piece would read the whole table for its seal
def _open(path: str, version: tuple[int, int]) -> pq.ParquetFile:  # noqa: ARG001 (a key)
    return open_table(Path(path))


def plan_groups(
    hashes: Iterable[int], rows: Callable[[], Iterable[Payload]], scratch: Path, *, always: bool
) -> tuple[list[Piece] | None, list[str]]:
    """The pieces of a source several of whose rows are of one image, with a remark.

    Where no two are, there are none; with ``always`` they are those of the rows as they come.
    """
    values = np.fromiter(hashes, np.uint64)
    images = has_repeats(values)
    if images is None:
        return bring_together(rows(), np.arange(len(values)), scratch) if always else None, []
    remark = (
        f"{len(images):,} rows are of {int(images.max()) + 1:,} images: the rows of an image make one record "
        "(--one-row-per image takes each row for a record)"
    )
    return bring_together(rows(), images, scratch), [remark]


def _bounds(images: np.ndarray) -> list[tuple[int, int]]:
    """Spans of about `PIECE_ROWS` rows that begin and end with an image."""
    starts = np.flatnonzero(np.diff(images, prepend=-1))
    chosen = [0] if len(images) else []
    for start in starts.tolist():
        if start - chosen[-1] >= PIECE_ROWS:
            chosen.append(start)
    return list(zip(chosen, [*chosen[1:], len(images)][: len(chosen)], strict=True))
