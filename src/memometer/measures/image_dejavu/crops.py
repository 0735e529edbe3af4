"""Crops of the background: a part of the image that shows nothing of the objects whose boxes are known.

Meehan, Bordes, Vincent, Chaudhuri, Guo: Do SSL Models Have Déjà Vu?, NeurIPS 2023, arXiv 2304.13850 (METHODS, 3).

The *background crop* is the box-free rectangle with the longest shorter side; the *corner crop*, a fixed fraction of
the image in one of its corners, is the alternative. Px are whole: a box covers every px that it reaches into
by more than half a thousandth (stored boxes are rounded to float32), so no crop holds any part of a box. Boxes are
clipped to the image. A box without area covers nothing.

The paper does not say which of several equal rectangles it takes. Here the larger area wins, then the smaller left
edge, the smaller top edge, the larger width; and the corner crop is in the box-free corner that is farthest from every
box, the upper left before the lower left, the upper right and the lower right.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from memometer.errors import InputError
from memometer.measures.image_dejavu.crop_kernels import CORNERS, free_corners, largest_free
from memometer.objects.lists import pointers

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int8, Int64, Integer

__all__ = ["REASONS", "Crops", "background_crops", "corner_crops"]

REASONS = (
    "",
    "the image has no size",
    "a box has no known place",
    "no box says where the foreground is",
    "boxes leave no room",
    "the largest free rectangle is too small",
)
"""Why there is no crop, by the codes of `Crops.reason`; code 0 is a crop."""

KEPT, NO_SIZE, UNPLACED, NO_BOX, COVERED, SMALL = range(6)

Integers = npt.NDArray[np.integer]


@dataclasses.dataclass(frozen=True)
class Crops:
    """One crop of each of n images, or the reason why there is none.

    Attributes:
        rectangles: (n, 4) int64 px: left, top, width, height; zeros where there is no crop.
        reason: (n,) int8 place in `REASONS`; 0 where there is a crop.
        n_used: (n,) boxes that cover a part of the image.
        n_clipped: (n,) those of them that reach beyond it.
        n_empty: (n,) boxes without area, or wholly outside the image.
    """

    rectangles: Int64[npt.NDArray[np.int64], "n 4"]
    reason: Int8[npt.NDArray[np.int8], "n"]
    n_used: Int64[npt.NDArray[np.int64], "n"]
    n_clipped: Int64[npt.NDArray[np.int64], "n"]
    n_empty: Int64[npt.NDArray[np.int64], "n"]

    @property
    def kept(self) -> Bool[npt.NDArray[np.bool_], "n"]:
        """(n,) whether there is a crop."""
        kept: npt.NDArray[np.bool_] = self.reason == KEPT
        return kept

    def reasons(self) -> dict[str, int]:
        """How many images have no crop, by reason."""
        counts = np.bincount(self.reason, minlength=len(REASONS))
        return {words: int(count) for words, count in zip(REASONS[1:], counts[1:], strict=True) if count}


def background_crops(
    *,
    sizes: Integer[Integers, "n 2"],
    indptr: Integer[Integers, "n+1"],
    xywh: Float[npt.NDArray[np.floating], "t 4"],
    min_side: float = 100,
    needs_box: bool = False,
) -> Crops:
    """The box-free rectangle with the longest shorter side of each image (METHODS, 3).

    Args:
        indptr: (n + 1,) the boxes of each image, as in `memometer.objects.Boxes`.
        xywh: (t, 4) px, left, top, width and height of the boxes to be kept out; NaN for a place that is not known.
        sizes: (n, 2) width and height of the images in px; below 1 where they are not known.
        min_side: the shorter side must exceed so many px, or below 1 such a fraction of the image's shorter side. D
            takes 100 px at ImageNet's sizes.
        needs_box: without a box that covers a part of the image there is no crop; else it is the whole image.

    Raises:
        InputError: arrays do not fit together, or ``min_side`` is negative.

    >>> found = background_crops(
    ...     indptr=np.array([0, 1]), xywh=np.array([[0.0, 0, 60, 100]]), sizes=np.array([[200, 100]]), min_side=50
    ... )
    >>> found.rectangles.tolist()
    [[60, 0, 140, 100]]
    """
    if not min_side >= 0:
        raise InputError(f"the smallest side of a crop is {min_side}; pass px such as 100, or a fraction such as 0.3")
    covers = _covers(indptr, xywh, sizes)
    rectangles = np.zeros((len(sizes), 4), np.int64)
    largest_free(covers.indptr, covers.edges, covers.sizes, rectangles)
    sides = rectangles[:, 2:].min(axis=1)
    limits = min_side if min_side >= 1 else min_side * covers.sizes.min(axis=1)
    reason = np.where(sides == 0, COVERED, np.where(sides > limits, KEPT, SMALL))
    return covers.crops(rectangles, reason, needs_box=needs_box)


def corner_crops(
    *,
    sizes: Integer[Integers, "n 2"],
    indptr: Integer[Integers, "n+1"],
    xywh: Float[npt.NDArray[np.floating], "t 4"],
    fraction: float = 0.3,
    needs_box: bool = False,
) -> Crops:
    """A crop in the free corner that is farthest from every box: ``fraction`` of the image's width and of its height.

    Sides are rounded to whole px, at least one.

    Args:
        indptr: as in `background_crops`.
        xywh: likewise.
        sizes: likewise.
        fraction: above 0, at most 1.
        needs_box: likewise.

    Raises:
        InputError: arrays do not fit together, or the fraction is out of range.
    """
    if not 0 < fraction <= 1:
        raise InputError(f"the corner crop's fraction is {fraction}; pass one above 0 and at most 1, e.g. 0.3")
    covers = _covers(indptr, xywh, sizes)
    sides = np.maximum(np.floor(fraction * covers.sizes + 0.5).astype(np.int64), 1)
    far = covers.sizes - sides
    corners = np.zeros((len(sizes), CORNERS, 4), np.int64)
    for corner, (right, low) in enumerate(((False, False), (False, True), (True, False), (True, True))):
        corners[:, corner, 0] = far[:, 0] if right else 0
        corners[:, corner, 1] = far[:, 1] if low else 0
    corners[:, :, 2:] = corners[:, :, :2] + sides[:, None, :]
    chosen = np.empty(len(sizes), np.int64)
    free_corners(covers.indptr, covers.edges, corners, chosen)
    rectangles = corners[np.arange(len(sizes)), chosen]
    rectangles[:, 2:] -= rectangles[:, :2]
    return covers.crops(rectangles, np.where(chosen < 0, COVERED, KEPT), needs_box=needs_box)


@dataclasses.dataclass(frozen=True)
class _Covers:
    """The px that boxes cover, and what became of each image's boxes."""

    sizes: Int64[npt.NDArray[np.int64], "n 2"]
    indptr: Int64[npt.NDArray[np.int64], "n+1"]
    edges: Int64[npt.NDArray[np.int64], "t 4"]
    measurable: Bool[npt.NDArray[np.bool_], "n"]
    unplaced: Bool[npt.NDArray[np.bool_], "n"]
    n_clipped: Int64[npt.NDArray[np.int64], "n"]
    n_empty: Int64[npt.NDArray[np.int64], "n"]

    def crops(
        self, rectangles: Int64[npt.NDArray[np.int64], "n 4"], reason: Integer[Integers, "n"], *, needs_box: bool
    ) -> Crops:
        """The result, with the reasons that come before all others."""
        n_used = np.diff(self.indptr)
        if needs_box:
            reason = np.where(n_used == 0, NO_BOX, reason)
        reason = np.where(self.unplaced, UNPLACED, reason)
        reason = np.where(self.measurable, reason, NO_SIZE)
        rectangles[reason != KEPT] = 0
        return Crops(rectangles, reason.astype(np.int8), n_used, self.n_clipped, self.n_empty)


def _covers(indptr: Integers, xywh: npt.NDArray[np.floating], sizes: Integers) -> _Covers:
    """Whole px that the boxes touch, clipped to their images; boxes that cover nothing are left out."""
    n = len(sizes)
    if sizes.shape != (n, 2) or len(indptr) != n + 1 or indptr[0] != 0 or xywh.shape != (int(indptr[-1]), 4):
        raise InputError(
            f"sizes {sizes.shape}, indptr {indptr.shape} up to {indptr[-1]}, boxes {xywh.shape}; "
            "expected (n, 2), (n + 1,) and (indptr[-1], 4)"
        )
    measurable = _every(sizes >= 1)
    whole = np.where(measurable[:, None], sizes, 0).astype(np.int64)
    image = np.repeat(np.arange(n), np.diff(indptr))
    boxes = xywh.astype(np.float64)
    placed = _every(np.isfinite(boxes))
    boxes = np.where(placed[:, None], boxes, 0.0)
    first, last, limits = boxes[:, :2].round(3), (boxes[:, :2] + boxes[:, 2:]).round(3), whole[image]
    edges = np.concatenate((np.clip(np.floor(first), 0, limits), np.clip(np.ceil(last), 0, limits)), axis=1)
    edges = edges.astype(np.int64)
    used = _every(boxes[:, 2:] > 0) & _every(edges[:, :2] < edges[:, 2:])
    clipped = used & ~_every((first >= 0) & (last <= limits))

    def per_image(chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        return np.bincount(image[chosen], minlength=n).astype(np.int64)

    return _Covers(
        indptr=pointers(per_image(used)),
        edges=np.ascontiguousarray(edges[used]),
        sizes=whole,
        measurable=measurable,
        unplaced=per_image(~placed) > 0,
        n_clipped=per_image(clipped),
        n_empty=per_image(placed & ~used),
    )


def _every(mask: Bool[npt.NDArray[np.bool_], "n m"]) -> Bool[npt.NDArray[np.bool_], "n"]:
    """(n,) whether all of a row of ``mask`` (n, m) is true."""
    rows: npt.NDArray[np.bool_] = np.logical_and.reduce(mask, axis=1)
    return rows
