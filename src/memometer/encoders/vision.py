"""Models of images alone: any module that maps normalised pixels to vectors."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from memometer.encoders.base import Features, Preprocess, Tower
from memometer.encoders.checkpoints import hash_tensors
from memometer.encoders.forward import autocast, check_precision, normalised, to_numpy
from memometer.encoders.preprocessing import image_preprocess
from memometer.errors import InputError
from memometer.files import hash_json

__all__ = ["VisionEncoder", "guessed_preprocessing"]


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
        preprocess: one image → what ``module`` takes of it; None for what ``preprocess_config`` says.
        dropped: names of the checkpoint's other tensors, e.g. of its classifier.
        renamed: of tensors that were taken by their order, the names in the checkpoint → the module's.
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
        renamed: as given.
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
        preprocess: Preprocess | None = None,
        dropped: Sequence[str] = (),
        renamed: Mapping[str, str] = MappingProxyType({}),
        warnings: Sequence[str] = (),
    ) -> None:
        self.spec = spec
        self.weights_hash = weights_hash or hash_tensors(module.state_dict())
        self.config = config
        self.preprocess_config = preprocess_config
        self.preprocess: Preprocess = preprocess or image_preprocess(preprocess_config)
        self.precision = check_precision(precision)
        self.features: Features = features
        self.dropped = tuple(dropped)
        self.renamed = dict(renamed)
        self.warnings = tuple(warnings)
        self.identity = hash_json([self.weights_hash, config, preprocess_config, precision, features])
        self._device = device
        self._module = module.to(device).eval()

    @torch.inference_mode()
    def encode_images(self, pixels: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
        """(n, …) stacked outputs of ``preprocess`` → (n, d) float32, not normalised."""
        batch = self._batch(pixels)
        with autocast(self._device, self.precision):
            return to_numpy(self._of_images(batch))

    def _batch(self, pixels: npt.NDArray[np.generic]) -> Any:
        """What the module takes, on its device."""
        return normalised(np.ascontiguousarray(pixels), self.preprocess_config, device=self._device)

    def _of_images(self, batch: Any) -> torch.Tensor:
        """The batch → (n, d)."""
        return self._module(batch)  # type: ignore[no-any-return]

    def tower(self, tower: Tower) -> torch.nn.Module:
        """The module whose submodules are the tower's layers, e.g. for forward hooks.

        Raises:
            InputError: it is asked for the text tower.
        """
        if tower == "image":
            return self._module
        raise InputError(f"{self.spec} is an image encoder without a text tower; ask for its image tower")


def guessed_preprocessing(why: str, default: str) -> str:
    """The warning for weights that come without how their images were prepared.

    Args:
        why: it has to be guessed, as a clause.
        default: what is used.
    """
    return f"{why}: {default} is used; other preprocessing than in training makes a model look as if it memorized less"
