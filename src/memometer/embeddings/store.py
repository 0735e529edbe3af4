"""Vectors of records in pieces on disk, gathered a batch at a time."""

import collections
import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from memometer.arrays import Arrays, map_array
from memometer.data.records import Records
from memometer.embeddings.decoding import Batch
from memometer.embeddings.mended import any_mended
from memometer.embeddings.vectors import Embeddings
from memometer.engines import current
from memometer.locking import one_writer
from memometer.pieces import Pieces, Span, packed_rejects, tell
from memometer.progress import progress_bar
from memometer.storage.paths import AnyPath

__all__ = ["Gathered", "Span", "VectorPieces", "batches_by_span", "vectors_in_pieces"]


class VectorPieces(Pieces):
    """Pieces of vectors: ``rows`` of the records that have one, the rejects, and ``vectors`` in files of their own.

    A piece that left an image out which can be read now is made again.

    Args:
        folder: as in `Pieces`.
        records: n records.
        size: records per piece.
    """

    def __init__(self, folder: AnyPath, records: Records, *, size: int) -> None:
        stale = functools.partial(any_mended, records)
        super().__init__(folder, n=len(records), size=size, large=("vectors",), stale=stale)
        self._ids = records.record_ids

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
    folder: AnyPath,
    records: Records,
    batches: Callable[[Iterable[Span]], Iterable[Batch]],
    *,
    size: int,
    label: str,
    unit: str,
) -> VectorPieces:
    """The vectors of n records, made where they are not on disk yet, by the engine of this context.

    Args:
        folder: as in `Pieces`.
        records: n records.
        batches: the batches of the rows in spans, which are pieces, one piece after another; a frozen dataclass of what
            goes in, so that other processes can be sent it.
        size: records per piece.
        label: what the progress bar says.
        unit: what a record is there, e.g. ``"images"``.
    """
    with (
        one_writer(folder, wait=True, shared=current().shared),
        progress_bar(label, total=len(records), unit=unit) as advance,
    ):
        pieces = VectorPieces(folder, records, size=size)
        pieces.fill(Gathered(batches), label=label, advance=advance)
    return pieces


@dataclasses.dataclass(frozen=True)
class Gathered:
    """Pieces of vectors from batches of them.

    Attributes:
        batches: the batches of the rows in spans, one span after another; each batch is of one span.
    """

    batches: Callable[[Iterable[Span]], Iterable[Batch]]

    def __call__(self, spans: Iterable[Span]) -> Iterator[Arrays]:
        """The arrays of one span after another."""
        return map(_packed, batches_by_span(spans, self.batches))


def batches_by_span(
    spans: Iterable[Span], batches: Callable[[Iterable[Span]], Iterable[Batch]]
) -> Iterator[list[Batch]]:
    """The batches of each span together, told as they come.

    Args:
        spans: are taken as ``batches`` takes them, which may be ahead of what it gives.
        batches: the batches of the rows in spans, one span after another; each batch is of one span.
    """
    sizes = collections.deque[int]()

    def noted() -> Iterator[Span]:
        for start, stop in spans:
            sizes.append(stop - start)
            yield start, stop

    parts, done = list[Batch](), 0
    for batch in batches(noted()):
        parts.append(batch)
        n = len(batch.rows) + len(batch.rejects)
        tell(n)
        done += n
        if done == sizes[0]:
            yield parts
            sizes.popleft()
            parts, done = [], 0


def _packed(batches: Sequence[Batch]) -> Arrays:
    vectors = [batch.values for batch in batches if batch.values is not None]
    return {
        "rows": np.concatenate([batch.rows for batch in batches]),
        **packed_rejects(reject for batch in batches for reject in batch.rejects),
        "vectors": np.concatenate(vectors) if vectors else np.empty((0, 0), np.float32),
    }
