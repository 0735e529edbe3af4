"""A block of queries, with the best neighbours found for them so far."""

import dataclasses
import threading

import numpy as np
import numpy.typing as npt

from memometer.errors import JobError
from memometer.neighbors import kernels
from memometer.neighbors.kernels import Errors, Heaps, Pairs, Products, Scales
from memometer.neighbors.metrics import Metric
from memometer.neighbors.precision import absolute_bound, relative_bound
from memometer.neighbors.tiles import Tile

__all__ = ["QueryBlock"]

SMALLEST = 2.0**-60
"""Shorter scaled queries are bounded as ones of this length where they are coded as whole numbers."""


@dataclasses.dataclass(frozen=True, eq=False)
class QueryBlock:
    """Consecutive queries and their heaps of neighbours.

    Attributes:
        queries: their q vectors.
        metric: what their neighbours are nearest by.
        heaps: their neighbours, views into the result of the search.
        offsets: (q,) what their similarities take to be compared with scores, before scaling (`Metric.offsets`).
        factors: (q,) float32, their norms; times `reach`, how far a score may lie from its similarity.
        relative: how far coded queries lie from the queries at most, as a part of ``factors``.
        lock: held by whoever changes the heaps.
    """

    queries: Tile
    metric: Metric
    heaps: Heaps
    offsets: npt.NDArray[np.float64]
    factors: npt.NDArray[np.float32]
    relative: float
    lock: threading.Lock

    @classmethod
    def of(cls, queries: Tile, heaps: Heaps, *, metric: Metric) -> "QueryBlock":
        """The block of these queries, with their part of the heaps of all queries."""
        span = slice(queries.first_row, queries.first_row + len(queries))
        off, factors = queries.coded.residuals.astype(np.float64), queries.norms
        if off.any():
            factors = np.maximum(factors, np.float32(SMALLEST))
        relative = float((off / np.maximum(factors, np.float32(SMALLEST))).max(initial=0.0))
        mine = Heaps(heaps.similarities[span], heaps.rows[span], heaps.counts[span])
        offsets = metric.offsets(queries.lengths)
        return cls(queries, metric, mine, offsets, factors, relative, threading.Lock())

    def absolute(self, tile: Tile) -> float:
        """The part of a score's error in this tile that does not depend on the norms of its rows."""
        rounding = self.metric.rounding(self.queries.lengths, dim=self.queries.dim)
        return absolute_bound(self.queries.dim) + rounding * self._scale(tile)

    def floors(self, tile: Tile) -> npt.NDArray[np.float32]:
        """(q,) what a score in this tile and its error must reach together; -inf where a heap is not yet full."""
        out = np.empty(len(self.queries), np.float32)
        kernels.floors(self._errors(tile, slice(0, len(tile))), self.heaps, out)
        return out

    def scan(self, products: Products, tile: Tile, *, first: int) -> None:
        """Takes the products (q, w) with the tile's rows ``first``, ``first + 1``, … into the heaps.

        Raises:
            JobError: a score is further from its similarity than float32 arithmetic allows.
        """
        span = slice(first, first + products.shape[1])
        mine, theirs = self.queries.coded, tile.coded
        scales = Scales(theirs.scales[span], theirs.last[span], mine.scales, mine.last)
        _check(kernels.scan_products(products, scales, self._pairs(tile, span), self._errors(tile, span), self.heaps))

    def offer(
        self, starts: npt.NDArray[np.int64], columns: npt.NDArray[np.int64], scores: npt.NDArray[np.float32], tile: Tile
    ) -> None:
        """Takes candidates into the heaps: for query i the tile's rows columns[starts[i]:starts[i + 1]].

        Raises:
            JobError: a score is further from its similarity than float32 arithmetic allows.
        """
        span = slice(0, len(tile))
        pairs, errors = self._pairs(tile, span), self._errors(tile, span)
        _check(kernels.offer_candidates(starts, columns, scores, pairs, errors, self.heaps))

    def _pairs(self, tile: Tile, span: slice) -> Pairs:
        return Pairs(self.queries.exact, tile.exact[span], tile.first_row + span.start, self.metric.squared)

    def reach(self, tile: Tile, span: slice) -> npt.NDArray[np.float32]:
        """(w,) how far scores of the tile's rows may lie from their similarities, per norm of the query."""
        norms, off = tile.norms[span].astype(np.float64), tile.coded.residuals[span].astype(np.float64)
        reach = norms * relative_bound(self.queries.dim) + off + self.relative * (norms + off)
        return (reach * (1 + 2.0**-20)).astype(np.float32)

    def _errors(self, tile: Tile, span: slice) -> Errors:
        norms, scale = self.reach(tile, span), self._scale(tile)
        return Errors(self.factors, norms, self.offsets, self.metric.slope, scale, self.absolute(tile))

    def _scale(self, tile: Tile) -> float:
        return 2.0 ** -(self.queries.exponent + tile.exponent)


def _check(outside: int) -> None:
    if outside:
        raise JobError(
            f"{outside:,} float32 inner products were further from their exact values than float32 arithmetic allows: "
            "the matrix product of this machine computes in less precision; unset ONEDNN_DEFAULT_FPMATH_MODE and "
            "NVIDIA_TF32_OVERRIDE, and do not change torch's matmul precision while a search runs"
        )
