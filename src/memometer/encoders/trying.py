"""One image and one text through a model, so that what its config breaks shows when it is loaded."""

from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from memometer.encoders.base import has_tower, image_tower, text_tower
from memometer.encoders.bounded import refusing
from memometer.errors import ModelError

__all__ = ["try_out"]

Model = TypeVar("Model")


def try_out(encoder: Model, *, name: str) -> Model:
    """The same model, once it has given one vector for an image and for a text, each where it has a tower for it.

    Raises:
        ModelError: it does not.
    """
    found: list[tuple[str, npt.NDArray[np.float32]]] = []
    if has_tower(encoder, "image"):
        tower = image_tower(encoder)
        pixels = np.array([tower.preprocess(Image.new("RGB", (8, 8)))])
        size = " × ".join(map(str, pixels.shape[2:]))
        with refusing(f"'{name}' does not take images of {size} px, the size that its preprocessing makes"):
            found.append(("image", tower.encode_images(pixels)))
    if has_tower(encoder, "text"):
        with refusing(f"the model '{name}' can be built, but encodes no text"):
            found.append(("text", text_tower(encoder).encode_texts(["a"])))
    for kind, vectors in found:
        if vectors.ndim != 2 or len(vectors) != 1 or vectors.shape[1] == 0:
            raise ModelError(
                f"'{name}' gives {vectors.shape} for one {kind}; expected (1, d), one pooled vector: use another model"
            )
    return encoder
