"""Perceptual hashes: pictures that look alike have hashes that differ in few bits."""

import warnings

import numpy as np
from PIL import Image

from memometer.data.images import UnreadableImageError
from memometer.data.pixels import eight_bit

__all__ = ["perceptual_hash"]


def perceptual_hash(image: Image.Image) -> int:
    """The 64-bit DCT hash of a decoded image (``imagehash.phash``), its first bit the most significant.

    Raises:
        UnreadableImageError: Pillow cannot turn its mode into grey levels, so no model could read it either.

    >>> from PIL import ImageDraw
    >>> picture = Image.new("RGB", (64, 64), "white")
    >>> ImageDraw.Draw(picture).ellipse((8, 8, 40, 40), fill="red")
    >>> smaller = picture.resize((48, 48))
    >>> (perceptual_hash(picture) ^ perceptual_hash(smaller)).bit_count() <= 4
    True
    """
    import imagehash  # brings scipy along, which only the workers need

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow on palettes with transparency
        try:
            bits = imagehash.phash(eight_bit(image)).hash
        except (ValueError, OSError) as error:
            raise UnreadableImageError(f"damaged image: {error}") from error
    return int.from_bytes(np.packbits(bits.ravel()).tobytes(), "big")
