"""Random views of one image, as a model sees them."""

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from memometer.data.augmentation import Augmentation
from memometer.data.pixels import to_rgb
from memometer.encoders.base import Preprocess
from memometer.encoders.preprocessing import ImagePreprocess

__all__ = ["draw_views"]


def draw_views(
    image: Image.Image, *, preprocess: Preprocess, augmentation: Augmentation, draws: int, rng: np.random.Generator
) -> npt.NDArray[Any]:
    """Views of an image, one after the other: none depends on how many follow.

    Where the model takes squares, a crop is resampled once, to the model's own size. An augmentation that changes
    nothing gives what ``preprocess`` makes of the image.

    Args:
        image: decoded, of any mode.
        preprocess: of the encoder.
        augmentation: makes the views.
        draws: how many.
        rng: where all randomness comes from.

    Returns:
        (draws, …) stacked outputs of ``preprocess``.
    """
    if augmentation == Augmentation():
        return np.stack([preprocess(image)] * draws)
    image = to_rgb(image)
    side = preprocess.side if isinstance(preprocess, ImagePreprocess) else None
    views = (augmentation(image, rng, side=side) for _ in range(draws))
    return np.stack([_seen(view, preprocess) for view in views])


def _seen(view: npt.NDArray[np.uint8], preprocess: Preprocess) -> npt.NDArray[Any]:
    """What a model sees of (3, height, width) pixels."""
    if isinstance(preprocess, ImagePreprocess) and view.shape[1:] == (preprocess.side, preprocess.side):
        return preprocess.of_square(view)
    return preprocess(Image.fromarray(np.ascontiguousarray(view.transpose(1, 2, 0))))
