"""Colours and sharpness of pixels: what torchvision's transforms of the same names do, from start to end in float32.

Numba's loops go from the bytes of an image, as Pillow lays them out, to those that a model reads, several times faster
than Pillow and SciPy one step at a time, and round once, at the end. The loops over pixels have no branches and no sums
across a row, so that the processor does several pixels at once. Worker processes can have it without torch.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from memometer.compiling import compiled

__all__ = ["retouch"]

ZERO, HALF, ONE, TOP = np.float32(0), np.float32(0.5), np.float32(1), np.float32(255)
RED, GREEN, BLUE = np.float32(0.2989), np.float32(0.587), np.float32(0.114)
"""What the colours count in a grey value, as in torchvision."""


def retouch(
    pixels: npt.NDArray[np.uint8],
    *,
    mirrors: bool = False,
    factors: tuple[float, float, float] = (1.0, 1.0, 1.0),
    hue: float = 0.0,
    greys: bool = False,
    deviation: float = 0.0,
) -> npt.NDArray[np.uint8]:
    """Pixels with left and right exchanged, of other colours, and blurred, in the order of the arguments.

    Args:
        pixels: (height, width, 3) red, green and blue.
        mirrors: exchange left and right.
        factors: of the brightness, that is of every value; of the contrast, that is of the distance from the mean grey
            value; and of the saturation, that is of the distance from a pixel's own grey value.
        hue: by how much the hue turns, as a share of the whole circle.
        greys: take the colours away.
        deviation: px, of a Gaussian filter that ends at four deviations, with the image mirrored beyond its edge; at
            most an eighth of the shorter side.

    Returns:
        (3, height, width).
    """
    recolors = hue != 0 or factors != (1, 1, 1)
    result: npt.NDArray[np.uint8] = _retouched(pixels, mirrors, recolors, *factors, 6 * hue, greys, deviation)
    return result


@compiled(error_model="numpy")
def _retouched(  # noqa: PLR0917 (numba has no keyword-only arguments)
    pixels: Any,
    mirrors: Any,
    recolors: Any,
    brightness: float,
    contrast: float,
    saturation: float,
    turn: float,
    greys: Any,
    deviation: float,
) -> Any:
    """`retouch`; ``turn`` is in sixths of the circle."""
    planes = _planes(pixels, mirrors)
    if recolors:
        mean = _brightened(planes, np.float32(brightness))
        _recolor(planes, np.float32(contrast), mean, np.float32(saturation), np.float32(turn))
    if greys:
        _take_colors(planes)
    radius = int(4 * deviation + 0.5)
    if radius:
        weights = np.array([math.exp(-0.5 * (step / deviation) ** 2) for step in range(radius + 1)])
        _blur(planes, (weights / (2 * weights.sum() - 1)).astype(np.float32))
    return (planes + HALF).astype(np.uint8)


@compiled()
def _planes(pixels: Any, mirrors: Any) -> Any:
    """(height, width, 3) uint8 → (3, height, width) float32."""
    height, width = pixels.shape[:2]
    planes = np.empty((3, height, width), np.float32)
    first, step = (width - 1, -1) if mirrors else (0, 1)
    for y in range(height):
        for x in range(width):
            for color in range(3):
                planes[color, y, x] = pixels[y, first + step * x, color]
    return planes


@compiled()
def _brightened(planes: Any, factor: Any) -> Any:
    """Multiplies all values in place; the mean grey value of the result."""
    height, width = planes.shape[1:]
    sums = np.zeros(width, np.float32)
    for y in range(height):
        for x in range(width):
            red, green, blue = planes[0, y, x], planes[1, y, x], planes[2, y, x]
            red, green, blue = _clipped(red * factor, TOP), _clipped(green * factor, TOP), _clipped(blue * factor, TOP)
            planes[0, y, x], planes[1, y, x], planes[2, y, x] = red, green, blue
            sums[x] += _grey(red, green, blue)
    return np.float32(sums.sum() / np.float32(height * width))


@compiled(error_model="numpy")
def _recolor(planes: Any, contrast: Any, mean: Any, saturation: Any, turn: Any) -> None:
    """Changes contrast, saturation and hue in place."""
    offset = mean * (ONE - contrast)
    for y in range(planes.shape[1]):
        for x in range(planes.shape[2]):
            red = _clipped(planes[0, y, x] * contrast + offset, TOP)
            green = _clipped(planes[1, y, x] * contrast + offset, TOP)
            blue = _clipped(planes[2, y, x] * contrast + offset, TOP)
            grey = _grey(red, green, blue) * (ONE - saturation)
            red = _clipped(red * saturation + grey, TOP)
            green = _clipped(green * saturation + grey, TOP)
            blue = _clipped(blue * saturation + grey, TOP)
            top = max(red, green, blue)
            chroma = top - min(red, green, blue)
            hue = turn + _hue(red, green, blue, top, chroma)
            planes[0, y, x] = _with_hue(hue + np.float32(5), top, chroma)
            planes[1, y, x] = _with_hue(hue + np.float32(3), top, chroma)
            planes[2, y, x] = _with_hue(hue + np.float32(1), top, chroma)


@compiled()
def _take_colors(planes: Any) -> None:
    for y in range(planes.shape[1]):
        for x in range(planes.shape[2]):
            grey = _grey(planes[0, y, x], planes[1, y, x], planes[2, y, x])
            planes[0, y, x], planes[1, y, x], planes[2, y, x] = grey, grey, grey


@compiled()
def _blur(planes: Any, weights: Any) -> None:
    """Filters in place; ``weights`` begin in the middle.

    All rows of all planes lie in one line, with margins so wide that what runs over from one row into the next falls
    into them. So a filter along the columns is one along the line whose steps are as long as a row.
    """
    height, width = planes.shape[1:]
    radius = len(weights) - 1
    bottom, right = radius + height, radius + width
    padded = np.empty((3, bottom + radius, right + radius), np.float32)
    padded[:, radius:bottom, radius:right] = planes
    for step in range(1, radius + 1):
        padded[:, radius - step], padded[:, bottom - 1 + step] = padded[:, radius + step], padded[:, bottom - 1 - step]
    for step in range(1, radius + 1):
        for color in range(3):
            for y in range(bottom + radius):
                padded[color, y, radius - step] = padded[color, y, radius + step]
                padded[color, y, right - 1 + step] = padded[color, y, right - 1 - step]
    along_rows = _filtered(padded.reshape(-1), weights, 1)
    planes[:] = _filtered(along_rows, weights, right + radius).reshape(padded.shape)[:, radius:bottom, radius:right]


@compiled()
def _filtered(line: Any, weights: Any, apart: Any) -> Any:
    """A line whose neighbours are ``apart`` from one another; its ends stay as they are."""
    result = line.copy()
    margin = (len(weights) - 1) * apart
    n = len(line) - 2 * margin
    inner = result[margin : margin + n]
    for i in range(n):
        inner[i] *= weights[0]
    for step in range(1, len(weights)):
        weight = weights[step]
        before, after = line[margin - step * apart :][:n], line[margin + step * apart :][:n]
        for i in range(n):
            inner[i] += weight * (before[i] + after[i])
    return result


@compiled(inline="always")
def _clipped(value: Any, top: Any) -> Any:
    return min(max(value, ZERO), top)


@compiled(inline="always")
def _grey(red: Any, green: Any, blue: Any) -> Any:
    return RED * red + GREEN * green + BLUE * blue


@compiled(inline="always", error_model="numpy")
def _hue(red: Any, green: Any, blue: Any, top: Any, chroma: Any) -> Any:
    """−1 to 5 sixths of the circle: red 0, green 2, blue 4; 0 of greys."""
    per_chroma = ONE / (chroma if chroma > ZERO else ONE)
    hue = np.float32(4) + (red - green) * per_chroma
    hue = np.float32(2) + (blue - red) * per_chroma if top == green else hue
    return (green - blue) * per_chroma if top == red else hue


@compiled(inline="always", error_model="numpy")
def _with_hue(place: Any, top: Any, chroma: Any) -> Any:
    """A colour's value at a ``place`` of the circle: highest for two sixths of it, lowest for two, slopes between."""
    place -= np.float32(6) * np.floor(place / np.float32(6))
    return top - chroma * _clipped(min(place, np.float32(4) - place), ONE)
