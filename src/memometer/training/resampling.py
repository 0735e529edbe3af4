"""Crops of pictures that are kept in memory, resized: torch's antialiased bicubic filter to the bit, in less time.

A picture lies column by column, so that every loop goes along the memory and the processor does many pixels at once.
Weights are 16-bit integers and sums 32-bit ones, as in Pillow and torch: every machine gives the same pixels.
"""

import math
from collections.abc import Sequence
from typing import Any, Literal

import numba
import numpy as np
import numpy.typing as npt
import torch

from memometer.compiling import compiled
from memometer.threads import keeping_threads

__all__ = ["Resizing", "resized_crops", "resizing_of"]

Resizing = Literal["loops", "threads", "torch"]
"""Who resizes: the loops below, on one processor or in the threads of OpenMP, which are torch's; or torch itself."""

FEW = 20_000
"""Crops that torch resizes in less time than the loops take to be compiled."""

TAPS = 4
"""Lines that a loop adds up at once."""

CACHE_LINE = 64
"""Bytes that the processor fetches at a time."""


def resized_crops(
    pictures: Sequence[npt.NDArray[np.uint8]],
    boxes: Sequence[tuple[int, int, int, int]],
    size: tuple[int, int],
    *,
    by: Resizing = "loops",
) -> npt.NDArray[np.uint8]:
    """Parts of pictures, each first resized to its new width, then to its new height, and rounded after either.

    Args:
        pictures: n, each (width, height, 3) and contiguous.
        boxes: n times (left, top, width, height) of the parts in px, inside the pictures.
        size: (height, width) of the result in px.
        by: changes no pixel.

    Returns:
        (n, 3, height, width).
    """
    crops = np.empty((len(pictures), 3, *size), np.uint8)
    if by == "torch":
        for crop, picture, box in zip(crops, pictures, boxes, strict=True):
            crop[:] = _by_torch(picture, box, size)
    elif pictures:
        every = numba.typed.List([picture.reshape(len(picture), -1) for picture in pictures])
        (_resize_in_threads if by == "threads" else _resize)(every, np.array(boxes, np.int64), crops)
    return crops


def resizing_of(n_crops: int, *, in_turn: bool) -> Resizing:
    """What takes the least time for so many crops; ``in_turn``: nothing else runs while they are made."""
    if n_crops <= FEW:
        return "torch"
    return "threads" if in_turn else "loops"


def _by_torch(
    picture: npt.NDArray[np.uint8], box: tuple[int, int, int, int], size: tuple[int, int]
) -> npt.NDArray[np.uint8]:
    left, top, width, height = box
    part = torch.from_numpy(picture).permute(2, 1, 0)[None, :, top : top + height, left : left + width]
    made = torch.nn.functional.interpolate(part, size=size, mode="bicubic", antialias=True)
    crop: npt.NDArray[np.uint8] = made[0].numpy()
    return crop


@compiled(error_model="numpy")
def _resize(pictures: Any, boxes: Any, crops: Any) -> None:
    for i in range(len(pictures)):
        _resize_one(pictures[i], boxes[i], crops[i])


@keeping_threads
@compiled(parallel=True, nogil=False, error_model="numpy")
def _resize_in_threads(pictures: Any, boxes: Any, crops: Any) -> None:
    for each in numba.prange(len(pictures)):
        i = np.int64(each)  # numba counts without a sign here, its lists with one
        _resize_one(pictures[i], boxes[i], crops[i])


@compiled(error_model="numpy")
def _resize_one(columns: Any, box: Any, crop: Any) -> None:
    left, top, width, height = box
    _, new_height, new_width = crop.shape
    narrow = _combined(columns[left : left + width], new_width, 3 * top, 3 * height)
    rows = _transposed(narrow).reshape(height, -1)
    stride = rows.shape[1] // 3
    short = _combined(rows, new_height, np.int64(0), 3 * stride)  # a plain 0 is a type of its own: compiled once more
    for color in range(3):
        for line in range(new_height):
            for i in range(new_width):  # to assign a slice costs 10 seconds of compiling: the words of its error
                crop[color, line, i] = short[line, color * stride + i]


@compiled(error_model="numpy")
def _transposed(lines: Any) -> Any:
    """(n, length) → (length, n), and so many columns that mean nothing that rows have whole words of `TAPS` bytes."""
    n, length = lines.shape
    words, packed = np.empty((length, -(-n // TAPS)), np.uint32), np.empty(length, np.uint32)
    for word in range(words.shape[1]):
        first = word * TAPS
        line0, line1 = lines[first], lines[min(first + 1, n - 1)]
        line2, line3 = lines[min(first + 2, n - 1)], lines[min(first + 3, n - 1)]
        for i in range(length):
            low = np.uint32(line0[i]) | (np.uint32(line1[i]) << np.uint32(8))
            packed[i] = low | (np.uint32(line2[i]) << np.uint32(16)) | (np.uint32(line3[i]) << np.uint32(24))
        for i in range(length):
            words[i, word] = packed[i]
    return words.view(np.uint8)


@compiled(error_model="numpy")
def _combined(lines: Any, n: int, start: int, length: int) -> Any:
    """``length`` bytes from ``start`` on of m lines → (n, length): each a weighted sum of the lines about its place."""
    m, end = len(lines), start + length
    starts, weights, bits = _weights(m, n)
    result, sums = np.empty((n, length), np.uint8), np.empty(length, np.int32)
    _fetch(lines, start, end)
    for place in range(n):
        sums[:] = np.int32(1 << (bits - 1))  # rounds to the nearest
        for tap in range(0, weights.shape[1], TAPS):
            old = starts[place] + tap
            if old >= m:
                break
            # Beyond the last line weights are 0, so that it does not matter which line stands in.
            line0, line1 = lines[old, start:end], lines[min(old + 1, m - 1), start:end]
            line2, line3 = lines[min(old + 2, m - 1), start:end], lines[min(old + 3, m - 1), start:end]
            weight0, weight1 = np.int32(weights[place, tap]), np.int32(weights[place, tap + 1])
            weight2, weight3 = np.int32(weights[place, tap + 2]), np.int32(weights[place, tap + 3])
            for i in range(length):
                sums[i] = np.int32(
                    sums[i]
                    + weight0 * np.int32(line0[i])
                    + weight1 * np.int32(line1[i])
                    + weight2 * np.int32(line2[i])
                    + weight3 * np.int32(line3[i])
                )
        line = result[place]
        for i in range(length):
            line[i] = np.uint8(min(max(sums[i] >> bits, 0), 255))
    return result


@compiled(error_model="numpy")
def _fetch(lines: Any, start: int, end: int) -> None:
    """Has the processor fetch bytes from memory, all at once, which is faster than when they are needed."""
    seen = 0
    for line in range(len(lines)):
        for i in range(start, end, CACHE_LINE):
            seen += lines[line, i]
    if seen < 0:  # never, but the compiler does not know that, and leaves no loop out
        raise OverflowError


@compiled(error_model="numpy")
def _weights(m: int, n: int) -> Any:
    """Where each of n new lines begins among m old ones, (n, taps) weights, and the bits behind their point.

    Of Keys' cubic filter with a = −1/2, as wide as an old line or a new one, whichever is the wider.
    """
    scale = m / n
    widening = max(scale, 1.0)
    narrowing = 1 / widening
    taps = -(-(2 * math.ceil(2 * widening) + 1) // TAPS) * TAPS
    starts, exact = np.empty(n, np.int64), np.zeros((n, taps))
    for place in range(n):
        center = scale * (place + 0.5)
        first = max(int(center - 2 * widening + 0.5), 0)
        last = min(int(center + 2 * widening + 0.5), m)
        line, total = exact[place, : last - first], 0.0
        for tap in range(len(line)):
            line[tap] = _cubic((first + tap - center + 0.5) * narrowing)
        for tap in range(len(line)):
            total += line[tap]
        for tap in range(len(line)):
            line[tap] /= total
        starts[place] = first
    bits, most = 0, exact.max()
    while bits < 22 and int(0.5 + most * (1 << (bits + 1))) < 1 << 15:
        bits += 1
    weights = np.empty((n, taps), np.int16)
    for place in range(n):
        for tap in range(taps):
            weight = exact[place, tap] * (1 << bits)
            weights[place, tap] = np.int16(weight + (0.5 if weight >= 0 else -0.5))
    return starts, weights, bits


@compiled(error_model="numpy")
def _cubic(distance: float) -> float:
    x = abs(distance)
    near = (1.5 * x - 2.5) * x * x + 1
    far = -0.5 * (((x - 5) * x + 8) * x - 4)
    return near if x < 1 else (far if x < 2 else 0.0)
