"""OWLv2 (Minderer, Gritsenko, Houlsby 2023): any vocabulary, whose texts are encoded once."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from memometer.annotators.base import Asked, Found, Seen
from memometer.annotators.folders import Detector, load_detector
from memometer.annotators.loading import DETECTORS
from memometer.annotators.prompts import mean_directions, prompts_of, templates_of
from memometer.annotators.seeing import alike, stacked
from memometer.annotators.vocabulary_detector import VocabularyDetector
from memometer.encoders.forward import autocast, to_numpy
from memometer.files import hash_json

__all__ = ["Owlv2Annotator", "load_owlv2"]

TEXTS = 256
"""Prompts per forward pass."""

NAMES = 4096
"""Names that a batch is compared with at a time: bounds the memory where there are 21,000 of them."""


class Owlv2Annotator(VocabularyDetector):
    """OWLv2 and a vocabulary.

    The library's own call encodes all texts again for every image. Here they are encoded once, and each image is
    compared with them: `image_embedder`, then `class_predictor` and `box_predictor`. Labels, scores and boxes are those
    of its call: of each box the name with the highest score.

    Attributes:
        identity: hash of the weights, settings, versions, prompts and the threshold.
    """

    def __init__(self, detector: Detector, *, spec: str, asked: Asked) -> None:
        super().__init__(detector, spec=spec, asked=asked)
        self._templates = templates_of(asked.templates)
        self._padded = bool(getattr(detector.image_processor, "do_pad", True))
        self._queries = self._encoded(prompts_of(self.labels, self._templates))
        self.identity = hash_json([self.described(), self.weights_hashes, self.labels])

    @torch.inference_mode()
    def annotate(self, images: Sequence[Seen]) -> list[Found]:
        """The boxes of each image whose best name is above the threshold."""
        found: dict[int, Found] = {}
        for places in alike(images):
            batch = stacked(images, places, self._detector.device)
            with autocast(self._detector.device, self._asked.precision):
                grid = self._model.image_embedder(pixel_values=batch["pixel_values"])[0]
                features = grid.reshape(grid.shape[0], -1, grid.shape[-1])
                boxes = self._model.box_predictor(features, grid)
                logits, labels = self._best_names(features)
            scores = torch.sigmoid(logits)
            for place, *each in zip(places, scores, labels, boxes.float(), strict=True):
                found[place] = self._of_image(*each, size=images[place].size)
        return [found[place] for place in range(len(images))]

    def described(self) -> dict[str, Any]:
        """See `Annotator`."""
        return {
            "kind": "owlv2",
            **self._detector.described,
            "templates": list(self._templates),
            "threshold": self._asked.threshold,
            "precision": self._asked.precision,
        }

    def _best_names(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(n, patches, d) → of each patch the highest logit, and the name's place."""
        best: tuple[torch.Tensor, torch.Tensor] | None = None
        for first in range(0, len(self.labels), NAMES):
            queries = self._queries[first : first + NAMES].expand(len(features), -1, -1)
            logits = self._model.class_predictor(features, queries)[0].float()
            values, places = logits.max(-1)
            if best is None:
                best = values, places
            else:
                better = values > best[0]
                best = torch.where(better, values, best[0]), torch.where(better, places + first, best[1])
        assert best is not None  # noqa: S101 (a vocabulary has a name)
        return best

    def _of_image(
        self, scores: torch.Tensor, labels: torch.Tensor, boxes: torch.Tensor, *, size: tuple[int, int]
    ) -> Found:
        """Of the boxes in shares of the padded square, those above the threshold."""
        keep = scores > self._asked.threshold
        center, sides = boxes[keep, :2], boxes[keep, 2:]
        corners = torch.cat([center - 0.5 * sides, center + 0.5 * sides], 1)
        height, width = (max(size),) * 2 if self._padded else size
        scale = corners.new_tensor([width, height, width, height])
        return Found(labels[keep].cpu().numpy().astype(np.int32), to_numpy(scores[keep]), to_numpy(corners * scale))

    @torch.inference_mode()
    def _encoded(self, prompts: Sequence[str]) -> torch.Tensor:
        """(v, d) unit vectors of the names."""
        vectors = []
        for first in range(0, len(prompts), TEXTS):
            tokens = self._detector.processor.tokenizer(
                list(prompts[first : first + TEXTS]), padding="max_length", truncation=True, return_tensors="pt"
            ).to(self._detector.device)
            with autocast(self._detector.device, self._asked.precision):
                features = self._model.owlv2.get_text_features(
                    input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]
                )
            # transformers 4 returned the vectors themselves
            vectors.append(to_numpy(getattr(features, "pooler_output", features)))
        names = mean_directions(np.concatenate(vectors), of=len(self._templates))
        return torch.from_numpy(names).to(self._detector.device)


def load_owlv2(rest: str, asked: Asked) -> Owlv2Annotator:
    """Loads ``owlv2``, ``owlv2:FOLDER`` or ``owlv2:OWNER/NAME``.

    Raises:
        ModelError: it cannot be loaded.
        InputError: there is no vocabulary.
    """
    spec = f"owlv2:{rest}" if rest else "owlv2"
    detector = load_detector(
        rest or str(DETECTORS["owlv2"]),
        spec=spec,
        model_class="Owlv2ForObjectDetection",
        kinds={"owlv2"},
        asked=asked,
    )
    return Owlv2Annotator(detector, spec=spec, asked=asked)
