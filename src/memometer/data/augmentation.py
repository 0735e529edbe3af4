"""Random changes of an image that leave what it shows, for training and for the measures that need them."""

import dataclasses
import math

import numpy as np
import numpy.typing as npt
from PIL import Image

from memometer.data.pixels import to_rgb

__all__ = ["AUGMENTATIONS", "VIEWS", "Augmentation", "crop_box"]

VIEWS = 2
"""Which pixels one generator draws: another number where they change. It is part of the keys of all made from views."""

WIDEST = 4 / 3
"""Crops have an aspect ratio between 3/4 and 4/3, as torchvision's ``RandomResizedCrop``."""

NUMBERS = 9
"""Random numbers of a view, beside those of its crop."""


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """One random view of an image: crop, flip, colour jitter, grey, blur, in that order.

    The distributions are those of torchvision's transforms, the colours changed in one fixed order. All randomness
    comes from the generator that is passed. One generator may draw views one after the other: none of them depends on
    how many follow.

    Attributes:
        min_area: least share of the image's area that the crop keeps; 1 keeps the whole image.
        flip: probability of a left-right flip.
        jitter: greatest relative change of brightness, contrast and saturation; 0 for none.
        hue: greatest shift of the hue, as a share of the whole circle.
        jitter_chance: probability that the colours are changed at all.
        grey: probability that the colours are taken away.
        blur: probability of a Gaussian blur, with a deviation of 0.1 to 2 px at 224 px, scaled to the view.
    """

    min_area: float = 1.0
    flip: float = 0.0
    jitter: float = 0.0
    hue: float = 0.0
    jitter_chance: float = 0.8
    grey: float = 0.0
    blur: float = 0.0

    def __call__(
        self, image: Image.Image, rng: np.random.Generator, *, side: int | None = None
    ) -> npt.NDArray[np.uint8]:
        """A view of one decoded image of any mode.

        Args:
            image: the image.
            rng: where the randomness comes from.
            side: px, of the square that a crop is resampled to; by default a square of the crop's own area.

        Returns:
            (3, height, width) uint8, square where it is a crop, else of the image's size.
        """
        # Every draw is made, whatever is switched off, so that one knob does not change what another one does.
        numbers = rng.random(NUMBERS)
        left, top, width, height = crop_box(image.width, image.height, min_area=self.min_area, rng=rng)
        view = to_rgb(image)
        if self.min_area < 1:
            side = side or max(1, round(math.sqrt(width * height)))
            view = view.resize((side, side), Image.Resampling.BICUBIC, box=(left, top, left + width, top + height))
        return self._retouched(np.asarray(view), numbers)

    def retouched(self, pixels: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
        """All but the crop, of (3, height, width) uint8 pixels: the same shape."""
        return self._retouched(pixels.transpose(1, 2, 0), rng.random(NUMBERS))

    def _retouched(self, pixels: npt.NDArray[np.uint8], numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
        """What ``numbers``, each from 0 to 1, make of (height, width, 3) uint8 pixels: (3, height, width)."""
        flip, recolor, grey, blur, brightness, contrast, saturation, hue, deviation = numbers.tolist()
        mirrors, greys, blurs = flip < self.flip, grey < self.grey, blur < self.blur
        recolors = recolor < self.jitter_chance and (self.jitter > 0 or self.hue > 0)
        if not (recolors or greys or blurs):
            return np.ascontiguousarray((pixels[:, ::-1] if mirrors else pixels).transpose(2, 0, 1))
        from memometer.data.colors import retouch  # loads numba, which crops can do without

        least, width = (1 - self.jitter, 2 * self.jitter) if recolors else (1.0, 0.0)
        return retouch(
            pixels,
            mirrors=mirrors,
            factors=(least + width * brightness, least + width * contrast, least + width * saturation),
            hue=self.hue * (2 * hue - 1) if recolors else 0.0,
            greys=greys,
            deviation=(0.1 + 1.9 * deviation) * min(pixels.shape[:2]) / 224 if blurs else 0.0,
        )


AUGMENTATIONS = {
    "clip": Augmentation(min_area=0.9),
    "ssl": Augmentation(min_area=0.2, flip=0.5, jitter=0.4, hue=0.1, grey=0.2, blur=0.5),
    "crop": Augmentation(min_area=0.2, flip=0.5),
    "none": Augmentation(),
}
"""By name: ``clip`` is what open_clip (and the trainer here) trains with; ``ssl`` is that of SimCLR and VICReg."""


def crop_box(
    width: int, height: int, *, min_area: float, rng: np.random.Generator, max_area: float = 1.0
) -> tuple[int, int, int, int]:
    """(left, top, width, height) in px of a random crop: torchvision's ``RandomResizedCrop``.

    Ten draws of an area between ``min_area`` and ``max_area``, shares of the whole, and of an aspect ratio between 3/4
    and 4/3; where none fits, the largest central box of an allowed aspect ratio.
    """
    for _ in range(10):
        area = width * height * (min_area + (max_area - min_area) * rng.random())
        ratio = WIDEST ** (2 * rng.random() - 1)
        crop_width, crop_height = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < crop_width <= width and 0 < crop_height <= height:
            left = int(rng.integers(0, width - crop_width, endpoint=True))
            top = int(rng.integers(0, height - crop_height, endpoint=True))
            return left, top, crop_width, crop_height
    crop_width, crop_height = min(width, round(height * WIDEST)), min(height, round(width * WIDEST))
    return (width - crop_width) // 2, (height - crop_height) // 2, crop_width, crop_height
