"""CLIPMem's four subsets as a report speaks of them, and what a summary says of each."""

from collections.abc import Mapping
from typing import Any

from memometer.report.gaps import Gap, read_gap

__all__ = ["MEANINGS", "NAMES", "Subset", "difference", "mean_of", "shown_subsets"]

Subset = str

NAMES = {
    "candidates": "Candidates",
    "independent": "Independent",
    "shared": "Shared",
    "external": "External",
}
MEANINGS = {
    "candidates": "targets alone",
    "independent": "references alone",
    "shared": "all models",
    "external": "no model",
}
"""Who was trained on each subset."""


def shown_subsets(summary: Mapping[str, Any]) -> list[Subset]:
    """The subsets of this audit, candidates first."""
    return [name for name in NAMES if name in summary["subsets"]]


def mean_of(summary: Mapping[str, Any], subset: Subset, score: str = "clipmem") -> Gap:
    """A subset's mean ``clipmem``, ``clipmem_normalised`` or ``similarity``; undefined where the subset is missing."""
    return read_gap((summary["subsets"].get(subset) or {}).get(score))


def difference(summary: Mapping[str, Any], first: Subset, second: Subset) -> dict[str, Any]:
    """The test of two subsets, whichever comes first in the summary; without a value where there is none."""
    for test in summary.get("tests") or []:
        if (test["first"], test["second"]) == (first, second):
            return dict(test)
    return {"difference": None, "low": None, "high": None, "p": None}
