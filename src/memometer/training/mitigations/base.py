"""Where a mitigation of memorization may act in training."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np
import pyarrow as pa
import torch
from PIL import Image

from memometer.data.images import ImageRef
from memometer.encoders.architectures import Tokenizer

__all__ = ["Mitigation", "stream_names", "those_with"]


@dataclasses.dataclass(frozen=True)
class Mitigation:
    """Changes what a model sees, or what it strives for; this base changes nothing.

    A mitigation is a frozen dataclass that overrides one of the hooks. Its fields are its knobs: its ``repr`` is kept
    in the model's manifest, and another value means another model. It may run in worker processes, so it must be
    picklable. What a hook is given is not to be changed in place.

    >>> @dataclasses.dataclass(frozen=True)
    ... class LastCaption(Mitigation):
    ...     def captions(self, captions, *, rng):
    ...         return captions[::-1]
    >>> LastCaption().captions(["a dog", "a brown dog"], rng=np.random.default_rng(0))[0]
    'a brown dog'
    """

    def model_config(self, config: dict[str, Any]) -> dict[str, Any]:
        """open_clip's model config → the one to train."""
        return config

    def for_tokenizer(self, tokenizer: Tokenizer) -> Self:  # noqa: ARG002 (a hook)
        """The same mitigation, for tokens of the model's tokenizer."""
        return self

    def remark(self, captions: pa.Array) -> str | None:  # noqa: ARG002 (a hook)
        """What a user should know of these records, said once and kept in the manifest.

        Args:
            captions: (n,) lists of strings, of the records to train on.
        """
        return None

    def captions(self, captions: Sequence[str], *, rng: np.random.Generator) -> Sequence[str]:  # noqa: ARG002 (a hook)
        """A record's captions → its captions of this epoch, of which the first is trained on."""
        return captions

    def tokens(self, tokens: torch.Tensor, *, rng: np.random.Generator) -> torch.Tensor:  # noqa: ARG002 (a hook)
        """(context_length,) int64 tokens of one caption → the same shape."""
        return tokens

    def image_ref(self, record_id: str, *, rng: np.random.Generator) -> ImageRef | None:  # noqa: ARG002 (a hook)
        """Where the image is that stands for the record's own in this epoch; None keeps the record's own."""
        return None

    def image(self, image: Image.Image, *, rng: np.random.Generator) -> Image.Image:  # noqa: ARG002 (a hook)
        """The random crop of an image, RGB, of the model's size → the same mode and size."""
        return image

    def raw_text_features(self, features: torch.Tensor, *, generator: torch.Generator) -> torch.Tensor:  # noqa: ARG002
        """(n, d) text embeddings of a batch, not yet normalised → the same shape; gradients flow through it."""
        return features

    def text_features(self, features: torch.Tensor, *, generator: torch.Generator) -> torch.Tensor:  # noqa: ARG002
        """(n, d) l2-normalised text embeddings of a batch → the same shape; gradients flow through it."""
        return features

    def criterion(self, *, rank: int, world_size: int) -> torch.nn.Module | None:  # noqa: ARG002 (a hook)
        """The loss in place of CLIP's; None leaves it.

        It is called with this process's (n, d) images and texts, the logit scale and, where the model has one, the
        logit bias. The mean over the processes is the loss of the whole batch.
        """
        return None


def those_with(hook: str, mitigations: Iterable[Mitigation]) -> list[tuple[str, Mitigation]]:
    """The mitigations that override a hook, each with the name of its random stream.

    >>> those_with("tokens", [Mitigation()])
    []
    """
    mitigations = tuple(mitigations)
    names = stream_names(mitigations)
    default = getattr(Mitigation, hook)
    return [pair for pair in zip(names, mitigations, strict=True) if getattr(type(pair[1]), hook) is not default]


def stream_names(mitigations: Sequence[Mitigation]) -> list[str]:
    """What names the randomness of each: its kind, so that adding another kind changes none of its draws.

    >>> stream_names([Mitigation(), Mitigation()])
    ['Mitigation', 'Mitigation 2']
    """
    kinds = [type(mitigation).__name__ for mitigation in mitigations]
    counts = [kinds[: place + 1].count(kind) for place, kind in enumerate(kinds)]
    return [kind if count == 1 else f"{kind} {count}" for kind, count in zip(kinds, counts, strict=True)]
