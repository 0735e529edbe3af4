"""Models of images and texts as taggers: the names that an image is closest to, by a softmax over their cosines."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from memometer import __version__
from memometer.annotators.base import Asked, Found, Seen
from memometer.annotators.prompts import mean_directions, prompts_of, templates_of
from memometer.annotators.timm_tagger import PixelPreprocess, of_probabilities
from memometer.embeddings import load_encoder, normalise
from memometer.encoders import Encoder, has_tower
from memometer.errors import InputError
from memometer.files import hash_json

__all__ = ["ZeroShotTagger", "load_zero_shot"]

TEMPERATURE = 0.01
"""At which CLIP's training ends: its logits are 100 times the cosines."""

TEXTS = 256
"""Prompts per forward pass."""


class ZeroShotTagger:
    """An encoder of images and texts, and a vocabulary.

    Attributes:
        spec: what the user named it by.
        labels: (v,) the vocabulary.
        identity: hash of the model, the prompts, the temperature and the threshold.
        weights_hashes: of the model.
        encoder: the model.
        preprocess: as in `Annotator`.
        warnings: of the model.
    """

    def __init__(self, encoder: Encoder, *, spec: str, asked: Asked) -> None:
        self.spec = spec
        self.labels = asked.vocabulary(spec)
        self.warnings = tuple(getattr(encoder, "warnings", ()))
        self.preprocess = PixelPreprocess(encoder.preprocess)
        known = getattr(encoder, "weights_hash", None)
        self.weights_hashes = (str(known),) if known else ()
        self.encoder, self._asked = encoder, asked
        self._templates = templates_of(asked.templates)
        self._temperature = TEMPERATURE if asked.temperature is None else asked.temperature
        prompts = prompts_of(self.labels, self._templates)
        vectors = [encoder.encode_texts(prompts[first : first + TEXTS]) for first in range(0, len(prompts), TEXTS)]
        self._names = mean_directions(np.concatenate(vectors), of=len(self._templates))
        self.identity = hash_json([self.described(), self.labels])

    def annotate(self, images: Sequence[Seen]) -> list[Found]:
        """The names of each image whose share is above the threshold."""
        vectors = normalise(self.encoder.encode_images(np.stack([image.inputs["pixels"] for image in images])))
        logits = vectors @ self._names.T / np.float32(self._temperature)
        shares = np.exp(logits - logits.max(1, keepdims=True))
        shares /= shares.sum(1, keepdims=True)
        return of_probabilities(shares, np.ones(len(self.labels), bool), threshold=self._asked.threshold)

    def described(self) -> dict[str, Any]:
        """See `Annotator`."""
        code = getattr(self.encoder, "code", None)
        return {
            **({"code": code} if code else {}),
            "kind": "zero-shot",
            "library": f"memometer {__version__}",
            "encoder": self.encoder.identity,
            "preprocess": getattr(self.encoder, "preprocess_config", None),
            "templates": list(self._templates),
            "temperature": self._temperature,
            "threshold": self._asked.threshold,
        }


def load_zero_shot(rest: str, asked: Asked) -> ZeroShotTagger:
    """Loads ``zero-shot:SPEC``, a model of images and texts as `memometer.load_encoder` names it.

    Raises:
        ModelError: it cannot be loaded.
        InputError: it lacks a tower, or there is no vocabulary.
    """
    encoder = load_encoder(rest, device=asked.device, precision=asked.precision)
    if not (has_tower(encoder, "image") and has_tower(encoder, "text") and hasattr(encoder, "preprocess")):
        raise InputError(f"'{rest}' is no model of images and texts; a zero-shot tagger needs both: open_clip:…")
    return ZeroShotTagger(cast("Encoder", encoder), spec=f"zero-shot:{rest}", asked=asked)
