"""The schema of ``summary.json`` of the VL-Déjà-Vu audit, version 1; published as docs/summary.schema.json."""

from typing import Literal

from pydantic import Field

from memometer.runs.schema import AgreementModel, Duplicates, Found, GapModel, NullRow, Strict

__all__ = ["SCHEMA_VERSION", "VLDejaVuSummary"]

SCHEMA_VERSION = 1


class Gaps(Strict):
    """The three population gaps of paper A."""

    ppg: GapModel
    prg: GapModel
    aucg: GapModel


class GapsTwice(Strict):
    """Over all objects, and over those that the query caption does not name."""

    all: Gaps
    unmentioned: Gaps


class GapsAtK(GapsTwice):
    """The gaps at one k of the sweep, one way, balanced and controlled."""

    balanced: GapsTwice | None
    controlled: GapsTwice | None


class Counts(Strict):
    """Records of one direction."""

    n_records: int
    n_scored: int = Field(description="Records with at least one object.")
    n_scored_unmentioned: int = Field(description="Records with at least one object that the caption does not name.")
    n_skipped: dict[str, int] = Field(description="Reason → records that are not scored.")


class Backward(Counts):
    """The direction with the models' roles swapped, on the reference's own records."""

    gaps: GapsTwice


class Control(Counts):
    """The same on records that no model was trained on."""

    gaps: GapsTwice


class Reference(Strict):
    """One of several references, on the same records."""

    reference: str
    searched: Literal["images", "captions"] = Field(description="captions: a one-model test.")
    gaps: GapsTwice
    controlled: GapsTwice | None


class AgreementOfReferences(Strict):
    """Two references, record by record."""

    references: tuple[str, str]
    jaccard: AgreementModel = Field(description="Of the correct objects that both recover; mean over records.")
    recall_correlation: AgreementModel
    gap_correlation: AgreementModel = Field(description="Of recall under the target less recall under the reference.")


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


class VLDejaVuSummary(Counts):
    """``summary.json`` of ``memometer audit vl-dejavu``."""

    measure: Literal["vl-dejavu"]
    schema_: Literal[1] = Field(alias="schema")
    key: str | None = Field(default=None, description="Of the manifest.json beside it.")
    k: int
    query: str = Field(description="Which caption is the query, e.g. 'caption 1'.")
    target: str
    reference: str
    n_public: int
    gaps: GapsTwice = Field(description="One way: the target's records, target less reference.")
    backward: Backward | None
    balanced: GapsTwice | None = Field(description="The mean of both directions.")
    control: Control | None
    controlled: GapsTwice | None = Field(description="The target's records less records that no model saw.")
    by_k: dict[str, GapsAtK]
    searched: dict[str, Literal["images", "captions"]] = Field(
        description="What each model's captions are searched in."
    )
    references: list[Reference] = Field(description="All references, where there are several; the first one leads.")
    agreement: list[AgreementOfReferences]
    means: dict[Literal["forward", "backward", "control"], MeansTwice]
    sample_level: list[TopRow]
    sample_level_unmentioned: list[TopRow]
    aucg_by_histogram: dict[str, dict[str, float | None]] | None = None
    planted: list[Found] | None = Field(description="Null where no record under test is planted.")
    null: list[NullRow] | None = Field(default=None, description="Coverage of 0 by the intervals of untrained models.")
    duplicates_across_roles: Duplicates
    notes: list[str] = Field(description="What a reader must know before trusting the numbers.")
