"""Where a mitigation of memorization may act in training."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch

__all__ = ["Mitigation"]


@dataclasses.dataclass(frozen=True)
class Mitigation:
    """Changes what a model sees of the text; this base changes nothing.

    A mitigation is a frozen dataclass that overrides one of the hooks. Its fields are its knobs: its ``repr`` is kept
    in the model's manifest, and another value means another model. It may run in worker processes, so it must be
    picklable.

    >>> @dataclasses.dataclass(frozen=True)
    ... class LastCaption(Mitigation):
    ...     def captions(self, captions, *, rng):
    ...         return captions[::-1]
    >>> LastCaption().captions(["a dog", "a brown dog"], rng=np.random.default_rng(0))[0]
    'a brown dog'
    """

    def captions(self, captions: Sequence[str], *, rng: np.random.Generator) -> Sequence[str]:  # noqa: ARG002 (a hook)
        """A record's captions → its captions of this epoch, of which the first is trained on."""
        return captions

    def tokens(self, tokens: torch.Tensor, *, rng: np.random.Generator) -> torch.Tensor:  # noqa: ARG002 (a hook)
        """(context_length,) int64 tokens of one caption → the same shape."""
        return tokens

    def text_features(self, features: torch.Tensor, *, generator: torch.Generator) -> torch.Tensor:  # noqa: ARG002
        """(n, d) l2-normalised text embeddings of a batch → the same shape; gradients flow through it."""
        return features
