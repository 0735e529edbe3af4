"""The loops over boxes, compiled by numba; `crops` explains and checks what they do."""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from memometer.compiling import compiled
from memometer.threads import keeping_threads

__all__ = ["CORNERS", "free_corners", "largest_free"]

CORNERS = 4
FAR = 1 << 62  # farther apart than any two px
Array = npt.NDArray[Any]


@compiled()
def better(short: int, area: int, left: int, top: int, width: int, best: Array) -> bool:  # noqa: PLR0917 (numba)
    """Whether a rectangle ranks before ``best``: shorter side, area, leftmost, topmost, widest."""
    best_short: int = min(best[2], best[3])
    best_area: int = best[2] * best[3]
    best_left: int = best[0]
    best_top: int = best[1]
    best_width: int = best[2]
    if short != best_short:
        return short > best_short
    if area != best_area:
        return area > best_area
    if left != best_left:
        return left < best_left
    if top != best_top:
        return top < best_top
    return width > best_width


@compiled()
def offer(left: int, top: int, width: int, height: int, best: Array) -> None:
    """Makes a rectangle the best one if it is."""
    if height > 0 and better(min(width, height), width * height, left, top, width, best):
        best[0] = left
        best[1] = top
        best[2] = width
        best[3] = height


@keeping_threads
@compiled(parallel=True)
def largest_free(indptr: Array, covers: Array, sizes: Array, out: Array) -> None:
    """Fills ``out`` (n, 4), zeros before: left, top, width and height of the best free rectangle; zeros where none is.

    The best rectangle cannot grow, so its left edge is the image's or some cover's right edge, its right edge likewise;
    between such a pair of edges the tallest gap, from a sweep over the covers by their tops, is the best there is.

    Args:
        indptr: (n + 1,) the covers of each image.
        covers: (t, 4) whole px that are not free: left, top, right, bottom, within the image and not empty.
        sizes: (n, 2) width and height of each image.
        out: see above.
    """
    for image in numba.prange(len(sizes)):
        mine = covers[indptr[image] : indptr[image + 1]]
        n_covers = len(mine)
        by_top = np.argsort(mine[:, 1])
        best = out[image]
        for left_of in range(-1, n_covers):
            left = 0 if left_of < 0 else mine[left_of, 2]
            for right_of in range(-1, n_covers):
                right = sizes[image, 0] if right_of < 0 else mine[right_of, 0]
                width = right - left
                if width <= 0 or width < min(best[2], best[3]):
                    continue
                free_from = 0
                for place in range(n_covers):
                    cover = mine[by_top[place]]
                    if cover[0] < right and cover[2] > left:
                        offer(left, free_from, width, cover[1] - free_from, best)
                        free_from = max(free_from, cover[3])
                offer(left, free_from, width, sizes[image, 1] - free_from, best)


@keeping_threads
@compiled(parallel=True)
def free_corners(indptr: Array, covers: Array, corners: Array, out: Array) -> None:
    """Fills ``out`` (n,): which corner is free and farthest from all covers, the first of equals; -1 if none is free.

    Args:
        indptr: (n + 1,) the covers of each image.
        covers: (t, 4) as in `largest_free`.
        corners: (n, CORNERS, 4) left, top, right, bottom of the corners' crops.
        out: see above.
    """
    for image in numba.prange(len(corners)):
        farthest = -1
        out[image] = -1
        for corner in range(CORNERS):
            crop = corners[image, corner]
            nearest = FAR
            for place in range(indptr[image], indptr[image + 1]):
                cover = covers[place]
                across = max(cover[0] - crop[2], crop[0] - cover[2])
                down = max(cover[1] - crop[3], crop[1] - cover[3])
                if across < 0 and down < 0:
                    nearest = -1
                    break
                apart = max(across, 0) ** 2 + max(down, 0) ** 2
                nearest = min(nearest, apart)
            if nearest > farthest:
                out[image] = corner
                farthest = nearest
