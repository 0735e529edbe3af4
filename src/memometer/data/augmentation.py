"""Random changes of an image that leave what it shows, for training and for the measures that need them."""

import dataclasses
import math

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

__all__ = ["AUGMENTATIONS", "Augmentation", "crop_box"]

WIDEST = 4 / 3
"""Crops have an aspect ratio between 3/4 and 4/3, as torchvision's ``RandomResizedCrop``."""


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """One random view of an image: crop, flip, colour jitter, grey, blur, in that order.

    The distributions are those of torchvision's transforms, the colours changed in one fixed order. All randomness
    comes from the generator that is passed, so a view depends on what names the generator alone.

    Attributes:
        min_area: least share of the image's area that the crop keeps; 1 keeps the whole image.
        flip: probability of a left-right flip.
        jitter: greatest relative change of brightness, contrast and saturation; 0 for none.
        hue: greatest shift of the hue, as a share of the whole circle.
        jitter_chance: probability that the colours are changed at all.
        grey: probability that the colours are taken away.
        blur: probability of a Gaussian blur, with a deviation of 0.1 to 2 px at 224 px, scaled to the crop.
        size: px, of the square view, for a model that takes views of this size; a crop is then resampled once, and
            colours and blur cost what the view does, not what the image does. None keeps the size of the crop.
    """

    min_area: float = 1.0
    flip: float = 0.0
    jitter: float = 0.0
    hue: float = 0.0
    jitter_chance: float = 0.8
    grey: float = 0.0
    blur: float = 0.0
    size: int | None = None

    def __call__(self, image: Image.Image, rng: np.random.Generator) -> Image.Image:
        """A view of one decoded image of any mode, RGB; a crop is square, of the crop's area or the asked-for size."""
        # Every draw is made, whatever is switched off, so that one knob does not change what another one does.
        flip, recolor, grey, blur = rng.random(4)
        factors = 1 + self.jitter * rng.uniform(-1, 1, 3)
        shift, radius = rng.uniform(-self.hue, self.hue), rng.uniform(0.1, 2.0)
        box = crop_box(image.width, image.height, min_area=self.min_area, rng=rng)
        view = image if image.mode == "RGB" else image.convert("RGB")
        if self.min_area < 1:
            left, top, width, height = box
            side = self.size or max(1, round(math.sqrt(width * height)))
            view = view.resize((side, side), Image.Resampling.BICUBIC, box=(left, top, left + width, top + height))
        if flip < self.flip:
            view = ImageOps.mirror(view)
        if recolor < self.jitter_chance and (self.jitter or self.hue):
            view = _recolored(view, factors, shift)
        if grey < self.grey:
            view = view.convert("L").convert("RGB")
        if blur < self.blur:
            view = view.filter(ImageFilter.GaussianBlur(radius * min(view.size) / 224))
        return view


AUGMENTATIONS = {
    "clip": Augmentation(min_area=0.9),
    "ssl": Augmentation(min_area=0.2, flip=0.5, jitter=0.4, hue=0.1, grey=0.2, blur=0.5),
    "crop": Augmentation(min_area=0.2, flip=0.5),
    "none": Augmentation(),
}
"""By name: ``clip`` is what open_clip (and the trainer here) trains with; ``ssl`` is that of SimCLR and VICReg."""


def crop_box(width: int, height: int, *, min_area: float, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """(left, top, width, height) in px of a random crop: torchvision's ``RandomResizedCrop``.

    Ten draws of an area between ``min_area`` and the whole and of an aspect ratio between 3/4 and 4/3; where none fits,
    the largest central box of an allowed aspect ratio.
    """
    for _ in range(10):
        area = width * height * rng.uniform(min_area, 1.0)
        ratio = math.exp(rng.uniform(-math.log(WIDEST), math.log(WIDEST)))
        crop_width, crop_height = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < crop_width <= width and 0 < crop_height <= height:
            left = int(rng.integers(0, width - crop_width, endpoint=True))
            top = int(rng.integers(0, height - crop_height, endpoint=True))
            return left, top, crop_width, crop_height
    crop_width, crop_height = min(width, round(height * WIDEST)), min(height, round(width * WIDEST))
    return (width - crop_width) // 2, (height - crop_height) // 2, crop_width, crop_height


def _recolored(view: Image.Image, factors: np.ndarray, shift: float) -> Image.Image:
    brightness, contrast, saturation = factors.tolist()
    for kind, factor in (
        (ImageEnhance.Brightness, brightness),
        (ImageEnhance.Contrast, contrast),
        (ImageEnhance.Color, saturation),
    ):
        view = kind(view).enhance(factor)
    turn = round(shift * 255)
    if not turn:
        return view
    hue, saturated, value = view.convert("HSV").split()
    turned = Image.fromarray((np.asarray(hue).astype(np.int16) + turn).astype(np.uint8))  # wraps around the circle
    return Image.merge("HSV", (turned, saturated, value)).convert("RGB")
