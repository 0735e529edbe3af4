"""Gaussian noise on the text embedding (C, Section 5)."""

import dataclasses
from typing import Literal

import torch

from memometer.training.mitigations.base import Mitigation

__all__ = ["RawTextNoise", "TextNoise", "text_noise"]


@dataclasses.dataclass(frozen=True)
class TextNoise(Mitigation):
    """Adds noise to each coordinate of the l2-normalised text embedding, which is then normalised again.

    C adds the noise to the embedding and does not say whether the sum is normalised. It is here, so that the loss
    still compares cosines; otherwise a large deviation would stretch the logits as a larger logit scale does.

    Attributes:
        std: deviation of each of the d coordinates; the noise is about std·√d long, beside an embedding of length 1.
    """

    std: float

    def text_features(self, features: torch.Tensor, *, generator: torch.Generator) -> torch.Tensor:
        """(n, d) l2-normalised → (n, d) l2-normalised."""
        return torch.nn.functional.normalize(_noisy(features, std=self.std, generator=generator), dim=-1)


@dataclasses.dataclass(frozen=True)
class RawTextNoise(Mitigation):
    """Adds noise to the text embedding before it is normalised.

    How much this disturbs depends on the embedding's length, which the model may let grow to escape it.

    Attributes:
        std: deviation of each coordinate, in the units of the text tower's output.
    """

    std: float

    def raw_text_features(self, features: torch.Tensor, *, generator: torch.Generator) -> torch.Tensor:
        """(n, d) → (n, d)."""
        return _noisy(features, std=self.std, generator=generator)


def text_noise(std: float, *, at: Literal["normalised", "raw"]) -> Mitigation:
    """The noise of a deviation, on the normalised or on the raw embedding."""
    return TextNoise(std) if at == "normalised" else RawTextNoise(std)


def _noisy(features: torch.Tensor, *, std: float, generator: torch.Generator) -> torch.Tensor:
    drawn = torch.randn(features.shape, generator=generator, device=features.device, dtype=torch.float32)
    return features.float() + std * drawn
