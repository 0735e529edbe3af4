"""Object sets: which labels each image holds, in compressed sparse rows over a vocabulary."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from memometer.errors import InputError

__all__ = ["ObjectSets", "label_union", "object_sets"]


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


def object_sets(
    objects: pa.Array | pa.ChunkedArray, *, labels: pa.Array, scores: pa.Array | pa.ChunkedArray | None = None
) -> ObjectSets:
    """Builds object sets from a column of ``list<string>``, without a Python object per image.

    Args:
        objects: (n,) lists of labels; repeated labels count once, a null list is an empty set.
        labels: the vocabulary, ascending and unique, e.g. of `label_union`.
        scores: (n,) lists of float, parallel to ``objects``; None, or null everywhere, where there are none.

    Raises:
        InputError: a label is not in ``labels``.

    >>> sets = object_sets(pa.array([["dog", "cat", "dog"], None]), labels=pa.array(["cat", "dog"]))
    >>> sets.indptr.tolist(), sets.indices.tolist()
    ([0, 2, 2], [0, 1])
    """
    lengths = pc.fill_null(pc.list_value_length(objects), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    flat = pc.list_flatten(objects)
    ids_or_null = pc.index_in(flat, value_set=labels)
    if ids_or_null.null_count:
        unknown = pc.unique(flat.filter(pc.is_null(ids_or_null)))[:3].to_pylist()
        raise InputError(f"labels outside the vocabulary of {len(labels):,}: {', '.join(map(str, unknown))}")
    ids = ids_or_null.to_numpy(zero_copy_only=False).astype(np.int64)
    rows = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
    keys = rows * max(len(labels), 1) + ids
    values = None
    if scores is not None and scores.null_count < len(scores):
        values = pc.fill_null(pc.list_flatten(scores), 0.0).to_numpy(zero_copy_only=False).astype(np.float32)
        if len(values) != len(keys):
            raise InputError(f"{len(values):,} scores for {len(keys):,} objects; every object needs one score, or none")
        order = np.lexsort((-values, keys))
        keys, values = keys[order], values[order]
        first = np.concatenate(([True], keys[1:] != keys[:-1])) if len(keys) else np.zeros(0, bool)
        keys, values = keys[first], values[first]
    else:
        keys = np.unique(keys)
    kept = (
        np.bincount(keys // max(len(labels), 1), minlength=len(lengths)) if len(keys) else np.zeros(len(lengths), int)
    )
    indptr = np.concatenate(([0], np.cumsum(kept))).astype(np.int64)
    return ObjectSets(indptr, (keys % max(len(labels), 1)).astype(np.int32), labels, values)
