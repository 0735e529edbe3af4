"""What every model sees of a decoded image: 8 bits a channel, red, green and blue. The one place where modes change."""

import warnings

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["eight_bit", "is_constant", "to_rgb"]

DEPTHS = (8, 10, 12, 14, 16)
"""Bits of grey that cameras, scanners and depth sensors write; files of 9 to 16 bits do not say which."""

WIDE = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N", "F"})
"""Pillow's modes of more than 8 bits, all of one channel. Pillow itself clips them at 255, which makes them white."""


def eight_bit(image: Image.Image) -> Image.Image:
    """The image itself; grey of more than 8 bits is scaled by its range to mode ``L``.

    Whole numbers from 0 to 65,535 are of the fewest bits b among 8, 10, 12, 14 and 16 that hold the largest of them,
    and 2^b − 1 becomes 255: black stays black, values up to 255 stay as they are, and the 12 bits of a scanner are not
    nearly black. Other whole numbers, and all floats, are scaled from the least to the largest finite value of the
    image; NaN becomes 0, the infinities 0 and 255.

    >>> [eight_bit(Image.new("I;16", (1, 1), value)).getpixel((0, 0)) for value in (7, 4095, 65535)]
    [7, 255, 255]
    """
    if image.mode not in WIDE:
        return image
    values = np.asarray(image)
    if image.mode == "F":
        return Image.fromarray(_stretched(values.astype(np.float64)))
    least, largest = int(values.min()), int(values.max())
    if least < 0 or largest >= 2 ** DEPTHS[-1]:
        return Image.fromarray(_stretched(values.astype(np.float64)))
    top = next(2**bits - 1 for bits in DEPTHS if largest < 2**bits)
    return Image.fromarray(((values.astype(np.uint32) * 255 + top // 2) // top).astype(np.uint8))


def to_rgb(image: Image.Image) -> Image.Image:
    """The image in mode ``RGB``, as open_clip converts it after `eight_bit`.

    Transparency is dropped, not blended: the colours below it count, as in open_clip. A palette's colours replace its
    numbers, CMYK is converted without a profile (Adobe's inverted JPEGs are set right by the decoder), Lab as D50 to
    sRGB.
    """
    if image.mode == "RGB":
        return image
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow on palettes with transparency
        return eight_bit(image).convert("RGB")


def is_constant(image: Image.Image) -> bool:
    """Whether all pixels that a model sees are equal.

    >>> is_constant(Image.new("L", (4, 4), 9)), is_constant(Image.linear_gradient("L"))
    (True, False)
    """
    pixels = to_rgb(image)
    if pixels.getpixel((0, 0)) != pixels.getpixel((pixels.width // 2, pixels.height // 2)):
        return False  # as nearly always
    return all(least == most for least, most in pixels.getextrema())  # type: ignore[misc]  # RGB: three pairs


def _stretched(values: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """From the least finite value to the largest: 0 to 255."""
    finite = values[np.isfinite(values)]
    least, largest = (finite.min(), finite.max()) if len(finite) else (0.0, 0.0)
    span = largest - least or 1.0
    values = np.clip(np.nan_to_num(values, nan=least, posinf=largest, neginf=least), least, largest)
    return np.rint((values - least) / span * 255).astype(np.uint8)
