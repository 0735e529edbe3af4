"""The schema of ``summary.json`` of the UnitMem audit, version 1; published as docs/summary-unitmem.schema.json."""

from typing import Literal

from pydantic import Field

from memometer.audits.schema_sslmem import Duplicates, Found
from memometer.runs.schema import NullRow, Strict

__all__ = ["SCHEMA_VERSION", "UnitMemSummary"]

SCHEMA_VERSION = 1


class Difference(Strict):
    """A difference of means over groups of records, with its t-interval."""

    value: float | None = Field(description="The mean over groups; null where undefined, with a reason.")
    low: float | None = Field(description="Lower end of the 95 % t-interval over groups.")
    high: float | None = Field(description="Upper end of it.")
    std: float | None = Field(description="Standard deviation over groups.")
    n: int = Field(ge=0, description="Groups behind it.")
    reason: str | None = Field(default=None, description="Why the value is null.")


class Control(Strict):
    """Mean UnitMem over groups of equal size, of the records and of the control."""

    trained: float | None
    control: float | None
    difference: Difference = Field(description="Trained less control; 0 in expectation for a model of neither.")
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


class UnitMemSummary(Strict):
    """``summary.json`` of ``memometer audit unitmem``."""

    measure: Literal["unitmem"]
    schema_: Literal[1] = Field(alias="schema")
    key: str | None = Field(default=None, description="Of the manifest.json beside it.")
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
    text_less_image: Difference | None = Field(
        description="The text tower's difference to its control less the image tower's; null without both."
    )
    planted: list[Found] | None = Field(description="Null where nothing is planted in the records.")
    null: list[NullRow] | None = Field(description="Coverage of 0 by the intervals of untrained models.")
    duplicates_across_roles: Duplicates
    notes: list[str] = Field(description="What a reader must know before trusting the numbers.")
