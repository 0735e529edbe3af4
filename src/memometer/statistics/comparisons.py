"""Comparisons of groups of records: Welch's t-test between two groups, the rank correlation of two scores."""

import dataclasses
import math

import numpy as np
import numpy.typing as npt

__all__ = ["RankCorrelation", "WelchTest", "rank_correlation", "welch_test"]

Floats = npt.NDArray[np.float64]
Z = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""


@dataclasses.dataclass(frozen=True)
class WelchTest:
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

    def as_dict(self) -> dict[str, float | int | str | None]:
        """For JSON; ``reason`` only where there is one."""
        return _without_empty_reason(dataclasses.asdict(self))


def welch_test(first: Floats, second: Floats) -> WelchTest:
    """Tests whether two groups differ in their means, each with its own variance; NaN does not count.

    >>> welch_test(np.array([1.0, 2.0, 3.0]), np.array([2.0, 3.0, 5.0, 6.0])).difference
    -2.0
    """
    # Sorted, so that the order of the records does not change the last bit.
    one, two = (np.sort(values[~np.isnan(values)]) for values in (first, second))
    if min(len(one), len(two)) < 2:
        reason = f"{len(one):,} and {len(two):,} records; a test needs two of each"
        return WelchTest(None, None, None, None, None, None, len(one), len(two), reason)
    difference = float(one.mean() - two.mean())
    shares = [float(values.var(ddof=1)) / len(values) for values in (one, two)]
    stderr = math.sqrt(sum(shares))
    if stderr == 0:
        reason = "all records of each group have the same score"
        return WelchTest(difference, None, None, None, None, None, len(one), len(two), reason)
    # The shares over their sum first: their squares alone may underflow.
    parts = [(share / sum(shares)) ** 2 / (len(values) - 1) for share, values in zip(shares, (one, two), strict=True)]
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
        n_first=len(one),
        n_second=len(two),
    )


@dataclasses.dataclass(frozen=True)
class RankCorrelation:
    """Spearman's rank correlation; None with a ``reason`` where it is undefined.

    Attributes:
        value: from −1 to 1.
        low, high: its 95 % interval, by Fisher's z with the variance of Fieller, Hartley and Pearson (1957).
        n: the records behind it.
        reason: why ``value`` is None.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    reason: str | None = None

    def as_dict(self) -> dict[str, float | int | str | None]:
        """For JSON; ``reason`` only where there is one."""
        return _without_empty_reason(dataclasses.asdict(self))


def rank_correlation(first: Floats, second: Floats) -> RankCorrelation:
    """Spearman's rank correlation of two scores of the same records; records where one is NaN do not count.

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
    if n < 10 or abs(value) == 1:  # too few for the approximation, or on its edge
        return RankCorrelation(value, None, None, n)
    half = Z * math.sqrt(1.06 / (n - 3))
    return RankCorrelation(value, math.tanh(math.atanh(value) - half), math.tanh(math.atanh(value) + half), n)


def _without_empty_reason(fields: dict[str, float | int | str | None]) -> dict[str, float | int | str | None]:
    return fields if fields["reason"] else {name: value for name, value in fields.items() if name != "reason"}
