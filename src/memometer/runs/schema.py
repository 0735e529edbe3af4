"""Parts of ``summary.json`` that several commands write."""

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["AgreementModel", "Duplicates", "Found", "GapModel", "NullRow", "Strict"]


class Strict(BaseModel):
    """A part of a summary: a key that is not named here is an error."""

    model_config = ConfigDict(extra="forbid")


class GapModel(Strict):
    """A mean over n records."""

    value: float | None = Field(description="The mean; null where undefined, with a reason.")
    low: float | None = Field(description="Lower end of the 95 % bootstrap interval over records.")
    high: float | None = Field(description="Upper end of it.")
    std: float | None = Field(description="Standard deviation over 100 draws of 10 % of the records (paper A).")
    n: int = Field(ge=0, description="Records behind it.")
    reason: str | None = Field(default=None, description="Why the value, or its interval, is null.")
    n_groups: int | None = Field(
        default=None, description="What is drawn: groups of records (one group, near duplicates), or single records."
    )


class AgreementModel(Strict):
    """How alike two references are."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    n_undefined: int
    reason: str | None = None
    n_groups: int | None = None


class Found(Strict):
    """How well one ranking finds the planted records of one kind."""

    kind: str
    by: str = Field(description="The ranking; 'random' is ½ by construction.")
    area: float | None = Field(description="Area under the ROC curve.")
    low: float | None
    high: float | None = Field(description="Ends of its 95 % interval.")
    n_positive: int = Field(description="Planted records of this kind.")
    n_negative: int = Field(description="Records with nothing planted.")
    reason: str | None = None
    n_groups_positive: int | None = Field(default=None, description="Groups, or single records, behind n_positive.")
    n_groups_negative: int | None = Field(default=None, description="Groups, or single records, behind n_negative.")


class Duplicates(Strict):
    """Pairs of exact or near-duplicate images across roles; the first 20 by id."""

    n: int
    pairs: list[tuple[str, str]]


class NullRow(Strict):
    """Coverage of one interval over audits of models that were trained on neither set."""

    interval: str = Field(description="Which interval, e.g. 'balanced/unmentioned/prg'.")
    n_seeds: int = Field(description="Pairs of models for which it is defined.")
    n_covered: int = Field(description="Those whose interval covers 0.")
    coverage: float | None
    low: float | None = Field(description="Clopper-Pearson 95 % interval of the coverage.")
    high: float | None
    mean: float | None = Field(description="Mean of the values; 0 where the measure is unbiased.")
    stderr: float | None = Field(description="Standard error of that mean.")
