"""One annotator in words: licence, architecture, labels, preprocessing, and where its files are."""

from typing import Any

from memometer.annotators.base import Annotator, Asked
from memometer.annotators.closed_set import UNNAMED
from memometer.annotators.known import ANNOTATORS
from memometer.annotators.loading import load_annotator
from memometer.encoders.describing import count_parameters, model_files, stated_license

__all__ = ["describe_annotator"]

NAMES = ("object",)
"""What an annotator looks for that must be told what to look for; nothing is asked of it."""


def describe_annotator(spec: str, *, device: str = "cpu") -> dict[str, Any]:
    """What an annotator is, as JSON; it is loaded.

    Args:
        spec: what the user names it by.
        device: where it is loaded.

    Raises:
        ModelError: it cannot be loaded.
        InputError: there is no such kind.
    """
    kind = ANNOTATORS.get(spec.partition(":")[0])
    any_names = kind is not None and kind.vocabulary == "any"
    annotator = load_annotator(spec, Asked(names=NAMES if any_names else None, threshold=0.5, device=device))
    return _told(annotator, spec, any_names=any_names)


def _told(annotator: Annotator, spec: str, *, any_names: bool) -> dict[str, Any]:
    own = annotator.described()
    model = getattr(annotator, "encoder", annotator)
    files = model_files(model, spec.removeprefix("zero-shot:"))
    labels = [] if any_names else [label for label in annotator.labels if label not in UNNAMED]
    architecture = own.get("model") or type(getattr(model, "_model", None) or model).__name__
    return {
        "spec": spec,
        "license": stated_license(model, files),
        "architecture": architecture,
        "parameters": count_parameters(model),
        "labels": None if any_names else len(labels),
        "first_labels": labels[:5],
        "preprocess": own.get("preprocess"),
        "code": own.get("code"),
        "files": [str(path) for path in files],
        "warnings": list(annotator.warnings),
    }
