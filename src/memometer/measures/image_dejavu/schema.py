"""The schema of ``summary.json`` of the image-only déjà vu audit, version 1."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from memometer.runs.schema import DIRECTIONS, AuditSummary, Likeness, Number, Pair, Set, Strict

__all__ = ["ImageDejaVuSummary"]

Test = Literal["two-model", "naive-bayes", "crop-classifier"]


class Scores(Strict):
    """Accuracy of the target less that of the reference."""

    all_: Number = Field(alias="100", description="Over all scored records.")
    twenty: Number = Field(alias="20", description="Over each model's own 20 % most confident records.")
    five: Number = Field(alias="5", description="Over each one's 5 % most confident records.")
    top5: Number = Field(description="Over all records; right is a label among the first five.")


class Outcomes(Strict):
    """Records by who is right."""

    memorized: int = Field(description="The target alone.")
    correlated: int = Field(description="Both.")
    forgotten: int = Field(description="The reference alone.")
    unassociated: int = Field(description="Neither.")


class Counts(Strict):
    """Records of one direction."""

    n_records: int
    n_scored: int
    n_skipped: dict[str, int] = Field(description="Reason → records that are not scored.")
    outcomes: Outcomes


class Direction(Counts):
    """Another direction."""

    scores: Scores


class Accuracy(Strict):
    """Accuracy of one model."""

    all_: float | None = Field(alias="100")
    twenty: float | None = Field(alias="20")
    five: float | None = Field(alias="5")
    top5: float | None


class Accuracies(Strict):
    """Of both models."""

    target: Accuracy
    reference: Accuracy


class Reference(Strict):
    """One of several references, on the same records."""

    reference: str
    test: Test
    outcomes: Outcomes
    scores: Scores
    controlled: Scores | None


class Agreement(Strict):
    """Two references, record by record."""

    references: Pair
    label: Likeness = Field(description="Share of records with the same predicted label.")
    outcome: Likeness = Field(description="Share of records with the same outcome.")
    memorized: Likeness = Field(description="Jaccard index of the records that each calls memorized.")


class ImageDejaVuSummary(AuditSummary, Counts):
    """``summary.json`` of ``memometer audit image-dejavu``."""

    measure: Literal["image-dejavu"]
    schema_: Literal[1] = Field(alias="schema")
    k: int
    crop: Literal["background", "corner"]
    min_side: float = Field(description="px, or below 1 a share of the image's shorter side.")
    fraction: float
    features: Literal["projector", "backbone"]
    metric: Literal["l2", "cosine"]
    target: str
    reference: str
    test: Test
    n_public: int = Field(description="Public images with a label.")
    n_labels: int
    scores: Scores = Field(description="One way: the target's records, target less reference.")
    backward: Direction | None
    balanced: Scores | None = Field(description="The mean of both directions.")
    control: Direction | None
    controlled: Scores | None = Field(description="The target's records less records that no model saw.")
    accuracy: dict[Literal["forward", "backward", "control"], Accuracies]
    n_without_objects: dict[Literal["forward", "backward", "control"], int] = Field(
        description="Crops for which Naive Bayes knows no object and answers with the commonest label."
    )
    references: list[Reference]
    agreement: list[Agreement]

    def designs(self) -> dict[str, Scores]:
        """The scores of each design (`memometer.report.gaps.DESIGNS`) that the audit has, the most telling first."""
        found = {
            "balanced": self.balanced,
            "controlled": self.controlled,
            "one-way": self.scores,
            "swapped": self.backward and self.backward.scores,
            "control": self.control and self.control.scores,
        }
        return {design: scores for design, scores in found.items() if scores}

    def sets(self) -> Iterator[Set]:
        """The records of each direction."""
        designs = self.designs()
        for design, name in DIRECTIONS.items():
            if design in designs:
                yield designs[design].all_.scored(name)
