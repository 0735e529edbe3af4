"""Forward passes of torch models: pixels in, float32 out, at a chosen precision."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from memometer.errors import InputError

__all__ = ["PixelNormaliser", "autocast", "check_precision", "to_numpy"]


def check_precision(precision: str) -> str:
    """``fp32`` or ``bf16``.

    Raises:
        InputError: another word.
    """
    if precision not in ("fp32", "bf16"):
        raise InputError(f"precision '{precision}' is not known; expected fp32 or bf16")
    return precision


class PixelNormaliser:
    """Stacked uint8 pixels → normalised floats on a device, with the steps and roundings of ToTensor and Normalize.

    Args:
        preprocess_config: its ``mean`` and ``std`` are numbers, or one number per channel, on the scale 0 to 1.
        device: where the floats are wanted.
    """

    def __init__(self, preprocess_config: dict[str, Any], device: torch.device) -> None:
        self._device = device
        self._mean, self._std = (
            torch.tensor(_three(preprocess_config[key]), dtype=torch.float32, device=device).view(3, 1, 1)
            for key in ("mean", "std")
        )

    def __call__(self, pixels: npt.NDArray[np.generic]) -> torch.Tensor:
        """(n, 3, height, width) uint8 → the same shape in float32."""
        batch = torch.from_numpy(np.ascontiguousarray(pixels)).to(self._device).to(torch.float32)
        return batch.div_(255).sub_(self._mean).div_(self._std)


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """A context in which ``bf16`` models run in bfloat16, and others as they are."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")


def to_numpy(features: torch.Tensor) -> npt.NDArray[np.float32]:
    """The same numbers as float32, on the host."""
    return features.float().cpu().numpy()


def _three(value: float | Sequence[float]) -> list[float]:
    return [float(value)] * 3 if isinstance(value, int | float) else [float(channel) for channel in value]
