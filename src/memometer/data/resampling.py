"""Pillow's bicubic resize of a part of an image, pixel for pixel, several times faster.

Small images take longer to crop and resize than to be trained on, so this decides how fast a small model trains. Pillow
resizes row by row; here a picture lies column by column (`columns_of`), so that one step of the first pass takes whole
columns, which the processor does many at a time. The arithmetic is Pillow's own (``Resample.c``): weights rounded to 22
bits, sums of integers, 8 bits between the two passes.
"""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["columns_of", "resized_part", "widths_come_first"]

BITS = 22
"""Of a weight, after the point."""


def columns_of(image: Image.Image) -> npt.NDArray[np.uint8]:
    """An RGB image of (width, height) px as (width, 3, height) uint8."""
    return np.ascontiguousarray(np.asarray(image).transpose(1, 2, 0))


def resized_part(
    columns: npt.NDArray[np.uint8], *, box: tuple[int, int, int, int], size: tuple[int, int]
) -> npt.NDArray[np.uint8]:
    """What Pillow's ``crop`` and then ``resize`` to ``size`` with its bicubic filter give.

    Args:
        columns: (width, 3, height) uint8, of `columns_of`.
        box: (left, top, width, height) in px, within the image; see `widths_come_first`.
        size: (height, width) of the result in px.

    Returns:
        (3, height, width) uint8.
    """
    left, top, width, height = box
    part = columns[left : left + width, :, top : top + height]
    if size[1] != width:  # Pillow, too, skips a pass that changes no size
        firsts, counts, weights = _weights(width, size[1])
        part = np.empty((size[1], 3, height), np.uint8)
        _blend_columns(columns, firsts + left, counts, weights, top, part)
    rows = np.ascontiguousarray(part.transpose(1, 2, 0))
    if size[0] == height:
        return rows
    result = np.empty((3, *size), np.uint8)
    _blend_rows(rows, *_weights(height, size[0]), result)
    return result


def widths_come_first(box: tuple[int, int, int, int], size: tuple[int, int]) -> bool:
    """Whether every version of Pillow changes the width before the height, as here.

    From version 13 on, Pillow begins with the height where that shrinks by more than twice as many pixels; between the
    two passes pixels are rounded, so the order shows.
    """
    return box[3] - size[0] < 2 * max(box[2] - size[1], 0)


def _compiled(function: Any) -> Any:
    """Compiled at the first call; the kernels hold no Python object, and let other threads run."""
    return numba.njit(nogil=True, cache=True)(function)


@_compiled
def _weights(n: int, to: int) -> Any:
    """Which of ``n`` pixels make each of ``to``: the first (to,), their number (to,), (to, most) int32 weights."""
    scale = n / to
    stretch = max(scale, 1.0)
    support = 2.0 * stretch
    most = int(np.ceil(support)) * 2 + 1
    firsts, counts = np.empty(to, np.int64), np.empty(to, np.int64)
    weights = np.zeros((to, most), np.int32)
    exact = np.empty(most, np.float64)
    inverse = 1.0 / stretch
    for place in range(to):
        center = (place + 0.5) * scale
        first = max(int(center - support + 0.5), 0)
        count = min(int(center + support + 0.5), n) - first
        total = 0.0
        for tap in range(count):
            x = abs((tap + first - center + 0.5) * inverse)
            if x < 1.0:
                weight = (1.5 * x - 2.5) * x * x + 1.0
            elif x < 2.0:
                weight = (((x - 5.0) * x + 8.0) * x - 4.0) * -0.5
            else:
                weight = 0.0
            exact[tap] = weight
            total += weight
        for tap in range(count):
            weight = exact[tap] / total if total != 0.0 else exact[tap]
            rounding = -0.5 if weight < 0 else 0.5
            weights[place, tap] = int(rounding + weight * (1 << BITS))
        firsts[place], counts[place] = first, count
    return firsts, counts, weights


@_compiled
def _blend_columns(  # noqa: PLR0917 (numba has no keyword-only arguments)
    columns: Any, firsts: Any, counts: Any, weights: Any, top: int, part: Any
) -> None:
    """The first pass: each column of ``part`` from some of ``columns``."""
    height = part.shape[2]
    sums = np.empty((3, height), np.int32)
    for place in range(len(firsts)):
        sums[:] = 1 << (BITS - 1)
        for tap in range(counts[place]):
            weight = weights[place, tap]
            for channel in range(3):
                source = columns[firsts[place] + tap, channel, top : top + height]
                into = sums[channel]
                for row in range(height):
                    into[row] += weight * np.int32(source[row])
        for channel in range(3):
            into = sums[channel]
            for row in range(height):
                part[place, channel, row] = min(max(into[row] >> BITS, 0), 255)


@_compiled
def _blend_rows(part: Any, firsts: Any, counts: Any, weights: Any, result: Any) -> None:
    """The second pass: each row of ``result`` from some of ``part``, both (3, rows, columns)."""
    width = part.shape[2]
    sums = np.empty(width, np.int32)
    for channel in range(3):
        for place in range(len(firsts)):
            sums[:] = 1 << (BITS - 1)
            for tap in range(counts[place]):
                weight = weights[place, tap]
                source = part[channel, firsts[place] + tap]
                for column in range(width):
                    sums[column] += weight * np.int32(source[column])
            for column in range(width):
                result[channel, place, column] = min(max(sums[column] >> BITS, 0), 255)
