"""The loop of average precision under resampling, compiled by numba; `memometer.statistics.precision` explains it."""

from typing import Any

import numpy as np
import numpy.typing as npt

from memometer.compiling import compiled

__all__ = ["weighted_precision"]

Array = npt.NDArray[Any]


@compiled()
def weighted_precision(records: Array, positive: Array, last: Array, weights: Array, found: Array) -> None:
    """Fills ``found`` (b,) with the average precision under each column of weights; NaN without a weighted positive.

    Args:
        records: (t,) the record of each item, items by falling score.
        positive: (t,) bool, whether the item is one of those to be found.
        last: (t,) bool, whether the next item has a lower score; items of one score are found together.
        weights: (n, b) how often each replicate holds each record.
        found: see above.
    """
    b = weights.shape[1]
    seen = np.zeros(b, np.int64)
    hits = np.zeros(b, np.int64)
    group = np.zeros(b, np.int64)
    area = np.zeros(b)
    waiting = False
    for item in range(len(records)):
        row = weights[records[item]]
        for replicate in range(b):
            seen[replicate] += row[replicate]
        if positive[item]:
            waiting = True
            for replicate in range(b):
                group[replicate] += row[replicate]
        if last[item] and waiting:
            waiting = False
            for replicate in range(b):
                hits[replicate] += group[replicate]
                # Where no record was seen yet, the group is empty and adds 0.
                area[replicate] += group[replicate] * (hits[replicate] / max(seen[replicate], 1))
                group[replicate] = 0
    for replicate in range(b):
        found[replicate] = area[replicate] / hits[replicate] if hits[replicate] else np.nan
