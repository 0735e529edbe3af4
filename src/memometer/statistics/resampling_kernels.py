"""The loop that draws records with replacement, compiled by numba; `memometer.statistics.resampling` explains it."""

from typing import Any

import numpy as np
import numpy.typing as npt

from memometer.compiling import compiled

__all__ = ["add_drawn"]

Array = npt.NDArray[Any]


@compiled(error_model="numpy")
def add_drawn(values: Array, sizes: Array, counts: Array, states: Array, sums: Array) -> None:
    """Adds to ``sums`` (b,) what each replicate draws of ``values``.

    Random bits are SplitMix64's [Steele, Lea and Flood 2014, Figure 12]: 64 per step, of which each draw takes 16 and
    keeps as many as its block needs. A block is drawn for all replicates before the next, since the cache holds one.

    Args:
        values: (n,) float64, block after block.
        sizes: (k,) int64 values in each block, powers of two of at most 2^16, together n.
        counts: (k, b) how many draws of each block a replicate has.
        states: (b,) uint64, the generator of each replicate; it is gone on with.
        sums: see above.
    """
    start = 0
    for block in range(len(sizes)):
        held = values[start : start + sizes[block]]
        start += sizes[block]
        mask = np.uint64(sizes[block] - 1)
        for replicate in range(len(sums)):
            state = states[replicate]
            first = second = third = fourth = 0.0
            left = counts[block, replicate]
            while left > 0:
                state += np.uint64(0x9E3779B97F4A7C15)
                bits = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
                bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
                bits ^= bits >> np.uint64(31)
                first += held[bits & mask]
                if left >= 4:
                    second += held[bits >> np.uint64(16) & mask]
                    third += held[bits >> np.uint64(32) & mask]
                    fourth += held[bits >> np.uint64(48) & mask]
                elif left > 1:
                    second += held[bits >> np.uint64(16) & mask]
                    if left > 2:
                        third += held[bits >> np.uint64(32) & mask]
                left -= 4
            states[replicate] = state
            sums[replicate] += (first + second) + (third + fourth)
