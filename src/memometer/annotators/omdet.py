"""OmDet-Turbo (Zhao and others 2024): any vocabulary, in tasks of as many names as fit their sentence."""

import dataclasses
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from memometer.annotators.base import Asked, Found, Seen
from memometer.annotators.folders import Detector, load_detector
from memometer.annotators.grounding_dino import joined
from memometer.annotators.groups import grouped
from memometer.annotators.seeing import alike, stacked
from memometer.annotators.vocabulary_detector import VocabularyDetector
from memometer.encoders.forward import autocast, to_numpy
from memometer.files import hash_json

__all__ = ["OmDetAnnotator", "load_omdet"]

TOKENS = 77
"""That the library's processor cuts every text at."""

OVERLAP = 0.5
"""Intersection over union above which the less probable of two boxes of one name goes: the library's default."""


@dataclasses.dataclass(frozen=True)
class _Task:
    """Several names in one sentence, encoded.

    Attributes:
        places: of the names in the vocabulary.
        names: (n, 1, d).
        sentence: (length, 1, d).
        mask: (1, length).
    """

    places: tuple[int, ...]
    names: torch.Tensor
    sentence: torch.Tensor
    mask: torch.Tensor


class OmDetAnnotator(VocabularyDetector):
    """OmDet-Turbo and a vocabulary.

    Each name is encoded by itself, and once; a sentence, ``Detect cat, dog.``, names those that are looked for
    together. The library cuts that sentence at 77 tokens without a word: here it names as many as fit, and there are as
    many sentences as it takes. What the model sees in an image is computed once for all of them.

    Attributes:
        identity: hash of the weights, settings, versions, sentences and the threshold.
    """

    def __init__(self, detector: Detector, *, spec: str, asked: Asked) -> None:
        super().__init__(detector, spec=spec, asked=asked)
        groups = grouped(self.labels, length=self._length, most=TOKENS, spec=spec)
        self._tasks = [self._task(places) for places in groups]
        self.identity = hash_json([self.described(), self.weights_hashes, self.labels])

    @torch.inference_mode()
    def annotate(self, images: Sequence[Seen]) -> list[Found]:
        """The boxes of each image, of all sentences, above the threshold."""
        found: dict[int, list[Found]] = {place: [] for place in range(len(images))}
        for places in alike(images):
            batch = stacked(images, places, self._detector.device)
            with autocast(self._detector.device, self._asked.precision):
                model = self._detector.model
                states = model.encoder(model.vision_backbone(batch["pixel_values"]), **PLAIN).extracted_states
                outputs = [self._decoded(task, states, n=len(places)) for task in self._tasks]
            for task, output in zip(self._tasks, outputs, strict=True):
                results = self._detector.processor.post_process_grounded_object_detection(
                    output,
                    threshold=self._asked.threshold,
                    nms_threshold=OVERLAP,
                    target_sizes=[images[place].size for place in places],
                )
                for place, result in zip(places, results, strict=True):
                    labels = np.array(task.places, np.int32)[result["labels"].cpu().numpy()]
                    found[place].append(Found(labels, to_numpy(result["scores"]), to_numpy(result["boxes"])))
        return [joined(found[place]) for place in range(len(images))]

    def described(self) -> dict[str, Any]:
        """See `Annotator`."""
        return {
            "kind": "omdet",
            **self._detector.described,
            "overlap": OVERLAP,
            "prompts": [[self.labels[place] for place in task.places] for task in self._tasks],
            "threshold": self._asked.threshold,
            "precision": self._asked.precision,
        }

    def _decoded(self, task: _Task, states: Any, *, n: int) -> Any:
        """The model's output for n images and one sentence."""
        decoded = self._detector.model.decoder(
            states, task.names.expand(-1, n, -1), task.sentence.expand(-1, n, -1), task.mask.expand(n, -1), **PLAIN
        )
        return SimpleNamespace(
            decoder_coord_logits=decoded.decoder_coords[-1].float(),
            decoder_class_logits=decoded.decoder_classes[-1].float(),
            classes_structure=torch.full((n,), len(task.places)),
        )

    def _length(self, names: Sequence[str]) -> int:
        tokenizer = self._detector.processor.tokenizer
        return max(len(tokenizer(text)["input_ids"]) for text in (_sentence(names), names[0]))

    @torch.inference_mode()
    def _task(self, places: tuple[int, ...]) -> _Task:
        names = [self.labels[place] for place in places]
        tokens = [
            self._detector.processor.tokenizer(
                texts, padding="max_length", truncation=True, max_length=TOKENS, return_tensors="pt"
            ).to(self._detector.device)
            for texts in (names, [_sentence(names)])
        ]
        inputs = [each[part] for each in tokens for part in ("input_ids", "attention_mask")]
        structure = torch.tensor([len(names)], device=self._detector.device)
        with autocast(self._detector.device, self._asked.precision):
            return _Task(places, *self._detector.model.get_language_embedding(*inputs, structure))


PLAIN = {"output_attentions": False, "output_hidden_states": False, "return_dict": True}


def _sentence(names: Sequence[str]) -> str:
    """Names as the library's processor joins them."""
    return f"Detect {', '.join(names)}."


def load_omdet(rest: str, asked: Asked) -> OmDetAnnotator:
    """Loads ``omdet:FOLDER`` or ``omdet:OWNER/NAME``.

    Raises:
        ModelError: it cannot be loaded.
        InputError: there is no vocabulary, or a name is longer than a sentence.
    """
    detector = load_detector(
        rest,
        spec=f"omdet:{rest}",
        model_class="OmDetTurboForObjectDetection",
        kinds={"omdet-turbo"},
        asked=asked,
    )
    return OmDetAnnotator(detector, spec=f"omdet:{rest}", asked=asked)
