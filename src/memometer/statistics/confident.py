"""Accuracy among the most confident predictions, and its gap between two models (D, arXiv 2304.13850; METHODS, 3).

"Top p %" are each model's own int(p·n) most confident records, so two models are compared on different records. Which
ones they are is a part of the number, and changes from sample to sample: the interval comes from a bootstrap that
draws records with replacement, the same for both models, and selects the top p % anew in every replicate. Resampling
what was selected once would leave out how the threshold varies.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from memometer.seeds import rng_for
from memometer.statistics.dependence import FEWEST, Groups, count_groups, group_codes, too_few
from memometer.statistics.gaps import Gap, gap_of

if TYPE_CHECKING:
    from jaxtyping import Bool, Float64, Int64

__all__ = ["ConfidentHits", "confident_accuracy", "confident_gap", "most_confident"]

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class ConfidentHits:
    """What two models predicted of n records.

    Attributes:
        target_hits: (n,) 1 for a right prediction, 0 for a wrong one, NaN for a record that is not scored.
        target_confidence: (n,) larger is surer.
        reference_hits: (n,) likewise.
        reference_confidence: (n,) likewise, on a scale of its own.
        id_rank: (n,) the place of each record's id among the sorted ids: it orders equal confidences.
        groups: (n,) which records belong together and are drawn at once; None where each is alone.
    """

    target_hits: Float64[Floats, "n"]
    target_confidence: Float64[Floats, "n"]
    reference_hits: Float64[Floats, "n"]
    reference_confidence: Float64[Floats, "n"]
    id_rank: Int64[npt.NDArray[np.int64], "n"]
    groups: Int64[Groups, "n"] | None = None

    @property
    def scored(self) -> Bool[npt.NDArray[np.bool_], "n"]:
        """(n,) whether both models have a prediction to score."""
        return ~(np.isnan(self.target_hits) | np.isnan(self.reference_hits))

    @property
    def gaps(self) -> Float64[Floats, "n"]:
        """(n,) the target's hit less the reference's; NaN for a record that is not scored."""
        return self.target_hits - self.reference_hits

    def by_id(self) -> "ConfidentHits":
        """The scored records alone, by ascending id."""
        rows = np.flatnonzero(self.scored)
        return self.where(rows[np.argsort(self.id_rank[rows])])

    def where(self, rows: Bool[npt.NDArray[np.bool_], "n"] | Int64[npt.NDArray[np.int64], "m"]) -> "ConfidentHits":
        """The records of some rows, in their order."""
        return ConfidentHits(
            self.target_hits[rows],
            self.target_confidence[rows],
            self.reference_hits[rows],
            self.reference_confidence[rows],
            self.id_rank[rows],
            None if self.groups is None else self.groups[rows],
        )

    @property
    def codes(self) -> Int64[Groups, "n"] | None:
        """(n,) the groups, numbered from 0; None where each record is alone."""
        return group_codes(self.groups, np.ones(len(self.id_rank), bool))

    @property
    def n_groups(self) -> int:
        """Groups of records, or records where each is alone."""
        return count_groups(self.codes, len(self.id_rank))


def most_confident(
    confidence: Float64[Floats, "n"], *, id_rank: Int64[npt.NDArray[np.int64], "n"], percent: float
) -> Int64[npt.NDArray[np.int64], "m"]:
    """Rows of the int(p·n) most confident records, the surest first; equally sure ones by record id.

    >>> most_confident(np.array([-0.5, 0.0, -0.5, -1.0]), id_rank=np.array([3, 2, 1, 0]), percent=50).tolist()
    [1, 2]
    """
    return _by_confidence(confidence, id_rank)[: _size(len(confidence), percent)]


def confident_accuracy(
    hits: Float64[Floats, "n"],
    confidence: Float64[Floats, "n"],
    *,
    id_rank: Int64[npt.NDArray[np.int64], "n"],
    percent: float,
) -> float | None:
    """The share of right predictions among a model's ``percent`` most confident ones; None where there is none.

    Records whose ``hits`` are NaN do not count.
    """
    scored = ~np.isnan(hits)
    chosen = most_confident(confidence[scored], id_rank=id_rank[scored], percent=percent)
    return float(hits[scored][chosen].mean()) if len(chosen) else None


def confident_gap(
    directions: Sequence[ConfidentHits],
    *,
    percent: float,
    seed: int,
    name: str,
    weights: Sequence[float] | None = None,
    replicates: int = 1000,
    less: Sequence[ConfidentHits] | None = None,
) -> Gap:
    """The déjà vu score: accuracy(target) − accuracy(reference) among each one's ``percent`` most confident records.

    For two directions the mean of their two scores; their records are resampled independently. ``n`` counts the
    selected records of one model, ``n_groups`` what is drawn. There is no interval where a direction selects fewer than
    20, or has fewer groups.

    Args:
        directions: one or two.
        percent: 100, 20 and 5 in D; above 0, at most 100.
        seed: with ``name``, decides the resampling.
        name: e.g. ``"top-1/20"``.
        weights: one per direction, e.g. (1, −1) for the difference of two sets of records; equal ones without it.
        replicates: bootstrap replicates behind ``low`` and ``high``.
        less: what other models predicted of the same records, row by row. The gap is then the score less that of these,
            over the records that both score, and every replicate draws the same records for both.
    """
    if percent == 100:
        gaps = [pair.gaps for pair in directions]
        gaps = gaps if less is None else [gap - pair.gaps for gap, pair in zip(gaps, less, strict=True)]
        together = [pair.groups for pair in directions]
        return gap_of(gaps, seed=seed, name=name, weights=weights, replicates=replicates, groups=together)
    if less is not None:
        both = [one.scored & other.scored for one, other in zip(directions, less, strict=True)]
        directions, less = (
            [pair.where(rows) for pair, rows in zip(pairs, both, strict=True)] for pairs in (directions, less)
        )
    shares = np.full(len(directions), 1 / len(directions)) if weights is None else np.asarray(weights, np.float64)
    pairs = [pair.by_id() for pair in directions]
    others = None if less is None else [pair.by_id() for pair in less]
    sizes = [_size(len(pair.id_rank), percent) for pair in pairs]
    n = sum(sizes)
    if any(len(pair.id_rank) == 0 for pair in pairs):
        return Gap(None, None, None, None, n, "no record is scored")
    if min(sizes) == 0:
        return Gap(None, None, None, None, n, f"{percent:g} % of the scored records are none")
    once = [np.ones(len(pair.id_rank), np.int64) for pair in pairs]
    scores = [_gap(_Order.both(pair), each, size) for pair, each, size in zip(pairs, once, sizes, strict=True)]
    if others is not None:
        known = zip(others, once, sizes, strict=True)
        scores = [
            score - _gap(_Order.both(pair), each, size) for score, (pair, each, size) in zip(scores, known, strict=True)
        ]
    value = float(shares @ scores)
    n_groups = sum(pair.n_groups for pair in pairs)
    if min(sizes) < FEWEST:
        reason = too_few(min(sizes), what="of the most confident records")
        return Gap(value, None, None, None, n, reason, n_groups)
    if (fewest := min(pair.n_groups for pair in pairs)) < FEWEST:
        return Gap(value, None, None, None, n, too_few(fewest), n_groups)
    bootstrap = _replicated(
        pairs, others, shares, percent=percent, share=1.0, replicates=replicates, seed=seed, name=f"{name}/bootstrap"
    )
    low, high = (None, None) if bootstrap is None else np.quantile(bootstrap, [0.025, 0.975]).tolist()
    tenths = _replicated(
        pairs, others, shares, percent=percent, share=0.1, replicates=100, seed=seed, name=f"{name}/tenth"
    )
    std = None if tenths is None else float(np.std(tenths, ddof=1))
    return Gap(value, low, high, std, n, n_groups=n_groups)


def _replicated(
    pairs: Sequence[ConfidentHits],
    others: Sequence[ConfidentHits] | None,
    shares: Float64[Floats, "directions"],
    *,
    percent: float,
    share: float,
    replicates: int,
    seed: int,
    name: str,
) -> Float64[Floats, "{replicates}"] | None:
    """(replicates,) scores of ``share`` of the records, drawn with replacement; None where so few select none."""
    scores = np.zeros(replicates)
    for index, pair in enumerate(pairs):
        n, codes = pair.n_groups, pair.codes
        drawn = max(1, round(share * n))
        size = _size(drawn, percent)
        if size == 0 and codes is None:
            return None
        rng = rng_for(seed, name, index)
        orders = _Order.both(pair)
        other = None if others is None else _Order.both(others[index])
        for replicate in range(replicates):
            weights = np.bincount(rng.integers(0, n, drawn), minlength=n)
            if codes is not None:
                weights = weights[codes]
                size = _size(int(weights.sum()), percent)
                if size == 0:
                    return None
            score = _gap(orders, weights, size)
            scores[replicate] += shares[index] * (score if other is None else score - _gap(other, weights, size))
    return scores


def _gap(orders: Sequence[_Order], weights: Int64[npt.NDArray[np.int64], "n"], size: int) -> float:
    """The score of records that occur ``weights`` (n,) times each, ``size`` of them selected for each model."""
    target, reference = (order.right(weights, size) for order in orders)
    return (target - reference) / size


@dataclasses.dataclass(frozen=True)
class _Order:
    """One model's records, the surest first.

    Attributes:
        rows: (n,) their rows.
        hits: (n,) their hits, in this order.
    """

    rows: Int64[npt.NDArray[np.int64], "n"]
    hits: Float64[Floats, "n"]

    @classmethod
    def both(cls, pair: ConfidentHits) -> tuple["_Order", "_Order"]:
        """The target's and the reference's."""
        target = _by_confidence(pair.target_confidence, pair.id_rank)
        reference = _by_confidence(pair.reference_confidence, pair.id_rank)
        return cls(target, pair.target_hits[target]), cls(reference, pair.reference_hits[reference])

    def right(self, weights: Int64[npt.NDArray[np.int64], "n"], size: int) -> float:
        """How many of the first ``size`` predictions are right when the records occur ``weights`` (n,) times each."""
        n = len(self.rows)
        enough = size * n // int(weights.sum())  # so many records hold about ``size`` occurrences
        for reach in (min(n, enough + 10 * int(enough**0.5) + 100), n):
            drawn = weights[self.rows[:reach]]
            upto = np.cumsum(drawn)
            if upto[-1] >= size:
                break
        last = int(upto.searchsorted(size))  # of it, as many as are still missing
        missing = size - int(upto[last] - drawn[last])
        return float(drawn[:last] @ self.hits[:last] + missing * self.hits[last])


def _by_confidence(
    confidence: Float64[Floats, "n"], id_rank: Int64[npt.NDArray[np.int64], "n"]
) -> Int64[npt.NDArray[np.int64], "n"]:
    return np.lexsort((id_rank, -confidence)).astype(np.int64)


def _size(n: int, percent: float) -> int:
    return int(n * percent / 100)
