"""Models of images alone: any module that maps normalised pixels to vectors."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from memometer.encoders.base import Features, Preprocess, Tower
from memometer.encoders.checkpoints import hash_tensors
from memometer.encoders.forward import autocast, check_precision, normalised, to_numpy
from memometer.encoders.preprocessing import image_preprocess
from memometer.errors import InputError, ModelError
from memometer.files import hash_json

__all__ = ["VisionEncoder", "check_tower", "guessed_preprocessing"]


class VisionEncoder:
    """An image tower.

    Args:
        module: maps (n, 3, height, width) float pixels, normalised by mean and standard deviation, to (n, d).
        config: what builds the module, as JSON; goes into the identity, since weights alone do not tell it.
        preprocess_config: open_clip's ``preprocess_cfg``; see `memometer.encoders.preprocessing.image_preprocess`.
        spec: what the user named it by.
        device: where it runs.
        precision: ``fp32``, or ``bf16`` for autocast.
        features: which output of the tower ``module`` gives.
        weights_hash: of the loaded tensors; None takes it of ``module``.
        dropped: names of the checkpoint's other tensors, e.g. of its classifier.
        warnings: what had to be guessed, in sentences.

    Attributes:
        spec: as given.
        identity: hash of the weights, the config, the preprocessing, the precision and the features.
        weights_hash: hash of the loaded tensors.
        config: as given.
        preprocess_config: as given, in full.
        preprocess: one image → (3, height, width) uint8; the mean and the standard deviation are applied on the batch.
        precision: as given.
        features: as given.
        dropped: as given.
        warnings: as given.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        *,
        config: dict[str, Any],
        preprocess_config: dict[str, Any],
        spec: str,
        device: torch.device,
        precision: str = "fp32",
        features: Features = "backbone",
        weights_hash: str | None = None,
        dropped: Sequence[str] = (),
        warnings: Sequence[str] = (),
    ) -> None:
        self.spec = spec
        self.weights_hash = weights_hash or hash_tensors(module.state_dict())
        self.config = config
        self.preprocess_config = preprocess_config
        self.preprocess: Preprocess = image_preprocess(preprocess_config)
        self.precision = check_precision(precision)
        self.features: Features = features
        self.dropped = tuple(dropped)
        self.warnings = tuple(warnings)
        self.identity = hash_json([self.weights_hash, config, preprocess_config, precision, features])
        self._device = device
        self._module = module.to(device).eval()

    @torch.inference_mode()
    def encode_images(self, pixels: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
        """(n, 3, height, width) uint8 → (n, d) float32, not normalised."""
        batch = normalised(np.ascontiguousarray(pixels), self.preprocess_config, device=self._device)
        with autocast(self._device, self.precision):
            return to_numpy(self._of_images(batch))

    def _of_images(self, batch: torch.Tensor) -> torch.Tensor:
        """(n, 3, height, width) normalised → (n, d)."""
        return self._module(batch)  # type: ignore[no-any-return]

    def tower(self, tower: Tower) -> torch.nn.Module:
        """The module whose submodules are the tower's layers, e.g. for forward hooks.

        Raises:
            InputError: it is asked for the text tower.
        """
        if tower == "image":
            return self._module
        raise InputError(f"{self.spec} is an image encoder without a text tower; ask for its image tower")


@torch.inference_mode()
def check_tower(module: torch.nn.Module, *, size: Sequence[int], name: str) -> None:
    """That ``module`` gives one vector for one image of ``size`` (height, width), so that no job fails later.

    Raises:
        ModelError: it refuses the image, or gives something else, e.g. a map of features.
    """
    try:
        output = module(torch.zeros(1, 3, *size))
    except (RuntimeError, AssertionError, ValueError, TypeError) as error:
        raise ModelError(
            f"'{name}' does not take images of {size[0]} × {size[1]} px, the size that its preprocessing makes: {error}"
        ) from error
    if not isinstance(output, torch.Tensor) or output.ndim != 2:
        shape = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
        raise ModelError(f"'{name}' gives {shape} for one image; expected (1, d), one pooled vector: use another model")


def guessed_preprocessing(checkpoint: Path, default: str) -> str:
    """The warning for weights in a file that does not tell how its images were prepared."""
    return (
        f"the checkpoint {checkpoint} stores no preprocessing: {default} is used; other preprocessing than in training "
        "makes a model look as if it memorized less"
    )
