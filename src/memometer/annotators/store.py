"""Labels of records in pieces on disk, gathered a batch at a time."""

import collections
import dataclasses
import functools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
from PIL import Image

from memometer.annotators.base import Annotator, Seen
from memometer.annotators.boxes import CLIPPED, OUTSIDE, Placed, placed
from memometer.annotators.labelling import Labels
from memometer.arrays import Arrays
from memometer.data.records import Records
from memometer.embeddings.decoding import Images, image_batches
from memometer.embeddings.mended import any_mended
from memometer.pieces import Pieces, Span, packed_rejects, tell
from memometer.storage.paths import AnyPath

__all__ = ["LabelPieces", "Labelling"]


class LabelPieces(Pieces):
    """Pieces of labels: of each of ``rows`` how many (``counts``), and their ``labels``, ``scores`` and ``boxes``.

    A piece that left an image out which can be read now is made again.

    Args:
        folder: as in `Pieces`.
        records: n records.
        size: records per piece.
    """

    def __init__(self, folder: AnyPath, records: Records, *, size: int) -> None:
        super().__init__(folder, n=len(records), size=size, stale=functools.partial(any_mended, records))

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


@dataclasses.dataclass(frozen=True)
class Labelling:
    """The labels of records, a forward pass at a time.

    Attributes:
        records: n records.
        annotator: a model.
        batch_size: images per forward pass.
        workers: processes that decode; 0 decodes in this one.
    """

    records: Records
    annotator: Annotator
    batch_size: int
    workers: int

    def __call__(self, spans: Iterable[Span]) -> Iterator[Arrays]:
        """The arrays of one span after another."""
        sizes = collections.deque[int]()

        def batches() -> Iterator[Images]:
            for start, stop in spans:
                sizes.append(stop - start)
                for first in range(start, stop, self.batch_size):
                    last = min(first + self.batch_size, stop)
                    refs = tuple(self.records.image_refs(first, last))
                    seen = functools.partial(_seen, preprocess=self.annotator.preprocess)
                    yield Images(np.arange(first, last), refs, seen, gather=tuple)

        found, left_out = list[tuple[int, Placed]](), list[tuple[int, str]]()
        for batch in image_batches(batches(), workers=self.workers):
            images = batch.values or ()
            labels = self.annotator.annotate(images) if images else []
            boxed = [placed(each, image.size) for each, image in zip(labels, images, strict=True)]
            found += zip(batch.rows.tolist(), boxed, strict=True)
            left_out += batch.rejects
            tell(len(batch.rows) + len(batch.rejects))
            if len(found) + len(left_out) == sizes[0]:
                yield _packed(found, left_out)
                sizes.popleft()
                found, left_out = [], []


def _packed(found: Sequence[tuple[int, Placed]], left_out: Sequence[tuple[int, str]]) -> Arrays:
    """The arrays of a piece, of what was found by row."""
    each = [placed for _, placed in found]
    return {
        "rows": np.array([row for row, _ in found], np.int64),
        "counts": np.array([len(placed.labels) for placed in each], np.int64),
        "labels": np.concatenate([np.empty(0, np.int32), *(placed.labels for placed in each)]),
        "scores": np.concatenate([np.empty(0, np.float32), *(placed.scores for placed in each)]),
        "boxes": np.concatenate([np.empty((0, 4), np.float32), *(placed.boxes for placed in each)]),
        "moved": np.array([sum(p.n_clipped for p in each), sum(p.n_outside for p in each)], np.int64),
        **packed_rejects(left_out),
    }


def _seen(image: Image.Image, place: int, *, preprocess: Callable[[Image.Image], Seen]) -> Seen:  # noqa: ARG001
    """What the model takes of an image; its place in the batch is nothing to it."""
    return preprocess(image)
