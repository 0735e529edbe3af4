"""The objects that lie in a crop of each image, the most confident first."""

import dataclasses

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from memometer.errors import InputError
from memometer.objects.lists import lengths, pointers
from memometer.objects.vocabulary import plain_name

__all__ = ["CropObjects", "objects_in_crops"]

Array = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class CropObjects:
    """The labels of the objects in one crop of each of n images, in compressed sparse rows.

    Attributes:
        indptr: (n + 1,) int64, starts at 0, never falls.
        ids: (indptr[-1],) int32 label ids, unique within a crop, by falling confidence.
        n_objects: labels of the vocabulary; every id is below it.
    """

    indptr: npt.NDArray[np.int64]
    ids: npt.NDArray[np.int32]
    n_objects: int

    def __post_init__(self) -> None:
        """Checks the arrays.

        Raises:
            InputError: the arrays do not fit together, or a crop holds a label twice.
        """
        n_ids = len(self.ids)
        fits = len(self.indptr) > 0 and self.indptr[0] == 0 and self.indptr[-1] == n_ids
        if not fits or (np.diff(self.indptr) < 0).any():
            raise InputError(f"the rows of the crops' objects do not cover their {n_ids:,} labels from 0 on, in order")
        if n_ids and not (self.ids.min() >= 0 and self.ids.max() < self.n_objects):
            raise InputError(
                f"a crop holds an object outside the vocabulary of {self.n_objects:,}; expected ids from 0"
            )
        if len(np.unique(self.rows * self.n_objects + self.ids)) != n_ids:
            raise InputError("a crop holds the same object twice; a label counts once, with its highest confidence")

    def __len__(self) -> int:
        return len(self.indptr) - 1

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """(n,) the number of objects in each crop."""
        return np.diff(self.indptr)

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """(indptr[-1],) the crop that each id belongs to."""
        return np.repeat(np.arange(len(self)), self.sizes)

    @property
    def n_without_objects(self) -> int:
        """Crops that hold no object."""
        return int((self.sizes == 0).sum())

    def most_confident(self, k: int) -> "CropObjects":
        """At most the first ``k`` objects of each crop.

        >>> crops = CropObjects(np.array([0, 3, 4]), np.array([5, 2, 0, 1], np.int32), 6)
        >>> crops.most_confident(2).ids.tolist()
        [5, 2, 1]
        """
        place = np.arange(len(self.ids)) - np.repeat(self.indptr[:-1], self.sizes)
        return CropObjects(pointers(np.minimum(self.sizes, k)), self.ids[place < k], self.n_objects)


def objects_in_crops(
    crops: npt.NDArray[np.integer],
    *,
    objects: pa.Array,
    boxes: pa.Array,
    scores: pa.Array | None = None,
    own: pa.Array | None = None,
    vocabulary: pa.Array,
    min_inside: float = 0.5,
) -> CropObjects:
    """Which of an image's labelled boxes lie in its crop, by falling confidence.

    All that follows is memometer's choice where Kokhlikyan et al. (arXiv 2504.05651) leave it open. An object lies in
    the crop when at least half of its box does, so labels of whole images can be used. Confidence is the detector's
    score, 1 where there is none; equal ones are ordered by the larger area inside the crop, then by label id. A label
    that the crop holds several times counts once, at its best. A box without an area lies in no crop.

    Args:
        crops: (n, 4) x, y, width, height in px.
        objects: (n,) lists of labels; null is an empty list.
        boxes: (n,) lists of boxes, x, y, width, height in px, parallel to ``objects``; an object without a box lies
            in no crop.
        scores: (n,) lists of float, parallel to ``objects``.
        own: (n,) each image's own label, which is struck, however it is spelled (`plain_name`): its objects are what
            the reference is asked to guess. Null strikes nothing.
        vocabulary: labels, ascending and unique, e.g. of `label_union`; one for all the sets that are compared.
        min_inside: least share of a box's area that lies in the crop, above 0, at most 1.

    Raises:
        InputError: lengths differ, a crop has no area, or a label is outside the vocabulary.

    >>> found = objects_in_crops(
    ...     np.array([[0, 0, 50, 50]]),
    ...     objects=pa.array([["cat", "dog", "tree"]]),
    ...     boxes=pa.array([[[0, 0, 10, 10], [45, 0, 20, 20], [10, 10, 50, 50]]], pa.list_(pa.list_(pa.float32(), 4))),
    ...     vocabulary=pa.array(["cat", "dog", "tree"]),
    ... )
    >>> found.ids.tolist()  # half the tree is at 60 px, a quarter of the dog at 50 px
    [2, 0]
    """
    if not 0 < min_inside <= 1:
        raise InputError(f"min_inside = {min_inside}; expected a share of a box's area above 0 and at most 1")
    px = np.asarray(crops, np.float64)
    _check(px, objects, boxes, scores, own)
    sizes = lengths(objects)
    rows = np.repeat(np.arange(len(px)), sizes)
    ids = _label_ids(pc.list_flatten(objects), vocabulary)
    sides = _flat_boxes(boxes, sizes)
    area = sides[:, 2] * sides[:, 3]
    inside = _overlap(px[rows], sides)
    stay = (area > 0) & (inside >= min_inside * area)
    if own is not None:
        stay &= ~_is_own(ids, rows, own, vocabulary)
    order = np.lexsort((ids, -inside, -_flat_scores(scores, sizes), rows))
    order = order[stay[order]]
    rows, ids = rows[order], ids[order]
    _, first = np.unique(rows * max(len(vocabulary), 1) + ids, return_index=True)
    first.sort()
    indptr = pointers(np.bincount(rows[first], minlength=len(px)))
    return CropObjects(indptr, ids[first].astype(np.int32), len(vocabulary))


def _overlap(crops: Array, boxes: Array) -> Array:
    """(m,) px² of each box inside its crop; NaN for a box of NaN."""
    lower = np.maximum(crops[:, :2], boxes[:, :2])
    upper = np.minimum(crops[:, :2] + crops[:, 2:], boxes[:, :2] + boxes[:, 2:])
    sides = np.maximum(upper - lower, 0)
    return np.asarray(sides[:, 0] * sides[:, 1])


def _is_own(
    ids: npt.NDArray[np.int64], rows: npt.NDArray[np.int64], own: pa.Array, vocabulary: pa.Array
) -> npt.NDArray[np.bool_]:
    """(m,) whether the object's name is the image's own label's."""
    plain = pa.array([plain_name(name) for name in vocabulary.to_pylist()], pa.string())
    names = pc.unique(plain)
    distinct = pc.unique(own)
    place = pc.index_in(pa.array([plain_name(name or "") for name in distinct.to_pylist()], pa.string()), names)
    own_name = pc.fill_null(place, -1).to_numpy()[pc.index_in(own, distinct).to_numpy()]
    return np.asarray(pc.index_in(plain, names).to_numpy()[ids] == own_name[rows])


def _label_ids(labels: pa.Array, vocabulary: pa.Array) -> npt.NDArray[np.int64]:
    ids = pc.index_in(labels, value_set=vocabulary)
    if ids.null_count:
        unknown = pc.unique(labels.filter(pc.is_null(ids)))[:3].to_pylist()
        raise InputError(f"labels outside the vocabulary of {len(vocabulary):,}: {', '.join(map(str, unknown))}")
    return np.asarray(ids.to_numpy(), np.int64)


def _flat_boxes(boxes: pa.Array, sizes: npt.NDArray[np.int64]) -> Array:
    """(m, 4) float64, NaN for an object without a box."""
    sides = np.full((sizes.sum(), 4), np.nan)
    flat = pc.list_flatten(boxes)
    known = np.repeat(_has_list(boxes), sizes)
    known[known] = pc.is_valid(flat).to_numpy(zero_copy_only=False)
    values = pc.list_flatten(flat.drop_null())
    sides[known] = values.to_numpy(zero_copy_only=False).reshape(-1, 4)
    return sides


def _flat_scores(scores: pa.Array | None, sizes: npt.NDArray[np.int64]) -> Array:
    """(m,) float64, 1 for an object without a score."""
    values = np.ones(sizes.sum())
    if scores is not None:
        known = np.repeat(_has_list(scores), sizes)
        values[known] = pc.fill_null(pc.list_flatten(scores), 1.0).to_numpy(zero_copy_only=False)
    return values


def _check(crops: Array, objects: pa.Array, boxes: pa.Array, scores: pa.Array | None, own: pa.Array | None) -> None:
    n = len(crops)
    if crops.ndim != 2 or crops.shape[1:] != (4,):
        raise InputError(f"crops of shape {crops.shape}; expected (n, 4): x, y, width, height in px")
    columns = {"objects": objects, "boxes": boxes, "scores": scores, "own": own}
    for name, column in columns.items():
        if column is not None and len(column) != n:
            raise InputError(f"{len(column):,} rows of {name} for {n:,} crops; expected one for each")
    if n and crops[:, 2:].min() <= 0:
        row = int(np.flatnonzero(crops[:, 2:].min(axis=1) <= 0)[0])
        raise InputError(f"the crop of row {row} is {crops[row].tolist()}, without an area; leave such records out")
    for name, column in {"boxes": boxes, "scores": scores}.items():
        if column is None:
            continue
        wrong = _has_list(column) & (lengths(column) != lengths(objects))
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise InputError(
                f"{lengths(column)[row]} {name} for the {lengths(objects)[row]} objects of row {row}; "
                "expected one for each object, or null"
            )


def _has_list(lists: pa.Array) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.is_valid(lists).to_numpy(zero_copy_only=False), np.bool_)
