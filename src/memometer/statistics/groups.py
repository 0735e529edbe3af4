"""Records in groups of equal size, and the difference of a number between two sets of such groups.

Some numbers grow with the records behind them, as a largest value does. Two sets of records are then compared group by
group, all groups of one size, and the spread over groups gives the interval.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from memometer.seeds import seed_for
from memometer.statistics.gaps import Gap

__all__ = ["equal_groups", "group_gap"]

Floats = npt.NDArray[np.float64]


def equal_groups(
    sets: Mapping[str, pa.Array], *, groups: int, seed: int
) -> tuple[dict[str, npt.NDArray[np.int64]], int]:
    """Deals the records of every set to ``groups`` groups by a hash of their ids, all groups of all sets of one size.

    Args:
        sets: name → (n,) distinct record ids.
        groups: how many groups each set gets.
        seed: of the hash.

    Returns:
        For each set (n,) the group of each record, −1 where it is left out so that sizes are equal; and that size.
    """
    size = min(len(ids) for ids in sets.values()) // groups
    dealt = {}
    for name, ids in sets.items():
        order = np.argsort(np.array([seed_for(seed, "group", each) for each in ids.to_pylist()], np.uint64))
        dealt[name] = np.full(len(ids), -1, np.int64)
        dealt[name][order[: size * groups]] = np.arange(size * groups) % groups
    return dealt, size


def group_gap(trained: Floats, control: Floats) -> Gap:
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
