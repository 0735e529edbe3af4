"""Labels of records in pieces on disk, gathered a batch at a time."""

import functools
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from memometer.annotators.boxes import CLIPPED, OUTSIDE, Placed
from memometer.annotators.labelling import Labels
from memometer.data.records import Records
from memometer.embeddings.mended import any_mended
from memometer.pieces import Pieces, packed_rejects

__all__ = ["LabelPieces"]


class LabelPieces(Pieces):
    """Pieces of labels: of each of ``rows`` how many (``counts``), and their ``labels``, ``scores`` and ``boxes``.

    A piece that left an image out which can be read now is made again.

    Args:
        folder: as in `Pieces`.
        records: n records.
        size: records per piece.
    """

    def __init__(self, folder: Path, records: Records, *, size: int) -> None:
        super().__init__(folder, n=len(records), size=size, stale=functools.partial(any_mended, records))
        self._size = size
        self._found: list[tuple[int, Placed]] = []
        self._left_out: list[tuple[int, str]] = []

    def add(self, found: Sequence[tuple[int, Placed]], rejects: Sequence[tuple[int, str]]) -> None:
        """Takes the next batch of a piece, by row; writes the piece with its last batch."""
        self._found += found
        self._left_out += rejects
        first = min(row for row, _ in [*self._found, *self._left_out])
        start, stop = self.spans[first // self._size]
        if len(self._found) + len(self._left_out) < stop - start:
            return
        each = [placed for _, placed in self._found]
        self.write(
            first // self._size,
            {
                "rows": np.array([row for row, _ in self._found], np.int64),
                "counts": np.array([len(placed.labels) for placed in each], np.int64),
                "labels": np.concatenate([np.empty(0, np.int32), *(placed.labels for placed in each)]),
                "scores": np.concatenate([np.empty(0, np.float32), *(placed.scores for placed in each)]),
                "boxes": np.concatenate([np.empty((0, 4), np.float32), *(placed.boxes for placed in each)]),
                "moved": np.array([sum(p.n_clipped for p in each), sum(p.n_outside for p in each)], np.int64),
                **packed_rejects(self._left_out),
            },
        )
        self._found, self._left_out = [], []

    def labels(self, names: Sequence[str]) -> Iterator[Labels]:
        """What was found, in the order of the records."""
        terms = pa.array(list(names), pa.string())
        for piece in self:
            labels = terms.take(pa.array(piece["labels"]))
            yield Labels(piece["rows"], piece["counts"], labels, piece["scores"], piece["boxes"])

    def moved(self) -> dict[str, int]:
        """Boxes that are not as the annotator gave them, by what was done to them."""
        clipped, outside = np.sum([np.zeros(2, np.int64), *self.column("moved")], axis=0).tolist()
        return dict(+Counter({CLIPPED: clipped, OUTSIDE: outside}))
