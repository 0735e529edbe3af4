"""Object sets: which labels each image holds, in compressed sparse rows over a vocabulary."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from memometer.errors import InputError
from memometer.objects.lists import lengths, pointers

__all__ = ["ObjectSets", "concat_sets", "label_union", "object_sets", "sets_of_pairs"]

BATCH = 1 << 20
"""Images whose labels are sorted at a time: bounds the memory, changes no result."""


@dataclasses.dataclass(frozen=True)
class ObjectSets:
    """The set of labels of each of n images.

    Attributes:
        indptr: (n + 1,) int64, starts at 0, never falls.
        indices: (indptr[-1],) int32 label ids, ascending and unique within an image.
        labels: (v,) strings, ascending: a label's id is its place here, so ids never depend on the order of records.
        scores: (indptr[-1],) float32, the highest detector score of the label in the image, or None without scores.
    """

    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]
    labels: pa.Array
    scores: npt.NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.indptr) - 1

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """(n,) the number of labels of each image."""
        return np.diff(self.indptr)

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """(indptr[-1],) the image of each label, parallel to ``indices``."""
        return np.repeat(np.arange(len(self)), self.sizes)

    def lot(self, start: int, stop: int) -> "ObjectSets":
        """The sets of some consecutive images, as views."""
        first, last = self.indptr[start], self.indptr[stop]
        scores = None if self.scores is None else self.scores[first:last]
        return ObjectSets(self.indptr[start : stop + 1] - first, self.indices[first:last], self.labels, scores)

    def batches(self, size: int) -> Iterator[tuple[int, "ObjectSets"]]:
        """Lots of ``size`` images one after another, with the first image of each; one, though empty, of none."""
        for start in range(0, max(len(self), 1), size):
            yield start, self.lot(start, min(start + size, len(self)))

    def of(self, row: int) -> list[str]:
        """The labels of one image, in order of their ids."""
        return list(self.labels.take(pa.array(self.indices[self.indptr[row] : self.indptr[row + 1]])).to_pylist())


def label_union(columns: Sequence[pa.Array | pa.ChunkedArray]) -> pa.Array:
    """The sorted distinct labels of several columns of ``list<string>``: a vocabulary for sets that are compared.

    >>> label_union([pa.array([["dog", "cat"]]), pa.array([["ant"], None])]).to_pylist()
    ['ant', 'cat', 'dog']
    """
    distinct = [pc.unique(pc.list_flatten(column)) for column in columns]
    chunks = [array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array for array in distinct]
    merged = pc.unique(pa.chunked_array([pc.drop_null(array).cast(pa.string()) for array in chunks], pa.string()))
    return merged.take(pc.sort_indices(merged))


def concat_sets(sets: Sequence[ObjectSets]) -> ObjectSets:
    """The images of several object sets, one after another; scores are kept where all have them.

    Raises:
        InputError: there are none, or their labels differ.
    """
    if not sets:
        raise InputError("no object sets to put together; give at least one")
    if any(not part.labels.equals(sets[0].labels) for part in sets):
        raise InputError("object sets over different labels cannot be put together; build all over one `label_union`")
    scores = [part.scores for part in sets if part.scores is not None]
    return ObjectSets(
        pointers(np.concatenate([part.sizes for part in sets])),
        np.concatenate([part.indices for part in sets]),
        sets[0].labels,
        np.concatenate(scores) if len(scores) == len(sets) else None,
    )


def sets_of_pairs(images: npt.NDArray[np.int64], label_ids: npt.NDArray[np.integer], *, like: ObjectSets) -> ObjectSets:
    """The sets of as many images over the same labels that (image, label id) pairs make; no scores.

    Args:
        images: (t,) rows of images, in any order; a pair may repeat.
        label_ids: (t,) places in ``like.labels``.
        like: has the number of images, and the labels.
    """
    width = max(len(like.labels), 1)
    rows, ids = np.divmod(np.unique(images * width + label_ids), width)
    return ObjectSets(pointers(np.bincount(rows, minlength=len(like))), ids.astype(np.int32), like.labels)


def object_sets(
    objects: pa.Array | pa.ChunkedArray, *, labels: pa.Array, scores: pa.Array | pa.ChunkedArray | None = None
) -> ObjectSets:
    """Builds object sets from a column of ``list<string>``, without a Python object per image.

    Args:
        objects: (n,) lists of labels; repeated labels count once, a null list is an empty set.
        labels: the vocabulary, ascending and unique, e.g. of `label_union`.
        scores: (n,) lists of float, parallel to ``objects``; None, or null everywhere, where there are none.

    Raises:
        InputError: a label is not in ``labels``, or an image has another number of scores than of objects.

    >>> sets = object_sets(pa.array([["dog", "cat", "dog"], None]), labels=pa.array(["cat", "dog"]))
    >>> sets.indptr.tolist(), sets.indices.tolist()
    ([0, 2, 2], [0, 1])
    """
    if scores is not None and scores.null_count == len(scores):
        scores = None
    parts = [
        _sets_of_batch(objects.slice(start, BATCH), labels, None if scores is None else scores.slice(start, BATCH))
        for start in range(0, max(len(objects), 1), BATCH)
    ]
    return concat_sets(parts)


def _sets_of_batch(
    objects: pa.Array | pa.ChunkedArray, labels: pa.Array, scores: pa.Array | pa.ChunkedArray | None
) -> ObjectSets:
    sizes = lengths(objects)
    flat = pc.list_flatten(objects)
    ids_or_null = pc.index_in(flat, value_set=labels)
    if ids_or_null.null_count:
        unknown = pc.unique(flat.filter(pc.is_null(ids_or_null)))[:3].to_pylist()
        raise InputError(f"labels outside the vocabulary of {len(labels):,}: {', '.join(map(str, unknown))}")
    rows = np.repeat(np.arange(len(sizes), dtype=np.int64), sizes)
    keys = rows * max(len(labels), 1) + ids_or_null.to_numpy(zero_copy_only=False)
    values = None
    if scores is None:
        keys = np.unique(keys)
    else:
        if not np.array_equal(lengths(scores), sizes):
            row = int(np.flatnonzero(lengths(scores) != sizes)[0])
            raise InputError(
                f"{lengths(scores)[row]} scores for {sizes[row]} objects of an image; "
                "every object needs one score, or no image has scores"
            )
        values = pc.fill_null(pc.list_flatten(scores), 0.0).to_numpy(zero_copy_only=False).astype(np.float32)
        order = np.lexsort((-values, keys))
        keys, first = np.unique(keys[order], return_index=True)
        values = values[order][first]
    rows, ids = np.divmod(keys, max(len(labels), 1))
    return ObjectSets(pointers(np.bincount(rows, minlength=len(sizes))), ids.astype(np.int32), labels, values)
