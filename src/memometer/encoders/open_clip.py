"""open_clip models as encoders."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from memometer.encoders.architectures import Tokenizer
from memometer.encoders.base import Preprocess
from memometer.encoders.preprocessing import image_preprocess
from memometer.errors import InputError
from memometer.files import hash_json

__all__ = ["OpenClipEncoder"]


class OpenClipEncoder:
    """Both towers of one open_clip model.

    Attributes:
        spec: what the user named it by.
        identity: hash of the weights, the model config, the preprocessing and the precision.
        weights_hash: hash of the loaded tensors.
        model_config: open_clip's model config.
        preprocess_config: open_clip's ``preprocess_cfg``, in full.
        preprocess: one image → (3, height, width) uint8; the mean and the standard deviation are applied on the batch.
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
        warnings: Sequence[str] = (),
    ) -> None:
        if precision not in ("fp32", "bf16"):
            raise InputError(f"precision '{precision}' is not known; expected fp32 or bf16")
        self.spec = spec
        self.weights_hash = weights_hash
        self.model_config = model_config
        self.preprocess_config = preprocess_config
        self.preprocess: Preprocess = image_preprocess(preprocess_config)
        self.precision = precision
        self.warnings = tuple(warnings)
        self.identity = hash_json([weights_hash, model_config, preprocess_config, precision])
        self._device = device
        self._model: Any = model.to(device).eval()
        self._tokenizer = tokenizer
        self._mean, self._std = (
            torch.tensor(_three(preprocess_config[key]), dtype=torch.float32, device=device).view(3, 1, 1)
            for key in ("mean", "std")
        )

    @torch.inference_mode()
    def encode_images(self, pixels: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
        """(n, 3, height, width) uint8 → (n, d) float32, not normalised."""
        batch = torch.from_numpy(np.ascontiguousarray(pixels)).to(self._device).to(torch.float32)
        batch.div_(255).sub_(self._mean).div_(self._std)  # the steps and roundings of ToTensor and Normalize
        with self._autocast():
            return _to_numpy(self._model.encode_image(batch))

    @torch.inference_mode()
    def encode_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """n strings → (n, d) float32, not normalised; longer texts are cut at the model's context length."""
        tokens = self._tokenizer(list(texts)).to(self._device)
        with self._autocast():
            return _to_numpy(self._model.encode_text(tokens))

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=self.precision == "bf16")


def _three(value: float | Sequence[float]) -> list[float]:
    return [float(value)] * 3 if isinstance(value, int | float) else [float(channel) for channel in value]


def _to_numpy(features: torch.Tensor) -> npt.NDArray[np.float32]:
    return features.float().cpu().numpy()
