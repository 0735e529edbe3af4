"""Images as detectors of transformers take them: by the library's own processor, one image at a time."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

from memometer.annotators.base import Seen
from memometer.data.images import UnreadableImageError
from memometer.data.pixels import to_rgb
from memometer.encoders.bounded import first_line
from memometer.threads import one_thread

__all__ = ["DetectorPreprocess", "alike", "stacked"]

INPUTS = ("pixel_values", "pixel_mask")


class DetectorPreprocess:
    """The library's processor of images.

    An image is prepared alone, so nothing is padded to another's size: what is found in it does not depend on those
    beside it.

    Args:
        processor: of images.
    """

    def __init__(self, processor: Any) -> None:
        self._processor = processor

    def __call__(self, image: Image.Image) -> Seen:
        """One image of any mode → ``pixel_values`` (3, height, width) float32, and a ``pixel_mask`` where it is used.

        Raises:
            UnreadableImageError: the processor refuses the image, e.g. one of a few px.
        """
        size = (image.height, image.width)
        try:
            with one_thread():  # the library blurs and resizes in floats, whose last bits depend on the number
                prepared = self._processor(images=to_rgb(image), return_tensors="pt")
        except (ValueError, RuntimeError, TypeError, ZeroDivisionError) as error:
            raise UnreadableImageError(f"image that cannot be prepared: {first_line(error)}") from error
        inputs = {name: np.asarray(prepared[name][0]) for name in INPUTS if name in prepared}
        return Seen(inputs, size)


def alike(images: Sequence[Seen]) -> Iterator[list[int]]:
    """The places of images of one shape, shapes in the order of their first image: what one forward pass takes."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for place, image in enumerate(images):
        groups.setdefault(image.inputs["pixel_values"].shape, []).append(place)
    yield from groups.values()


def stacked(images: Sequence[Seen], places: Sequence[int], device: torch.device) -> dict[str, torch.Tensor]:
    """The inputs of some images as one batch on a device."""
    names = images[places[0]].inputs
    return {
        name: torch.from_numpy(np.stack([images[place].inputs[name] for place in places])).to(device) for name in names
    }
