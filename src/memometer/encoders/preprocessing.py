"""From one decoded image to the pixels a model sees: open_clip's evaluation transform up to its last integer step.

It needs Pillow alone, so the worker processes that decode images load neither torch nor open_clip.
"""

import dataclasses
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from memometer.errors import ModelError

__all__ = ["ImagePreprocess", "image_preprocess"]

FILTERS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


@dataclasses.dataclass(frozen=True)
class ImagePreprocess:
    """Resizes and crops one image, then converts it to RGB, in that order, as open_clip does.

    Attributes:
        height: px.
        width: px.
        interpolation: ``bicubic`` or ``bilinear``, both antialiased.
        resize_mode: ``shortest`` fits the shorter side and crops the longer; ``longest`` fits the longer side and pads;
            ``squash`` ignores the aspect ratio.
        fill_color: 0 to 255, of the padding.
    """

    height: int
    width: int
    interpolation: Literal["bicubic", "bilinear"] = "bicubic"
    resize_mode: Literal["shortest", "longest", "squash"] = "shortest"
    fill_color: int = 0

    def __call__(self, image: Image.Image) -> npt.NDArray[np.uint8]:
        """One image of any mode → (3, height, width) uint8."""
        resized = image.resize(self._resized_size(image.width, image.height), self._filter())
        if self.resize_mode != "squash":
            resized = self._crop(self._pad(resized))
        return np.ascontiguousarray(np.asarray(resized.convert("RGB")).transpose(2, 0, 1))

    def _filter(self) -> Image.Resampling:
        # open_clip leaves the interpolation at bicubic when it fits the shorter side to a target that is not square.
        if self.resize_mode == "shortest" and self.height != self.width:
            return Image.Resampling.BICUBIC
        return FILTERS[self.interpolation]

    def _resized_size(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) after the resize."""
        if self.resize_mode == "squash":
            return self.width, self.height
        if self.resize_mode == "shortest" and self.width == self.height:
            longer = int(self.width * max(width, height) / min(width, height))  # cut off, where below it is rounded
            return (self.width, longer) if width <= height else (longer, self.height)
        fit = min if self.resize_mode == "shortest" else max
        ratio = fit(height / self.height, width / self.width)
        # A side that rounds to 0 px stops open_clip with an error; here such a sliver of an image keeps 1 px.
        return max(round(width / ratio), 1), max(round(height / ratio), 1)

    def _pad(self, image: Image.Image) -> Image.Image:
        lacking_x, lacking_y = max(self.width - image.width, 0), max(self.height - image.height, 0)
        if not lacking_x and not lacking_y:
            return image
        border = (lacking_x // 2, lacking_y // 2, (lacking_x + 1) // 2, (lacking_y + 1) // 2)
        channels = len(image.getbands())
        fill = self.fill_color if channels == 1 else (self.fill_color,) * channels
        padded = ImageOps.expand(image, border=border, fill=fill)
        if image.mode == "P":
            padded.putpalette(image.getpalette() or [])
        return padded

    def _crop(self, image: Image.Image) -> Image.Image:
        left, top = round((image.width - self.width) / 2), round((image.height - self.height) / 2)
        return image.crop((left, top, left + self.width, top + self.height))


def image_preprocess(config: dict[str, Any]) -> ImagePreprocess:
    """Builds the preprocessing from open_clip's ``preprocess_cfg``.

    Raises:
        ModelError: an interpolation, a mode or a size that open_clip does not know.
    """
    size = config["size"]
    height, width = (size, size) if isinstance(size, int) else tuple(size)
    # open_clip evaluates models trained with random interpolation at bicubic.
    interpolation = {"random": "bicubic"}.get(config["interpolation"], config["interpolation"])
    known = interpolation in FILTERS and config["resize_mode"] in ("shortest", "longest", "squash")
    if not known or min(height, width) < 1 or config.get("mode", "RGB") != "RGB":
        raise ModelError(
            f"the model's preprocessing is {config}; expected mode RGB, interpolation bicubic, bilinear or random, "
            "resize_mode shortest, longest or squash, and a size of 1 px or more"
        )
    return ImagePreprocess(height, width, interpolation, config["resize_mode"], int(config.get("fill_color") or 0))
