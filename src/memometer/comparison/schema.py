"""The schema of what ``summary.json`` says of audits side by side, version 1."""

from typing import Any, Literal

from pydantic import Field

from memometer.runs.schema import Number, Strict, Summary

__all__ = ["ComparedNumber", "ComparedRun", "ComparisonSummary", "Named"]


class Named(Strict):
    """An audit that is compared."""

    name: str = Field(description="What the report calls it.")
    folder: str | None
    key: str | None = Field(description="Of its manifest.json.")
    target: str | None = None
    targets: list[str] | None = None
    reference: str | list[str] | None = None
    references: list[str] | None = None


class Counts(Strict):
    """Records of one part of both audits."""

    n_baseline: int
    n_run: int
    n_common: int
    n_only_baseline: int
    n_only_run: int
    n_scored_by_one: int
    n_groups_common: int | None = None


class ComparedNumber(Number):
    """A number of an audit less the same of the baseline, over the records that both score."""

    key: str
    design: str
    name: str
    baseline: float | None
    run: float | None


class Moved(Strict):
    """Records whose score differs."""

    more: int = Field(description="Those that the audit shows to be more memorized than the baseline does.")
    less: int


class ComparedRun(Named):
    """One audit against the baseline."""

    records: dict[str, Counts] = Field(description="Part of the records → how many.")
    headline: str | None = Field(description="Key of the number that the verdict goes by.")
    numbers: list[ComparedNumber]
    moved: Moved
    differing: dict[str, list[Any]] = Field(description="Option or content → its values in the baseline and here.")


class ComparisonSummary(Summary):
    """What ``summary.json`` says."""

    measure: Literal["compare"]
    schema_: Literal[1] = Field(alias="schema")
    of: str = Field(description="The measure of the audits.")
    of_name: str = Field(description="How it is spoken of.")
    baseline: Named
    runs: list[ComparedRun]
