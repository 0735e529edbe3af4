"""Masks are not photographs: which images of a folder tell where something is in another image."""

import io
import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from PIL import Image

from memometer.data.images import FORMATS, IMAGE_SUFFIXES
from memometer.storage.reading import whole_bytes

__all__ = ["MASK", "is_mask_folder", "look_like_masks", "masks_among", "photo_of"]

MASK = "mask of another image"

_FOLDER = re.compile(
    r"masks?|.+[-_ ]masks?|segmentation(s|class|object|classaug|_?masks?)?|seg(_?masks?)?|trimaps?"
    r"|ground[-_ ]?truths?|gts?|(gt|seg|mask)[-_].+|labelmaps?|stuffthingmaps?|annotations?|labels?"
    r"|alphamattes?|mattes?",
    re.IGNORECASE,
)
_SUFFIX = re.compile(
    r"(.+?)[-_. ](mask|masks|seg|segmentation|gt|groundtruth|ground_truth|matte|trimap|labelids)\d*", re.IGNORECASE
)

MASK_COLORS = 64
"""A mask has a value per class; a photograph of so few colours, in grey or with a palette, is rare."""

LOOKED_AT = 8
"""Images of a folder that tell whether it holds masks."""

_FLAT_MODES = frozenset({"1", "L", "P", "LA", "PA", "I", "I;16"})


def is_mask_folder(folder: str) -> bool:
    """Whether a folder's name says that it holds masks.

    >>> is_mask_folder("train/masks"), is_mask_folder("VOC2012/SegmentationClass"), is_mask_folder("images")
    (True, True, False)
    """
    return any(_FOLDER.fullmatch(part) for part in PurePosixPath(folder).parts)


def photo_of(stem: str) -> str | None:
    """The stem of the image that a mask of this name belongs to; None for other names.

    >>> photo_of("0001_mask"), photo_of("0001")
    ('0001', None)
    """
    match = _SUFFIX.fullmatch(stem)
    return match[1] if match else None


def look_like_masks(files: Sequence[str]) -> bool:
    """Whether the first images among files are grey, have a palette, or few colours: photographs in colour are none.

    A name alone does not tell: ``with_mask`` may hold photographs of faces.
    """
    images = sorted(path for path in files if PurePosixPath(path).suffix.lower() in IMAGE_SUFFIXES)
    return all(_values(path, most=256, grey_too=True) for path in images[:LOOKED_AT])


def masks_among(images: Sequence[str]) -> list[bool]:
    """Which of the images of one stem in one folder are masks of another of them.

    An image is one where it is grey or has a palette, of few values, and another one has colours or many shades.
    """
    flat = [_values(path, most=MASK_COLORS) for path in images]
    return flat if not all(flat) else [False] * len(flat)


def _values(path: str, *, most: int, grey_too: bool = False) -> bool:
    """Whether an image has at most so many values; with ``grey_too``, whether it has, or has no colours at all."""
    try:
        with Image.open(io.BytesIO(whole_bytes(path)), formats=tuple(FORMATS)) as image:
            flat = image.mode in _FLAT_MODES
            few = min(most, image.width * image.height // 8)  # any icon has few colours
            return (flat and grey_too) or ((flat or grey_too) and image.getcolors(few) is not None)
    except Exception:  # noqa: BLE001 (decoders let all kinds through; what cannot be read becomes a reject later)
        return False
