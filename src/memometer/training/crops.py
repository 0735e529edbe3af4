"""How an image is cropped for training."""

import numpy as np
import numpy.typing as npt
from PIL import Image

from memometer.data.augmentation import crop_box
from memometer.data.resampling import columns_of, resized_part, widths_come_first

__all__ = ["Picture", "pixels_of", "prepared", "random_crop"]

Picture = Image.Image | npt.NDArray[np.uint8]
"""A decoded image: RGB ones as `memometer.data.resampling.columns_of`, others as Pillow has them."""


def prepared(image: Image.Image) -> Picture:
    """A decoded image in the form that is fastest to crop; it takes the same memory."""
    return columns_of(image) if image.mode == "RGB" else image


def pixels_of(image: Image.Image) -> npt.NDArray[np.uint8]:
    """An image of any mode as (3, height, width) uint8."""
    return np.ascontiguousarray(np.asarray(image.convert("RGB")).transpose(2, 0, 1))


def random_crop(
    picture: Picture, *, size: tuple[int, int], min_area: float, rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """A random part of an image, resized: the distribution of torchvision's ``RandomResizedCrop``, as in open_clip.

    Args:
        picture: an image of any mode, `prepared` or not: the pixels are the same.
        size: (height, width) of the result in px.
        min_area: least share of the area; the aspect ratio is drawn between 3/4 and 4/3.
        rng: where the randomness comes from.

    Returns:
        (3, height, width) uint8, resized with an antialiased bicubic filter before the conversion to RGB.
    """
    if isinstance(picture, Image.Image):
        width, height = picture.size
    else:
        width, height = picture.shape[0], picture.shape[2]
    box = crop_box(width, height, min_area=min_area, rng=rng)
    if not isinstance(picture, Image.Image):
        if widths_come_first(box, size):
            return resized_part(picture, box=box, size=size)
        picture = Image.fromarray(picture.transpose(2, 0, 1))
    left, top, width, height = box
    part = picture.crop((left, top, left + width, top + height))
    return pixels_of(part.resize((size[1], size[0]), Image.Resampling.BICUBIC))
