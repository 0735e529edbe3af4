"""What an annotation found and left out, in memory and in ``annotation.json``."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["AnnotationSummary"]


@dataclasses.dataclass(frozen=True)
class AnnotationSummary:
    """What an annotation found, and what it left out.

    Attributes:
        folder: where the labelled records are.
        source: the folder of the records that were labelled.
        annotator: what the user named it by.
        n_records: records with labels, or in which nothing was found.
        n_rejected: records left out; ``reasons`` counts them by kind, commonest first.
        n_objects: labels in all.
        n_without_objects: records in which nothing was found.
        n_names: names that were looked for.
        n_labels: of them, those that were found.
        commonest: label → how often it was found, of the twenty commonest.
        boxes: boxes that are not as the annotator gave them, by what was done to them.
        remarks: what had to be guessed, or left out of the vocabulary, in sentences.
    """

    folder: str
    source: str
    annotator: str
    n_records: int
    n_rejected: int
    reasons: dict[str, int]
    n_objects: int
    n_without_objects: int
    n_names: int
    n_labels: int
    commonest: dict[str, int]
    boxes: dict[str, int]
    remarks: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As ``annotation.json`` holds it: without the folder, so that equal annotations are equal bytes."""
        content = dataclasses.asdict(self)
        del content["folder"]
        return content

    @classmethod
    def from_json(cls, content: Mapping[str, Any], *, folder: Path) -> "AnnotationSummary":
        """The inverse of `to_json`."""
        return cls(**{**content, "remarks": tuple(content["remarks"]), "folder": str(folder)})
