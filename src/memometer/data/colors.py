"""Colours and sharpness of pixels: what torchvision's transforms of the same names do, from start to end in float32.

One loop of numba's changes all that concerns colours, several times faster than Pillow one step at a time, and rounds
once, at the end. Worker processes can have it without torch.
"""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from scipy import ndimage

__all__ = ["blurred", "recolored"]

Planes = npt.NDArray[np.float32]

ONE, TOP = np.float32(1), np.float32(255)
RED, GREEN, BLUE = np.float32(0.2989), np.float32(0.587), np.float32(0.114)
"""What the colours count in a grey value, as in torchvision."""


def recolored(
    planes: Planes, brightness: float = 1.0, contrast: float = 1.0, saturation: float = 1.0, *, hue: float = 0.0
) -> Planes:
    """Planes of other colours, changed in the order of the arguments.

    Args:
        planes: (3, height, width) red, green and blue, 0 to 255.
        brightness: a factor of every value.
        contrast: a factor of the distance from the mean grey value.
        saturation: a factor of the distance from a pixel's own grey value; 0 leaves grey.
        hue: by how much the hue turns, as a share of the whole circle.

    Returns:
        The same shape, 0 to 255.
    """
    knobs = (np.float32(knob) for knob in (brightness, contrast, saturation, 6 * hue))
    result: Planes = _recolored(planes.reshape(3, -1), *knobs).reshape(planes.shape)
    return result


def blurred(planes: Planes, *, deviation: float) -> Planes:
    """(3, height, width) behind a Gaussian filter of a ``deviation`` in px, mirrored beyond the edge."""
    result: Planes = ndimage.gaussian_filter(planes, (0, deviation, deviation), mode="mirror")
    return result


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _recolored(planes: Any, brightness: Any, contrast: Any, saturation: Any, turn: Any) -> Any:
    """`recolored` of (3, n) planes; ``turn`` is in sixths of the circle.

    The loops have no branches, so that the processor does several pixels at once.
    """
    n = planes.shape[1]
    result = np.empty((3, n), np.float32)
    total = 0.0
    for i in range(n):
        red, green, blue = planes[0, i] * brightness, planes[1, i] * brightness, planes[2, i] * brightness
        result[0, i], result[1, i], result[2, i] = _clipped(red, TOP), _clipped(green, TOP), _clipped(blue, TOP)
    for i in range(n):
        total += _grey(result[0, i], result[1, i], result[2, i])
    offset = np.float32(total / n) * (ONE - contrast)
    for i in range(n):
        red = _clipped(result[0, i] * contrast + offset, TOP)
        green = _clipped(result[1, i] * contrast + offset, TOP)
        blue = _clipped(result[2, i] * contrast + offset, TOP)
        grey = _grey(red, green, blue) * (ONE - saturation)
        red = _clipped(red * saturation + grey, TOP)
        green = _clipped(green * saturation + grey, TOP)
        blue = _clipped(blue * saturation + grey, TOP)
        top = max(red, green, blue)
        chroma = top - min(red, green, blue)
        hue = turn + _hue(red, green, blue, top, chroma)
        result[0, i] = _with_hue(hue + np.float32(5), top, chroma)
        result[1, i] = _with_hue(hue + np.float32(3), top, chroma)
        result[2, i] = _with_hue(hue + np.float32(1), top, chroma)
    return result


@numba.njit(inline="always")
def _clipped(value: Any, top: Any) -> Any:
    return min(max(value, np.float32(0)), top)


@numba.njit(inline="always")
def _grey(red: Any, green: Any, blue: Any) -> Any:
    return RED * red + GREEN * green + BLUE * blue


@numba.njit(inline="always", error_model="numpy")
def _hue(red: Any, green: Any, blue: Any, top: Any, chroma: Any) -> Any:
    """−1 to 5 sixths of the circle: red 0, green 2, blue 4; 0 of greys."""
    per_chroma = ONE / (chroma if chroma > np.float32(0) else ONE)
    hue = np.float32(4) + (red - green) * per_chroma
    hue = np.float32(2) + (blue - red) * per_chroma if top == green else hue
    return (green - blue) * per_chroma if top == red else hue


@numba.njit(inline="always", error_model="numpy")
def _with_hue(place: Any, top: Any, chroma: Any) -> Any:
    """A colour's value at a ``place`` of the circle: highest for two sixths of it, lowest for two, slopes between."""
    place -= np.float32(6) * np.floor(place / np.float32(6))
    return top - chroma * _clipped(min(place, np.float32(4) - place), ONE)
