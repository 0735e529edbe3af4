"""Vectors of records in pieces on disk, gathered a batch at a time."""

import functools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from memometer.arrays import map_array
from memometer.data.records import Records
from memometer.embeddings.decoding import Batch
from memometer.embeddings.mended import any_mended
from memometer.embeddings.vectors import Embeddings
from memometer.locking import one_writer
from memometer.pieces import Pieces, packed_rejects
from memometer.progress import progress_bar

__all__ = ["Span", "VectorPieces", "vectors_in_pieces"]

Span = tuple[int, int]
"""Rows of the records: the first, and the one after the last."""


class VectorPieces(Pieces):
    """Pieces of vectors: ``rows`` of the records that have one, the rejects, and ``vectors`` in files of their own.

    A piece that left an image out which can be read now is made again.

    Args:
        folder: as in `Pieces`.
        records: n records.
        size: records per piece.
    """

    def __init__(self, folder: Path, records: Records, *, size: int) -> None:
        stale = functools.partial(any_mended, records)
        super().__init__(folder, n=len(records), size=size, large=("vectors",), stale=stale)
        self._size = size
        self._ids = records.record_ids
        self._rows: list[int] = []
        self._vectors: list[npt.NDArray[np.floating]] = []
        self._left_out: list[tuple[int, str]] = []

    def add(self, batch: Batch) -> None:
        """Takes the next batch of a piece, whose batches come one after another; writes the piece with its last."""
        self._rows += batch.rows.tolist()
        self._left_out += batch.rejects
        if batch.values is not None:
            self._vectors.append(batch.values)
        piece = (self._rows or [self._left_out[0][0]])[0] // self._size
        start, stop = self.spans[piece]
        if len(self._rows) + len(self._left_out) == stop - start:
            vectors = np.concatenate(self._vectors) if self._vectors else np.empty((0, 0), np.float32)
            rows = np.array(self._rows, np.int64)
            self.write(piece, {"rows": rows, **packed_rejects(self._left_out), "vectors": vectors})
            self._rows, self._vectors, self._left_out = [], [], []

    def embeddings(self, *, name: str) -> Embeddings:
        """All pieces as one, in record order; the vectors stay on disk."""
        rows = self.column("rows")
        used = [piece for piece, here in enumerate(rows) if len(here)]
        paths = tuple(self.path(piece, "vectors") for piece in used)
        return Embeddings(
            record_ids=self._ids.take(pa.array(np.concatenate([np.empty(0, np.int64), *rows]))),
            pieces=paths,
            starts=np.cumsum([0, *(len(rows[piece]) for piece in used)], dtype=np.int64),
            rows=None,
            dim=int(map_array(paths[0]).shape[1]) if used else 0,
            name=name,
        )

    def rejected(self) -> tuple[tuple[str, str], ...]:
        """(record_id, reason) of every record left out, in record order."""
        return tuple((self._ids[row].as_py(), reason) for row, reason in self.rejects())


def vectors_in_pieces(
    folder: Path,
    records: Records,
    batches: Callable[[Sequence[Span]], Iterable[Batch]],
    *,
    size: int,
    label: str,
    unit: str,
) -> VectorPieces:
    """The vectors of n records, made where they are not on disk yet.

    Args:
        folder: as in `Pieces`.
        records: n records.
        batches: the batches of the rows in spans, which are pieces, one piece after another.
        size: records per piece.
        label: what the progress bar says.
        unit: what a record is there, e.g. ``"images"``.
    """
    with one_writer(folder, wait=True), progress_bar(label, total=len(records), unit=unit) as advance:
        pieces = VectorPieces(folder, records, size=size)
        missing = [pieces.spans[piece] for piece in pieces.missing]
        advance(len(records) - sum(stop - start for start, stop in missing))
        for batch in batches(missing) if missing else ():
            pieces.add(batch)
            advance(len(batch.rows) + len(batch.rejects))
    return pieces
