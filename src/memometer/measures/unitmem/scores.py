"""UnitMem and ClassMem: does one record, or one class, excite a unit far more than all others do.

Wang et al.: Localizing Memorization in SSL Vision Encoders, NeurIPS 2024, arXiv 2409.19069. With μ_u(x) the mean
activation of unit u over the augmentations of x, μ_max its largest value over the records and μ_rest the mean over the
other records,

    UnitMem(u) = (μ_max − μ_rest) / (μ_max + μ_rest)

It lies in [0, 1] where activations are not negative, as behind a ReLU: 0 for a unit that all records excite alike, 1
for a unit that a single record excites. Where the denominator is not positive it is undefined, never 0.

The mean over the others needs a maximum and a sum alone, so records stream through `UnitSums`, which merge.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from memometer.errors import InputError

if TYPE_CHECKING:
    from jaxtyping import Float, Float64, Int64

__all__ = ["UnitScores", "UnitSums", "class_scores", "record_counts", "unit_scores", "unit_scores_by_median"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class UnitSums:
    """What UnitMem needs to know of some records, for each of u units.

    Attributes:
        count: the records.
        largest: (u,) the largest mean activation; −inf where there is no record.
        record: (u,) the place of its record's id among the sorted ids, the smaller of two equal ones; −1 for none.
        total: (u,) the sum of the mean activations.
    """

    count: int
    largest: Float64[Floats, "u"]
    record: Int64[Integers, "u"]
    total: Float64[Floats, "u"]

    @classmethod
    def empty(cls, units: int) -> "UnitSums":
        """Of no record: merging it changes nothing."""
        return cls(0, np.full(units, -np.inf), np.full(units, -1, np.int64), np.zeros(units))

    @classmethod
    def of(cls, activations: Float[npt.NDArray[np.floating], "b u"], id_ranks: Int64[Integers, "b"]) -> UnitSums:
        """Of a few records; their order changes nothing.

        Args:
            activations: (b, u) the mean activation of each unit over the augmentations of each record.
            id_ranks: (b,) the place of each record's id among the sorted ids of all records.

        Raises:
            InputError: the lengths differ.
        """
        if activations.ndim != 2 or len(activations) != len(id_ranks):
            raise InputError(
                f"activations of shape {activations.shape} for {len(id_ranks)} records; expected ({len(id_ranks)}, u)"
            )
        if not len(id_ranks):
            return cls.empty(activations.shape[1])
        order = np.argsort(id_ranks)
        sorted_rows = activations[order].astype(np.float64)
        best = sorted_rows.argmax(axis=0)  # the first of equal ones, so the smaller id
        units = np.arange(sorted_rows.shape[1])
        return cls(len(order), sorted_rows[best, units], id_ranks[order][best], sorted_rows.sum(axis=0))

    def merged(self, other: "UnitSums") -> "UnitSums":
        """Of both sets of records, which must be disjoint; in any grouping the same up to float64 rounding."""
        if len(self.total) != len(other.total):
            raise InputError(f"sums of {len(self.total)} and of {len(other.total)} units; expected the same units")
        ahead = (other.largest > self.largest) | (
            (other.largest == self.largest) & (other.record < self.record) & (other.record >= 0)
        )
        return UnitSums(
            self.count + other.count,
            np.where(ahead, other.largest, self.largest),
            np.where(ahead, other.record, self.record),
            self.total + other.total,
        )


@dataclasses.dataclass(frozen=True)
class UnitScores:
    """UnitMem of u units.

    Attributes:
        unitmem: (u,) NaN where undefined.
        largest: (u,) μ_max.
        rest: (u,) μ_rest.
        record: (u,) the place, among the sorted ids, of the record with the largest mean activation; −1 for none.
    """

    unitmem: Float64[Floats, "u"]
    largest: Float64[Floats, "u"]
    rest: Float64[Floats, "u"]
    record: Int64[Integers, "u"]


def unit_scores(sums: UnitSums) -> UnitScores:
    """UnitMem (F) with the mean over the other records; NaN for fewer than two records, or μ_max + μ_rest ≤ 0.

    >>> sums = UnitSums.of(np.array([[3.0, 1.0], [1.0, 1.0]]), np.array([0, 1]))
    >>> unit_scores(sums).unitmem
    array([0.5, 0. ])
    """
    if sums.count < 2:
        return _scores(sums.largest, np.full(len(sums.total), np.nan), sums.record)
    # The mean of the others cannot exceed the largest; rounding of the sum must not make it so.
    rest = np.minimum((sums.total - sums.largest) / (sums.count - 1), sums.largest)
    return _scores(sums.largest, rest, sums.record)


def unit_scores_by_median(
    activations: Float[npt.NDArray[np.floating], "n u"], id_ranks: Int64[Integers, "n"]
) -> UnitScores:
    """UnitMem with the median over the other records instead of the mean (an option of F).

    Args:
        activations: (n, u) of all records at once; a block of units at a time keeps memory small.
        id_ranks: (n,) as in `UnitSums.of`.
    """
    sums = UnitSums.of(activations, id_ranks)
    if sums.count < 2:
        return unit_scores(sums)
    ordered = np.sort(activations.astype(np.float64), axis=0)[:-1]  # without the largest
    return _scores(sums.largest, np.median(ordered, axis=0), sums.record)


def class_scores(
    totals: Float64[Floats, "classes u"], counts: Int64[Integers, "classes"]
) -> tuple[UnitScores, Float64[Floats, "classes u"]]:
    """ClassMem (F): UnitMem on the class means of the units, and those means.

    Args:
        totals: (classes, u) sums of the mean activations over the records of each class.
        counts: (classes,) their records; a class without records is left out.

    Returns:
        The scores, whose ``record`` is the class, the smaller number where two are equal; and (classes, u) the means,
        NaN for a class without records.
    """
    means = totals / np.where(counts > 0, counts, np.nan)[:, None]
    there = np.flatnonzero(counts > 0)
    return unit_scores(UnitSums.of(means[there], there)), means


def record_counts(scores: UnitScores, *, n: int) -> tuple[Int64[Integers, "{n}"], Float64[Floats, "{n}"]]:
    """How many units each record excites the most, and the sum of their UnitMem; undefined units count for none.

    Args:
        scores: of all units.
        n: the records.

    Returns:
        (n,) and (n,), by the place of the record's id among the sorted ids.
    """
    defined = ~np.isnan(scores.unitmem)
    records, values = scores.record[defined], scores.unitmem[defined]
    counts = np.bincount(records, minlength=n).astype(np.int64)
    return counts, np.bincount(records, weights=values, minlength=n).astype(np.float64)


def _scores(largest: Float64[Floats, "u"], rest: Float64[Floats, "u"], record: Int64[Integers, "u"]) -> UnitScores:
    total = largest + rest
    defined = np.isfinite(total) & (total > 0)
    value = np.where(defined, (largest - rest) / np.where(defined, total, 1.0), np.nan)
    return UnitScores(value, largest, rest, record)
