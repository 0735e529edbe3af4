"""Stronger image augmentation than CLIP's crop: mirroring and changes of colour (a practitioner's mitigation)."""

import dataclasses

import numpy as np
from PIL import Image

from memometer.data.augmentation import Augmentation
from memometer.training.mitigations.base import Mitigation

__all__ = ["ImageStrength"]


@dataclasses.dataclass(frozen=True)
class ImageStrength(Mitigation):
    """Mirrors images and changes their brightness, contrast and saturation, after the crop.

    The hue stays, since captions name colours.

    Attributes:
        flip: probability of a left-right flip.
        color_jitter: greatest relative change; four of five images are changed, as in SimCLR.
    """

    flip: float = 0.0
    color_jitter: float = 0.0

    def image(self, image: Image.Image, *, rng: np.random.Generator) -> Image.Image:
        """An RGB image → the same size."""
        return Augmentation(flip=self.flip, jitter=self.color_jitter)(image, rng)
