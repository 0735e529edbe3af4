"""Text masking: each content token of a caption is dropped with some probability (A, Section 5)."""

import dataclasses
from collections.abc import Sequence
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch

from memometer.encoders.architectures import Tokenizer
from memometer.training.mitigations.base import Mitigation
from memometer.training.mitigations.special_tokens import SpecialTokens, special_tokens

__all__ = ["TextMask"]

EXAMINED = 10_000
"""Captions whose lengths are looked at before the training."""

UNFITTED = "this mask knows no tokenizer yet; call for_tokenizer first"


@dataclasses.dataclass(frozen=True)
class TextMask(Mitigation):
    """Drops content tokens; start, end and padding stay, and the rest moves up: the model sees a shorter caption.

    Every token is dropped independently of the others and anew every epoch. Where all would be, one stays, drawn
    among them: a caption of c tokens would otherwise be empty with probability rate^c.

    Attributes:
        rate: probability that a token is dropped.
        special: of the model's tokenizer; None before `for_tokenizer`.
        tokenizer: the model's.
    """

    rate: float
    special: SpecialTokens | None = dataclasses.field(default=None, repr=False, compare=False)
    tokenizer: Tokenizer | None = dataclasses.field(default=None, repr=False, compare=False)

    def for_tokenizer(self, tokenizer: Tokenizer) -> Self:
        """The mask of a tokenizer's captions.

        Raises:
            ModelError: the tokenizer does not tell its special tokens.
        """
        return dataclasses.replace(self, special=special_tokens(tokenizer), tokenizer=tokenizer)

    def tokens(self, tokens: torch.Tensor, *, rng: np.random.Generator) -> torch.Tensor:
        """(context_length,) int64 tokens → those that are left, padded."""
        if self.special is None:
            raise ValueError(UNFITTED)
        row = tokens.numpy()
        content = self.special.content(row)
        draws = rng.random(len(content))
        dropped = draws < self.rate
        if len(content) and dropped.all():
            dropped[draws.argmax()] = False  # any is the largest with equal chance
        return torch.from_numpy(self.special.without(row, content[dropped])) if dropped.any() else tokens

    def remark(self, captions: pa.Array) -> str | None:
        """How many captions an epoch would be empty, as expected from the lengths of at most 10,000 of them."""
        texts = captions.flatten()
        texts = texts.take(np.linspace(0, len(texts) - 1, min(len(texts), EXAMINED)).astype(np.int64))
        expected = len(captions) * self.chance_of_none(self.lengths(texts.to_pylist()))
        if expected < 0.5:
            return None
        return (
            f"text masking: some {expected:,.0f} of {len(captions):,} captions an epoch would lose every token; "
            "one token of theirs is kept"
        )

    def lengths(self, texts: Sequence[str]) -> npt.NDArray[np.int64]:
        """(n,) content tokens of n captions."""
        if self.special is None or self.tokenizer is None:
            raise ValueError(UNFITTED)
        return np.array([len(self.special.content(row)) for row in self.tokenizer(texts).numpy()], np.int64)

    def chance_of_none(self, lengths: npt.NDArray[np.int64]) -> float:
        """The chance, on average over captions of ``lengths`` (n,) tokens, that all are to be dropped."""
        return float(np.where(lengths > 0, self.rate ** lengths.astype(np.float64), 0.0).mean())
