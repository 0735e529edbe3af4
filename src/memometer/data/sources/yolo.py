"""YOLO's label texts: a class and a box or polygon a line, as shares of the image's width and height."""

import math
import re

from memometer.data.sources.base import Aside, Labels
from memometer.data.sources.class_names import ClassNames

__all__ = ["UNNAMED", "is_yolo", "label_path", "yolo_labels"]

UNNAMED = "YOLO labels without class names (data.yaml or classes.txt, or --class-names FILE)"
UNKNOWN_CLASS = "YOLO box of a class without a name"
UNKNOWN_SHAPE = "YOLO box of another shape"

_LINE = re.compile(r"\d+(\s+[-+]?(\d+\.?\d*|\.\d+|nan|inf)(e[-+]?\d+)?){4,}", re.IGNORECASE)


def is_yolo(text: str) -> bool:
    r"""Whether every line is a class's number and four numbers or more: no caption is.

    >>> is_yolo("0 0.5 0.5 0.25 0.3\n1 .2 .3 .1 1e-1\n"), is_yolo("2 dogs"), is_yolo("")
    (True, False, False)
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return bool(lines) and all(_LINE.fullmatch(line) for line in lines)


def yolo_labels(text: str, names: ClassNames) -> tuple[Labels, list[Aside]]:
    """The objects of a label text, and what of it is no object. Boxes are shares of the image, whose size is 1 by 1.

    A line has a class and centre x, centre y, width, height; then perhaps a confidence; or the corners of a polygon,
    whose bounds are the box.
    """
    objects, boxes, scores, aside = list[str](), list[list[float]](), list[float | None](), list[Aside]()
    for line in text.splitlines():
        cells = line.split()
        if not cells:
            continue
        label = names.names.get(str(int(cells[0])))
        found = _shape([float(cell) for cell in cells[1:]])
        if label is None:
            aside.append(Aside(UNKNOWN_CLASS))
        elif found is None:
            aside.append(Aside(UNKNOWN_SHAPE))
        else:
            objects.append(label)
            boxes.append(found[0])
            scores.append(found[1])
    whole = None if all(score is None for score in scores) else scores
    return Labels(objects, boxes, whole, size=(1.0, 1.0)), aside


def label_path(image: str) -> str | None:
    """Where YOLO keeps the labels of an image: the last folder ``images`` of its path becomes ``labels``.

    >>> label_path("data/images/train/1.jpg"), label_path("data/photos/1.jpg")
    ('data/labels/train/1.txt', None)
    """
    above, folder, below = image.rpartition("/images/") if "/images/" in image else ("", "", "")
    if not folder and image.startswith("images/"):
        above, folder, below = "", "images/", image.removeprefix("images/")
    if not folder:
        return None
    stem = below[: below.rindex(".")] if "." in below.rpartition("/")[2] else below
    return f"{above}/labels/{stem}.txt" if above or image.startswith("/") else f"labels/{stem}.txt"


def _shape(values: list[float]) -> tuple[list[float], float | None] | None:
    """x, y, width, height with a confidence; None for something else."""
    if len(values) in (4, 5):
        x, y, width, height = values[:4]
        return [x - width / 2, y - height / 2, width, height], values[4] if len(values) == 5 else None
    if len(values) % 2:
        return None
    if not all(map(math.isfinite, values)):
        return [math.nan] * 4, None  # an impossible box, as in every format
    across, down = values[::2], values[1::2]
    return [min(across), min(down), max(across) - min(across), max(down) - min(down)], None
