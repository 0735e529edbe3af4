"""How well a score finds the records that are known to be special: the area under the ROC curve.

The area is the probability that a positive record, drawn at random, scores above a negative one, a tie counting ½: the
Mann-Whitney statistic over its largest value. Its interval is Newcombe's (Statistics in Medicine 25, 2006, method 5):
the areas θ that lie within 1.96 of their own standard errors of the observed one. It stays within [0, 1] and has a
width where few positives are found without a miss, for which intervals from the observed variance (DeLong's, the
bootstrap's) shrink to a point.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from memometer.statistics.dependence import Groups, design_effect
from memometer.statistics.results import Reported, Z

if TYPE_CHECKING:
    from jaxtyping import Bool, Float64, Int64

__all__ = ["RocArea", "roc_area", "roc_curve"]

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class RocArea(Reported):
    """An area under a ROC curve; None with a ``reason`` where it is undefined, never 0.

    Attributes:
        area: from 0 to 1; ½ for a score that says nothing.
        low, high: its 95 % interval.
        n_positive: the records to be found.
        n_negative: the others.
        reason: why ``area`` is None.
        n_groups_positive: what the records to be found come in, themselves where each is alone; None without groups.
        n_groups_negative: the same of the others.
    """

    area: float | None
    low: float | None
    high: float | None
    n_positive: int
    n_negative: int
    reason: str | None = None
    n_groups_positive: int | None = None
    n_groups_negative: int | None = None


def roc_area(
    scores: Float64[Floats, "n"],
    positives: Bool[npt.NDArray[np.bool_], "n"],
    *,
    groups: Int64[Groups, "n"] | None = None,
) -> RocArea:
    """The area under the ROC curve by rank sums, with its 95 % interval.

    Args:
        scores: (n,), high for records that are taken for positive. NaN where undefined; those records do not count.
        positives: (n,) whether a record is one of those to be found.
        groups: (n,) which records belong together, as near duplicates do; they widen the interval by the design effect
            of the area's influence [the structural components of DeLong, DeLong and Clarke-Pearson 1988].

    >>> roc_area(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])).area
    0.75
    """
    scored = ~np.isnan(scores)
    kept, positive = scores[scored], positives[scored]
    n_positive = int(np.count_nonzero(positive))
    n_negative = len(kept) - n_positive
    if not n_positive or not n_negative:
        lacking = "positive" if not n_positive else "negative"
        return RocArea(None, None, None, n_positive, n_negative, f"no {lacking} record has a score")
    from scipy.stats import rankdata

    above = float(rankdata(kept)[positive].sum()) - n_positive * (n_positive + 1) / 2
    area = above / (n_positive * n_negative)
    if groups is None:
        return RocArea(area, *_interval(area, n_positive, n_negative), n_positive, n_negative)
    effect = design_effect(_influences(kept, positive), groups[scored])
    low, high = _interval(area, n_positive, n_negative, effect=effect)
    n_groups = (len(np.unique(groups[scored][kind])) for kind in (positive, ~positive))
    return RocArea(area, low, high, n_positive, n_negative, None, *n_groups)


def roc_curve(
    scores: Float64[Floats, "n"], positives: Bool[npt.NDArray[np.bool_], "n"]
) -> tuple[Float64[Floats, "t"], Float64[Floats, "t"]]:
    """(t,) false positive rates and (t,) true positive rates, from (0, 0) to (1, 1): the corners of the ROC curve.

    Records of equal score enter together, as one slanted step. The area below is that of `roc_area`.

    Args:
        scores: (n,), NaN where undefined.
        positives: (n,); among the scored records both kinds occur.
    """
    from sklearn.metrics import roc_curve as every_point

    scored = ~np.isnan(scores)
    kept, positive = scores[scored].astype(np.float64), positives[scored]
    x, y, _ = every_point(positive, kept, drop_intermediate=False)
    # A point on the straight line between its neighbours draws nothing; in whole records, where lines are exactly so.
    n_positive = np.count_nonzero(positive)
    right, up = np.diff(np.rint(x * (len(kept) - n_positive))), np.diff(np.rint(y * n_positive))
    corner = np.concatenate(([True], right[:-1] * up[1:] != right[1:] * up[:-1], [True]))
    return x[corner], y[corner]


def _influences(scores: Float64[Floats, "n"], positive: Bool[npt.NDArray[np.bool_], "n"]) -> Float64[Floats, "n"]:
    """(n,) what each record adds to the area's deviation: how it stands among those of the other kind."""
    from scipy.stats import rankdata

    n, m = len(scores), int(positive.sum())
    ranks, own = rankdata(scores), np.empty(len(scores))
    for kind in (positive, ~positive):
        own[kind] = rankdata(scores[kind])
    below = ranks - own  # of the other kind, ties counting half
    shares = np.where(positive, below / (n - m), 1 - below / m)
    area = float(shares[positive].mean())
    influences: Floats = (shares - area) * np.where(positive, n / m, n / (n - m))
    return influences


def _interval(area: float, m: int, n: int, *, effect: float = 1.0) -> tuple[float, float]:
    """The two areas whose own standard error puts the observed one just 1.96 of them away."""

    def excess(theta: float) -> float:
        half = (m + n) / 2 - 1
        spread = 1 + half * (1 - theta) / (2 - theta) + half * theta / (1 + theta)
        return (area - theta) ** 2 - effect * Z**2 * theta * (1 - theta) * spread / (m * n)

    # At an observed 0 or 1 the area itself is a root; the one that is wanted lies short of it.
    from scipy.optimize import brentq

    low = float(brentq(excess, 0.0, min(area, 1 - 1e-12))) if area > 0 else 0.0
    high = float(brentq(excess, max(area, 1e-12), 1.0)) if area < 1 else 1.0
    return low, high
