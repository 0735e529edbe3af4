"""Records in groups of equal size, and the difference of a number between two sets of such groups.

Some numbers grow with the records behind them, as a largest value does. Two sets of records are then compared group by
group, all groups of one size, and the spread over groups gives the interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from memometer.seeds import seed_for
from memometer.statistics.dependence import Groups, group_codes
from memometer.statistics.gaps import Gap

if TYPE_CHECKING:
    from jaxtyping import Float64, Int64

__all__ = ["equal_groups", "group_gap"]

Floats = npt.NDArray[np.float64]


def equal_groups(
    sets: Mapping[str, pa.Array],
    *,
    groups: int,
    seed: int,
    tied: Mapping[str, Int64[Groups, "_"] | None] | None = None,
) -> tuple[dict[str, Int64[Groups, "_"]], int]:
    """Deals the records of every set to ``groups`` groups by a hash of their ids, all groups of all sets of one size.

    Args:
        sets: name → (n,) distinct record ids.
        groups: how many groups each set gets.
        seed: of the hash.
        tied: for each set (n,) codes of records that belong together, as near duplicates do: these share a group, so
            that groups are as good as independent; None where each record is alone.

    Returns:
        For each set (n,) the group of each record, −1 where it is left out so that sizes are equal; and that size.
    """
    orders = {name: _order(ids, seed) for name, ids in sets.items()}
    dealt = {name: _dealt(order, (tied or {}).get(name), groups) for name, order in orders.items()}
    size = min(int(np.bincount(group, minlength=groups).min()) for group in dealt.values())
    for name, order in orders.items():
        for group in range(groups):
            members = order[dealt[name][order] == group]
            dealt[name][members[size:]] = -1
    return dealt, size


def _order(ids: pa.Array, seed: int) -> Int64[npt.NDArray[np.int64], "n"]:
    hashes = np.array([seed_for(seed, "group", each) for each in ids.to_pylist()], np.uint64)
    return np.argsort(hashes).astype(np.int64)


def _dealt(
    order: Int64[npt.NDArray[np.int64], "n"], tied: Int64[Groups, "n"] | None, groups: int
) -> Int64[Groups, "n"]:
    """(n,) the group of each record: bundles of tied records, by their first one's hash, to the smallest group."""
    dealt = np.empty(len(order), np.int64)
    codes = None if tied is None else group_codes(tied, np.ones(len(tied), bool))
    if codes is None:
        dealt[order] = np.arange(len(order)) % groups
        return dealt
    first = np.full(int(codes.max()) + 1, len(order))
    np.minimum.at(first, codes[order], np.arange(len(order)))
    sizes, group_of, filled = np.bincount(codes), np.empty(len(first), np.int64), np.zeros(groups, np.int64)
    for bundle in np.argsort(first):
        group_of[bundle] = filled.argmin()
        filled[group_of[bundle]] += sizes[bundle]
    return group_of[codes]


def group_gap(trained: Float64[Floats, "g"], control: Float64[Floats, "g"]) -> Gap:
    """Mean over groups of one set less that of the other, with its 95 % t-interval over the pairs of groups.

    Args:
        trained: (g,) a number of each group; NaN where undefined.
        control: (g,) the same of the groups of another set; its group i has nothing to do with the first set's group i.

    >>> group_gap(np.array([1.0, 3.0]), np.array([0.0, 0.0])).value
    2.0
    """
    differences = np.sort((trained - control)[~np.isnan(trained - control)])
    n = len(differences)
    if n == 0:
        return Gap(None, None, None, None, 0, "no pair of groups is defined")
    value = float(differences.mean())
    if n == 1:
        return Gap(value, None, None, None, 1)
    std = float(differences.std(ddof=1))
    from scipy import stats

    half = float(stats.t.ppf(0.975, n - 1)) * std / n**0.5
    return Gap(value, value - half, value + half, std, n)
