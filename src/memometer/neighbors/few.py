"""The search for a handful of queries: every similarity is computed, while the bank passes by once.

To read the bank from memory takes longer than to compute with it, so nothing is worth a second look at a row.
"""

import functools
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from memometer.neighbors import kernels
from memometer.neighbors.blocks import QueryBlock
from memometer.neighbors.kernels import Best, Pairs
from memometer.neighbors.metrics import Metric
from memometer.neighbors.products import CpuProducts
from memometer.neighbors.tiles import VectorSource, check_norms, read_rows

__all__ = ["AllSimilarities", "search_few"]

Rows = npt.NDArray[np.floating]


class AllSimilarities(CpuProducts):
    """Marks a plan by which no products choose candidates: the float64 similarities of all rows are computed."""

    name = "float64"


def search_few(
    blocks: Sequence[QueryBlock],
    bank: VectorSource,
    spans: Sequence[slice],
    *,
    metric: Metric,
    reader: ThreadPoolExecutor,
    workers: ThreadPoolExecutor,
    threads: int,
) -> Iterator[int]:
    """Takes the rows in ``spans`` into the best of every block, the next span being read while one is compared.

    Yields how many bank rows are done.

    Raises:
        InputError: what was read is not an array of floats, or not of the shape that was asked for.
        VectorError: a bank row is not finite, or (for inner products) zero, or too long or too short for float64.
    """
    dim = blocks[0].queries.exact.shape[1]
    ahead: deque[tuple[slice, Future[Rows]]] = deque()
    for span in spans:
        ahead.append((span, reader.submit(read_rows, bank, span, dim=dim, side="bank")))
        if len(ahead) == 2:
            yield _take_span(blocks, *ahead.popleft(), metric=metric, workers=workers, threads=threads)
    while ahead:
        yield _take_span(blocks, *ahead.popleft(), metric=metric, workers=workers, threads=threads)


def _take_span(
    blocks: Sequence[QueryBlock],
    span: slice,
    reading: Future[Rows],
    *,
    metric: Metric,
    workers: ThreadPoolExecutor,
    threads: int,
) -> int:
    rows = reading.result()
    share = -(-len(rows) // threads)
    parts = [(rows[start : start + share], span.start + start) for start in range(0, len(rows), share)]
    for block in blocks:
        list(workers.map(functools.partial(_take, block, metric=metric), *zip(*parts, strict=True)))
    return int(span.stop)


def _take(block: QueryBlock, rows: Rows, first_row: int, *, metric: Metric) -> None:
    queries = block.queries.exact
    values, norms = np.empty((len(queries), len(rows))), np.empty(len(rows))
    kernels.compare_all(Pairs(queries, rows, first_row, metric.squared), values, norms)
    check_norms(norms, rows, first_row=first_row, side="bank", metric=metric)
    with block.lock:
        for index, mine in enumerate(values):
            _merge(block.best, index, mine, first_row)


def _merge(best: Best, index: int, values: npt.NDArray[np.float64], first_row: int) -> None:
    """Takes the rows from ``first_row`` on with these similarities into the best of query ``index``."""
    held, k = int(best.counts[index]), best.rows.shape[1]
    floor = best.similarities[index, k - 1] if held == k else -np.inf
    if held < k < len(values):
        floor = np.partition(values, len(values) - k)[len(values) - k]
    found = np.flatnonzero(values >= floor)
    every = np.concatenate([best.similarities[index, :held], values[found]])
    rows = np.concatenate([best.rows[index, :held], first_row + found])
    order = np.lexsort((rows, -every))[:k]
    best.counts[index] = len(order)
    best.similarities[index, : len(order)], best.rows[index, : len(order)] = every[order], rows[order]
