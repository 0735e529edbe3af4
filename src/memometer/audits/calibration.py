"""Calibration: how often a measure's 95 % interval covers 0 where there is nothing to find (METHODS, 8.4)."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from memometer.audits.result import Audit
from memometer.progress import progress_bar, quiet
from memometer.runs.schema import NullRow, Number

__all__ = ["null_coverage"]


def null_coverage(
    audit: Callable[[int], Audit], *, seeds: int, intervals: Callable[[Any], Mapping[str, Number]]
) -> list[NullRow]:
    """Runs an audit of untrained models once per seed, and counts how often each interval covers 0.

    Args:
        audit: a seed → the audit of models of that seed, on the same records.
        seeds: how many.
        intervals: a summary → name → number, those whose expectation is 0.
    """
    found: dict[str, list[tuple[float, float, float]]] = {}
    with progress_bar("calibrating on untrained models", total=seeds, unit="audits") as advance:
        for seed in range(seeds):
            with quiet():
                summary = audit(seed).summary
            for name, gap in intervals(summary).items():
                rows = found.setdefault(name, [])
                if gap.value is not None and gap.interval:
                    rows.append((gap.value, *gap.interval))
            advance()
    return [_row(name, np.array(rows).reshape(-1, 3)) for name, rows in found.items()]


def _row(name: str, rows: Any) -> NullRow:
    n = len(rows)
    if not n:
        undefined = dict.fromkeys(("coverage", "low", "high", "mean", "stderr"))
        return NullRow(interval=name, n_seeds=0, n_covered=0, **undefined)
    value, low, high = rows.T
    covered = int(((low <= 0) & (high >= 0)).sum())
    from scipy.stats import binomtest

    bounds = binomtest(covered, n).proportion_ci(0.95, method="exact")
    return NullRow(
        interval=name,
        n_seeds=n,
        n_covered=covered,
        coverage=covered / n,
        low=float(bounds.low),
        high=float(bounds.high),
        mean=float(value.mean()),
        stderr=float(value.std(ddof=1)) / n**0.5 if n > 1 else None,
    )
