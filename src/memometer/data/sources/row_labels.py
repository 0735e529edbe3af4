"""The objects of one row of a table, however it writes them."""

import math
from collections.abc import Mapping, Sequence

from memometer.data.sources.base import BadRecordError, Labels
from memometer.data.sources.columns import Corners

__all__ = ["box_of_row", "objects_of_struct", "size_of_shares"]

_CATEGORIES = ("category", "categories", "label", "labels", "name", "names", "class", "classes", "category_id", "id")
_BOXES = ("bbox", "bboxes", "boxes", "box")
_FAR_BOXES = ("bbox_xyxy", "bboxes_xyxy", "boxes_xyxy", "xyxy")
_SCORES = ("score", "scores", "confidence")


def objects_of_struct(value: object, *, names: Sequence[str] | None) -> Labels:
    """The objects of Hugging Face's column: an object of lists, or a list of objects, in all their spellings.

    Args:
        value: ``{"bbox": [[1, 2, 3, 4]], "category": [0]}``, or a list of such objects of one value each.
        names: of numbered classes.

    Raises:
        BadRecordError: no classes in it, a number without a name, or lists of different lengths.

    >>> objects_of_struct({"bbox": [[1, 2, 3, 4]], "category": [1]}, names=["cat", "dog"]).objects
    ['dog']
    """
    columns: dict[str, Sequence[object]] = {}
    if isinstance(value, Mapping):
        columns = {str(key): each for key, each in value.items() if isinstance(each, list | tuple)}
    elif isinstance(value, list | tuple) and all(isinstance(entry, Mapping) for entry in value):
        keys = dict.fromkeys(key for entry in value for key in entry)
        columns = {str(key): [entry.get(key) for entry in value] for key in keys}
        if not value:
            return Labels([], [])
    key = next((name for name in _CATEGORIES if name in columns), None)
    if key is None:
        raise BadRecordError("objects are not text: expected a label or a list of labels")
    objects = [_class(entry, names) for entry in columns[key]]
    near = next((columns[name] for name in _BOXES if name in columns), None)
    far = next((columns[name] for name in _FAR_BOXES if name in columns), None)
    boxes = [_from_corners(box) for box in far] if near is None and far is not None else near
    scores = next((columns[name] for name in _SCORES if name in columns), None)
    for what, values in (("boxes", boxes), ("scores", scores)):
        if values is not None and len(values) != len(objects):
            raise BadRecordError(f"{what} do not match the objects: {len(values)} {what} for {len(objects)} objects")
    return Labels(objects, boxes, scores)  # type: ignore[arg-type]  # checked by the caller, as any list's are


def box_of_row(values: Mapping[str, object], corners: Corners) -> tuple[list[float] | None, tuple[float, float] | None]:
    """A row's one box as x, y, width, height, and the size of the image that it was drawn on.

    Sides that are all at most 1 are shares of the image's, as Open Images has them. None where a side is missing.
    """
    sides = [_number(values.get(name)) for name in corners.sides]
    if any(side is None for side in sides):
        return None, None
    x, y, third, fourth = (side for side in sides if side is not None)
    box = [x, y, third - x, fourth - y] if corners.far else [x, y, third, fourth]
    shares = size_of_shares((x, y, third, fourth))
    if shares is not None:
        return box, shares
    size = [_number(values.get(name)) for name in corners.size]
    known = len(size) == 2 and all(side is not None and side > 0 for side in size)
    return box, (size[0], size[1]) if known else None  # type: ignore[return-value]  # both are numbers here


def size_of_shares(sides: Sequence[float]) -> tuple[float, float] | None:
    """The size of the image that a box was drawn on, 1 by 1, where its sides can be shares alone; None elsewhere.

    >>> size_of_shares([0.1, 0.2, 0.5, 1.0]), size_of_shares([1, 2, 30, 40])
    ((1.0, 1.0), None)
    """
    return (1.0, 1.0) if all(abs(side) <= 1 for side in sides) and max(sides[2:]) > 0 else None


def _class(value: object, names: Sequence[str] | None) -> str:
    if isinstance(value, bool) or value is None:
        raise BadRecordError(f"objects are not text: a class is {value}")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int):
        if names is None:
            return str(value)
        if not 0 <= value < len(names):
            raise BadRecordError(f"unknown class: number {value} of {len(names)} names")
        return names[value]
    if not isinstance(value, str):
        raise BadRecordError("objects are not text: expected a label or a list of labels")
    return value


def _from_corners(box: object) -> object:
    if isinstance(box, list | tuple) and len(box) == 4 and all(isinstance(side, int | float) for side in box):
        return [box[0], box[1], box[2] - box[0], box[3] - box[1]]
    return box


def _number(value: object) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value.strip())
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
