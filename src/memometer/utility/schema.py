"""The schema of ``summary.json`` of ``memometer utility``, version 1; published as docs/summary-utility.schema.json."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from memometer.runs.schema import Duplicates, Number, Set, Strict, Summary

__all__ = ["PARTS", "UtilitySummary"]

PARTS = {
    "zero_shot": "zero-shot",
    "linear_probe": "linear probe",
    "image_to_text": "image → text",
    "text_to_image": "text → image",
}
"""What the parts are called."""


class Recalls(Strict):
    """The share of queries whose right answer is among the k nearest."""

    at_1: Number = Field(alias="recall@1")
    at_5: Number = Field(alias="recall@5")
    at_10: Number = Field(alias="recall@10")


class Retrieval(Strict):
    """Image ↔ text retrieval."""

    captions: int = Field(description="The most captions of an image that counted.")
    n_images: int
    n_captions: int
    n_shared_captions: int = Field(description="Captions that another image has too; no model can tell them apart.")
    n_skipped: dict[str, int]
    image_to_text: Recalls = Field(description="A hit is any caption of the image.")
    text_to_image: Recalls = Field(description="Every caption is a query; images are resampled with their captions.")


class Classification(Strict):
    """Numbers of the task; those of the other are null."""

    task: Literal["single-label", "multi-label"]
    accuracy: Number | None
    accuracy_5: Number | None = Field(alias="accuracy@5", description="The label is among the best five classes.")
    mean_average_precision: Number | None = Field(description="Macro: the mean over classes with a positive image.")
    micro_average_precision: Number | None = Field(description="Null unless asked for.")
    n_classes: int
    classes_without_positives: list[str] = Field(description="Classes that no image under test is of.")
    n_skipped: dict[str, int] = Field(description="Reason → images that are not scored.")


class ZeroShot(Classification):
    """Zero-shot classification."""

    templates: list[str]


class LinearProbe(Classification):
    """Logistic regression on frozen features."""

    features: Literal["projector", "backbone"] | None = Field(description="Null where the vectors do not tell.")
    c: float = Field(description="scikit-learn's C: the inverse strength of the penalty that was chosen.")
    held_out: dict[str, float] = Field(description="C → accuracy or mean average precision on held-out records.")
    n_train: int
    n_held_out: int = Field(description="Those of the training records that chose C.")
    classes_too_rare: list[str] = Field(description="Classes with too few training records, which are not probed.")


class UtilitySummary(Summary):
    """``summary.json`` of ``memometer utility``; a part that was not asked for is null."""

    measure: Literal["utility"]
    schema_: Literal[1] = Field(alias="schema")
    model: str
    role: str | None
    n_records: int
    retrieval: Retrieval | None
    zero_shot: ZeroShot | None
    linear_probe: LinearProbe | None
    duplicates_across_roles: Duplicates | None = Field(description="Null without a probe.")

    def numbers(self) -> dict[str, dict[str, Number]]:
        """Every number by its name, by the part that it is of; without parts that were not asked for."""
        retrieval = self.retrieval
        parts = {"zero_shot": self.zero_shot, "linear_probe": self.linear_probe}
        ways = {"image_to_text": retrieval.image_to_text, "text_to_image": retrieval.text_to_image} if retrieval else {}
        return {
            part: {name: number for name, number in found.items() if isinstance(number, Number)}
            for part, found in {**parts, **ways}.items()
            if found
        }

    @property
    def duplicates(self) -> Duplicates | None:
        """Images under test and in the probe's training records."""
        return self.duplicates_across_roles

    def sets(self) -> Iterator[Set]:
        """The records of each part that was asked for."""
        for part, numbers in self.numbers().items():
            yield from (number.scored(PARTS[part]) for number in numbers.values() if number.value is not None)
