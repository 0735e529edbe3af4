"""Gaps over the most memorized records alone: A's sample level, with the control that it lacks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from memometer.statistics.dependence import FEWEST, Groups, count_groups, design_effect, group_codes

if TYPE_CHECKING:
    from jaxtyping import Float64, Int64

__all__ = ["top_counts", "top_gaps"]

Floats = npt.NDArray[np.float64]
SORTINGS = ("distance", "correct", "gap")


def top_counts(n: int) -> Iterator[tuple[int, str]]:
    """L and its label: 1, 10, 100, … and 0.1 %, 1 %, 10 % of n records, ascending, each L once.

    >>> list(top_counts(250))
    [(1, '1'), (2, '1 %'), (10, '10'), (25, '10 %'), (100, '100')]
    """
    wanted: dict[int, str] = {}
    size = 1
    while size <= n:
        wanted[size] = f"{size:,}"
        size *= 10
    for percent in (0.1, 1.0, 10.0):
        size = int(n * percent / 100)
        if size >= 1:
            wanted.setdefault(size, f"{percent:g} %")
    yield from sorted(wanted.items())


def top_gaps(
    *,
    target: dict[str, Float64[Floats, "n"]],
    reference: dict[str, Float64[Floats, "n"]],
    id_rank: Int64[npt.NDArray[np.int64], "n"],
    groups: Int64[Groups, "n"] | None = None,
) -> list[dict[str, object]]:
    """Mean gaps in precision, recall and F over the top-L records, for the three sortings (A, Section 4).

    The sortings: ``distance``, the smallest distance between the caption and a neighbour of the target; ``correct``,
    the objects that the target predicts correctly; ``gap``, that number less the reference's (the default of A's code).
    Ties go to the smaller distance, then to the smaller record id.

    Sorting by what one then reports finds "winners" by chance alone. So every row has a control: the same procedure
    with the two models' roles swapped. Only what exceeds the control is evidence of memorization.

    Args:
        target: (n,) arrays ``precision``, ``recall``, ``f``, ``correct``, ``distance`` of the scored records.
        reference: the same under the other model.
        id_rank: (n,) the place of each record's id among the sorted ids.
        groups: (n,) which records belong together; None where each is alone.
    """
    n = len(id_rank)
    rows: list[dict[str, object]] = []
    for sort in SORTINGS:
        order = _order(sort, target, reference, id_rank)
        swapped = _order(sort, reference, target, id_rank)
        for top, label in top_counts(n):
            row: dict[str, object] = {"sort": sort, "top": top, "label": label}
            for name in ("precision", "recall", "f"):
                gaps = (target[name] - reference[name])[order[:top]]
                row[f"{name}_gap"] = float(gaps.mean())
                row[f"{name}_gap_low"], row[f"{name}_gap_high"] = _interval(
                    gaps, None if groups is None else groups[order[:top]]
                )
                row[f"control_{name}_gap"] = float((reference[name] - target[name])[swapped[:top]].mean())
            rows.append(row)
    return rows


def _order(
    sort: str,
    first: dict[str, Float64[Floats, "n"]],
    second: dict[str, Float64[Floats, "n"]],
    id_rank: Int64[npt.NDArray[np.int64], "n"],
) -> Int64[npt.NDArray[np.int64], "n"]:
    """Rows of the records, most memorized first."""
    if sort == "distance":
        key = first["distance"]
    else:
        key = -first["correct"] if sort == "correct" else second["correct"] - first["correct"]
    return np.lexsort((id_rank, first["distance"], key)).astype(np.int64, copy=False)


def _interval(gaps: Float64[Floats, "n"], groups: Int64[Groups, "n"] | None) -> tuple[float | None, float | None]:
    """Mean ± 1.96 standard errors given the selection; None for fewer than 20 records or groups."""
    codes = group_codes(groups, np.ones(len(gaps), bool))
    if count_groups(codes, len(gaps)) < FEWEST:
        return None, None
    half = 1.96 * float(gaps.std(ddof=1)) * (design_effect(gaps - gaps.mean(), codes) / len(gaps)) ** 0.5
    return float(gaps.mean()) - half, float(gaps.mean()) + half
