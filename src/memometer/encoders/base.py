"""What the rest of memometer asks of a model."""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["Encoder", "Preprocess"]

Preprocess = Callable[[Image.Image], npt.NDArray[np.generic]]
"""One decoded image (any mode) → one array of a fixed shape. Runs in worker processes, so it must be picklable."""


@runtime_checkable
class Encoder(Protocol):
    """A model with an image tower, a text tower, or both.

    Attributes:
        identity: changes whenever the vectors would, e.g. a hash of weights and preprocessing; keys the stored vectors.
        preprocess: see `Preprocess`.
    """

    identity: str
    preprocess: Preprocess

    def encode_images(self, pixels: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
        """(n, …) stacked outputs of ``preprocess`` → (n, d) float32; normalisation is not needed."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """n strings → (n, d) float32; normalisation is not needed."""
        ...
