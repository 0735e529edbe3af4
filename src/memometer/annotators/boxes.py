"""Boxes on the stored image: those that reach beyond it are clipped, those beside it go, and both are counted."""

import dataclasses
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from memometer.annotators.base import Found

__all__ = ["CLIPPED", "OUTSIDE", "Placed", "clip_boxes", "placed"]

CLIPPED = "clipped to the image"
OUTSIDE = "left out: beside the image"

Float = TypeVar("Float", bound=np.floating)


@dataclasses.dataclass(frozen=True)
class Placed:
    """What was found in one image, with boxes as records have them.

    Attributes:
        labels: (t,) int32, of descending score; equal scores by label and place, so that no order of a model decides.
        scores: (t,) float32.
        boxes: (t, 4) float32, left, top, width and height in px, within the image; NaN for the whole image.
        n_clipped: boxes that reached beyond the image.
        n_outside: boxes that were left out, with nothing of the image in them or no finite place.
    """

    labels: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float32]
    boxes: npt.NDArray[np.float32]
    n_clipped: int
    n_outside: int


def clip_boxes(
    corners: npt.NDArray[Float], sizes: npt.NDArray[Float], *, tolerance: float = 0.0
) -> tuple[npt.NDArray[Float], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Boxes within their images.

    Args:
        corners: (t, 4) left, top, right and bottom in px.
        sizes: (t, 2) or (2,) width and height of the images in px; infinite where they are not known.
        tolerance: px by which a box may reach beyond its image without being counted.

    Returns:
        (t, 4) left, top, width and height; whether anything of the image is in each box; whether it reached beyond.
    """
    inside = np.clip(corners, 0, np.tile(sizes, 2))
    sides = inside[:, 2:] - inside[:, :2]
    kept = np.isfinite(corners).all(axis=1) & (sides > 0).all(axis=1)
    clipped = kept & (np.abs(inside - corners) > tolerance).any(axis=1)
    return np.concatenate([inside[:, :2], sides], axis=1), kept, clipped


def placed(found: Found, size: tuple[int, int]) -> Placed:
    """What was found, as records have it.

    Args:
        found: in one image.
        size: (height, width) of it in px.

    >>> box = np.array([[-2, 1, 3, 5], [8, 8, 9, 9]], np.float32)
    >>> result = placed(Found(np.array([4, 4], np.int32), np.array([0.5, 0.9], np.float32), box), (6, 6))
    >>> result.boxes.tolist(), result.n_clipped, result.n_outside
    ([[0.0, 1.0, 3.0, 4.0]], 1, 1)
    """
    labels, scores = found.labels, found.scores
    if found.boxes is None:
        order = np.lexsort((labels, -scores))
        return Placed(labels[order], scores[order], np.full((len(labels), 4), np.nan, np.float32), 0, 0)
    boxes, kept, clipped = clip_boxes(found.boxes, np.array(size[::-1], np.float32))
    boxes, labels, scores = boxes[kept], labels[kept], scores[kept]
    order = np.lexsort((*boxes.T, labels, -scores))
    return Placed(labels[order], scores[order], boxes[order].astype(np.float32), int(clipped.sum()), int((~kept).sum()))
