"""How an image is cropped for training."""

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from memometer.data.augmentation import crop_box

__all__ = ["Picture", "prepared", "random_crop"]

Picture = Image.Image | torch.Tensor
"""A decoded image: RGB ones as (3, height, width) uint8 whose channels lie together, others as Pillow has them."""


def prepared(image: Image.Image) -> Picture:
    """A decoded image in the form that is fastest to crop; it takes the same memory."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1) if image.mode == "RGB" else image


def random_crop(
    picture: Picture, *, size: tuple[int, int], min_area: float, rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """A random part of an image, resized: the distribution of torchvision's ``RandomResizedCrop``, as in open_clip.

    RGB images are resized by torch, several times faster than by Pillow, for small models take less time to train than
    Pillow to resize. Its weights have fewer bits, so a pixel may be 1, rarely 2, of 255 off Pillow's.

    Args:
        picture: an image of any mode, `prepared` or not.
        size: (height, width) of the result in px.
        min_area: least share of the area; the aspect ratio is drawn between 3/4 and 4/3.
        rng: where the randomness comes from.

    Returns:
        (3, height, width) uint8, resized with an antialiased bicubic filter before the conversion to RGB.
    """
    picture = prepared(picture) if isinstance(picture, Image.Image) else picture
    if isinstance(picture, Image.Image):
        left, top, width, height = crop_box(*picture.size, min_area=min_area, rng=rng)
        part = picture.crop((left, top, left + width, top + height)).resize(
            (size[1], size[0]), Image.Resampling.BICUBIC
        )
        return np.ascontiguousarray(np.asarray(part.convert("RGB")).transpose(2, 0, 1))
    left, top, width, height = crop_box(picture.shape[2], picture.shape[1], min_area=min_area, rng=rng)
    pixels = picture[None, :, top : top + height, left : left + width]
    resized = torch.nn.functional.interpolate(pixels, size=size, mode="bicubic", antialias=True)
    return np.ascontiguousarray(resized[0].numpy())
