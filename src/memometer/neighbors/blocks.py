"""A block of queries, with the best neighbours found for them so far, and its passage over a tile of the bank."""

import dataclasses
import threading

import numpy as np
import numpy.typing as npt

from memometer.errors import JobError
from memometer.neighbors import kernels
from memometer.neighbors.kernels import CHUNK, Best, Errors, Pairs, Pending, Products, Scales
from memometer.neighbors.metrics import Metric
from memometer.neighbors.precision import absolute_bound, relative_bound
from memometer.neighbors.tiles import Tile

__all__ = ["QueryBlock", "TileScan"]

SMALLEST = 2.0**-60
"""Shorter scaled queries are bounded as ones of this length where they are coded as whole numbers."""
WAITING = 6
"""Candidates of a query, in multiples of k, that wait for their similarities before some have to be computed."""
LEAST_WAITING = 256

_threads = threading.local()


@dataclasses.dataclass(frozen=True, eq=False)
class QueryBlock:
    """Consecutive queries and their best neighbours.

    Attributes:
        queries: their q vectors.
        metric: what their neighbours are nearest by.
        best: their neighbours, views into the result of the search.
        offsets: (q,) what their similarities take to be compared with scores, before scaling (`Metric.offsets`).
        factors: (q,) float32, their norms; times `reach`, how far a score may lie from its similarity.
        relative: how far coded queries lie from the queries at most, as a part of ``factors``.
        lock: held by whoever changes the best.
    """

    queries: Tile
    metric: Metric
    best: Best
    offsets: npt.NDArray[np.float64]
    factors: npt.NDArray[np.float32]
    relative: float
    lock: threading.Lock

    @classmethod
    def of(cls, queries: Tile, best: Best, *, metric: Metric) -> "QueryBlock":
        """The block of these queries, with their part of the best of all queries."""
        span = slice(queries.first_row, queries.first_row + len(queries))
        off, factors = queries.coded.residuals.astype(np.float64), queries.norms
        if off.any():
            factors = np.maximum(factors, np.float32(SMALLEST))
        relative = float((off / np.maximum(factors, np.float32(SMALLEST))).max(initial=0.0))
        mine = Best(best.similarities[span], best.rows[span], best.counts[span])
        offsets = metric.offsets(queries.lengths)
        return cls(queries, metric, mine, offsets, factors, relative, threading.Lock())

    def absolute(self, tile: Tile) -> float:
        """The part of a score's error in this tile that does not depend on the norms of its rows."""
        rounding = self.metric.rounding(self.queries.lengths, dim=self.queries.dim)
        return absolute_bound(self.queries.dim) + rounding * self._scale(tile)

    def reach(self, tile: Tile) -> npt.NDArray[np.float32]:
        """(w,) how far scores of the tile's rows may lie from their similarities, per norm of the query."""
        norms, off = tile.norms.astype(np.float64), tile.coded.residuals.astype(np.float64)
        rounding = tile.coded.rounding * relative_bound(self.queries.dim)
        reach = norms * rounding + off + self.relative * (norms + off)
        return (reach * (1 + 2.0**-20)).astype(np.float32)

    def scan(self, tile: Tile) -> "TileScan":
        """The passage over a tile; for whoever holds the lock."""
        mine, theirs = self.queries.coded, tile.coded
        scale = self._scale(tile)
        errors = Errors(self.factors, self.reach(tile), self.offsets, self.metric.slope, scale, self.absolute(tile))
        pending = _pending(len(self.queries), k=self.best.rows.shape[1])
        kernels.floors(errors, self.best, pending.floors)
        return TileScan(
            Pairs(self.queries.exact, tile.exact, tile.first_row, self.metric.squared),
            Scales(theirs.scales, theirs.last, mine.scales, mine.last),
            errors,
            self.best,
            pending,
        )

    def sort(self) -> None:
        """Puts the neighbours in order, best first."""
        values, rows = self.best.similarities, self.best.rows
        order = np.argsort(-values, axis=1)
        values[:], rows[:] = np.take_along_axis(values, order, axis=1), np.take_along_axis(rows, order, axis=1)
        for index in np.flatnonzero((values[:, 1:] == values[:, :-1]).any(axis=1)):
            order = np.lexsort((rows[index], -values[index]))
            values[index], rows[index] = values[index, order], rows[index, order]

    def _scale(self, tile: Tile) -> float:
        return 2.0 ** -(self.queries.exponent + tile.exponent)


@dataclasses.dataclass(frozen=True, eq=False)
class TileScan:
    """Takes the rows of a tile into the best of a block: candidates wait, in the end their similarities are computed.

    Attributes:
        pairs: the vectors.
        scales: what makes scores of products.
        errors: what scores say of similarities.
        best: the neighbours so far.
        pending: the candidates that wait.

    Its methods raise `JobError` where a score is further from its similarity than float32 arithmetic allows.
    """

    pairs: Pairs
    scales: Scales
    errors: Errors
    best: Best
    pending: Pending

    def products(self, products: Products, *, first: int) -> None:
        """Looks at products (q, w) with the tile's rows from ``first`` on."""
        some = self.scales, self.pairs, self.errors, self.best, self.pending
        _check(kernels.scan_products(products, first, *some))
        queries, room = self.pending.columns.shape
        if self.pending.counts.sum() > queries * (room - CHUNK) // 2:
            _check(kernels.lighten(0, queries, self.pairs, self.errors, self.best, self.pending))

    def candidates(
        self, starts: npt.NDArray[np.int64], columns: npt.NDArray[np.int64], scores: npt.NDArray[np.float32]
    ) -> None:
        """Looks at chosen rows: for query i the tile's rows columns[starts[i]:starts[i + 1]], in rising order."""
        some = self.pairs, self.errors, self.best, self.pending
        _check(kernels.scan_candidates(starts, columns, scores, *some))

    def settle(self) -> None:
        """Takes all that waits into the best."""
        queries = len(self.pending.counts)
        _check(kernels.settle(0, queries, self.pairs, self.errors, self.best, self.pending))


def _pending(queries: int, *, k: int) -> Pending:
    """Room for candidates of a block, empty: memory that this thread uses again and again."""
    shape = queries, max(WAITING * k, LEAST_WAITING) + CHUNK
    held: Pending | None = getattr(_threads, "pending", None)
    if held is None or held.columns.shape[1] != shape[1] or len(held.columns) < queries:
        held = _threads.pending = Pending(
            np.empty(shape, np.int32),
            np.empty(shape, np.float32),
            np.empty(shape),
            np.empty(queries, np.int64),
            np.empty(queries, np.float32),
        )
    some = slice(0, queries)
    pending = Pending(held.columns[some], held.scores[some], held.values[some], held.counts[some], held.floors[some])
    pending.counts[:] = 0
    return pending


def _check(outside: int) -> None:
    if outside:
        raise JobError(
            f"{outside:,} float32 inner products were further from their exact values than float32 arithmetic allows: "
            "the matrix product of this machine computes in less precision; unset ONEDNN_DEFAULT_FPMATH_MODE and "
            "NVIDIA_TF32_OVERRIDE, and do not change torch's matmul precision while a search runs"
        )
