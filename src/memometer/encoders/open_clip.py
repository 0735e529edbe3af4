"""open_clip models as encoders."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from memometer.encoders.architectures import Tokenizer
from memometer.encoders.backbone import drop_projection
from memometer.encoders.base import Features, Preprocess, Tower
from memometer.encoders.forward import PixelNormaliser, autocast, check_precision, to_numpy
from memometer.encoders.padding import own_tokens
from memometer.encoders.preprocessing import image_preprocess
from memometer.files import hash_json

__all__ = ["OpenClipEncoder"]


class OpenClipEncoder:
    """Both towers of one open_clip model.

    Attributes:
        spec: what the user named it by.
        identity: hash of the weights, the model config, the preprocessing, the precision and the features.
        weights_hash: hash of the loaded tensors.
        model_config: open_clip's model config.
        preprocess_config: open_clip's ``preprocess_cfg``, in full.
        preprocess: one image → (3, height, width) uint8; the mean and the standard deviation are applied on the batch.
        precision: ``fp32`` or ``bf16``.
        features: of the images, ``projector`` or ``backbone``; those of the backbone share no space with the texts'.
        warnings: what had to be guessed, in sentences.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        *,
        tokenizer: Tokenizer,
        model_config: dict[str, Any],
        preprocess_config: dict[str, Any],
        weights_hash: str,
        spec: str,
        device: torch.device,
        precision: str = "fp32",
        features: Features = "projector",
        warnings: Sequence[str] = (),
    ) -> None:
        self.spec = spec
        self.weights_hash = weights_hash
        self.model_config = model_config
        self.preprocess_config = preprocess_config
        self.preprocess: Preprocess = image_preprocess(preprocess_config)
        self.precision = check_precision(precision)
        self.features: Features = features
        self.warnings = tuple(warnings)
        self.identity = hash_json([weights_hash, model_config, preprocess_config, precision, features])
        self._device = device
        if features == "backbone":
            drop_projection(model, spec=spec)
        self._model: Any = model.to(device).eval()
        self._tokenizer = tokenizer
        self._normalise = PixelNormaliser(preprocess_config, device)

    @torch.inference_mode()
    def encode_images(self, pixels: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
        """(n, 3, height, width) uint8 → (n, d) float32, not normalised."""
        batch = self._normalise(pixels)
        with autocast(self._device, self.precision):
            return to_numpy(self._model.encode_image(batch))

    @torch.inference_mode()
    def encode_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """n strings → (n, d) float32, not normalised; longer texts are cut at the model's context length."""
        tokens = self._tokenizer(list(texts)).to(self._device)
        with autocast(self._device, self.precision):
            return to_numpy(self._model.encode_text(tokens))

    def content_mask(self, texts: Sequence[str]) -> npt.NDArray[np.bool_]:
        """(n, length) which tokens are each text's own, from its start to its end, and not padding."""
        tokens = self._tokenizer(list(texts))
        mask: npt.NDArray[np.bool_] = own_tokens(getattr(self._model, "text", self._model), tokens).numpy()
        return mask

    def tower(self, tower: Tower) -> torch.nn.Module:
        """The module whose submodules are the tower's layers, e.g. for forward hooks.

        A plain CLIP keeps its text layers on the model itself: its text tower here is the transformer alone, without
        the token embedding before it and the last norm after it.
        """
        if tower == "image":
            return self._model.visual  # type: ignore[no-any-return]
        return self._model.text if hasattr(self._model, "text") else self._model.transformer  # type: ignore[no-any-return]
