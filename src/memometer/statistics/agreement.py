"""How alike two references are, record by record (B, Section 4)."""

import dataclasses

import numpy as np
import numpy.typing as npt

__all__ = ["Agreement", "correlation", "jaccard_of_found", "share_equal"]

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Agreement:
    """A measure of agreement; ``value`` is None with a ``reason`` where it is undefined.

    Attributes:
        value: the mean, or the coefficient.
        low, high: its 95 % interval.
        n: the records behind it.
        n_undefined: records that have nothing to compare.
        reason: why ``value`` is None.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    n_undefined: int = 0
    reason: str | None = None

    def as_dict(self) -> dict[str, float | int | str | None]:
        """For JSON; ``reason`` only where there is one."""
        fields = dataclasses.asdict(self)
        return fields if self.reason else {name: value for name, value in fields.items() if name != "reason"}


def jaccard_of_found(
    indptr: npt.NDArray[np.int64], one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]
) -> Agreement:
    """The mean Jaccard index of the correct objects that two references recover, over records.

    A record of which neither recovers anything has no index and is counted apart. The interval is the mean ± 1.96
    standard errors.

    Args:
        indptr: (n + 1,) where each record's objects begin.
        one: (indptr[-1],) which of them the one reference recovers.
        other: (indptr[-1],) the same of the other.

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
    if n < 2:
        return Agreement(value, None, None, n, n_undefined)
    half = 1.96 * float(index.std(ddof=1)) / n**0.5
    return Agreement(value, value - half, value + half, n, n_undefined)


def share_equal(one: npt.NDArray[np.integer], other: npt.NDArray[np.integer]) -> Agreement:
    """The share of records of which two references say the same, e.g. the same label, with Wilson's 95 % interval.

    Args:
        one: (n,) codes, below 0 where the reference says nothing: such a record is counted apart.
        other: (n,) likewise.

    >>> share_equal(np.array([3, 3, 1, -1]), np.array([3, 2, 1, 1])).n_undefined
    1
    """
    defined = (one >= 0) & (other >= 0)
    n, n_undefined = int(defined.sum()), int((~defined).sum())
    if not n:
        return Agreement(None, None, None, 0, n_undefined, "no record of which both references say anything")
    same = int((one[defined] == other[defined]).sum())
    from scipy import stats

    interval = stats.binomtest(same, n).proportion_ci(0.95, method="wilson")
    return Agreement(same / n, float(interval.low), float(interval.high), n, n_undefined)


def correlation(one: Floats, other: Floats) -> Agreement:
    """Pearson's correlation over the records that both score, with Fisher's 95 % interval.

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
    low, high = found.confidence_interval(0.95)
    return Agreement(float(found.statistic), float(low), float(high), n, n_undefined)
