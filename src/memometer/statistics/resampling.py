"""Sums over records drawn with replacement: one exact distribution, drawn in the cheaper of two ways.

Where values repeat, how often each *distinct value* occurs is drawn (a multinomial), at a cost that does not grow with
the number of records. Where they do not (scores of a model), records are drawn: first how many fall into each block of
sorted values (a multinomial again), then which ones, inside a block that the processor's cache holds. Blocks have
powers of two of values, so a few random bits choose one without bias. Both are blind to the order of records, and the
values alone decide which is taken.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from memometer.seeds import rng_for

if TYPE_CHECKING:
    from jaxtyping import Float64, Int64

__all__ = ["Sorted", "resampled_sums"]

Floats = npt.NDArray[np.float64]

BLOCK = 2048
"""Values per block, a power of two of at most 2^16: 16 KiB, half of a processor's nearest cache."""

FEW, REPEATS = 32, 128
"""Distinct values are drawn where there are at most ``FEW``, or where each occurs ``REPEATS`` times on average: a draw
of one count costs what 50 to 150 draws of a record cost."""


def resampled_sums(
    columns: Sequence[Float64[Floats, "n"]], *, drawn: int, replicates: int, seed: int, name: str
) -> Float64[Floats, "{len(columns)} {replicates}"]:
    """(len(columns), replicates) sums over ``drawn`` records, drawn with replacement, of all columns the same.

    Args:
        columns: (n,) float64 each, without NaN: one or more numbers of every record.
        drawn: records per replicate.
        replicates: how many sums.
        seed: with ``name``, decides the records.
        name: e.g. ``"all/ppg/0/bootstrap"``.
    """
    return Sorted.of(columns).sums(drawn=drawn, replicates=replicates, seed=seed, name=name)


@dataclasses.dataclass(frozen=True)
class Sorted:
    """Numbers of n records, sorted once for several resamplings.

    Attributes:
        rows: (columns, n) by the first column, then by the next.
        first: (d,) the first of each run of equal records.
    """

    rows: Float64[Floats, "columns n"]
    first: Int64[npt.NDArray[np.int64], "d"]

    @classmethod
    def of(cls, columns: Sequence[Float64[Floats, "n"]]) -> Sorted:
        """Of (n,) numbers each, without NaN."""
        if len(columns) == 1:
            rows = np.sort(columns[0])[None]
        else:
            order = np.lexsort(columns[::-1])
            rows = np.stack([column[order] for column in columns])
        new = np.ones(rows.shape[1], np.bool_)
        new[1:] = False
        for row in rows:
            new[1:] |= row[1:] != row[:-1]
        return cls(rows, np.flatnonzero(new).astype(np.int64))

    @property
    def counts(self) -> Int64[npt.NDArray[np.int64], "d"]:
        """(d,) how many records are alike."""
        return np.diff(self.first, append=self.rows.shape[1])

    def sums(self, *, drawn: int, replicates: int, seed: int, name: str) -> Float64[Floats, "columns {replicates}"]:
        """`resampled_sums` of these."""
        rng = rng_for(seed, name)
        n = self.rows.shape[1]
        if len(self.first) > max(FEW, n // REPEATS):
            return _sums_of_records(self.rows, drawn, replicates, rng)
        chances = self.counts / n
        block = max(1, 1_000_000 // len(self.first))  # bounds memory where the values are many
        sizes = [min(block, replicates - start) for start in range(0, replicates, block)]
        counts = [rng.multinomial(drawn, chances, size) for size in sizes]
        distinct = self.rows[:, self.first]
        return np.stack([np.concatenate([part @ values for part in counts]) for values in distinct])


def _sums_of_records(
    rows: Float64[Floats, "columns n"], drawn: int, replicates: int, rng: np.random.Generator
) -> Float64[Floats, "columns {replicates}"]:
    from memometer.statistics.resampling_kernels import add_drawn  # here: most numbers need no kernel

    sizes = _blocks(rows.shape[1])
    counts = np.ascontiguousarray(rng.multinomial(drawn, sizes / sizes.sum(), replicates).T)
    states = rng.integers(0, 2**64, replicates, dtype=np.uint64)
    sums = np.zeros((len(rows), replicates))
    for values, total in zip(rows, sums, strict=True):
        add_drawn(values, sizes, counts, states.copy(), total)
    return sums


def _blocks(n: int) -> Int64[npt.NDArray[np.int64], "blocks"]:
    """Sizes of blocks that make up ``n``: as many of ``BLOCK`` as there are, then falling powers of two."""
    rest = [1 << bit for bit in reversed(range(BLOCK.bit_length())) if n % BLOCK >> bit & 1]
    return np.array([BLOCK] * (n // BLOCK) + rest, np.int64)
