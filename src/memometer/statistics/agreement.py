"""How alike two references are, record by record (B, Section 4)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from memometer.statistics.dependence import FEWEST, Groups, count_groups, design_effect, group_codes, too_few
from memometer.statistics.results import Reported, Z

if TYPE_CHECKING:
    from jaxtyping import Bool, Float64, Int64, Integer

__all__ = ["Agreement", "correlation", "jaccard_of_found", "share_equal"]

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Agreement(Reported):
    """A measure of agreement; ``value`` is None with a ``reason`` where it is undefined.

    Attributes:
        value: the mean, or the coefficient.
        low, high: its 95 % interval.
        n: the records behind it.
        n_undefined: records that have nothing to compare.
        reason: why ``value`` or its interval is None.
        n_groups: what the records come in, themselves where each is alone.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    n_undefined: int = 0
    reason: str | None = None
    n_groups: int | None = None


def jaccard_of_found(
    indptr: Int64[npt.NDArray[np.int64], "starts"],
    one: Bool[npt.NDArray[np.bool_], "t"],
    other: Bool[npt.NDArray[np.bool_], "t"],
    *,
    groups: Int64[Groups, "starts-1"] | None = None,
) -> Agreement:
    """The mean Jaccard index of the correct objects that two references recover, over records.

    A record of which neither recovers anything has no index and is counted apart. The interval is the mean ± 1.96
    standard errors, within 0 to 1.

    Args:
        indptr: (n + 1,) where each record's objects begin.
        one: (indptr[-1],) which of them the one reference recovers.
        other: (indptr[-1],) the same of the other.
        groups: (n,) which records belong together; None where each is alone.

    >>> jaccard_of_found(np.array([0, 2, 3]), np.array([True, True, False]), np.array([True, False, False])).value
    0.5
    """
    rows = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    both = np.bincount(rows, weights=one & other, minlength=len(indptr) - 1)
    either = np.bincount(rows, weights=one | other, minlength=len(indptr) - 1)
    defined = either > 0
    n, n_undefined = int(defined.sum()), int((~defined).sum())
    if not n:
        return Agreement(None, None, None, 0, n_undefined, "neither reference recovers an object of any record")
    index = np.sort(both[defined] / either[defined])  # sorted: one order of summation, whatever that of the records
    value = float(index.mean())
    n_groups = count_groups(group_codes(groups, defined), n)
    if n_groups < FEWEST:
        return Agreement(value, None, None, n, n_undefined, too_few(n_groups), n_groups)
    deviations = np.where(defined, both / np.maximum(either, 1) - value, np.nan)
    half = 1.96 * float(index.std(ddof=1)) * (design_effect(deviations, groups) / n) ** 0.5
    return Agreement(value, max(0.0, value - half), min(1.0, value + half), n, n_undefined, n_groups=n_groups)


def share_equal(
    one: Integer[npt.NDArray[np.integer], "n"],
    other: Integer[npt.NDArray[np.integer], "n"],
    *,
    groups: Int64[Groups, "n"] | None = None,
) -> Agreement:
    """The share of records of which two references say the same, e.g. the same label, with Wilson's 95 % interval.

    Args:
        one: (n,) codes, below 0 where the reference says nothing: such a record is counted apart.
        other: (n,) likewise.
        groups: (n,) which records belong together; None where each is alone.

    >>> share_equal(np.array([3, 3, 1, -1]), np.array([3, 2, 1, 1])).n_undefined
    1
    """
    defined = (one >= 0) & (other >= 0)
    n, n_undefined = int(defined.sum()), int((~defined).sum())
    if not n:
        return Agreement(None, None, None, 0, n_undefined, "no record of which both references say anything")
    same = int((one[defined] == other[defined]).sum())
    from scipy import stats

    n_groups = count_groups(group_codes(groups, defined), n)
    if n_groups < FEWEST:
        return Agreement(same / n, None, None, n, n_undefined, too_few(n_groups), n_groups)
    effect = design_effect(np.where(defined, (one == other) - same / n, np.nan), groups)
    if effect == 1:
        interval = stats.binomtest(same, n).proportion_ci(0.95, method="wilson")
        return Agreement(same / n, float(interval.low), float(interval.high), n, n_undefined, n_groups=n_groups)
    low, high = _wilson(same / n, n / effect)
    return Agreement(same / n, low, high, n, n_undefined, n_groups=n_groups)


def correlation(
    one: Float64[Floats, "n"], other: Float64[Floats, "n"], *, groups: Int64[Groups, "n"] | None = None
) -> Agreement:
    """Pearson's correlation over the records that both score, with Fisher's 95 % interval.

    Records in ``groups`` (n,) widen it by the design effect of the correlation's influence.

    >>> round(correlation(np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, 1.0, 2.0, 4.0])).value, 3)
    0.983
    """
    defined = ~(np.isnan(one) | np.isnan(other))
    left, right = one[defined], other[defined]
    n, n_undefined = len(left), int((~defined).sum())
    if n < 4:
        return Agreement(None, None, None, n, n_undefined, f"{n} records scored by both, fewer than 4")
    if np.ptp(left) == 0 or np.ptp(right) == 0:
        return Agreement(None, None, None, n, n_undefined, "one of the two is the same for every record")
    order = np.lexsort((right, left))
    from scipy import stats

    found = stats.pearsonr(left[order], right[order])
    value, n_groups = float(found.statistic), count_groups(group_codes(groups, defined), n)
    if n_groups < FEWEST:
        return Agreement(value, None, None, n, n_undefined, too_few(n_groups), n_groups)
    low, high = (float(end) for end in found.confidence_interval(0.95))
    z = [(values - values.mean()) / values.std() for values in (left, right)]
    effect = design_effect(
        z[0] * z[1] - value * (z[0] ** 2 + z[1] ** 2) / 2, None if groups is None else groups[defined]
    )
    if effect > 1 and abs(value) < 1:
        low, high = (
            float(np.tanh(np.arctanh(value) + effect**0.5 * (np.arctanh(end) - np.arctanh(value))))
            for end in (low, high)
        )
    return Agreement(value, low, high, n, n_undefined, n_groups=n_groups)


def _wilson(share: float, n: float) -> tuple[float, float]:
    """Wilson's interval of a share of so many records as single ones would be, which need not be a whole number."""
    middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * (share * (1 - share) / n + Z**2 / (4 * n**2)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)
