"""Average precision: how well scores rank the records of a class above all others, with a bootstrap over records.

With the records of a class by falling score, AP = Σ_n (R_n − R_{n−1}) P_n over the distinct scores, where P_n and R_n
are precision and recall among the records that score at least as much. It is scikit-learn's
``average_precision_score``: no interpolation, and records of equal scores count together, so their order has no say.
Under resampling a compiled loop ranks the records once for all replicates, which scikit-learn would do for each.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from memometer.seeds import rng_for
from memometer.statistics.dependence import FEWEST, Groups, count_groups, group_codes, too_few
from memometer.statistics.gaps import Gap

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Float64, Int64, Integer

__all__ = ["MeanPrecision", "average_precision", "mean_average_precision"]

Floats = npt.NDArray[np.floating]
Bools = npt.NDArray[np.bool_]

BLOCK = 64_000_000
"""Bytes of resampled weights held at once; changes no result."""


@dataclasses.dataclass(frozen=True)
class MeanPrecision:
    """Average precision over several classes.

    Attributes:
        macro: the mean over the classes that have a positive record.
        micro: over all (record, class) pairs in one ranking; None where it was not asked for.
        classes: (c,) of each class; NaN for one without a positive record.
    """

    macro: Gap
    micro: Gap | None
    classes: Float64[npt.NDArray[np.float64], "c"]


def average_precision(scores: Float[Floats, "n"], positive: Bool[Bools, "n"]) -> float:
    """The average precision of one class; NaN where no record is positive.

    Args:
        scores: (n,) finite.
        positive: (n,) whether each record is of the class.

    >>> round(average_precision(np.array([0.9, 0.8, 0.7]), np.array([True, False, True])), 4)
    0.8333
    """
    if not positive.any():
        return float("nan")
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(positive, scores))


def mean_average_precision(
    scores: Float[Floats, "n c"],
    positive: Bool[Bools, "n c"],
    *,
    seed: int,
    name: str,
    replicates: int = 1000,
    micro: bool = False,
    groups: Int64[Groups, "n"] | None = None,
) -> MeanPrecision:
    """Macro (and micro) average precision with 95 % bootstrap intervals over records.

    A replicate draws n records with replacement, the same for all classes; a class that loses all its positive records
    in a replicate is left out of that replicate's mean. Copies of a record are ties, which lift the average precision
    of every replicate, so the interval has the replicates' 2.5 % and 97.5 % quantiles less that bias (their mean less
    the value). Records are drawn by row: hand them over in an order that depends on nothing but themselves, e.g. by
    id. Memory is 9 bytes per record and class.

    Args:
        scores: (n, c) finite.
        positive: (n, c) whether each record is of each class.
        seed: with ``name``, decides the resampling.
        name: e.g. ``"zero_shot"``.
        replicates: behind ``low`` and ``high``.
        micro: also rank all pairs of record and class together.
        groups: (n,) which records belong together and are drawn at once; None where each is alone.
    """
    n, c = scores.shape
    rankings = [_Ranking.of(scores[:, place], positive[:, place]) for place in range(c)]
    whole = np.ones((n, 1), np.uint8)
    classes = np.array([_under(ranking, whole)[0] for ranking in rankings])
    known = [ranking for ranking in rankings if ranking.any_positive]
    if not known:
        nothing = Gap(None, None, None, None, n, "no class has a positive record")
        return MeanPrecision(nothing, nothing if micro else None, classes)
    pooled = [_Ranking.of(scores.ravel(), positive.ravel(), width=c)] if micro else []
    values = {"macro": [float(np.nanmean(classes))], "micro": [float(_under(each, whole)[0]) for each in pooled]}
    codes = group_codes(groups, np.ones(n, bool))
    n_groups = count_groups(codes, n)
    drawn = {
        what: _replicated(
            known, pooled, n=n, drawn=size, replicates=count, seed=seed, name=f"{name}/{what}", codes=codes
        )
        for what, size, count in (("bootstrap", n_groups, replicates), ("tenth", max(1, round(n_groups / 10)), 100))
    }
    gaps = {
        which: _gap(values[which][0], drawn["bootstrap"][which], drawn["tenth"][which], n=n, n_groups=n_groups)
        for which in ("macro", *(["micro"] if micro else []))
    }
    return MeanPrecision(gaps["macro"], gaps.get("micro"), classes)


@dataclasses.dataclass(frozen=True)
class _Ranking:
    """Items by falling score, cut off behind the last positive one."""

    records: Int64[npt.NDArray[np.int64], "t"]
    positive: Bool[Bools, "t"]
    last: Bool[Bools, "t"]

    @property
    def any_positive(self) -> bool:
        return bool(self.positive.any())

    @classmethod
    def of(cls, scores: Float[Floats, "n"], positive: Bool[Bools, "n"], *, width: int = 1) -> _Ranking:
        """Of (n · width,) scores, where item i belongs to record i // width."""
        order = np.argsort(-scores, kind="stable")
        ranked = scores[order]
        last = np.append(ranked[1:] != ranked[:-1], True)[: len(order)]
        hits = np.flatnonzero(positive[order])
        needed = 0 if not len(hits) else int(hits[-1]) + int(np.argmax(last[hits[-1] :])) + 1
        return cls(order[:needed] // width, positive[order[:needed]], last[:needed])


def _under(
    ranking: _Ranking, weights: Integer[npt.NDArray[np.integer], "n b"]
) -> Float64[npt.NDArray[np.float64], "b"]:
    found = np.empty(weights.shape[1])
    from memometer.statistics.precision_kernels import weighted_precision

    weighted_precision(ranking.records, ranking.positive, ranking.last, weights, found)
    return found


def _replicated(
    known: list[_Ranking],
    pooled: list[_Ranking],
    *,
    n: int,
    drawn: int,
    replicates: int,
    seed: int,
    name: str,
    codes: Groups | None,
) -> dict[str, npt.NDArray[np.float64]]:
    """(replicates,) macro and micro numbers of so many resamplings of ``drawn`` records; NaN where undefined."""
    parts: dict[str, list[npt.NDArray[np.float64]]] = {"macro": [], "micro": []}
    for weights in _weights(n=n, drawn=drawn, replicates=replicates, seed=seed, name=name, codes=codes):
        table = np.stack([_under(ranking, weights) for ranking in known])
        defined = ~np.isnan(table)
        sums = np.where(defined, table, 0.0).sum(axis=0)
        counts = defined.sum(axis=0)
        parts["macro"].append(np.where(counts > 0, sums / np.maximum(counts, 1), np.nan))
        parts["micro"] += [_under(ranking, weights) for ranking in pooled]
    return {which: np.concatenate(each) if each else np.empty(0) for which, each in parts.items()}


def _weights(
    *, n: int, drawn: int, replicates: int, seed: int, name: str, codes: Groups | None
) -> Iterator[npt.NDArray[np.uint16]]:
    """(n, b) how often each record is drawn, for some replicates after another."""
    size = max(1, BLOCK // (2 * n))
    for start in range(0, replicates, size):
        block = range(start, min(start + size, replicates))
        units = count_groups(codes, n)
        draws = (rng_for(seed, name, replicate).integers(units, size=drawn) for replicate in block)
        counts = np.stack([np.bincount(rows, minlength=units).astype(np.uint16) for rows in draws], axis=1)
        yield counts if codes is None else counts[codes]


def _gap(
    value: float, bootstrap: npt.NDArray[np.float64], tenth: npt.NDArray[np.float64], *, n: int, n_groups: int
) -> Gap:
    bootstrap, tenth = (each[~np.isnan(each)] for each in (bootstrap, tenth))
    if n_groups < FEWEST or not len(bootstrap):
        reason = too_few(n_groups) if n_groups < FEWEST else "no replicate has a class with a positive record"
        return Gap(value, None, None, None, n, reason, n_groups)
    # A record drawn twice is found together with itself, which lifts every replicate: their mean goes to the value.
    low, high = np.clip(np.quantile(bootstrap, [0.025, 0.975]) - bootstrap.mean() + value, 0.0, 1.0)
    std = float(np.std(tenth, ddof=1)) if len(tenth) > 1 else None
    return Gap(value, float(low), float(high), std, n, n_groups=n_groups)
