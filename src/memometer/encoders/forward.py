"""Forward passes of torch models: pixels in, float32 out, at a chosen precision."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from memometer.errors import InputError

__all__ = ["autocast", "check_precision", "normalised", "to_numpy"]


def check_precision(precision: str) -> str:
    """``fp32`` or ``bf16``.

    Raises:
        InputError: another word.
    """
    if precision not in ("fp32", "bf16"):
        raise InputError(f"precision '{precision}' is not known; expected fp32 or bf16")
    return precision


def normalised(
    pixels: torch.Tensor | npt.NDArray[np.generic], preprocess: Mapping[str, Any], *, device: torch.device | None = None
) -> torch.Tensor:
    """Pixels as a model sees them, with the steps and roundings of ToTensor and Normalize.

    Args:
        pixels: (…, 3, height, width) uint8.
        preprocess: its ``mean`` and ``std`` are numbers, or one number per channel, on the scale 0 to 1.
        device: where the floats are wanted; where the pixels are by default.

    Returns:
        The same shape, float32.
    """
    batch = torch.as_tensor(pixels, device=device)
    mean, std = (
        torch.tensor(preprocess[key], dtype=torch.float32, device=batch.device).reshape(-1, 1, 1)
        for key in ("mean", "std")
    )
    return batch.to(torch.float32).div_(255).sub_(mean).div_(std)


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """A context in which ``bf16`` models run in bfloat16, and others as they are."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")


def to_numpy(features: torch.Tensor) -> npt.NDArray[np.float32]:
    """The same numbers as float32, on the host."""
    return features.float().cpu().numpy()
