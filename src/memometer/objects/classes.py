"""Classes: one label per image, as whole numbers over a vocabulary."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from memometer.objects.boxes import boxes_of

__all__ = ["class_ids", "image_classes", "largest_box_classes"]


def image_classes(labels: pa.Array, objects: pa.Array) -> pa.Array:
    """(n,) the class of each image: its label, or where that is null its only distinct object, else null.

    Args:
        labels: (n,) strings or nulls.
        objects: (n,) lists of strings or nulls.

    >>> image_classes(pa.array([None, None, "pig"]), pa.array([["cat", "cat"], ["cat", "dog"], None])).to_pylist()
    ['cat', None, 'pig']
    """
    flat = pc.list_flatten(objects)
    rows = pc.list_parent_indices(objects).cast(pa.int64())
    keep = pc.is_valid(flat)
    pairs = pa.table({"row": rows.filter(keep), "object": flat.filter(keep)}).group_by(["row", "object"]).aggregate([])
    alone = pairs.group_by("row").aggregate([("object", "count"), ("object", "min")])
    alone = alone.filter(pc.equal(alone["object_count"], 1))
    place = pc.index_in(pa.array(np.arange(len(labels))), value_set=alone["row"].combine_chunks())
    only = alone["object_min"].combine_chunks().take(place)
    return pc.coalesce(labels, only.cast(pa.string()))


def largest_box_classes(objects: pa.Array, boxes: pa.Array) -> pa.Array:
    """(n,) the class of each image: the label of its largest box by area, the first of equals; null where it has none.

    Args:
        objects: (n,) lists of labels.
        boxes: (n,) lists of boxes (x, y, width, height in px) parallel to the objects; a list or a box may be null.

    >>> objects = pa.array([["cat", "dog"], ["pig"], None])
    >>> largest_box_classes(objects, pa.array([[[0, 0, 2, 2], [5, 5, 3, 3]], [None], None])).to_pylist()
    ['dog', None, None]
    """
    places = boxes_of(objects, boxes)
    areas = places.xywh[:, 2] * places.xywh[:, 3]
    known = np.flatnonzero(areas > 0)  # NaN is no area
    by_area = known[np.lexsort((known, -areas[known], places.images[known]))]
    rows, first = np.unique(places.images[by_area], return_index=True)
    largest = np.full(len(places), -1, np.int64)
    largest[rows] = by_area[first]
    return places.labels.take(pa.array(largest, mask=largest < 0))


def class_ids(columns: Sequence[pa.Array]) -> tuple[pa.Array, list[npt.NDArray[np.int32]]]:
    """One vocabulary over several columns of classes, and each column as ids.

    Returns:
        (v,) distinct classes, ascending, so that ids never depend on the order of records; and for each column (n,)
        int32 ids, -1 for null.

    >>> vocabulary, (one, other) = class_ids([pa.array(["dog", None]), pa.array(["cat", "dog"])])
    >>> vocabulary.to_pylist(), one.tolist(), other.tolist()
    (['cat', 'dog'], [1, -1], [0, 1])
    """
    merged = pc.unique(pa.chunked_array([pc.drop_null(column) for column in columns], pa.string()))
    vocabulary = merged.take(pc.sort_indices(merged))
    ids = [pc.fill_null(pc.index_in(column, value_set=vocabulary), -1).to_numpy() for column in columns]
    return vocabulary, [column.astype(np.int32) for column in ids]
