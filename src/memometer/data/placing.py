"""From boxes as a source draws them to boxes on the image as it is stored: one rule for every format."""

import dataclasses
import math
from collections.abc import Sequence

from PIL import Image

from memometer.data.sources.base import BadRecordError, Labels
from memometer.data.sources.labels import check_places

__all__ = [
    "LEFT_OUT",
    "SAME_ASPECT",
    "SCALED",
    "TURNED",
    "PlacedBoxes",
    "orientation_of",
    "place_boxes",
    "turned_back",
]

Box = Sequence[float]
Boxes = Sequence[Box | None]

SCALED = "scaled to the stored image"
TURNED = "turned with the photograph (EXIF)"
LEFT_OUT = "left out: the photograph is turned (EXIF), and nothing says whether its boxes are"

ORIENTATION = 0x0112
"""EXIF's tag: 1 is as stored; 2 to 4 mirror or turn by 180°, 5 to 8 also exchange the sides."""

SAME_ASPECT = 0.02
"""Ratios of width to height are alike up to this: sides that were scaled are rounded to px."""


@dataclasses.dataclass(frozen=True)
class PlacedBoxes:
    """Boxes on the stored image.

    Attributes:
        boxes: x, y, width, height in px, parallel to the objects; None where there are none.
        treatment: what was done to them, counted in ``import.json``; None where they are as the source has them.
        n_treated: how many boxes.
    """

    boxes: Boxes | None
    treatment: str | None = None
    n_treated: int = 0


def place_boxes(labels: Labels, *, width: int, height: int, orientation: int = 1) -> PlacedBoxes:
    """The boxes on the image as it is stored, ``width`` by ``height`` px.

    An image that was resized since takes its boxes along, each axis by its own ratio. A photograph whose EXIF turns it
    on its side is turned back with its boxes where the annotation's size is that of the upright photograph; where it
    is that of the stored one, they stay. Where neither holds, or EXIF mirrors the photograph or turns it by 180°, which
    no size tells, the boxes are left out, as null.

    Args:
        labels: of the image.
        width: px, as stored.
        height: px, as stored.
        orientation: EXIF's, 1 to 8.

    Raises:
        BadRecordError: a box that can be no place in this image: NaN, infinite, of negative width or height, or
            wholly outside.

    >>> place_boxes(Labels(["dog"], [[10, 20, 30, 40]], size=(100, 100)), width=50, height=200).boxes
    [[5.0, 40.0, 15.0, 80.0]]
    >>> place_boxes(Labels(["dog"], [[8, 10, 32, 20]], size=(48, 64)), width=64, height=48, orientation=6).boxes
    [[10.0, 8.0, 20.0, 32.0]]
    """
    check_places(labels)
    n_boxes = sum(box is not None for box in labels.boxes or ())
    if labels.boxes is None or n_boxes == 0:
        return PlacedBoxes(labels.boxes)
    turned = _is_turned(labels.size, stored=(width, height), orientation=orientation)
    if turned is None:
        return PlacedBoxes([None] * len(labels.boxes), LEFT_OUT, n_boxes)
    shown = (height, width) if turned else (width, height)
    boxes, treatment = labels.boxes, None
    if labels.size is not None and labels.size != shown:
        boxes, treatment = _scaled(boxes, labels.size, shown), SCALED
    if turned:
        boxes = [box and turned_back(box, width, height, orientation) for box in boxes]
        treatment = TURNED
    for box in boxes:
        if box is not None:
            _check_inside(box, width=width, height=height)
    relative = labels.size == (1, 1)  # shares of the sides: no image is 1 px by 1 px and was resized
    return PlacedBoxes(boxes) if treatment is None or relative else PlacedBoxes(boxes, treatment, n_boxes)


def orientation_of(image: Image.Image) -> int:
    """EXIF's orientation of a decoded image, 1 to 8; 1 where it says none or nonsense."""
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except Exception:  # noqa: BLE001 (damaged EXIF raises all kinds; programs that show such photographs ignore it)
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _is_turned(size: tuple[float, float] | None, *, stored: tuple[int, int], orientation: int) -> bool | None:
    """Whether boxes were drawn on the upright photograph, or on the stored one; None where nothing tells."""
    if orientation == 1:
        return False
    if orientation < 5 or size is None or stored[0] == stored[1]:
        return None
    drawn, aspect = math.log(size[0] / size[1]), math.log(stored[0] / stored[1])
    as_stored, upright = abs(drawn - aspect) <= SAME_ASPECT, abs(drawn + aspect) <= SAME_ASPECT
    return None if as_stored == upright else upright


def _scaled(boxes: Boxes, size: tuple[float, float], shown: tuple[int, int]) -> list[list[float] | None]:
    across, down = shown[0] / size[0], shown[1] / size[1]
    ratios = (across, down, across, down)
    return [None if box is None else [side * ratio for side, ratio in zip(box, ratios, strict=True)] for box in boxes]


def turned_back(box: Box, width: int, height: int, orientation: int) -> list[float]:
    """From the upright photograph to the stored one, ``width`` by ``height``, for orientations 5 to 8."""
    x, y, across, down = map(float, box)
    left = y if orientation in (5, 6) else width - y - down
    top = x if orientation in (5, 8) else height - x - across
    return [left, top, down, across]


def _check_inside(box: Box, *, width: int, height: int) -> None:
    x, y, across, down = box
    if _is_beside(x, across, width) or _is_beside(y, down, height):
        sides = ", ".join(f"{side:g}" for side in box)
        raise BadRecordError(
            f"impossible box: x, y, width, height are {sides} px, outside the image of {width} × {height} px"
        )


def _is_beside(start: float, length: float, side: int) -> bool:
    """Whether a span has nothing of an image's side in common; one without length may lie on its edge."""
    shared = min(start + length, side) - max(start, 0)
    return shared < 0 or (shared == 0 and length > 0)
