"""Detectors with labels of their own: RT-DETR, RF-DETR, DETR and whatever else transformers detects objects with."""

import re
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from memometer.annotators.base import Asked, Found, Seen
from memometer.annotators.folders import Detector, load_detector
from memometer.annotators.names import chosen_labels
from memometer.annotators.seeing import DetectorPreprocess, alike, stacked
from memometer.encoders.forward import autocast, to_numpy
from memometer.errors import ModelError
from memometer.files import hash_json

__all__ = ["UNNAMED", "ClosedSetAnnotator", "load_closed_set"]

UNNAMED = frozenset({"", "N/A", "no object", "no-object"})
"""What stands in place of a name where COCO's numbers skip one, or for nothing."""


class ClosedSetAnnotator:
    """A detector of given classes; what becomes of its output is the library's own post-processing.

    Attributes:
        spec: what the user named it by.
        labels: (c,) the names of its classes, by id.
        identity: hash of the weights, settings, versions, the labels that are wanted, and the threshold.
        weights_hashes: of the model.
        preprocess: as in `Annotator`.
        files: where its files are.
        warnings: what had to be guessed, or is unknown of the vocabulary.
    """

    def __init__(self, detector: Detector, *, spec: str, asked: Asked) -> None:
        self.spec = spec
        self.labels = _labels(detector, spec=spec)
        self.weights_hashes = (detector.weights_hash,)
        self.files = (detector.folder,)
        self._model = detector.model
        self.preprocess = DetectorPreprocess(detector.image_processor)
        self._detector, self._asked = detector, asked
        chosen, unknown = chosen_labels(self.labels, asked.names, spec=spec)
        numbers = all(re.fullmatch(r"LABEL_\d+", label) for label in self.labels)
        bare = [f"{spec} numbers its classes, {self.labels[0]} and so on: name them in id2label of its config.json"]
        self.warnings = (*detector.warnings, *unknown, *(bare if numbers else []))
        self._chosen = chosen & ~np.isin(self.labels, list(UNNAMED))
        self.identity = hash_json([self.described(), self.weights_hashes, self.labels, self._chosen.tolist()])

    @torch.inference_mode()
    def annotate(self, images: Sequence[Seen]) -> list[Found]:
        """The objects of each image above the threshold."""
        found: dict[int, Found] = {}
        for places in alike(images):
            batch = stacked(images, places, self._detector.device)
            with autocast(self._detector.device, self._asked.precision):
                outputs = self._detector.model(**batch)
            results = self._detector.image_processor.post_process_object_detection(
                SimpleNamespace(logits=outputs.logits.float(), pred_boxes=outputs.pred_boxes.float()),
                threshold=self._asked.threshold,
                target_sizes=torch.tensor([images[place].size for place in places], device=self._detector.device),
            )
            for place, result in zip(places, results, strict=True):
                labels = result["labels"].cpu().numpy().astype(np.int32)
                kept = self._chosen[labels]
                found[place] = Found(labels[kept], to_numpy(result["scores"])[kept], to_numpy(result["boxes"])[kept])
        return [found[place] for place in range(len(images))]

    def described(self) -> dict[str, Any]:
        """See `Annotator`."""
        return {
            "kind": "rtdetr",
            **self._detector.described,
            "n_labels": int(self._chosen.sum()),
            "threshold": self._asked.threshold,
            "precision": self._asked.precision,
        }


def _labels(detector: Detector, *, spec: str) -> tuple[str, ...]:
    """The name of each class by its id; UNNAMED where the config skips one."""
    named = detector.model.config.id2label
    if not named or any(int(place) < 0 or int(place) > 100_000 for place in named):
        raise ModelError(f"{spec} has no names of its classes; expected id2label in its config.json, from 0 on")
    by_id = {int(place): str(name).strip() for place, name in named.items()}
    return tuple(by_id.get(place, "N/A") for place in range(max(by_id) + 1))


def load_closed_set(rest: str, asked: Asked) -> ClosedSetAnnotator:
    """Loads ``rtdetr:FOLDER`` or ``rtdetr:OWNER/NAME``.

    Raises:
        ModelError: it cannot be loaded, or its classes have no names.
    """
    from transformers.models.auto.modeling_auto import MODEL_FOR_OBJECT_DETECTION_MAPPING_NAMES

    detector = load_detector(
        rest,
        spec=f"rtdetr:{rest}",
        model_class="AutoModelForObjectDetection",
        kinds=set(MODEL_FOR_OBJECT_DETECTION_MAPPING_NAMES),
        asked=asked,
        processor_class="AutoImageProcessor",
    )
    return ClosedSetAnnotator(detector, spec=f"rtdetr:{rest}", asked=asked)
