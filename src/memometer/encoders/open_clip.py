"""open_clip models as encoders."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from memometer.encoders.architectures import Tokenizer
from memometer.encoders.backbone import drop_projection
from memometer.encoders.base import Features, Tower
from memometer.encoders.checkpoints import hash_tensors
from memometer.encoders.forward import autocast, to_numpy
from memometer.encoders.padding import own_tokens
from memometer.encoders.vision import VisionEncoder

__all__ = ["OpenClipEncoder"]


class OpenClipEncoder(VisionEncoder):
    """Both towers of one open_clip model.

    Args:
        model: open_clip's; it is changed in place where ``features`` asks for it.
        tokenizer: the model's.
        features: of the images, ``projector`` or ``backbone``; those of the backbone share no space with the texts'.
        weights_hash: of the loaded tensors; None takes it of ``model``.
        **options: as of a `VisionEncoder`, whose attributes it has; ``config`` is open_clip's model config.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        *,
        tokenizer: Tokenizer,
        spec: str,
        features: Features = "projector",
        weights_hash: str | None = None,
        **options: Any,
    ) -> None:
        weights_hash = weights_hash or hash_tensors(model.state_dict())
        if features == "backbone":
            drop_projection(model, spec=spec)
        super().__init__(model, spec=spec, features=features, weights_hash=weights_hash, **options)
        self._model: Any = model
        self._tokenizer = tokenizer

    def _of_images(self, batch: Any) -> torch.Tensor:
        return self._model.encode_image(batch)  # type: ignore[no-any-return]

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
