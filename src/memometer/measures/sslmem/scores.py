"""SSLMem and LayerMem: does a model hold the views of a record closer together than one that never saw it.

SSLMem: Wang et al.: Memorization in Self-Supervised Learning Improves Downstream Generalization, ICLR 2024, arXiv
2401.12233. LayerMem: Wang et al.: Localizing Memorization in SSL Vision Encoders, NeurIPS 2024, arXiv 2409.19069.

The papers leave open which pairs of a record's views the expectation is taken over: here it is all unordered pairs of
different views, which estimates E d(f(x'), f(x'')) over independent views without bias.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from memometer.errors import InputError

if TYPE_CHECKING:
    from jaxtyping import Float, Float64, Int64

__all__ = ["alignment_distances", "delta_layermem", "relative_sslmem", "sslmem"]

Floats = npt.NDArray[np.float64]


def alignment_distances(
    representations: Float[npt.NDArray[np.floating], "m d"], starts: Int64[npt.NDArray[np.int64], "starts"]
) -> Float64[Floats, "starts-1"]:
    """(n,) mean l2 distance over all pairs of a record's views, between l2-normalised representations: 0 to 2.

    NaN for a record with fewer than two views, and for one with a view whose representation is zero or not finite and
    so has no direction. A record's number depends on its own views alone, to the last bit.

    Args:
        representations: (m, d) of all views, one record after another; they need not be normalised.
        starts: (n + 1,) the first view of each record, and m.

    Raises:
        InputError: the two do not fit together.

    >>> alignment_distances(np.array([[2.0, 0.0], [0.0, 5.0], [3.0, 0.0]]), np.array([0, 2, 3])).round(3)
    array([1.414,   nan])
    """
    if representations.ndim != 2 or len(starts) < 1 or starts[-1] != len(representations):
        raise InputError(
            f"representations of shape {representations.shape} and {len(starts)} starts that end at "
            f"{starts[-1] if len(starts) else 'nothing'}; expected (views, width), and starts that end at the views"
        )
    directions = _directions(representations)
    sizes = np.diff(starts)
    distances = np.full(len(sizes), np.nan)
    for size in np.unique(sizes[sizes >= 2]).tolist():
        rows = np.flatnonzero(sizes == size)
        views = [directions[starts[rows] + place] for place in range(size)]
        total = np.zeros(len(rows))
        for one, other in itertools.combinations(views, 2):
            total += _distance(one, other)
        distances[rows] = total / (size * (size - 1) / 2)
    return distances


def sslmem(*, target: Float64[Floats, "*any"], reference: Float64[Floats, "*any"]) -> Float64[Floats, "*any"]:
    """SSLMem (E): the reference's alignment distance less the target's; positive where the target holds views closer.

    Args:
        target: alignment distances under the model trained on the records, of any shape.
        reference: the same under the model that was not.
    """
    return reference - target


def relative_sslmem(*, target: Float64[Floats, "*any"], reference: Float64[Floats, "*any"]) -> Float64[Floats, "*any"]:
    """SSLMem' (F): the difference over the sum of the two distances, −1 to 1; NaN where both are 0.

    Its mean over records at one layer is LayerMem.
    """
    total = target + reference
    return np.where(total > 0, (reference - target) / np.where(total > 0, total, 1.0), np.nan)


def delta_layermem(relative: Float64[Floats, "n layers"]) -> Float64[Floats, "n layers"]:
    """(n, layers) per record: SSLMem' at each layer less that at the layer before; its mean is ΔLayerMem (F).

    NaN at the first layer, and wherever one of the two is.

    Args:
        relative: (n, layers) SSLMem' of every record, in the order of the layers.
    """
    return np.diff(relative, axis=1, prepend=np.full((len(relative), 1), np.nan))


def _directions(representations: Float[npt.NDArray[np.floating], "m d"]) -> Float64[Floats, "m d"]:
    """(m, d) rows l2-normalised in float64; NaN where there is no direction."""
    wide = representations.astype(np.float64)
    norms = np.sqrt(np.einsum("ij,ij->i", wide, wide))
    usable = np.isfinite(norms) & (norms > 0)
    wide[~usable] = np.nan
    wide /= np.where(usable, norms, 1.0)[:, None]
    return wide


def _distance(left: Float64[Floats, "n d"], right: Float64[Floats, "n d"]) -> Float64[Floats, "n"]:
    difference = left - right
    squares: Floats = np.einsum("ij,ij->i", difference, difference)
    return np.sqrt(squares)
