"""AdamW and its schedule."""

import math
from typing import Any

import torch

__all__ = ["build_optimizer", "clamp_logit_scale", "decaying", "learning_rate"]

BETAS, EPS = (0.9, 0.98), 1e-6
"""CLIP's own (Radford et al. 2021, Table 20), kept by open_clip and A."""


def build_optimizer(
    model: torch.nn.Module,
    *,
    lr: float,
    weight_decay: float,
    betas: tuple[float, float] = BETAS,
    eps: float = EPS,
) -> torch.optim.AdamW:
    """AdamW in two groups: norms, biases and the logit scale, all of fewer than two dimensions, do not decay."""
    # Fused: one pass over memory. The table of 49,408 token embeddings otherwise takes longer than a small model.
    return torch.optim.AdamW(decaying(model, weight_decay), lr=lr, betas=betas, eps=eps, fused=True)


def decaying(model: torch.nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """The parameters that are trained, in two groups: all of fewer than two dimensions do not decay."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return [
        {"params": [parameter for parameter in trained if parameter.ndim >= 2], "weight_decay": weight_decay},
        {"params": [parameter for parameter in trained if parameter.ndim < 2], "weight_decay": 0.0},
    ]


def learning_rate(step: int, *, steps: int, warmup: int, peak: float) -> float:
    """The learning rate of a step: a linear rise to ``peak`` over the warm-up, then half a cosine down to nearly 0.

    Args:
        step: from 0.
        steps: of the whole training.
        warmup: steps.
        peak: the highest rate.

    >>> [round(learning_rate(step, steps=6, warmup=2, peak=1.0), 3) for step in range(6)]
    [0.5, 1.0, 1.0, 0.854, 0.5, 0.146]
    """
    if step < warmup:
        return peak * (step + 1) / warmup
    return 0.5 * peak * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


@torch.no_grad()
def clamp_logit_scale(logit_scale: torch.Tensor, *, largest: float) -> None:
    """Keeps the scale, stored as its logarithm, between 1 and ``largest`` (100 in CLIP and A)."""
    logit_scale.clamp_(0.0, math.log(largest))
