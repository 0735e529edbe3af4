"""From one decoded image to the pixels a model sees, up to the last integer step of the model's evaluation transform.

The transforms of open_clip, timm and torchvision are all a resize, a padding and a crop; two optional fields tell what
the latter two do otherwise. It needs Pillow alone, so the worker processes that decode images load neither torch nor
open_clip.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from memometer.data.pixels import eight_bit, to_rgb
from memometer.errors import ModelError

__all__ = ["ImagePreprocess", "as_json", "image_preprocess"]

MAX_SIDE_PX = 4096
"""Of the images that a model takes; the largest that are known take 1536."""

FILTERS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


@dataclasses.dataclass(frozen=True)
class ImagePreprocess:
    """Resizes and crops one image, and makes it RGB.

    Attributes:
        height: px.
        width: px.
        interpolation: ``bicubic`` or ``bilinear``, both antialiased.
        resize_mode: ``shortest`` fits the shorter side and crops the longer; ``longest`` fits the longer side and pads;
            ``squash`` ignores the aspect ratio.
        fill_color: 0 to 255, of the padding; or one number for each of red, green and blue.
        resize_to: (height, width) in px that the resize aims at, before the crop; None aims at the final size.
        rgb_first: make the image RGB before the resize, as timm and torchvision do, not after it, as open_clip does.
        floor_crop: where as many px are cut off on either side but for one, that one is cut off on the right or at the
            bottom, as transformers does; not where Python rounds a half to, as torchvision does.
    """

    height: int
    width: int
    interpolation: Literal["bicubic", "bilinear"] = "bicubic"
    resize_mode: Literal["shortest", "longest", "squash"] = "shortest"
    fill_color: int | tuple[int, ...] = 0
    resize_to: tuple[int, int] | None = None
    rgb_first: bool = False
    floor_crop: bool = False

    def __call__(self, image: Image.Image) -> npt.NDArray[np.uint8]:
        """One image of any mode → (3, height, width) uint8."""
        image = to_rgb(image) if self.rgb_first else eight_bit(image)
        resized = image.resize(self._resized_size(image.width, image.height), FILTERS[self.interpolation])
        cropped = self._crop(self._pad(resized))
        return np.ascontiguousarray(np.asarray(to_rgb(cropped)).transpose(2, 0, 1))

    @property
    def side(self) -> int | None:
        """px of the square images that are cropped alone, neither resized nor padded; None where there are none."""
        height, width = self.resize_to or (self.height, self.width)
        return height if height == width >= max(self.height, self.width) else None

    def of_square(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """(3, side, side) uint8 → (3, height, width) uint8, as of an image of these pixels."""
        side = pixels.shape[1]
        left, top = self._before(side - self.width), self._before(side - self.height)
        return pixels[:, top : top + self.height, left : left + self.width]

    def _resized_size(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) after the resize."""
        to_height, to_width = self.resize_to or (self.height, self.width)
        if self.resize_mode == "squash":
            return to_width, to_height
        if self.resize_mode == "shortest" and to_width == to_height:
            longer = int(to_width * max(width, height) / min(width, height))  # cut off, where below it is rounded
            return (to_width, longer) if width <= height else (longer, to_height)
        fit = min if self.resize_mode == "shortest" else max
        ratio = fit(height / to_height, width / to_width)
        # A side that rounds to 0 px stops open_clip with an error; here such a sliver of an image keeps 1 px.
        return max(round(width / ratio), 1), max(round(height / ratio), 1)

    def _pad(self, image: Image.Image) -> Image.Image:
        lacking_x, lacking_y = max(self.width - image.width, 0), max(self.height - image.height, 0)
        if not lacking_x and not lacking_y:
            return image
        border = (lacking_x // 2, lacking_y // 2, (lacking_x + 1) // 2, (lacking_y + 1) // 2)
        channels = len(image.getbands())
        fill = self.fill_color
        if isinstance(fill, int) and channels > 1:
            fill = (fill,) * channels
        padded = ImageOps.expand(image, border=border, fill=fill)
        if image.mode == "P":
            padded.putpalette(image.getpalette() or [])
        return padded

    def _crop(self, image: Image.Image) -> Image.Image:
        left, top = self._before(image.width - self.width), self._before(image.height - self.height)
        return image.crop((left, top, left + self.width, top + self.height))

    def _before(self, excess: int) -> int:
        """Of ``excess`` px those that are cut off on the left, or at the top."""
        return excess // 2 if self.floor_crop else round(excess / 2)


def image_preprocess(config: dict[str, Any]) -> ImagePreprocess:
    """Builds the preprocessing from open_clip's ``preprocess_cfg``.

    Three keys of memometer's own may stand beside open_clip's: ``resize_to``, a number or [height, width],
    ``rgb_first`` and ``floor_crop``; see `ImagePreprocess`.

    Raises:
        ModelError: a value that is not known, or is of another type.
    """
    try:
        height, width = _pair(config["size"])
        resize_to = None if config.get("resize_to") is None else _pair(config["resize_to"])
        fill = _fill_color(config.get("fill_color"))
        plain = _is_per_channel(config.get("mean", 0), above=-math.inf) and _is_per_channel(
            config.get("std", 1), above=0
        )
    except (TypeError, ValueError, OverflowError):
        plain = False
    # open_clip evaluates models trained with random interpolation at bicubic.
    interpolation: Any = "bicubic" if config["interpolation"] == "random" else config["interpolation"]
    known = str(interpolation) in FILTERS and str(config["resize_mode"]) in ("shortest", "longest", "squash")
    sides = (height, width, *(resize_to or ())) if plain else (0,)
    if not known or min(sides) < 1 or max(sides) > MAX_SIDE_PX or config.get("mode", "RGB") != "RGB":
        raise ModelError(
            f"the model's preprocessing is {str(config)[:600]}; expected mode RGB, interpolation bicubic, bilinear or "
            f"random, resize_mode shortest, longest or squash, a size of 1 to {MAX_SIDE_PX} px, a mean and a standard "
            "deviation above 0 for all or for each of three channels, and a fill_color of 0 to 255"
        )
    # open_clip leaves the interpolation at bicubic when it fits the shorter side to a target that is not square.
    if config["resize_mode"] == "shortest" and height != width and resize_to is None:
        interpolation = "bicubic"
    return ImagePreprocess(
        height,
        width,
        interpolation,
        config["resize_mode"],
        fill_color=fill,
        resize_to=resize_to,
        rgb_first=bool(config.get("rgb_first")) or not isinstance(fill, int),  # a colour has three channels to fill
        floor_crop=bool(config.get("floor_crop")),
    )


def as_json(config: Mapping[str, Any]) -> dict[str, Any]:
    """The same config, with lists for tuples."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in config.items()}


def _pair(size: int | Sequence[int]) -> tuple[int, int]:
    height, width = (size, size) if isinstance(size, int) else size
    return int(height), int(width)


def _fill_color(value: object) -> int | tuple[int, ...]:
    """One grey, or one number for each channel; ValueError for what is no colour."""
    grey = isinstance(value or 0, int | float)
    fill = tuple(map(int, [value or 0] if grey else value))  # type: ignore[call-overload]  # what fails is caught
    if len(fill) != (1 if grey else 3) or not all(0 <= channel <= 255 for channel in fill):
        raise ValueError(value)
    return fill[0] if grey else fill


def _is_per_channel(value: object, *, above: float) -> bool:
    """Whether it is a finite number above a bound, or three of them."""
    values = value if isinstance(value, list | tuple) else [value] * 3
    numbers = [each for each in values if isinstance(each, int | float) and math.isfinite(each) and each > above]
    return len(values) == len(numbers) == 3
