"""What is asked about crops: models that look them up, and references that were fitted on other records."""

import dataclasses
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from memometer.errors import InputError
from memometer.measures.image_dejavu.direction import Guess
from memometer.measures.image_dejavu.options import ImageDejaVuOptions, is_fitted_spec
from memometer.measures.image_dejavu.records import Cropped
from memometer.pieces import made_once
from memometer.references import (
    CropClassifier,
    CropClassifierConfig,
    LabelPredictions,
    fit_naive_bayes,
    load_crop_classifier,
    objects_in_crops,
    train_crop_classifier,
)
from memometer.storage.mirror import mirrored
from memometer.storage.paths import AnyPath

__all__ = ["Fitted", "FittedReference", "fit_reference", "reference_kind"]

MOST_K = 100


@dataclasses.dataclass(frozen=True)
class Fitted:
    """Records that one-model references are fitted on.

    Attributes:
        cropped: their crops.
        labels: (m,) label ids.
        vocabulary: (v,) labels, those of all sets of the audit.
        objects: labels of all objects of the audit, ascending.
    """

    cropped: Cropped
    labels: npt.NDArray[np.int32]
    vocabulary: pa.Array
    objects: pa.Array


@dataclasses.dataclass(frozen=True)
class FittedReference:
    """A one-model reference, ready to be asked.

    Attributes:
        spec: what the user named it by.
        kind: ``naive-bayes`` or ``crop-classifier``.
        fitted: what it was fitted on.
        model: the classifier itself.
        description: for the manifest.
    """

    spec: str
    kind: Literal["naive-bayes", "crop-classifier"]
    fitted: Fitted
    model: Any
    description: dict[str, Any]

    def guess(self, cropped: Cropped, options: ImageDejaVuOptions) -> Guess:
        """What it says of the crops of other records."""
        if self.kind == "naive-bayes":
            found: LabelPredictions = self.model.predict(_objects(cropped, self.fitted.objects))
            return _guess(found, found.ranked)
        found = self.model.predict(cropped.records, crops=cropped.crops, **options.decoding)
        # The classifier's labels are those it was fitted on; ours are those of the whole audit.
        names = self.fitted.vocabulary.to_pylist()
        ids = np.array([*(names.index(name) if name in names else -1 for name in self.model.label_names), -1], np.int32)
        return _guess(found, ids[found.ranked])


def reference_kind(spec: object) -> str:
    """``two-model``, ``naive-bayes`` or ``crop-classifier``."""
    return str(spec).partition(":")[0] if is_fitted_spec(spec) else "two-model"


def fit_reference(spec: str, fitted: Fitted, options: ImageDejaVuOptions, *, out: AnyPath) -> FittedReference:
    """Fits what ``spec`` names: ``naive-bayes[:K]``, ``crop-classifier[:MODEL]``, or ``crop-classifier:FOLDER``.

    Args:
        spec: as above; K objects per crop, 2 by default.
        fitted: the records to fit on.
        options: of the audit.
        out: where a crop classifier is kept, for the next audit.

    Raises:
        InputError: K is no number in range, or there is nothing to fit on.
    """
    kind, _, rest = spec.partition(":")
    if not len(fitted.cropped.records):
        raise InputError(f"no record to fit '{spec}' on has a label and a crop; give another --fit-role")
    if kind == "naive-bayes":
        k = int(rest) if rest.isdecimal() else 0 if rest else 2
        if not 1 <= k <= MOST_K:
            raise InputError(
                f"'{spec}' names no number of objects; expected naive-bayes, or naive-bayes:K, e.g. naive-bayes:5"
            )
        model = fit_naive_bayes(
            _objects(fitted.cropped, fitted.objects), labels=fitted.labels, n_labels=len(fitted.vocabulary), k=k
        )
        return FittedReference(
            spec, "naive-bayes", fitted, model, {"spec": spec, "k": k, "alpha": model.alpha, "warnings": []}
        )
    if rest and Path(rest).is_dir():
        classifier = load_crop_classifier(rest, device=options.device)
    else:
        present, ids = np.unique(fitted.labels, return_inverse=True)
        place = out / f"crop-classifier-{(rest or 'resnet50').replace(':', '-').replace('/', '-')}"

        def train() -> CropClassifier:
            with mirrored(place, last="manifest.json") as folder:
                return train_crop_classifier(
                    fitted.cropped.records,
                    crops=fitted.cropped.crops,
                    labels=ids,
                    label_names=fitted.vocabulary.take(pa.array(present)).to_pylist(),
                    out=folder,
                    config=CropClassifierConfig(
                        model=rest or "resnet50", seed=options.seed, device=options.device, **options.decoding
                    ),
                )

        made_once(out / f"fitted-{place.name}", train, label=f"fitting {spec}")
        classifier = train()  # or what is there
    described: dict[str, Any] = {
        "spec": spec,
        "identity": classifier.identity,
        "weights_hash": classifier.manifest.get("weights_hash"),
        "held_out_accuracy": classifier.manifest.get("held_out_accuracy"),
        "warnings": [],
    }
    return FittedReference(spec, "crop-classifier", fitted, classifier, described)


def _objects(cropped: Cropped, vocabulary: pa.Array) -> Any:
    table = cropped.records
    return objects_in_crops(
        cropped.crops,
        objects=table.column("objects"),
        boxes=table.column("boxes"),
        scores=None if table.column("scores").null_count == len(table) else table.column("scores"),
        own=cropped.classes,
        vocabulary=vocabulary,
    )


def _guess(found: LabelPredictions, ranked: npt.NDArray[np.int32]) -> Guess:
    return Guess(ranked.astype(np.int32), found.confidence, found.entropy, n_without_objects=found.n_without_objects)
