"""The schema of ``summary.json`` of the VL-Déjà-Vu audit, version 1; published as docs/summary.schema.json."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from memometer.report.gaps import UNDEFINED
from memometer.runs.schema import DIRECTIONS, AuditSummary, Likeness, Number, Pair, Set, Strict

__all__ = ["VLDejaVuSummary"]


class Gaps(Strict):
    """The three population gaps of paper A, and one that it tried and found low."""

    ppg: Number
    prg: Number
    aucg: Number
    precision_area: Number | None = Field(
        default=None, description="The area between the precision distributions (A, Section 4.2); older runs lack it."
    )


class GapsTwice(Strict):
    """Over all objects, and over those that the query caption does not name."""

    all: Gaps
    unmentioned: Gaps

    def gap(self, scope: str, measure: str) -> Number:
        """The gap of one scope and measure, by `memometer.report.gaps.SCOPES` and its ``MEASURES``."""
        gaps = {"all": self.all, "unmentioned": self.unmentioned}[scope]
        return {"ppg": gaps.ppg, "prg": gaps.prg, "aucg": gaps.aucg}[measure]


class GapsAtK(GapsTwice):
    """The gaps at one k of the sweep, one way, balanced and controlled."""

    balanced: GapsTwice | None
    controlled: GapsTwice | None = None


class Counts(Strict):
    """Records of one direction."""

    n_records: int
    n_scored: int = Field(description="Records with at least one object.")
    n_scored_unmentioned: int = Field(description="Records with at least one object that the caption does not name.")
    n_skipped: dict[str, int] = Field(description="Reason → records that are not scored.")


class DirectionGaps(Counts):
    """One more direction."""

    gaps: GapsTwice


class Reference(Strict):
    """One of several references, on the same records."""

    reference: str
    searched: Literal["images", "captions"] = Field(description="captions: a one-model test.")
    gaps: GapsTwice
    controlled: GapsTwice | None


class AgreementOfReferences(Strict):
    """Two references, record by record."""

    references: Pair
    jaccard: Likeness = Field(description="Of the correct objects that both recover; mean over records.")
    recall_correlation: Likeness
    gap_correlation: Likeness = Field(description="Of recall under the target less recall under the reference.")


class Means(Strict):
    """Mean scores of both models."""

    precision_target: float | None
    precision_reference: float | None
    recall_target: float | None
    recall_reference: float | None
    f_target: float | None
    f_reference: float | None


class MeansTwice(Strict):
    """Over all and over unmentioned objects."""

    all: Means
    unmentioned: Means


class TopRow(Strict):
    """Mean gaps over the top-L records under one sorting, with the control (roles swapped)."""

    direction: Literal["forward", "backward"]
    sort: Literal["distance", "correct", "gap"]
    top: int
    label: str
    precision_gap: float
    precision_gap_low: float | None
    precision_gap_high: float | None
    control_precision_gap: float
    recall_gap: float
    recall_gap_low: float | None
    recall_gap_high: float | None
    control_recall_gap: float
    f_gap: float
    f_gap_low: float | None
    f_gap_high: float | None
    control_f_gap: float


class Moved(Strict):
    """A gap over labels that were disturbed: the mean over draws, and their extremes."""

    value: float | None
    lowest: float | None
    highest: float | None


class MovedGaps(Strict):
    """The three population gaps of paper A."""

    ppg: Moved
    prg: Moved
    aucg: Moved


class LabelErrors(Strict):
    """The gaps of the leading design (balanced, controlled, else one way) where the labeller errs more."""

    labels: Literal["dropped", "added"]
    rate: float = Field(description="Labels dropped, or added, per label that there is, of records and public images.")
    draws: int
    all: MovedGaps
    unmentioned: MovedGaps


class VLDejaVuSummary(AuditSummary, Counts):
    """``summary.json`` of ``memometer audit vl-dejavu``."""

    measure: Literal["vl-dejavu"]
    schema_: Literal[1] = Field(alias="schema")
    k: int
    query: str = Field(description="Which caption is the query, e.g. 'caption 1'.")
    target: str
    reference: str
    n_public: int
    gaps: GapsTwice = Field(description="One way: the target's records, target less reference.")
    backward: DirectionGaps | None = Field(
        description="With the models' roles swapped, on the reference's own records."
    )
    balanced: GapsTwice | None = Field(description="The mean of both directions.")
    control: DirectionGaps | None = Field(default=None, description="The same on records that no model was trained on.")
    controlled: GapsTwice | None = Field(
        default=None, description="The target's records less records that no model saw."
    )
    by_k: dict[Annotated[str, Field(pattern=r"^\d{1,9}$")], GapsAtK]
    searched: dict[str, Literal["images", "captions"]] = Field(
        default={}, description="What each model's captions are searched in."
    )
    references: list[Reference] = Field(
        default=[], description="All references, where there are several; the first one leads."
    )
    agreement: list[AgreementOfReferences] = Field(default=[])
    means: dict[Literal["forward", "backward", "control"], MeansTwice]
    sample_level: list[TopRow]
    sample_level_unmentioned: list[TopRow]
    label_errors: list[LabelErrors] = Field(
        default=[], description="How the gaps move with labels dropped or added at random; the neighbours stay."
    )
    aucg_by_histogram: dict[str, dict[str, float | None]] | None = None

    def designs(self) -> dict[str, GapsTwice]:
        """The gaps of each design (`memometer.report.gaps.DESIGNS`) that the audit has, the most telling first."""
        found = {
            "balanced": self.balanced,
            "controlled": self.controlled,
            "one-way": self.gaps,
            "swapped": self.backward and self.backward.gaps,
            "control": self.control and self.control.gaps,
        }
        return {design: gaps for design, gaps in found.items() if gaps}

    def gap(self, design: str, scope: str, measure: str) -> Number:
        """The gap of one design, scope and measure; `UNDEFINED` where the audit has no such design."""
        gaps = self.designs().get(design)
        return gaps.gap(scope, measure) if gaps else UNDEFINED

    @property
    def is_one_model(self) -> bool:
        """Whether the reference is a text encoder that searched captions, in place of a second model."""
        return self.searched.get("reference") == "captions" and "target" in self.searched

    def sets(self) -> Iterator[Set]:
        """The records of each direction."""
        designs = self.designs()
        for design, name in DIRECTIONS.items():
            if design in designs:
                yield designs[design].all.prg.scored(name)
