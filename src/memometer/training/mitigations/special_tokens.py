"""Which tokens of a caption are content, and which belong to the tokenizer."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from memometer.encoders.architectures import Tokenizer
from memometer.errors import ModelError

__all__ = ["SpecialTokens", "special_tokens"]


@dataclasses.dataclass(frozen=True)
class SpecialTokens:
    """The tokens that a tokenizer puts around a caption.

    Attributes:
        fixed: start, end and the like.
        pad: fills up to the context length.
        end: the end token where the text stops at it, whatever comes after; None where special tokens are told by
            their ids alone. open_clip's own tokenizer needs it: its padding, 0, is also the token of "!".
        tail: how many tokens stand at the very end, behind the padding.
    """

    fixed: tuple[int, ...]
    pad: int
    end: int | None = None
    tail: int = 0

    def content(self, tokens: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """(c,) places of the content in (context_length,) tokens, ascending."""
        if self.end is not None:
            stop = int((tokens == self.end).argmax())
            inside = tokens[:stop]
            return np.flatnonzero(inside != self.fixed[0]) if stop else np.flatnonzero(tokens != self.pad)
        return np.flatnonzero(~np.isin(tokens, (*self.fixed, self.pad)))

    def without(self, tokens: npt.NDArray[np.int64], dropped: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The tokens without those at the places ``dropped``; the rest moves up, and padding fills the end."""
        kept = np.ones(len(tokens), np.bool_)
        kept[dropped] = False
        left = tokens[kept]
        place = len(left) - self.tail
        if self.end is None:
            padding = np.flatnonzero(left == self.pad)
            place = int(padding[0]) if len(padding) else place  # beside the padding there is, be it at the front
        # Not np.delete and np.insert, which take three times as long: this is done for every sample of every epoch.
        return np.concatenate([left[:place], np.full(len(dropped), self.pad, tokens.dtype), left[place:]])


def special_tokens(tokenizer: Tokenizer) -> SpecialTokens:
    """The special tokens of one of open_clip's tokenizers: its own, or one around a Hugging Face tokenizer.

    Raises:
        ModelError: the tokenizer tells no ids.
    """
    known: Any = tokenizer
    if hasattr(known, "sot_token_id") and hasattr(known, "eot_token_id"):
        return SpecialTokens(fixed=(known.sot_token_id, known.eot_token_id), pad=0, end=known.eot_token_id)
    inner = getattr(known, "tokenizer", None)
    if inner is None or getattr(inner, "pad_token_id", None) is None:
        raise ModelError(
            f"the tokenizer {type(tokenizer).__name__} does not tell its special tokens, which text masking keeps; "
            "train without --text-mask, or with a model whose tokenizer is open_clip's or Hugging Face's"
        )
    content = {inner.unk_token_id, inner.mask_token_id}  # unknown words are content
    fixed = [token for token in inner.all_special_ids if token not in content]
    fixed += [0] if getattr(known, "strip_sep_token", False) else []
    return SpecialTokens(
        fixed=tuple(fixed), pad=inner.pad_token_id, tail=int(getattr(known, "tokenizer_mode", "") == "clips")
    )
