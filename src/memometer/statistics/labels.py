"""Which objects leak most: each label's recall under the target and the reference, paired by record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from memometer.statistics.dependence import Groups

if TYPE_CHECKING:
    from jaxtyping import Bool, Float64, Int32, Int64

__all__ = ["label_table"]

Floats = npt.NDArray[np.float64]

PAIRS = 1 << 23
"""Pairs of a record and a label that are sorted at once: bounds the memory, changes no result."""


def label_table(
    *,
    labels: pa.Array,
    label_ids: Int32[npt.NDArray[np.int32], "t"],
    found_target: Bool[npt.NDArray[np.bool_], "t"],
    found_reference: Bool[npt.NDArray[np.bool_], "t"],
    groups: Int64[Groups, "t"] | None = None,
) -> pa.Table:
    """One row per label that occurs: n, both recalls, their difference with a 95 % interval, largest gap first.

    The interval is Agresti and Min's for paired proportions (2005: Wald after adding ½ to each cell), which holds its
    level for small n. Rows are ordered by the interval's lower end, so that a label seen twice does not lead.

    Args:
        labels: (v,) the vocabulary.
        label_ids: (t,) the label of each (record, object) pair.
        found_target: (t,) whether the target recovered it.
        found_reference: (t,) whether the reference did.
        groups: (t,) which pairs belong together, as those of near duplicates do; None where each record is alone. The
            variance of a label grows with what its groups have in common. Their number is ``n_groups``.
    """
    import pyarrow.compute as pc  # here: what prints a finished run does not wait for it

    v = len(labels)
    n, hits_target, hits_reference, only_target, only_reference = _counts(label_ids, found_target, found_reference, v)
    difference = only_target - only_reference
    adjusted = difference / (n + 2)
    variance = (only_target + only_reference + 1 - difference**2 / (n + 2)) / (n + 2) ** 2
    n_groups = n
    if groups is not None:
        found = (found_target, found_reference)
        effects, n_groups = _design_effects(label_ids, found, difference / np.maximum(n, 1), groups)
        variance *= effects
    half = 1.96 * np.sqrt(variance)
    kept = np.flatnonzero(n)
    kept = kept[np.lexsort((kept, -(adjusted - half)[kept]))]
    table = {
        "label": labels.take(pa.array(kept)),
        "n": pa.array(n[kept].astype(np.int64)),
        "n_groups": pa.array(n_groups[kept].astype(np.int64)),
        "recall_target": pa.array(hits_target[kept] / n[kept]),
        "recall_reference": pa.array(hits_reference[kept] / n[kept]),
        "gap": pa.array(difference[kept] / n[kept]),
        "low": pa.array(np.maximum(adjusted - half, -1.0)[kept]),
        "high": pa.array(np.minimum(adjusted + half, 1.0)[kept]),
    }
    return pa.table({**table, "label": pc.cast(table["label"], pa.string())})


def _counts(
    label_ids: Int32[npt.NDArray[np.int32], "t"],
    found_target: Bool[npt.NDArray[np.bool_], "t"],
    found_reference: Bool[npt.NDArray[np.bool_], "t"],
    v: int,
) -> Float64[Floats, "5 {v}"]:
    """(5, v) pairs of each label: all, those that the target found, the reference, it alone, and the other alone."""
    counts = np.zeros((5, v))
    for start in range(0, len(label_ids), PAIRS):
        ids, target, reference = (each[start : start + PAIRS] for each in (label_ids, found_target, found_reference))
        kinds = (None, target, reference, target & ~reference, reference & ~target)
        counts += [np.bincount(ids if kind is None else ids[kind], minlength=v) for kind in kinds]
    return counts


def _design_effects(
    label_ids: Int32[npt.NDArray[np.int32], "t"],
    found: tuple[Bool[npt.NDArray[np.bool_], "t"], Bool[npt.NDArray[np.bool_], "t"]],
    means: Float64[Floats, "v"],
    groups: Int64[Groups, "t"],
) -> tuple[Float64[Floats, "v"], Float64[Floats, "v"]]:
    """(v,) how many times the variance of each label is that of as many single records, at least 1; (v,) its groups."""
    v = len(means)
    together, alone, n_groups = np.zeros(v), np.zeros(v), np.zeros(v)
    for first, last in _label_spans(np.bincount(label_ids, minlength=v)):
        chosen = np.flatnonzero((label_ids >= first) & (label_ids < last))
        deviations = found[0][chosen].astype(np.float64) - found[1][chosen] - means[label_ids[chosen]]
        order = np.lexsort((deviations, groups[chosen], label_ids[chosen]))
        labels, codes, values = label_ids[chosen[order]] - first, groups[chosen[order]], deviations[order]
        starts = np.flatnonzero((np.diff(labels, prepend=-1) != 0) | (np.diff(codes, prepend=codes[:1] - 1) != 0))
        totals = np.add.reduceat(values, starts) if len(starts) else values
        width = last - first
        together[first:last] = np.bincount(labels[starts], weights=totals**2, minlength=width)
        alone[first:last] = np.bincount(labels, weights=values**2, minlength=width)
        n_groups[first:last] = np.bincount(labels[starts], minlength=width)
    return np.maximum(1.0, together / np.where(alone > 0, alone, np.inf)), n_groups


def _label_spans(counts: Int64[npt.NDArray[np.int64], "v"]) -> Iterator[tuple[int, int]]:
    """Runs of labels of at most `PAIRS` pairs, or of one label."""
    first, held = 0, 0
    for label, count in enumerate(counts.tolist()):
        if held and held + count > PAIRS:
            yield first, label
            first, held = label, 0
        held += count
    yield first, len(counts)
