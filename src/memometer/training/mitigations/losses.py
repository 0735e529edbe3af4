"""Other losses than CLIP's: smoothed labels, and SigLIP's pairwise one (a practitioner's mitigations)."""

import dataclasses
import math
from typing import Any

import open_clip
import torch
from open_clip.loss import SigLipLoss
from torch.nn.functional import cross_entropy

from memometer.training.mitigations.base import Mitigation

__all__ = ["LabelSmoothing", "SigLip", "SmoothedClipLoss", "clip_loss"]


class SmoothedClipLoss(torch.nn.Module):
    """CLIP's loss with labels that leave some weight to the other pairs of the batch (Szegedy et al. 2016)."""

    def __init__(self, amount: float, *, rank: int = 0, world_size: int = 1) -> None:
        """Weight ``amount`` is spread evenly over all pairs of the batch, 1 − ``amount`` is the matching pair's."""
        super().__init__()
        self.amount = amount
        self._plain: Any = clip_loss(rank=rank, world_size=world_size)

    def forward(
        self,
        image_features: torch.Tensor,
        text_features: torch.Tensor,
        logit_scale: torch.Tensor,
        logit_bias: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The mean of both directions' smoothed cross entropy."""
        by_image, by_text = self._plain.get_logits(image_features, text_features, logit_scale, logit_bias=logit_bias)
        labels = self._plain.get_ground_truth(by_image.device, by_image.shape[0])
        both = [cross_entropy(logits, labels, label_smoothing=self.amount) for logits in (by_image, by_text)]
        return (both[0] + both[1]) / 2


@dataclasses.dataclass(frozen=True)
class LabelSmoothing(Mitigation):
    """Smooths the labels of CLIP's loss.

    Attributes:
        amount: weight that is spread evenly over all pairs of the batch.
    """

    amount: float

    def criterion(self, *, rank: int, world_size: int) -> torch.nn.Module:
        """The smoothed loss."""
        return SmoothedClipLoss(self.amount, rank=rank, world_size=world_size)


@dataclasses.dataclass(frozen=True)
class SigLip(Mitigation):
    """SigLIP's loss: every pair of the batch is classed by itself as matching or not (Zhai et al. 2023)."""

    def model_config(self, config: dict[str, Any]) -> dict[str, Any]:
        """Starts at a logit scale of 10 and a logit bias of −10, the paper's, as open_clip does."""
        return {**config, "init_logit_scale": math.log(10), "init_logit_bias": -10.0}

    def criterion(self, *, rank: int, world_size: int) -> torch.nn.Module:
        """open_clip's own."""
        return SigLipLoss(rank=rank, world_size=world_size)  # type: ignore[no-any-return]


def clip_loss(*, rank: int, world_size: int) -> torch.nn.Module:
    """CLIP's loss; the mean over the processes, and that of the gradients, is that of the whole batch."""
    return open_clip.ClipLoss(  # type: ignore[no-any-return]
        local_loss=True, gather_with_grad=True, rank=rank, world_size=world_size
    )
