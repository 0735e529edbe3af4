"""The schema of ``summary.json`` of ``memometer sweep``, version 1; published as docs/summary-sweep.schema.json."""

from typing import Any, Literal

from pydantic import Field

from memometer.runs.schema import Strict, Summary

__all__ = ["Best", "Difference", "Metric", "Spread", "SweepSummary"]


class Difference(Strict):
    """A setting less the baseline, paired by seed."""

    value: float | None = Field(description="The mean difference; null where no seed is common.")
    std: float | None = Field(description="Of the differences over seeds; null for fewer than two.")
    low: float | None = Field(description="Lower end of the 95 % interval by Student's t over seeds.")
    high: float | None = Field(description="Upper end of it.")
    n: int = Field(ge=0, description="Seeds.")
    clear: bool = Field(description="Whether the interval leaves out 0; with one seed it never does.")


class Spread(Strict):
    """Values over seeds."""

    value: float | None = Field(description="Mean over seeds.")
    std: float | None = Field(description="Standard deviation over seeds; null for fewer than two.")
    n: int = Field(ge=0, description="Seeds that have the number.")


class Metric(Spread):
    """One number of a setting, over seeds."""

    std_tenth: float | None = Field(description="Mean over seeds of A's spread: 100 draws of 10 % of the records.")
    by_seed: dict[str, float]
    difference: Difference


class Setting(Strict):
    """One setting of the sweep file."""

    name: str
    options: dict[str, Any] = Field(description="What it changes of the training.")
    n_seeds: int = Field(ge=0, description="Finished cells.")
    front: bool | None = Field(description="Whether no other setting beats it; null where it cannot be placed.")
    metrics: dict[str, Metric] = Field(description="Such as prg/unmentioned, the balanced gap, or a utility.")


class Best(Strict):
    """The setting that memorizes least within the allowed loss of utility."""

    setting: str
    memorization: Difference
    utility: Difference
    loss_may_exceed: bool = Field(description="Whether the interval of the loss reaches beyond what is allowed.")
    allowed: list[str] = Field(description="Settings whose mean utility is within the allowed loss.")
    not_told_apart: list[str] = Field(description="Those of them that do not clearly memorize more.")


class CellName(Strict):
    """A cell that is not finished."""

    setting: str
    seed: int


class FailedCell(CellName):
    """A cell that failed when it was last tried."""

    error: str


class Seconds(Strict):
    """Of all finished cells, one after another."""

    training: float
    rest: float = Field(description="Audits and utility.")


class Cells(Strict):
    """How far the sweep is."""

    n: int
    n_finished: int
    failed: list[FailedCell]
    missing: list[CellName]
    seconds: Seconds


class SweepSummary(Summary):
    """``summary.json`` of ``memometer sweep``."""

    measure: Literal["sweep"]
    schema_: Literal[1] = Field(alias="schema")
    seeds: list[int]
    baseline: str
    memorization_metric: str
    utility_metric: str | None = Field(description="Null where no utility was measured.")
    max_utility_loss: float
    best: Best | None = Field(description="Null without a utility, or where the baseline has no number.")
    settings: list[Setting]
    cells: Cells
