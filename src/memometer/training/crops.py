"""How images are cropped for training."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from memometer.data.augmentation import crop_box
from memometer.data.pixels import eight_bit, to_rgb
from memometer.training.resampling import Resizing, resized_crops

__all__ = ["Picture", "prepared", "random_crops"]

Picture = Image.Image | npt.NDArray[np.uint8]
"""A decoded image: as Pillow has it, or prepared, as (width, height, 3) uint8."""


def prepared(image: Image.Image) -> Picture:
    """A decoded image in the form that is fastest to crop; it takes the same memory."""
    image = eight_bit(image)
    return np.array(image.transpose(Image.Transpose.TRANSPOSE)) if image.mode == "RGB" else image


def random_crops(
    pictures: Sequence[Picture],
    *,
    size: tuple[int, int],
    min_area: float,
    rngs: Sequence[np.random.Generator],
    by: Resizing = "loops",
) -> npt.NDArray[np.uint8]:
    """A random part of each image, resized: the distribution of torchvision's ``RandomResizedCrop``, as in open_clip.

    RGB images are resized as torch does it, several times faster than by Pillow, for small models take less time to
    train than Pillow to resize. The weights have fewer bits, so a pixel may be 1, rarely 2, of 255 off Pillow's.

    Args:
        pictures: n images, `prepared`.
        size: (height, width) of the result in px.
        min_area: least share of the area; the aspect ratio is drawn between 3/4 and 4/3.
        rngs: n; where the randomness comes from.
        by: see `resized_crops`.

    Returns:
        (n, 3, height, width) uint8, resized with an antialiased bicubic filter before the conversion to RGB.
    """
    shapes = (picture.size if isinstance(picture, Image.Image) else picture.shape[:2] for picture in pictures)
    boxes = [crop_box(*shape, min_area=min_area, rng=rng) for shape, rng in zip(shapes, rngs, strict=True)]
    rgb = {i: picture for i, picture in enumerate(pictures) if not isinstance(picture, Image.Image)}
    made = resized_crops(list(rgb.values()), [boxes[i] for i in rgb], size, by=by)
    if len(rgb) == len(pictures):
        return made
    crops = np.empty((len(pictures), 3, *size), np.uint8)
    crops[list(rgb)] = made
    for i, picture in enumerate(pictures):
        if isinstance(picture, Image.Image):
            crops[i] = _by_pillow(picture, boxes[i], size)
    return crops


def _by_pillow(image: Image.Image, box: tuple[int, int, int, int], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    left, top, width, height = box
    part = image.crop((left, top, left + width, top + height)).resize((size[1], size[0]), Image.Resampling.BICUBIC)
    return np.asarray(to_rgb(part)).transpose(2, 0, 1)
