"""Means over items that come in clusters, such as the captions of one image: whole clusters are resampled.

Captions of one image are found or missed together, so resampling single captions would make intervals too narrow
[Cameron, Gelbach and Miller 2008, Section II: the pairs cluster bootstrap].
"""

import numpy as np
import numpy.typing as npt

from memometer.seeds import rng_for
from memometer.statistics.gaps import Gap

__all__ = ["clustered_mean"]

Floats = npt.NDArray[np.float64]


def clustered_mean(
    totals: npt.NDArray[np.number],
    sizes: npt.NDArray[np.integer],
    *,
    seed: int,
    name: str,
    replicates: int = 1000,
    reason: str = "no item is scored",
) -> Gap:
    """Σ totals / Σ sizes, with its 95 % percentile-bootstrap interval over clusters.

    As in `gap_of`, how often each distinct (total, size) occurs is drawn, so the order of clusters has no say.

    Args:
        totals: (g,) the sum over the items of each cluster.
        sizes: (g,) its items; clusters of size 0 do not count.
        seed: with ``name``, decides the resampling.
        name: e.g. ``"text_to_image/recall@1"``.
        replicates: behind ``low`` and ``high``.
        reason: what to say where there is no item.

    Returns:
        The mean over items; its n is the number of items, its std is over draws of 10 % of the clusters.

    >>> clustered_mean(np.array([2, 0]), np.array([2, 2]), seed=0, name="recall").value
    0.5
    """
    held = sizes > 0
    pairs, counts = np.unique(np.stack([totals[held], sizes[held]], axis=1), axis=0, return_counts=True)
    if not len(pairs):
        return Gap(None, None, None, None, 0, reason)
    value = _ratio(counts[None], pairs)[0]
    n, clusters = int(sizes.sum()), int(counts.sum())
    if clusters < 2:
        return Gap(float(value), None, None, None, n)
    chances = counts / clusters
    drawn = rng_for(seed, f"{name}/bootstrap").multinomial(clusters, chances, replicates)
    tenth = rng_for(seed, f"{name}/tenth").multinomial(max(1, round(0.1 * clusters)), chances, 100)
    low, high = np.quantile(_ratio(drawn, pairs), [0.025, 0.975])
    return Gap(float(value), float(low), float(high), float(np.std(_ratio(tenth, pairs), ddof=1)), n)


def _ratio(counts: npt.NDArray[np.integer], pairs: npt.NDArray[np.number]) -> Floats:
    """(b,) the mean over items under each row of (b, distinct pairs) counts."""
    ratio: Floats = (counts @ pairs[:, 0].astype(np.float64)) / (counts @ pairs[:, 1].astype(np.float64))
    return ratio
