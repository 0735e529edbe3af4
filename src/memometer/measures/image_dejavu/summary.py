"""What an image-only audit says: its summary, its references side by side, its notes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from memometer.audits.notes import duplicate_notes, model_warnings, one_way_note
from memometer.measures.image_dejavu.direction import PERCENTS, ImageDirection
from memometer.measures.image_dejavu.options import ImageDejaVuOptions
from memometer.measures.image_dejavu.references import reference_kind
from memometer.statistics import confident_gap, jaccard_of_found, share_equal

__all__ = ["agreement", "notes", "scores_of_reference", "summarise"]

LESS = (1.0, -1.0)
"""Weights of a difference."""


def summarise(options: ImageDejaVuOptions, directions: list[ImageDirection], *, n_public: int) -> dict[str, Any]:
    """The content of ``summary.json``: every number with its n and interval.

    Args:
        options: of the audit.
        directions: forward; backward where both ways were run; control where there are records that no model saw.
        n_public: public images with a label.
    """
    config = options.config()
    by_name = {part.name: part for part in directions}
    forward, backward, control = by_name["forward"], by_name.get("backward"), by_name.get("control")

    def alone(part: ImageDirection | None) -> dict[str, Any] | None:
        return None if part is None else {**part.counts(), "scores": _scores([part], options)}

    return {
        **{name: config[name] for name in ("k", "crop", "min_side", "fraction", "features", "metric")},
        "target": config["target"],
        "reference": config["reference"],
        "test": reference_kind(config["reference"]),
        "n_public": n_public,
        "n_labels": len(forward.vocabulary),
        **forward.counts(),
        "scores": _scores([forward], options),
        "backward": alone(backward),
        "balanced": _scores([forward, backward], options),
        "control": alone(control),
        "controlled": _scores([forward, control], options, weights=LESS),
        "accuracy": {part.name: part.accuracies() for part in directions},
        "n_without_objects": {part.name: part.reference.n_without_objects for part in directions},
    }


def scores_of_reference(
    spec: str, part: ImageDirection, control: ImageDirection | None, options: ImageDejaVuOptions
) -> dict[str, Any]:
    """What is found against one of several references."""
    return {
        "test": reference_kind(spec),
        "outcomes": part.counts()["outcomes"],
        "scores": _scores([part], options),
        "controlled": _scores([part, control], options, weights=LESS),
    }


def notes(
    manifest: dict[str, Any], directions: list[ImageDirection], *, test: str, n_duplicates: int, n_rejects: int
) -> list[str]:
    """What a reader must know before trusting the numbers."""
    lines = model_warnings(manifest)
    lines += duplicate_notes(n_duplicates, "roles and bias every number; split again")
    if n_rejects:
        lines.append(f"{n_rejects:,} images could not be read and are left out; see rejects.parquet")
    for part in directions:
        found = part.cropped.found
        if len(clipped := part.cropped.clipped_ids):
            some = ", ".join(clipped[:3].to_pylist())
            lines.append(
                f"{len(clipped):,} records of the {part.name} direction have boxes that leave the image, e.g. {some}"
            )
        if empty := int(found.n_empty.sum()):
            lines.append(
                f"{empty:,} boxes of the {part.name} direction have no area in the image and count for nothing"
            )
        if bare := int((np.diff(part.cropped.boxes.indptr) == 0).sum()):
            lines.append(
                f"{bare:,} records of the {part.name} direction have no box around their foreground: "
                "their crop may show a part of it"
            )
    if len(directions) == 1:
        lines.append(one_way_note("score", swappable=test == "two-model"))
    return lines


def _scores(
    directions: Sequence[ImageDirection | None], options: ImageDejaVuOptions, *, weights: Sequence[float] | None = None
) -> dict[str, Any] | None:
    """The déjà vu score over all records and over the most confident ones, and of the top 5 labels.

    None where one of the directions was not run.
    """
    parts = [part for part in directions if part is not None]
    if len(parts) < len(directions):
        return None
    names = "+".join(part.name for part in parts)
    hits = [part.confident() for part in parts]
    five = [part.confident(top=5) for part in parts]

    def score(what: Any, percent: float, name: str) -> dict[str, Any]:
        name = f"{names}/{name}"
        return confident_gap(what, percent=percent, name=name, weights=weights, **options.resampling).as_dict()

    found = {str(percent): score(hits, percent, str(percent)) for percent in PERCENTS}
    return found | {"top5": score(five, 100, "top5")}


def agreement(one: ImageDirection, other: ImageDirection) -> dict[str, Any]:
    """On which share of records two references predict the same, call the same memorized, and find the same outcome."""
    n, groups = len(one.labels), one.groups
    memorized = [part.outcome == 0 for part in (one, other)]
    return {
        "label": share_equal(one.reference.ranked[:, 0], other.reference.ranked[:, 0], groups=groups).as_dict(),
        "outcome": share_equal(one.outcome, other.outcome, groups=groups).as_dict(),
        "memorized": jaccard_of_found(np.arange(n + 1), memorized[0], memorized[1], groups=groups).as_dict(),
    }
