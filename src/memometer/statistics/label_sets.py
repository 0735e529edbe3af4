"""Do two labellers say the same of the same records: label by label, and over all labels together.

Jaccard's index and F1 of a label go by the records that hold it under both and under either. Cohen's kappa (1960) is
the share of records of which both say the same, beyond what two labellers would agree on by chance who give the label
as often, each for itself. Over all labels it is the chance-corrected agreement of all cells (record, label), each label
with its own chance: the mean of the labels' kappas, weighted by what chance leaves to agree on.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from memometer.seeds import rng_for
from memometer.statistics.dependence import FEWEST, Groups, group_codes, too_few
from memometer.statistics.gaps import Gap, gap_of

if TYPE_CHECKING:
    from jaxtyping import Bool, Float64, Int64

__all__ = ["LabelSetAgreement", "PerLabel", "per_label", "per_record", "set_agreement"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

CELLS = 4_000_000
"""Numbers of one block of replicates: bounds the memory, changes no result."""


@dataclasses.dataclass(frozen=True)
class PerLabel:
    """How two labellers agree on each of v labels, over n records.

    Attributes:
        one, other, both: (v,) records that hold the label under the one, under the other, under both.
        jaccard: (v,) both / either; NaN where none holds it.
        f1: (v,) 2 both / (one + other); NaN likewise.
        kappa: (v,) Cohen's; NaN where chance leaves nothing to agree on.
    """

    one: Int64[Integers, "v"]
    other: Int64[Integers, "v"]
    both: Int64[Integers, "v"]
    jaccard: Float64[Floats, "v"]
    f1: Float64[Floats, "v"]
    kappa: Float64[Floats, "v"]


@dataclasses.dataclass(frozen=True)
class LabelSetAgreement:
    """How two labellers agree over all labels.

    Attributes:
        jaccard: the mean over records of the labels that both give by those that either gives; records to which
            neither gives one have no index.
        f1: of all labels of all records together.
        kappa: Cohen's, of all cells.
    """

    jaccard: Gap
    f1: Gap
    kappa: Gap


def per_label(one: Bool[csr_array, "n v"], other: Bool[csr_array, "n v"]) -> PerLabel:
    """The agreement on each label.

    Args:
        one: (n, v) which record holds which label under the one labeller.
        other: (n, v) under the other.
    """
    n = one.shape[0]
    first, second, both = (_of_labels(each) for each in (one, other, one.multiply(other)))
    either = first + second - both
    with np.errstate(invalid="ignore", divide="ignore"):
        chance = (first * second + (n - first) * (n - second)) / n**2
        said = (n - first - second + 2 * both) / n
        kappa = np.where(chance < 1, (said - chance) / (1 - chance), np.nan)
        return PerLabel(first, second, both, both / either, 2 * both / (first + second), kappa)


def per_record(
    one: Bool[csr_array, "n v"], other: Bool[csr_array, "n v"]
) -> tuple[Int64[Integers, "n"], Float64[Floats, "n"]]:
    """Of each record how many labels both give, and Jaccard's index of its labels; NaN where neither gives one.

    Args:
        one: (n, v) which record holds which label under the one labeller.
        other: (n, v) under the other.
    """
    both, first, second = (np.asarray(each.sum(axis=1), np.int64).ravel() for each in (one.multiply(other), one, other))
    either = first + second - both
    return both, np.where(either > 0, both / np.maximum(either, 1), np.nan)


def set_agreement(
    one: Bool[csr_array, "n v"],
    other: Bool[csr_array, "n v"],
    *,
    seed: int,
    name: str,
    groups: Int64[Groups, "n"] | None = None,
    replicates: int = 1000,
) -> LabelSetAgreement:
    """The agreement over all labels, with bootstrap intervals over records, or over groups of them.

    Args:
        one: (n, v) which record holds which label under the one labeller; records in one order, e.g. that of ids.
        other: (n, v) under the other.
        seed: with ``name``, decides the resampling.
        name: e.g. ``"shared"``.
        groups: (n,) which records belong together; None where each is alone.
        replicates: bootstrap replicates per interval.
    """
    n = one.shape[0]
    both, index = per_record(one, other)
    reason = "no record has a label"
    jaccard = gap_of([index], seed=seed, name=f"{name}/jaccard", replicates=replicates, reason=reason, groups=[groups])
    codes = group_codes(groups, np.ones(n, np.bool_))
    whole = _Totals.of(one, other, both, codes)
    n_drawn = whole.columns.shape[0]
    values = whole.numbers(np.ones((1, n_drawn)))
    if np.isnan(values).all():
        return LabelSetAgreement(jaccard, *[Gap(None, None, None, None, n, reason)] * 2)
    rng = rng_for(seed, name, "cells")
    block = max(1, CELLS // max(n_drawn, one.shape[1], 1))
    drawn = [
        whole.numbers(rng.multinomial(n_drawn, np.full(n_drawn, 1 / n_drawn), size=min(block, replicates - start)))
        for start in range(0, replicates if n_drawn >= FEWEST else 0, block)
    ]
    found = []
    for place, value in enumerate(values[:, 0]):
        if np.isnan(value):
            found.append(Gap(None, None, None, None, n, "chance leaves nothing to agree on"))
        elif not drawn:
            found.append(Gap(float(value), None, None, None, n, too_few(n_drawn), n_drawn))
        else:
            low, high = np.nanquantile(np.concatenate([each[place] for each in drawn]), [0.025, 0.975])
            found.append(Gap(float(value), float(low), float(high), None, n, n_groups=n_drawn))
    return LabelSetAgreement(jaccard, *found)


@dataclasses.dataclass(frozen=True)
class _Totals:
    """Sums of what is drawn: groups of records, or records.

    Attributes:
        labels: (g, v) each, of either labeller: the records of a group that hold a label.
        columns: (g, 3): records, labels that both give, labels that either labeller gives, those of both twice.
    """

    labels: tuple[csr_array, csr_array]
    columns: Float64[Floats, "g 3"]

    @classmethod
    def of(
        cls, one: csr_array, other: csr_array, both: Int64[Integers, "n"], codes: Int64[Groups, "n"] | None
    ) -> _Totals:
        n = one.shape[0]
        places = np.arange(n) if codes is None else codes
        n_groups = int(places.max(initial=-1)) + 1
        summed = csr_array((np.ones(n), (places, np.arange(n))), shape=(n_groups, n))
        given = np.asarray(one.sum(axis=1) + other.sum(axis=1), np.float64).ravel()
        columns = np.stack([np.ones(n), both, given], axis=1)
        return cls((summed @ one.astype(np.float64), summed @ other.astype(np.float64)), summed @ columns)

    def numbers(self, weights: Float64[Floats, "r g"] | Int64[Integers, "r g"]) -> Float64[Floats, "2 r"]:
        """F1 and kappa of r draws, NaN where undefined, given how often each draws what."""
        n, both, given = (weights @ self.columns).T
        first, second = (each.T @ weights.T for each in self.labels)
        by_chance = (first * second).sum(axis=0) / n**2
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.stack([2 * both / given, 2 * (both / n - by_chance) / (given / n - 2 * by_chance)])


def _of_labels(matrix: csr_array) -> Int64[Integers, "v"]:
    return np.asarray(matrix.sum(axis=0), np.int64).ravel()
