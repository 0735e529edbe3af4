"""Labels of records in pieces on disk, gathered a batch at a time."""

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
from memometer.embeddings.decoding import Batch, Images, image_batches
from memometer.embeddings.mended import any_mended
from memometer.embeddings.store import batches_by_span
from memometer.pieces import Pieces, Span, packed_rejects
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
        return map(_packed, batches_by_span(spans, self._labelled))

    def _labelled(self, spans: Iterable[Span]) -> Iterator[Batch]:
        """Batches whose values are what was found in each image."""
        for batch in image_batches(self._images(spans), workers=self.workers):
            images = batch.values or ()
            labels = self.annotator.annotate(images) if images else []
            found = [placed(each, image.size) for each, image in zip(labels, images, strict=True)]
            yield dataclasses.replace(batch, values=found)

    def _images(self, spans: Iterable[Span]) -> Iterator[Images]:
        """The images of a forward pass together."""
        seen = functools.partial(_seen, preprocess=self.annotator.preprocess)
        for start, stop in spans:
            for first in range(start, stop, self.batch_size):
                last = min(first + self.batch_size, stop)
                yield Images(np.arange(first, last), tuple(self.records.image_refs(first, last)), seen, gather=tuple)


def _packed(batches: Sequence[Batch]) -> Arrays:
    """The arrays of a piece, of batches of what was found."""
    each: list[Placed] = [found for batch in batches for found in batch.values]
    return {
        "rows": np.concatenate([batch.rows for batch in batches]),
        "counts": np.array([len(placed.labels) for placed in each], np.int64),
        "labels": np.concatenate([np.empty(0, np.int32), *(placed.labels for placed in each)]),
        "scores": np.concatenate([np.empty(0, np.float32), *(placed.scores for placed in each)]),
        "boxes": np.concatenate([np.empty((0, 4), np.float32), *(placed.boxes for placed in each)]),
        "moved": np.array([sum(p.n_clipped for p in each), sum(p.n_outside for p in each)], np.int64),
        **packed_rejects(reject for batch in batches for reject in batch.rejects),
    }


def _seen(image: Image.Image, place: int, *, preprocess: Callable[[Image.Image], Seen]) -> Seen:  # noqa: ARG001
    """What the model takes of an image; its place in the batch is nothing to it."""
    return preprocess(image)
