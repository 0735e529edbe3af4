"""Comparisons of groups of records: Welch's t-test between two groups, the rank correlation of two scores."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from memometer.statistics.dependence import (
    FEWEST,
    Groups,
    count_groups,
    design_effect,
    group_codes,
    group_totals,
    too_few,
)
from memometer.statistics.results import Reported, Z

if TYPE_CHECKING:
    from jaxtyping import Float64, Int64

__all__ = ["RankCorrelation", "WelchTest", "rank_correlation", "welch_test"]

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class WelchTest(Reported):
    """Welch's t-test of two independent groups; all None but the counts, with a ``reason``, where it is undefined.

    Attributes:
        difference: the mean of the first group less that of the second.
        low, high: its 95 % interval, from the t distribution.
        t: the difference over its standard error.
        df: degrees of freedom after Welch and Satterthwaite.
        p: two-sided, for no difference; not corrected for the number of tests.
        n_first: records of the first group.
        n_second: records of the second.
        reason: why there is no test.
        n_groups_first: what the records of the first come in, themselves where each is alone.
        n_groups_second: the same of the second.
    """

    difference: float | None
    low: float | None
    high: float | None
    t: float | None
    df: float | None
    p: float | None
    n_first: int
    n_second: int
    reason: str | None = None
    n_groups_first: int | None = None
    n_groups_second: int | None = None


def welch_test(
    first: Float64[Floats, "n"],
    second: Float64[Floats, "m"],
    *,
    groups: tuple[Int64[Groups, "n"] | None, Int64[Groups, "m"] | None] = (None, None),
) -> WelchTest:
    """Tests whether two sets of records differ in their means, each with its own variance; NaN does not count.

    Where records come in groups, the variance of a mean sums over the groups, and these count for its degrees of
    freedom. Fewer than 20 records or groups of a set have no test.

    Args:
        first: (n,) scores.
        second: (m,) scores.
        groups: (n,) and (m,), which records belong together; None where each is alone.

    >>> welch_test(np.arange(20.0), np.arange(30.0)).difference
    -5.0
    """
    one, two = (_Mean.of(values, each) for values, each in zip((first, second), groups, strict=True))
    counts = (one.n_groups, two.n_groups)
    known = min(one.n, two.n) > 0
    difference = one.value - two.value if known else None
    if min(one.n_groups, two.n_groups) < FEWEST:
        reason = too_few(min(one.n_groups, two.n_groups))
        return WelchTest(difference, None, None, None, None, None, one.n, two.n, reason, *counts)
    stderr = math.sqrt(one.variance + two.variance)
    if stderr == 0 or difference is None:
        reason = "all records of each group have the same score"
        return WelchTest(difference, None, None, None, None, None, one.n, two.n, reason, *counts)
    # The shares over their sum first: their squares alone may underflow.
    total = one.variance + two.variance
    parts = [(mean.variance / total) ** 2 / (mean.n_groups - 1) for mean in (one, two)]
    df, t = 1 / sum(parts), difference / stderr
    from scipy import stats

    half = float(stats.t.ppf(0.975, df)) * stderr
    return WelchTest(
        difference=difference,
        low=difference - half,
        high=difference + half,
        t=t,
        df=df,
        p=float(2 * stats.t.sf(abs(t), df)),
        n_first=one.n,
        n_second=two.n,
        n_groups_first=one.n_groups,
        n_groups_second=two.n_groups,
    )


@dataclasses.dataclass(frozen=True)
class _Mean:
    """A mean over records that may come in groups, and the variance of that mean."""

    value: float
    variance: float
    n: int
    n_groups: int

    @classmethod
    def of(cls, values: Float64[Floats, "n"], groups: Int64[Groups, "n"] | None) -> _Mean:
        kept = ~np.isnan(values)
        codes = group_codes(groups, kept)
        scored = np.sort(values[kept])  # sorted, so that the order of the records does not change the last bit
        if len(scored) < 2:
            return cls(float(scored.sum()), math.nan, len(scored), len(scored))
        value = float(scored.mean())
        if codes is None:
            return cls(value, float(scored.var(ddof=1)) / len(scored), len(scored), len(scored))
        totals, _ = group_totals(values[kept] - value, codes)
        n_groups = len(totals)
        correction = n_groups / (n_groups - 1) if n_groups > 1 else math.nan
        return cls(value, correction * float(np.sum(np.sort(totals**2))) / len(scored) ** 2, len(scored), n_groups)


@dataclasses.dataclass(frozen=True)
class RankCorrelation(Reported):
    """Spearman's rank correlation; None with a ``reason`` where it is undefined.

    Attributes:
        value: from −1 to 1.
        low, high: its 95 % interval, by Fisher's z with the variance of Fieller, Hartley and Pearson (1957).
        n: the records behind it.
        reason: why ``value`` or its interval is None.
        n_groups: what the records come in, themselves where each is alone.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    reason: str | None = None
    n_groups: int | None = None


def rank_correlation(
    first: Float64[Floats, "n"], second: Float64[Floats, "n"], *, groups: Int64[Groups, "n"] | None = None
) -> RankCorrelation:
    """Spearman's rank correlation of two scores of the same records; records where one is NaN do not count.

    Records in ``groups`` (n,) widen the interval by the design effect of the correlation's influence.

    >>> rank_correlation(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 4.0, 9.0, 16.0])).value
    1.0
    """
    from scipy import stats

    both = ~np.isnan(first) & ~np.isnan(second)
    n = int(both.sum())
    one, two = (stats.rankdata(values[both]) - (n + 1) / 2 for values in (first, second))
    scale = math.sqrt(float(one @ one) * float(two @ two))
    if scale == 0:
        reason = "all records have the same score" if n > 1 else f"{n} records have both scores; expected two or more"
        return RankCorrelation(None, None, None, n, reason)
    value = min(1.0, max(-1.0, float(one @ two) / scale))
    codes = group_codes(groups, both)
    n_groups = count_groups(codes, n)
    if n_groups < FEWEST:
        return RankCorrelation(value, None, None, n, too_few(n_groups), n_groups)
    if abs(value) == 1:  # on the edge of the approximation
        return RankCorrelation(value, None, None, n, n_groups=n_groups)
    left, right = one * math.sqrt(n / float(one @ one)), two * math.sqrt(n / float(two @ two))
    effect = design_effect(left * right - value * (left**2 + right**2) / 2, codes)
    half = Z * math.sqrt(effect * 1.06 / (n - 3))
    low, high = (math.tanh(math.atanh(value) + way * half) for way in (-1, 1))
    return RankCorrelation(value, low, high, n, n_groups=n_groups)
