"""Classes, objects, boxes and scores as sources write them, checked."""

import math
from collections.abc import Sequence

from memometer.data.sources.base import BadRecordError, Labels, valid_text

__all__ = ["IMPOSSIBLE", "box_from", "check_places", "label_from", "labels_from", "size_from"]

MAX_PX = 1e9
"""No image is as large; and float32, as which boxes are stored, holds it."""

IMPOSSIBLE = "impossible box"
"""How the reason of a reject begins whose box can be no place in its image."""


def label_from(value: object, *, what: str) -> str | None:
    """The class in a field: a text or a number; None for nothing, and for a list of several, which are no one class.

    Raises:
        BadRecordError: something else, or text that is not UTF-8.

    >>> label_from(" dog ", what="label"), label_from(7, what="label"), label_from(["cat", "dog"], what="label")
    ('dog', '7', None)
    """
    distinct = {_one_label(entry, what) for entry in (value if isinstance(value, list | tuple) else [value])} - {None}
    return distinct.pop() if len(distinct) == 1 else None


def _one_label(value: object, what: str) -> str | None:
    if value is None or value != value:  # noqa: PLR0124 (a table's NaN)
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # a column of whole numbers, some of them missing
    if not isinstance(value, str | int | float):
        raise BadRecordError(f"label is not text: {what} holds {type(value).__name__}")
    return valid_text(str(value).strip(), what=what) or None


def labels_from(
    objects: object, *, boxes: object = None, scores: object = None, separator: str | None = None
) -> Labels:
    """The labels in a field, with their boxes and scores; blank labels are dropped.

    Raises:
        BadRecordError: labels that are not text, or boxes or scores that do not match the labels.

    >>> labels_from("dog; cat", separator=";").objects
    ['dog', 'cat']
    """
    if objects is None:
        return Labels()
    if isinstance(objects, str):
        objects = objects.split(separator) if separator else [objects]
    if not isinstance(objects, list | tuple) or not all(isinstance(label, str) for label in objects):
        raise BadRecordError("objects are not text: expected a label or a list of labels")
    names = [valid_text(label.strip(), what="objects") for label in objects]
    kept = [place for place, name in enumerate(names) if name]
    parallel_boxes = _parallel(boxes, len(names), what="boxes")
    parallel_scores = _parallel(scores, len(names), what="scores")
    return Labels(
        objects=[names[place] for place in kept],
        boxes=None if parallel_boxes is None else [box_from(parallel_boxes[place]) for place in kept],
        scores=None if parallel_scores is None else [_number(parallel_scores[place], "scores") for place in kept],
    )


def check_places(labels: Labels) -> Labels:
    """``labels`` themselves, if their boxes can be places in an image and their scores are finite.

    Raises:
        BadRecordError: NaN, infinity, px beyond `MAX_PX`, or a negative width or height.
    """
    for box in labels.boxes or ():
        if box is not None and not (all(abs(side) <= MAX_PX for side in box) and box[2] >= 0 <= box[3]):
            raise BadRecordError(f"{IMPOSSIBLE}: x, y, width, height are {', '.join(f'{side:g}' for side in box)} px")
    for score in labels.scores or ():
        if score is not None and not math.isfinite(score):
            raise BadRecordError(f"impossible score: {score}")
    return labels


def _parallel(values: object, n_objects: int, *, what: str) -> Sequence[object] | None:
    if values is None:
        return None
    if not isinstance(values, list | tuple) or len(values) != n_objects:
        n_values = len(values) if isinstance(values, list | tuple) else 0
        raise BadRecordError(f"{what} do not match the objects: {n_values} {what} for {n_objects} objects")
    return values


def box_from(value: object) -> list[float] | None:
    """A box: four numbers, not checked for what they say; None for nothing.

    Raises:
        BadRecordError: something else.
    """
    if value is None:
        return None
    if type(value) is list and len(value) == 4 and all(type(side) is float for side in value):
        return value  # as nearly all of a million
    if not isinstance(value, list | tuple) or len(value) != 4:
        raise BadRecordError("boxes do not match the objects: a box is x, y, width, height")
    return [_number(side, "boxes") for side in value]


def size_from(width: object, height: object) -> tuple[float, float] | None:
    """The size of the annotated image in px; None where the two are not numbers above 0.

    >>> size_from(640, 480.0), size_from("640", 480), size_from(640, 0)
    ((640.0, 480.0), None, None)
    """
    sides = [
        float(side)
        for side in (width, height)
        if isinstance(side, int | float) and not isinstance(side, bool) and 0 < side <= MAX_PX
    ]
    return (sides[0], sides[1]) if len(sides) == 2 else None


def _number(value: object, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadRecordError(f"{what} are not numbers: {type(value).__name__}")
    try:
        return float(value)
    except OverflowError:
        raise BadRecordError(f"{what} are not numbers: too large") from None
