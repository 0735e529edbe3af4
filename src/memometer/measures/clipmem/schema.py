"""The schema of ``summary.json`` of the CLIPMem audit, version 1; published as docs/summary-clipmem.schema.json."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from memometer.runs.schema import AuditSummary, Ends, Number, Set, Strict

__all__ = ["ClipMemSummary", "Subset", "Test"]

Subset = Literal["shared", "candidates", "independent", "external"]


class SubsetScores(Strict):
    """The scores of one subset."""

    role: str = Field(description="Its role in the records' folder.")
    n_records: int
    clipmem: Number = Field(description="Raw CLIPMem.")
    clipmem_normalised: Number = Field(description="CLIPMem over its range, which the interval takes as fixed.")
    similarity: Number = Field(description="Cosine of image and captions under the targets alone.")
    stderr_trainings: float | None = Field(
        description="Standard error of the raw mean over trainings; null with only one target or one reference."
    )


class Test(Ends):
    """Welch's t-test of the raw scores of two subsets; its interval is from the t distribution."""

    first: Subset
    second: Subset
    difference: float | None = Field(description="Mean of the first less mean of the second.")
    t: float | None
    df: float | None
    p: float | None = Field(description="Two-sided; not corrected for the number of tests.")
    n_first: int
    n_second: int
    n_groups_first: int | None = None
    n_groups_second: int | None = Field(default=None, description="Groups of records, or single ones, behind the test.")
    reason: str | None = Field(default=None, description="Why there is no test.")

    @property
    def number(self) -> Number:
        """The difference with its interval."""
        return Number(value=self.difference, low=self.low, high=self.high, n=self.n_first + self.n_second)


class ClipMemSummary(AuditSummary):
    """``summary.json`` of ``memometer audit clipmem``."""

    measure: Literal["clipmem"]
    schema_: Literal[1] = Field(alias="schema")
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
    similarity_correlation: Number = Field(
        description="Of CLIPMem with low similarity under the targets, over the candidates."
    )

    def sets(self) -> Iterator[Set]:
        """The candidates, and what they are compared with."""
        for name, entry in self.subsets.items():
            if name in ("candidates", "external"):
                yield entry.clipmem.scored(name)
