"""Rows of one image as one record: found by a hash of the image's name, brought together in a table of their own."""

import dataclasses
import hashlib
import itertools
import os.path
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from memometer.data.sources.base import PIECE_ROWS, Piece
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
    "write_together",
]

GROUPED = "rows-of-images.parquet"
"""The table of rows in the order of their images, in the scratch folder of an import."""

_SCHEMA = pa.schema(
    [("image", pa.int64()), ("path", pa.string()), ("number", pa.int64()), ("row", pa.large_binary())]
)  # a table may have more than 2 GiB


@dataclasses.dataclass(frozen=True)
class Payload:
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
    return os.path.normpath(os.path.join(os.path.dirname(table), name.replace("\\", "/")))  # noqa: PTH118, PTH120 (a Path for each of a million rows takes longer)


def name_hash(name: str | None, *, place: str) -> int:
    """64 bits of an image's name; of ``place``, which is a row's own, where it has none."""
    text = f"\0{place}" if name is None else name
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).digest(), "little")


def has_repeats(hashes: Iterable[int]) -> np.ndarray | None:
    """(n,) for every row its image's number, by first appearance; None where every row has an image of its own."""
    values = np.fromiter(hashes, np.uint64)
    distinct, first, image = np.unique(values, return_index=True, return_inverse=True)
    if len(distinct) == len(values):
        return None
    rank = np.empty(len(distinct), np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(distinct))
    numbers: np.ndarray = rank[image]
    return numbers


def bring_together(rows: Iterable[Payload], images: np.ndarray, scratch: Path) -> list[Piece]:
    """Writes the rows in the order of their images; a piece is one row group, and no image is in two."""
    table = _table(rows, images).take(pa.array(np.argsort(images, kind="stable")))
    bounds = _bounds(np.sort(images))
    path = scratch / GROUPED
    with table_writer(path, _SCHEMA) as writer:
        for start, stop in bounds:
            writer.write_table(table.slice(start, stop - start), row_group_size=stop - start)
    return [Piece(str(path), group=group, n_rows=stop - start) for group, (start, stop) in enumerate(bounds)]


def _table(rows: Iterable[Payload], images: np.ndarray) -> pa.Table:
    """The rows with their images' numbers; no more than `PIECE_ROWS` of them are Python objects at a time."""
    batches, start, remaining = [], 0, iter(rows)
    while together := list(itertools.islice(remaining, PIECE_ROWS)):
        numbers = images[start : start + len(together)]
        columns = [
            [payload.path for payload in together],
            [payload.number for payload in together],
            [payload.row for payload in together],
        ]
        batches.append(pa.table([numbers, *columns], schema=_SCHEMA))
        start += len(together)
    return pa.concat_tables(batches) if batches else _SCHEMA.empty_table()


def grouped_rows(piece: Piece) -> Iterator[list[Payload]]:
    """The rows of each image of a piece."""
    together: list[Payload] = []
    image = None
    for row in open_table(Path(piece.path)).read_row_group(piece.group).to_pylist():
        if row["image"] != image and together:
            yield together
            together = []
        image = row["image"]
        together.append(Payload(row["path"], row["number"], row["row"]))
    if together:
        yield together


def plan_groups(
    hashes: Callable[[], Iterable[int]], rows: Callable[[], Iterable[Payload]], scratch: Path
) -> tuple[list[Piece], str] | None:
    """The pieces of a source several of whose rows are of one image, with a remark; None where no two are."""
    images = has_repeats(hashes())
    return None if images is None else (bring_together(rows(), images, scratch), _remark(images))


def write_together(rows: Sequence[Payload], images: np.ndarray | None, scratch: Path) -> tuple[list[Piece], str]:
    """The pieces of a source whose rows are always written again, with a remark where several are of one image."""
    if images is None:
        return bring_together(rows, np.arange(len(rows)), scratch), ""
    return bring_together(rows, images, scratch), _remark(images)


def _remark(images: np.ndarray) -> str:
    return (
        f"{len(images):,} rows are of {int(images.max()) + 1:,} images: the rows of an image make one record "
        "(--one-row-per image takes each row for a record)"
    )


def _bounds(images: np.ndarray) -> list[tuple[int, int]]:
    """Spans of about `PIECE_ROWS` rows that begin and end with an image."""
    starts = np.flatnonzero(np.diff(images, prepend=-1))
    chosen = [0] if len(images) else []
    for start in starts.tolist():
        if start - chosen[-1] >= PIECE_ROWS:
            chosen.append(start)
    return list(zip(chosen, [*chosen[1:], len(images)][: len(chosen)], strict=True))
