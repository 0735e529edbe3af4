"""Boxes: where the objects of each image are, in compressed rows."""

import dataclasses

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from memometer.errors import InputError
from memometer.objects.lists import lengths, pointers

__all__ = ["Boxes", "boxes_of"]


@dataclasses.dataclass(frozen=True)
class Boxes:
    """The objects of each of n images with their places; unlike in `ObjectSets`, a label may occur several times.

    Attributes:
        indptr: (n + 1,) int64: the objects of image i are ``indptr[i]`` to ``indptr[i + 1]``.
        xywh: (t, 4) float64 px, left, top, width and height; NaN where the source does not say.
        labels: (t,) strings.
        scores: (t,) float32, a detector's confidence; NaN where there is none.
    """

    indptr: npt.NDArray[np.int64]
    xywh: npt.NDArray[np.float64]
    labels: pa.Array
    scores: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.indptr) - 1

    @property
    def images(self) -> npt.NDArray[np.int64]:
        """(t,) the image of each object."""
        return np.repeat(np.arange(len(self)), np.diff(self.indptr))

    def where(self, chosen: npt.NDArray[np.bool_]) -> "Boxes":
        """The objects that are ``chosen`` (t,), in their order; every image stays, some perhaps without an object."""
        indptr = pointers(np.bincount(self.images[chosen], minlength=len(self)))
        return Boxes(indptr, self.xywh[chosen], self.labels.filter(pa.array(chosen)), self.scores[chosen])

    def take(self, rows: npt.NDArray[np.int64]) -> "Boxes":
        """The objects of the images at ``rows``, in that order."""
        sizes = np.diff(self.indptr)[rows]
        indptr = pointers(sizes)
        at = np.repeat(self.indptr[rows] - indptr[:-1], sizes) + np.arange(indptr[-1])
        return Boxes(indptr, self.xywh[at], self.labels.take(pa.array(at)), self.scores[at])

    def of_class(self, classes: pa.Array) -> npt.NDArray[np.bool_]:
        """(t,) whether an object is of its image's class, given the class of each image (n,), null for none."""
        same = pc.equal(self.labels, classes.take(pa.array(self.images)))
        chosen: npt.NDArray[np.bool_] = pc.fill_null(same, fill_value=False).to_numpy(zero_copy_only=False)
        return chosen


def boxes_of(objects: pa.Array, boxes: pa.Array, scores: pa.Array | None = None) -> Boxes:
    """All objects with their places, from columns of ``records.parquet``.

    Args:
        objects: (n,) lists of labels; null is an image without objects.
        boxes: (n,) lists of boxes (x, y, width, height in px) parallel to the objects; a list or a box may be null.
        scores: (n,) lists of numbers, likewise.

    Raises:
        InputError: an image has another number of boxes or scores than of objects.

    >>> found = boxes_of(pa.array([["cat", "dog"], None]), pa.array([[[1, 2, 3, 4], None], None]))
    >>> found.indptr.tolist(), found.xywh.tolist()
    ([0, 2, 2], [[1.0, 2.0, 3.0, 4.0], [nan, nan, nan, nan]])
    """
    indptr = pointers(lengths(objects))
    n_objects = int(indptr[-1])
    xywh = np.full((n_objects, 4), np.nan)
    entries, places = _entries(boxes, indptr, what="boxes")
    known = np.flatnonzero(pc.is_valid(entries).to_numpy(zero_copy_only=False))
    sides = pc.list_flatten(entries).cast(pa.float64()).to_numpy(zero_copy_only=False)
    xywh[places[known]] = sides.reshape(-1, 4)
    confidences = np.full(n_objects, np.nan, np.float32)
    if scores is not None:
        entries, places = _entries(scores, indptr, what="scores")
        confidences[places] = entries.cast(pa.float32()).to_numpy(zero_copy_only=False)
    return Boxes(indptr, xywh, pc.list_flatten(objects).cast(pa.string()), confidences)


def _entries(lists: pa.Array, indptr: npt.NDArray[np.int64], *, what: str) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """The entries of all lists that are not null, and the place of each among the objects."""
    given = pc.is_valid(lists).to_numpy(zero_copy_only=False)
    sizes, expected = lengths(lists), np.diff(indptr)
    wrong = np.flatnonzero(given & (sizes != expected))
    if len(wrong):
        raise InputError(
            f"image {wrong[0]} has {sizes[wrong[0]]} {what} for {expected[wrong[0]]} objects; "
            f"give one for each object (null where it is unknown), or null for all {what} of the image"
        )
    starts = np.repeat(indptr[:-1][given] - pointers(sizes[given])[:-1], sizes[given])
    return pc.list_flatten(lists), starts + np.arange(int(sizes[given].sum()))
