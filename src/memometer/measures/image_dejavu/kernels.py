"""The loop over the neighbours' labels, compiled by numba; `scores` explains what it does."""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from memometer.compiling import compiled
from memometer.threads import keeping_threads

__all__ = ["count_votes"]

CHUNKS = 64  # more than threads, so that they finish together; the number changes no result
Array = npt.NDArray[Any]


@keeping_threads
@compiled(parallel=True)
def count_votes(  # noqa: PLR0917 (numba has no keyword-only arguments)
    neighbors: Array, public_labels: Array, weights: Array, n_labels: int, ranked: Array, sums: Array
) -> None:
    """Fills ``ranked`` (n, top), best label first, -1 before; and ``sums`` (n,).

    Args:
        neighbors: (n, k) public rows, nearest first.
        public_labels: (m,) label ids.
        weights: (k + 1,) what a label that c neighbours have adds to ``sums``.
        n_labels: labels that there are.
        ranked: see above.
        sums: (n,) Σ weights[c] over the labels, added up by ascending c, so that equal counts give equal bits.
    """
    n, k = neighbors.shape
    top = ranked.shape[1]
    size = (n + CHUNKS - 1) // CHUNKS
    for chunk in numba.prange(CHUNKS):
        votes = np.zeros(n_labels, np.int64)
        ranks = np.zeros(n_labels, np.int64)
        touched = np.empty(k, np.int64)
        of_count = np.zeros(k + 1, np.int64)
        for record in range(chunk * size, min(n, (chunk + 1) * size)):
            n_touched = 0
            for rank in range(k):
                label = public_labels[neighbors[record, rank]]
                if votes[label] == 0:
                    touched[n_touched] = label
                    n_touched += 1
                votes[label] += 1
                ranks[label] += rank
            for place in range(n_touched):
                of_count[votes[touched[place]]] += 1
            total = 0.0
            for count in range(1, k + 1):
                total += of_count[count] * weights[count]
                of_count[count] = 0
            sums[record] = total
            for place in range(min(top, n_touched)):
                best = place
                for other in range(place + 1, n_touched):
                    a = touched[other]
                    b = touched[best]
                    if votes[a] > votes[b] or (
                        votes[a] == votes[b] and (ranks[a] < ranks[b] or (ranks[a] == ranks[b] and a < b))
                    ):
                        best = other
                touched[place], touched[best] = touched[best], touched[place]
                ranked[record, place] = touched[place]
            for place in range(n_touched):
                votes[touched[place]] = 0
                ranks[touched[place]] = 0
