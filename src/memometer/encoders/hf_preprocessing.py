"""Image processors of transformers as preprocessing: their steps where Pillow alone does them, else they themselves.

The library has each processor twice, for Pillow and for torchvision, whose filters differ in the last bit. Here it is
the one for Pillow, which published models were made with, wherever there is one; so the pixels depend neither on what
is installed nor on the device. It needs neither torch nor transformers until a processor itself is called.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from memometer.data.pixels import to_rgb
from memometer.encoders.base import Preprocess
from memometer.encoders.preprocessing import MAX_SIDE_PX, image_preprocess
from memometer.errors import ModelError, shown

__all__ = ["LibraryPreprocess", "describe_processor", "open_processor", "processor_preprocess"]

PLAIN = frozenset(f"{name}ImageProcessor" for name in ("Bit", "Blip", "CLIP", "ChineseCLIP", "Siglip", "ViT"))
"""Processors that resize, crop, rescale and normalise, in this order, and nothing else."""

RESAMPLE = {2: "bilinear", 3: "bicubic"}
"""Pillow's numbers of its filters."""

NOISE = frozenset(
    {
        *("_processor_class", "processor_class", "auto_map", "image_processor_type", "feature_extractor_type"),
        *("data_format", "input_data_format", "device", "return_tensors", "disable_grouping", "image_seq_length"),
    }
)
"""What processors note of themselves that changes no pixel."""

MAX_NUMBERS = 3 * MAX_SIDE_PX**2
"""That a processor may make of one image."""

TWO_SHAPES = ((61, 40), (40, 67))
"""(width, height) of two images that must come out alike."""


class LibraryPreprocess:
    """Calls an image processor of transformers.

    What is one array (pixels) stays one; several (NaFlex: patches, which of them are padding, how many either way) are
    the fields of one structured array, so that a batch is stacked as any other.

    Args:
        processor: the library's; it must be picklable, as those of the library are.
    """

    def __init__(self, processor: Any) -> None:
        self.processor = processor

    def __call__(self, image: Image.Image) -> npt.NDArray[np.generic]:
        """One image of any mode → (channels, height, width) float32, or one structured value of several arrays."""
        made = {name: np.asarray(each[0]) for name, each in self.processor([to_rgb(image)]).items()}
        if list(made) == ["pixel_values"]:
            return made["pixel_values"].astype(np.float32, copy=False)
        packed = np.empty((), dtype=[(name, each.dtype, each.shape) for name, each in made.items()])
        for name, each in made.items():
            packed[name] = each
        return packed


def open_processor(folder: Path, *, trusted: bool) -> Any:
    """The image processor of a folder, that for Pillow where there is one.

    Raises:
        Exception: whatever the library raises.
    """
    import transformers

    open_one: Any = transformers.AutoImageProcessor.from_pretrained
    place = {"trust_remote_code": trusted, "local_files_only": True}
    if int(transformers.__version__.partition(".")[0]) >= 5:
        return open_one(str(folder), backend="pil", **place)
    try:
        return open_one(str(folder), use_fast=False, **place)
    except ValueError:  # DINOv3's has none for Pillow, and transformers 4 does not fall back by itself
        return open_one(str(folder), use_fast=True, **place)


def describe_processor(processor: Any) -> dict[str, Any]:
    """A processor's own settings, as JSON; without what changes no pixel."""
    kept = {key: value for key, value in processor.to_dict().items() if key not in NOISE and value is not None}
    told = json.dumps({"type": type(processor).__name__.removesuffix("Pil"), **kept}, sort_keys=True, default=_plain)
    return json.loads(told)  # type: ignore[no-any-return]


def processor_preprocess(processor: Any, *, name: str) -> tuple[dict[str, Any], Preprocess]:
    """The preprocessing that a processor stands for.

    Args:
        processor: of transformers.
        name: of the model, for messages.

    Returns:
        What is recorded of it: open_clip's ``preprocess_cfg`` where Pillow alone does the same, and the processor's own
        settings under ``processor``; and the preprocessing.

    Raises:
        ModelError: images come out of it in several shapes, or in none that a model takes.
    """
    settings = describe_processor(processor)
    translated = _translated(settings)
    if translated is not None:
        return {**translated, "processor": settings}, image_preprocess(translated)
    preprocess = LibraryPreprocess(processor)
    shapes = set()
    for size in TWO_SHAPES:
        made = preprocess(Image.new("RGB", size, (99, 99, 99)))
        if made.dtype.itemsize * made.size > 8 * MAX_NUMBERS:
            raise ModelError(f"the image processor of '{name}' makes {made.shape} of an image, more than a model takes")
        shapes.add((made.shape, made.dtype))
    if len(shapes) > 1:
        found = " and ".join(sorted(str(shape or kind) for shape, kind in shapes))
        raise ModelError(
            f"the image processor of '{name}' makes {found} of images of two sizes; expected one shape for all: its "
            "preprocessor_config.json states neither a resize to one size nor a crop (do_resize, size, do_center_crop, "
            "crop_size)"
        )
    return {"processor": settings}, preprocess


def _translated(settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """open_clip's ``preprocess_cfg`` with the same pixels; None where there is none."""
    resize = settings.get("size") or {}
    crop = settings.get("crop_size") or {} if settings.get("do_center_crop") else {}
    plain = (
        settings["type"] in PLAIN
        and settings.get("do_resize") is True
        and settings.get("do_rescale") is True
        and not settings.get("do_pad")
        and settings.get("resample") in RESAMPLE
        and math.isclose(settings.get("rescale_factor") or 0, 1 / 255, rel_tol=1e-9)
    )
    if not plain or any(not isinstance(side, int) for side in (*resize.values(), *crop.values())):
        return None
    if set(resize) == {"shortest_edge"} and set(crop) == {"height", "width"}:
        mode, resize_to = "shortest", [resize["shortest_edge"]] * 2
    elif set(resize) == {"height", "width"} and set(crop) in ({"height", "width"}, set()):
        mode, resize_to = "squash", [resize["height"], resize["width"]]
    else:
        return None
    size = [crop["height"], crop["width"]] if crop else resize_to
    if any(side > most for side, most in zip(size, resize_to, strict=True)):
        return None  # what lacks is filled up
    normalises = bool(settings.get("do_normalize"))
    return {
        "size": size,
        "mode": "RGB",
        "mean": settings["image_mean"] if normalises else 0.0,
        "std": settings["image_std"] if normalises else 1.0,
        "interpolation": RESAMPLE[settings["resample"]],
        "resize_mode": mode,
        "resize_to": resize_to,
        "fill_color": 0,
        "rgb_first": True,
        "floor_crop": True,
    }


def _plain(value: object) -> object:
    """What JSON does not know of a processor's settings: sizes, filters, arrays."""
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    return shown(value)
