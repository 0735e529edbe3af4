"""Gaps between two models as means over records, each with its n, its spread and its 95 % interval.

PPG, PRG and AUCG of A (arXiv 2402.02103) are means of one number per record: the sign of the difference in precision,
the sign of the difference in recall, and the difference in recall. So one resampling serves them all.

Records are resampled by `memometer.statistics.resampling`, whatever their order; where they come in groups
(`memometer.statistics.dependence`), whole groups are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from memometer.statistics.dependence import FEWEST, Groups, group_codes, group_totals, too_few
from memometer.statistics.resampling import Sorted
from memometer.statistics.results import Reported

if TYPE_CHECKING:
    from jaxtyping import Float64, Int64, Real

__all__ = ["Gap", "gap_of", "mean_of", "population_contributions", "recall_area_by_histogram"]

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Gap(Reported):
    """A mean over n records; ``value`` is None with a ``reason`` where it is undefined, never 0.

    Attributes:
        value: the mean.
        low, high: its 95 % percentile-bootstrap interval over records, or over groups of them; None with a ``reason``
            for fewer than 20.
        std: A's spread: the standard deviation over 100 draws of 10 % of the records or groups, with replacement.
        n: the records behind it.
        reason: why ``value`` or its interval is None.
        n_groups: what is drawn: groups of records, or the records where each is alone; None where nothing is drawn.
    """

    value: float | None
    low: float | None
    high: float | None
    std: float | None
    n: int
    reason: str | None = None
    n_groups: int | None = None


def population_contributions(
    *,
    precision_target: Float64[Floats, "n"],
    precision_reference: Float64[Floats, "n"],
    recall_target: Float64[Floats, "n"],
    recall_reference: Float64[Floats, "n"],
) -> dict[str, Float64[Floats, "n"]]:
    """(n,) each: what every record adds to PPG, PRG, AUCG and the area between precisions; NaN where it is not scored.

    mean(recall_target) − mean(recall_reference) is the area between the two curves P(recall > x), exactly; the same
    goes for precision, whose area A found low (Section 4.2).
    """
    return {
        "ppg": np.sign(precision_target - precision_reference),
        "prg": np.sign(recall_target - recall_reference),
        "aucg": recall_target - recall_reference,
        "precision_area": precision_target - precision_reference,
    }


def gap_of(
    directions: Sequence[Float64[Floats, "_"]],
    *,
    seed: int,
    name: str,
    weights: Sequence[float] | None = None,
    replicates: int = 1000,
    reason: str = "no record is scored",
    groups: Sequence[Int64[Groups, "_"] | None] | None = None,
) -> Gap:
    """The mean over records; for two directions the mean of their two means (the balanced gap), or a weighted sum.

    Args:
        directions: one or two arrays of contributions (`population_contributions`), NaN where a record is not scored.
            The records, or groups, of two directions are resampled independently.
        seed: with ``name``, decides the resampling.
        name: e.g. ``"all/ppg"``.
        weights: one per direction, e.g. (1, −1) for the difference of two sets of records; equal ones without it.
        replicates: bootstrap replicates behind ``low`` and ``high``.
        reason: what to say when there is no record.
        groups: (n,) per direction, which records belong together: whole groups are drawn; None where each is alone.

    >>> gap_of([np.array([1.0, 1.0, -1.0, np.nan])], seed=0, name="ppg").n
    3
    """
    kept = [~np.isnan(values) for values in directions]
    scored = [values[rows] for values, rows in zip(directions, kept, strict=True)]
    n = sum(len(values) for values in scored)
    if any(len(values) == 0 for values in scored):
        return Gap(None, None, None, None, n, reason)
    codes = [group_codes(each, rows) for each, rows in zip(groups or [None] * len(kept), kept, strict=True)]
    drawn = [_Drawn.of(values, code) for values, code in zip(scored, codes, strict=True)]
    n_groups = sum(each.n for each in drawn)
    shares = np.full(len(scored), 1 / len(scored)) if weights is None else np.asarray(weights, np.float64)
    value = float(shares @ [each.mean for each in drawn])
    if (fewest := min(each.n for each in drawn)) < FEWEST:
        return Gap(value, None, None, None, n, too_few(fewest), n_groups)
    replicated, spread = (
        shares
        @ [
            each.means(share, replicates=times, seed=seed, name=f"{name}/{place}/{use}")
            for place, each in enumerate(drawn)
        ]
        for share, times, use in ((1.0, replicates, "bootstrap"), (0.1, 100, "tenth"))
    )
    low, high = np.quantile(replicated, [0.025, 0.975])
    return Gap(value, float(low), float(high), float(np.std(spread, ddof=1)), n, n_groups=n_groups)


def mean_of(values: Real[npt.NDArray[Any], "n"]) -> float | None:
    """The mean of the defined values, whatever their order; None without any."""
    defined = np.sort(values[~np.isnan(values)])
    return float(defined.mean()) if len(defined) else None


def recall_area_by_histogram(recall: Float64[Floats, "n"], *, bins: int = 100) -> float:
    """The area under P(recall > x) from a histogram over the data's own range, as A's code integrates it.

    Each bin counts as if all of its records lay at its upper edge, which overstates the area by half a bin on average.
    ``mean(recall)`` is the exact area; this is here for comparison with published numbers alone.
    """
    scored = recall[~np.isnan(recall)]
    low, high = float(scored.min()), float(scored.max())
    if low == high:
        return low
    counts, _ = np.histogram(scored, bins=bins, range=(low, high))
    above = np.cumsum(counts[::-1])[::-1] / len(scored)
    return low + float(above.sum()) * (high - low) / bins


@dataclasses.dataclass(frozen=True)
class _Drawn:
    """Records, or groups of them, that are drawn.

    Attributes:
        numbers: of each; of a group its total and its records.
        mean: over the records, summed in one order whatever theirs.
    """

    numbers: Sorted
    mean: float

    @classmethod
    def of(cls, values: Float64[Floats, "n"], codes: Int64[Groups, "n"] | None) -> _Drawn:
        """Of n values, in groups by `group_codes`."""
        alone = Sorted.of([values])
        mean = float(alone.rows[0, alone.first] @ alone.counts) / len(values)
        return cls(alone if codes is None else Sorted.of(group_totals(values, codes)), mean)

    @property
    def n(self) -> int:
        """How many are drawn from."""
        return int(self.numbers.rows.shape[1])

    def means(self, share: float, *, replicates: int, seed: int, name: str) -> Float64[Floats, "{replicates}"]:
        """(replicates,) means over the records of ``share`` of the groups, drawn with replacement."""
        drawn = max(1, round(share * self.n))
        sums = self.numbers.sums(drawn=drawn, replicates=replicates, seed=seed, name=name)
        means: Floats = sums[0] / (drawn if len(sums) == 1 else sums[1])
        return means
