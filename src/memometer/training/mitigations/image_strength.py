"""Stronger image augmentation than CLIP's crop: mirroring and changes of colour (a practitioner's mitigation)."""

import dataclasses

import numpy as np
import numpy.typing as npt

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

    def pixels(self, pixels: npt.NDArray[np.uint8], *, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
        """(3, height, width) uint8 → the same shape."""
        return Augmentation(flip=self.flip, jitter=self.color_jitter).retouched(pixels, rng)
