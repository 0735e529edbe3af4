"""What the rest of memometer asks of a model."""

from collections.abc import Callable, Sequence
from typing import Protocol, cast, runtime_checkable

import numpy as np
import numpy.typing as npt
from PIL import Image

from memometer.choices import Features, Tower
from memometer.errors import InputError

__all__ = [
    "Encoder",
    "Features",
    "ImageEncoder",
    "Preprocess",
    "TextEncoder",
    "Tower",
    "UnfittedTextEncoder",
    "has_tower",
    "image_tower",
    "name_of",
    "text_tower",
]

Preprocess = Callable[[Image.Image], npt.NDArray[np.generic]]
"""One decoded image (any mode) → one array of a fixed shape. Runs in worker processes, so it must be picklable."""


@runtime_checkable
class ImageEncoder(Protocol):
    """A model with an image tower.

    Attributes:
        identity: changes whenever the vectors would, e.g. a hash of weights and preprocessing; keys the stored vectors.
        preprocess: see `Preprocess`.
    """

    identity: str
    preprocess: Preprocess

    def encode_images(self, pixels: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
        """(n, …) stacked outputs of ``preprocess`` → (n, d) float32; normalisation is not needed."""
        ...


@runtime_checkable
class TextEncoder(Protocol):
    """A model with a text tower.

    Attributes:
        identity: as of an `ImageEncoder`.
    """

    identity: str

    def encode_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """n strings → (n, d) float32; normalisation is not needed.

        A text that the model has nothing to say about gets a row of zeros, which becomes a counted reject.
        """
        ...


@runtime_checkable
class Encoder(ImageEncoder, TextEncoder, Protocol):
    """A model with an image tower and a text tower, whose vectors share one space."""


@runtime_checkable
class UnfittedTextEncoder(Protocol):
    """A text encoder that learns from the public captions before it can encode."""

    @property
    def spec(self) -> str:
        """What the user named it by."""
        ...

    def fitted_on(self, texts: Sequence[str]) -> TextEncoder:
        """The encoder that ``texts`` make; they are public captions alone, in whatever order."""
        ...


def has_tower(encoder: object, tower: Tower) -> bool:
    """Whether ``encoder`` has an image tower, or a text tower that can encode already.

    An encoder's attribute ``towers`` decides where it has one, else its methods do.
    """
    towers = getattr(encoder, "towers", None)
    if towers is not None:
        return tower in towers
    return callable(getattr(encoder, {"image": "encode_images", "text": "encode_texts"}[tower], None))


def image_tower(encoder: object) -> ImageEncoder:
    """``encoder``, as one that has an image tower.

    Raises:
        InputError: it has none.
    """
    if has_tower(encoder, "image"):
        return cast("ImageEncoder", encoder)
    raise InputError(
        f"{name_of(encoder)} is a text encoder without an image tower; use a model that has one: open_clip:…, timm:… "
        "or torchvision:…"
    )


def text_tower(encoder: object) -> TextEncoder:
    """``encoder``, as one that has a text tower.

    Raises:
        InputError: it has none, or has to be fitted first.
    """
    if has_tower(encoder, "text"):
        return cast("TextEncoder", encoder)
    if isinstance(encoder, UnfittedTextEncoder):
        raise InputError(
            f"{encoder.spec} knows no text yet; fit it first: encoder.fitted_on(captions of the public set)"
        )
    raise InputError(
        f"{name_of(encoder)} is an image encoder without a text tower; use a model that has one: open_clip:… or text:…"
    )


def name_of(encoder: object) -> str:
    """What the user named a model by, else its identity or its class."""
    return str(getattr(encoder, "spec", None) or getattr(encoder, "identity", None) or type(encoder).__name__)
