"""The schema of ``summary.json`` of the UnitMem audit, version 1; published as docs/summary-unitmem.schema.json."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from memometer.runs.schema import AuditSummary, Number, Set, Strict

__all__ = ["UnitMemSummary"]


class Control(Strict):
    """Mean UnitMem over groups of equal size, of the records and of the control."""

    trained: float | None
    control: float | None
    difference: Number = Field(description="Trained less control; 0 in expectation for a model of neither.")
    group_size: int = Field(description="Records per group.")


class TowerUnits(Strict):
    """All units of one tower; every layer's and every unit's numbers are in layers.parquet and units.parquet."""

    layers: list[str]
    n_scored: int = Field(description="Records that could be read.")
    n_groups: int | None = Field(
        default=None, description="Groups that these come in (one group, near duplicates), or single records."
    )
    n_units: int
    n_undefined: int = Field(description="Units whose activations leave UnitMem undefined.")
    mean: float | None = Field(description="Mean UnitMem over the defined units.")
    low: float | None = Field(description="Lower end of its 95 % bootstrap interval over units.")
    high: float | None = Field(description="Upper end of it.")
    q25: float | None
    median: float | None
    q75: float | None
    q95: float | None
    share_above_half: float | None = Field(description="Share of the defined units whose UnitMem is above 0.5.")
    classmem: float | None = Field(description="Mean ClassMem; null where it was not asked for.")
    control: Control | None


class UnitMemSummary(AuditSummary):
    """``summary.json`` of ``memometer audit unitmem``."""

    measure: Literal["unitmem"]
    schema_: Literal[1] = Field(alias="schema")
    target: str
    augment: str = Field(description="How the views of an image are drawn.")
    draws: int = Field(description="Views of an image; the most captions of a record.")
    statistic: Literal["mean", "median"] = Field(description="What stands for the other records.")
    negative_activations: Literal["counted as 0", "kept"]
    n_records: int
    n_control: int | None
    n_without_class: int | None = Field(description="Records without a class; null where ClassMem was not asked for.")
    n_skipped: dict[str, int] = Field(description="Tower and reason → records that do not count.")
    towers: dict[Literal["image", "text"], TowerUnits]
    text_less_image: Number | None = Field(
        description="The text tower's difference to its control less the image tower's; null without both."
    )

    def sets(self) -> Iterator[Set]:
        """The records of each tower, and the control."""
        for tower, entry in self.towers.items():
            yield f"{tower} tower:", entry.n_scored, entry.n_groups
        if self.n_control is not None:
            yield "control", self.n_control, None
