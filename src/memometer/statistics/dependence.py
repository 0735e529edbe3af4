"""Records that come in groups: photographs of one person, event, page or site, and near duplicates.

Records of one group are found or missed together, so they say less than as many single ones, and an interval that takes
them for single ones is too narrow. Groups are what is drawn, and what a variance sums over [Cameron, Gelbach and Miller
2008, Section II]. Where every record is alone, all is as if there were no groups.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from jaxtyping import Bool, Float64, Int64

__all__ = ["FEWEST", "Groups", "count_groups", "design_effect", "group_codes", "group_totals", "too_few"]

Floats = npt.NDArray[np.float64]
Groups = npt.NDArray[np.int64]
"""(n,) codes: records of the same code belong together."""

DENSE = 4
"""Codes below so many times their number are counted in a table, which is quicker than to sort them."""

FEWEST = 20
"""Below so many scored records, or groups of them, there is no interval: two or three agree by chance too often."""


def too_few(n: int, *, what: str = "scored records or groups of them") -> str:
    """Why there is no interval."""
    return f"{n:,} {what}, fewer than the {FEWEST} that an interval needs"


def group_codes(
    groups: Int64[Groups, "n"] | None, kept: Bool[npt.NDArray[np.bool_], "n"]
) -> Int64[Groups, "kept"] | None:
    """The groups of the records that are kept, numbered from 0; None where every one of them is alone."""
    if groups is None:
        return None
    held = groups[kept]
    if len(held) and held.min() >= 0 and held.max() < DENSE * len(held):
        sizes = np.bincount(held)
        if sizes.max() == 1:
            return None
        numbers = np.cumsum(sizes > 0) - 1
        return numbers[held]
    distinct, codes = np.unique(held, return_inverse=True)
    return None if len(distinct) == len(codes) else codes.astype(np.int64)


def count_groups(codes: Int64[Groups, "n"] | None, n: int) -> int:
    """How many groups n records come in, by `group_codes`."""
    return n if codes is None else int(codes.max()) + 1


def group_totals(
    values: Float64[Floats, "n"], codes: Int64[Groups, "n"] | None
) -> tuple[Float64[Floats, "g"], Float64[Floats, "g"]]:
    """(g,) the sum over each group and (g,) its records; each record by itself without ``codes`` (`group_codes`)."""
    if codes is None:
        return values, np.ones(len(values))
    order = np.lexsort((values, codes))  # one order of summation, whatever that of the records
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    sizes = np.diff(starts, append=len(order)).astype(np.float64)
    return np.add.reduceat(values[order], starts), sizes


def design_effect(influences: Float64[Floats, "n"], groups: Int64[Groups, "n"] | None) -> float:
    """How many times the variance of a number is that of as many single records; 1 where every record is alone.

    Args:
        influences: (n,) what each record adds to the number's deviation from its expectation, of mean 0; NaN where a
            record is not scored.
        groups: (n,) of the records.

    >>> design_effect(np.array([1.0, 1.0, -1.0, -1.0]), np.array([0, 0, 1, 1]))
    3.0
    """
    kept = ~np.isnan(influences)
    codes, values = group_codes(groups, kept), influences[kept]
    if codes is None or not (squares := float(np.sum(np.sort(values**2)))):
        return 1.0
    totals, _ = group_totals(values, codes)
    n, g = len(values), len(totals)
    if g < 2:
        return float(n)
    return max(1.0, float(np.sum(np.sort(totals**2))) * (g / (g - 1)) / (squares * n / (n - 1)))
