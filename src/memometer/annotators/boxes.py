"""Boxes on the stored image: those that reach beyond it are clipped, those beside it go, and both are counted."""

import dataclasses

import numpy as np
import numpy.typing as npt

from memometer.annotators.base import Found

__all__ = ["Placed", "placed"]


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
    height, width = size
    corners = np.clip(found.boxes, 0, np.array([width, height, width, height], np.float32))
    sides = corners[:, 2:] - corners[:, :2]
    inside = np.isfinite(found.boxes).all(1) & (sides > 0).all(1)
    clipped = inside & (corners != found.boxes).any(1)
    boxes = np.concatenate([corners[:, :2], sides], 1)[inside]
    labels, scores = labels[inside], scores[inside]
    order = np.lexsort((*boxes.T, labels, -scores))
    return Placed(
        labels[order], scores[order], boxes[order].astype(np.float32), int(clipped.sum()), int((~inside).sum())
    )
