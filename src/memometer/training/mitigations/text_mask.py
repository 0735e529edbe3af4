"""Text masking: each content token of a caption is dropped with some probability (A, Section 5)."""

import dataclasses
from typing import Self

import numpy as np
import torch

from memometer.encoders.architectures import Tokenizer
from memometer.training.mitigations.base import Mitigation
from memometer.training.mitigations.special_tokens import SpecialTokens, special_tokens

__all__ = ["TextMask"]


@dataclasses.dataclass(frozen=True)
class TextMask(Mitigation):
    """Drops content tokens; start, end and padding stay, and the rest moves up: the model sees a shorter caption.

    Every token is dropped independently of the others and anew every epoch. Where all would be, one stays, drawn
    among them: a caption of c tokens would otherwise be empty with probability rate^c.

    Attributes:
        rate: probability that a token is dropped.
        special: of the model's tokenizer; None before `for_tokenizer`.
    """

    rate: float
    special: SpecialTokens | None = dataclasses.field(default=None, repr=False, compare=False)

    def for_tokenizer(self, tokenizer: Tokenizer) -> Self:
        """The mask of a tokenizer's captions.

        Raises:
            ModelError: the tokenizer does not tell its special tokens.
        """
        return dataclasses.replace(self, special=special_tokens(tokenizer))

    def tokens(self, tokens: torch.Tensor, *, rng: np.random.Generator) -> torch.Tensor:
        """(context_length,) int64 tokens → those that are left, padded."""
        if self.special is None:
            raise ValueError("this mask knows no tokenizer yet; call for_tokenizer first")
        row = tokens.numpy()
        content = self.special.content(row)
        draws = rng.random(len(content))
        dropped = draws < self.rate
        if len(content) and dropped.all():
            dropped[draws.argmax()] = False  # any is the largest with equal chance
        return torch.from_numpy(self.special.without(row, content[dropped])) if dropped.any() else tokens

    def expected_rescues(self, lengths: np.ndarray) -> float:
        """How many of the captions with ``lengths`` (n,) content tokens would be empty in an epoch, on average."""
        return float((self.rate ** lengths[lengths > 0].astype(np.float64)).sum())
