"""The schema of ``summary.json`` of the CLIPMem audit, version 1; published as docs/summary-clipmem.schema.json."""

from typing import Literal

from pydantic import Field

from memometer.runs.schema import NullRow, Strict

__all__ = ["SCHEMA_VERSION", "ClipMemSummary"]

SCHEMA_VERSION = 1
Subset = Literal["shared", "candidates", "independent", "external"]


class Mean(Strict):
    """A mean over n records."""

    value: float | None = Field(description="The mean; null where undefined, with a reason.")
    low: float | None = Field(description="Lower end of the 95 % bootstrap interval over records and negatives.")
    high: float | None = Field(description="Upper end of it.")
    std: float | None = Field(description="Standard deviation over records; null for fewer than two.")
    n: int = Field(ge=0, description="Records behind it.")
    reason: str | None = Field(default=None, description="Why the value, or its interval, is null.")
    n_groups: int | None = Field(
        default=None, description="What is drawn: groups of records (one group, near duplicates), or single records."
    )


class SubsetScores(Strict):
    """The scores of one subset."""

    role: str = Field(description="Its role in the records' folder.")
    n_records: int
    clipmem: Mean = Field(description="Raw CLIPMem.")
    clipmem_normalised: Mean = Field(description="CLIPMem over its range, which the interval takes as fixed.")
    similarity: Mean = Field(description="Cosine of image and captions under the targets alone.")
    stderr_trainings: float | None = Field(
        description="Standard error of the raw mean over trainings; null with only one target or one reference."
    )


class Test(Strict):
    """Welch's t-test of the raw scores of two subsets."""

    first: Subset
    second: Subset
    difference: float | None = Field(description="Mean of the first less mean of the second.")
    low: float | None
    high: float | None = Field(description="Ends of its 95 % interval, from the t distribution.")
    t: float | None
    df: float | None
    p: float | None = Field(description="Two-sided; not corrected for the number of tests.")
    n_first: int
    n_second: int
    n_groups_first: int | None = None
    n_groups_second: int | None = Field(default=None, description="Groups of records, or single ones, behind the test.")
    reason: str | None = Field(default=None, description="Why there is no test.")


class Correlation(Strict):
    """Spearman's rank correlation."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    reason: str | None = None
    n_groups: int | None = None


class Found(Strict):
    """How well one ranking of the candidates finds the planted ones of one kind."""

    kind: str
    by: Literal["clipmem", "similarity", "random"] = Field(
        description="'similarity' ranks low similarity under the targets first; 'random' is ½ by construction."
    )
    area: float | None = Field(description="Area under the ROC curve.")
    low: float | None
    high: float | None = Field(description="Ends of its 95 % interval.")
    n_positive: int = Field(description="Planted candidates of this kind.")
    n_negative: int = Field(description="Candidates with nothing planted.")
    reason: str | None = None
    n_groups_positive: int | None = Field(default=None, description="Groups, or single records, behind n_positive.")
    n_groups_negative: int | None = Field(default=None, description="Groups, or single records, behind n_negative.")


class Duplicates(Strict):
    """Pairs of exact or near-duplicate images across subsets; the first 20 by id."""

    n: int
    pairs: list[tuple[str, str]]


class ClipMemSummary(Strict):
    """``summary.json`` of ``memometer audit clipmem``."""

    measure: Literal["clipmem"]
    schema_: Literal[1] = Field(alias="schema")
    key: str | None = Field(default=None, description="Of the manifest.json beside it.")
    targets: list[str] = Field(description="Models trained on shared and candidates.")
    references: list[str] = Field(description="Models trained on shared and independent.")
    augment: str = Field(description="How views of an image are drawn.")
    n_aug: int = Field(description="Views per image.")
    captions: int = Field(description="Captions per record that count, at most.")
    negatives: Literal["cross", "none"]
    negatives_role: str | None = Field(description="The held-out set; null without negatives.")
    n_negatives: int
    subsets: dict[Subset, SubsetScores]
    range: float | None = Field(description="What raw scores are divided by; null where there is no range.")
    tests: list[Test]
    similarity_correlation: Correlation = Field(
        description="Of CLIPMem with low similarity under the targets, over the candidates."
    )
    planted: list[Found] | None = Field(description="Null where no candidate is planted.")
    null: list[NullRow] | None = Field(description="Coverage of 0 by the intervals of untrained models.")
    duplicates_across_roles: Duplicates
    notes: list[str] = Field(description="What a reader must know before trusting the numbers.")
