"""Means over items that come in clusters, such as the captions of one image: whole clusters are resampled.

Captions of one image are found or missed together, so resampling single captions would make intervals too narrow
[Cameron, Gelbach and Miller 2008, Section II: the pairs cluster bootstrap].
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from memometer.statistics.dependence import FEWEST, Groups, group_codes, too_few
from memometer.statistics.gaps import Gap
from memometer.statistics.resampling import resampled_sums

if TYPE_CHECKING:
    from jaxtyping import Int64, Integer, Num

__all__ = ["clustered_mean"]


def clustered_mean(
    totals: Num[npt.NDArray[np.number], "g"],
    sizes: Integer[npt.NDArray[np.integer], "g"],
    *,
    seed: int,
    name: str,
    replicates: int = 1000,
    reason: str = "no item is scored",
    groups: Int64[Groups, "g"] | None = None,
) -> Gap:
    """Σ totals / Σ sizes, with its 95 % percentile-bootstrap interval over clusters.

    As in `gap_of`, the order of clusters has no say.

    Args:
        totals: (g,) the sum over the items of each cluster.
        sizes: (g,) its items; clusters of size 0 do not count.
        seed: with ``name``, decides the resampling.
        name: e.g. ``"text_to_image/recall@1"``.
        replicates: behind ``low`` and ``high``.
        reason: what to say where there is no item.
        groups: (g,) which clusters belong together, as near duplicates do: all of a group are drawn at once.

    Returns:
        The mean over items; its n is the number of items, its n_groups that of what is drawn, its std is over draws of
        10 % of those. Fewer than 20 have no interval.

    >>> clustered_mean(np.array([2, 0]), np.array([2, 2]), seed=0, name="recall").value
    0.5
    """
    held = sizes > 0
    pairs = [totals[held].astype(np.float64), sizes[held].astype(np.float64)]
    if (codes := group_codes(groups, held)) is not None:
        pairs = [np.bincount(codes, weights=each).astype(np.float64) for each in pairs]
    clusters, n = len(pairs[0]), int(sizes.sum())
    if not clusters:
        return Gap(None, None, None, None, 0, reason)
    distinct, counts = np.unique(np.stack(pairs, axis=1), axis=0, return_counts=True)
    value = float(counts @ distinct[:, 0] / (counts @ distinct[:, 1]))
    if clusters < FEWEST:
        return Gap(value, None, None, None, n, too_few(clusters), clusters)
    tenth = max(1, round(0.1 * clusters))
    replicated, spread = (
        np.divide(*resampled_sums(pairs, drawn=drawn, replicates=times, seed=seed, name=f"{name}/{use}"))
        for drawn, times, use in ((clusters, replicates, "bootstrap"), (tenth, 100, "tenth"))
    )
    low, high = np.quantile(replicated, [0.025, 0.975])
    return Gap(value, float(low), float(high), float(np.std(spread, ddof=1)), n, n_groups=clusters)
