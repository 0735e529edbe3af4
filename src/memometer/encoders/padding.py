"""Which tokens are a text's own, and which are padding."""

from typing import Any

import torch

__all__ = ["own_tokens"]


def own_tokens(text: Any, tokens: torch.Tensor) -> torch.Tensor:
    """(n, length) bool: the tokens of each text from its start to its end; at least one.

    Where the end is the largest token or a token of its own, as in CLIP, a text ends there. Elsewhere the last run of
    the padding token is not its own; a text tower that knows no padding token has none.

    Args:
        text: open_clip's text tower, or a model that holds its attributes (``text_pool_type`` and so on).
        tokens: (n, length) integers.
    """
    pool = getattr(text, "text_pool_type", getattr(text, "pool_type", None))
    places = torch.arange(tokens.shape[1], device=tokens.device)
    if pool == "argmax":
        last = tokens.argmax(dim=1)
    elif pool == "eos":
        end: int = text.text_eos_id if hasattr(text, "text_eos_id") else text.eos_id
        ends = torch.eq(tokens, end)
        last = torch.where(ends.any(dim=1), ends.int().argmax(dim=1), tokens.shape[1] - 1)
    else:
        padding = getattr(text, "pad_id", getattr(getattr(text, "config", None), "pad_token_id", None))
        kept = torch.ne(tokens, padding) if padding is not None else torch.ones_like(tokens, dtype=torch.bool)
        last = (kept * places).amax(dim=1)
    return places <= last[:, None]
