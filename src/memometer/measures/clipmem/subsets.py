"""CLIPMem's four subsets as a report speaks of them, and what a summary says of each."""

from memometer.measures.clipmem.schema import ClipMemSummary, Subset, Test
from memometer.report.gaps import UNDEFINED
from memometer.runs.schema import Number

__all__ = ["MEANINGS", "NAMES", "Subset", "difference", "mean_of", "shown_subsets"]

NAMES: dict[Subset, str] = {
    "candidates": "Candidates",
    "independent": "Independent",
    "shared": "Shared",
    "external": "External",
}
MEANINGS: dict[Subset, str] = {
    "candidates": "targets alone",
    "independent": "references alone",
    "shared": "all models",
    "external": "no model",
}
"""Who was trained on each subset."""


def shown_subsets(summary: ClipMemSummary) -> list[Subset]:
    """The subsets of this audit, candidates first."""
    return [name for name in NAMES if name in summary.subsets]


def mean_of(summary: ClipMemSummary, subset: Subset) -> Number:
    """A subset's mean CLIPMem; undefined where the subset is missing."""
    found = summary.subsets.get(subset)
    return found.clipmem if found else UNDEFINED


def difference(summary: ClipMemSummary, first: Subset, second: Subset) -> Test | None:
    """The test of two subsets; None where there is none."""
    return next((test for test in summary.tests if (test.first, test.second) == (first, second)), None)
