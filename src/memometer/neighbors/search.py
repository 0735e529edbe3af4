"""Exact search of the k nearest bank vectors by inner product, or by l2 distance.

The answer is a function of the vectors alone. Every similarity is the float64 inner product (or squared distance) in
one fixed order (``oracle``), computed on the CPU; neighbours are ordered by similarity, equal ones by the lower
bank row. Matrix products in float32, or of whole numbers where the processor is faster with them, only choose which
pairs are worth that computation, with a bound on their error (``precision``) that no row of the answer can fall outside
of. So tiles, threads, batches, the order of the queries, the processor and the device change the time a search takes,
and nothing else.

The bank is read once, a tile at a time and one tile ahead, while workers multiply it with blocks of queries. A worker
multiplies with one thread and scans its scores while they are in its cache: there is nothing to wait for between the
two, and no worker waits for another before the tile after next.
"""

import contextlib
import functools
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch

from memometer.choices import MAX_K
from memometer.errors import InputError, VectorError
from memometer.neighbors.blocks import QueryBlock
from memometer.neighbors.few import AllSimilarities, search_few
from memometer.neighbors.kernels import Best
from memometer.neighbors.metrics import INNER, Metric, MetricName, Side, metric_named
from memometer.neighbors.plan import Plan, plan_for
from memometer.neighbors.precision import full_float32
from memometer.neighbors.products import Products
from memometer.neighbors.result import Neighbors
from memometer.neighbors.tiles import Tile, VectorSource, norm_of_first, read_tile, shape_of

__all__ = ["products_used", "search", "search_by"]

_used: set[str] = set()


def search(
    queries: VectorSource,
    bank: VectorSource,
    k: int = 10,
    *,
    metric: MetricName = "inner",
    device: str | None = "cpu",
    progress: Callable[[int], None] | None = None,
) -> Neighbors:
    """The k bank rows with the largest inner product with each query, or at the smallest l2 distance from it, exactly.

    Nothing is normalised here. Vectors are float16, float32 or float64, in anything with a ``shape`` whose slices are
    arrays: NumPy arrays, memory maps, torch tensors, ``Embeddings``. Queries are held in memory, up to 512 MiB of them
    at once; the bank is read once for each such lot.

    Args:
        queries: (n, d).
        bank: (m, d), m >= k.
        k: neighbours per query, 1 to 1024.
        metric: ``"inner"`` (for normalised vectors the cosine similarity), or ``"l2"``, whose similarities are squared
            distances with their sign changed.
        device: ``"cpu"``, ``"cuda"``, or None for CUDA where there is one.
        progress: called after every tile of the bank, with numbers that sum to n.

    Raises:
        InputError: k, the metric, the device or the kind of input is wrong.
        VectorError: widths differ, the bank has fewer than k rows, or a vector is not finite or (for inner products)
            zero.
        JobError: this machine's float32 products are less precise than float32.

    >>> found = search(np.array([[1.0, 0.0]]), np.array([[0.6, 0.8], [1.0, 0.0], [0.6, -0.8]]), k=2)
    >>> found.rows, found.similarities
    (array([[1, 0]]), array([[1. , 0.6]]))
    """
    n, dim = shape_of(queries, side="queries")
    m, _ = shape_of(bank, side="bank")
    plan = plan_for(device, n=n, m=m, dim=dim, k=k if isinstance(k, int) else 1)
    return search_by(plan, queries, bank, k, metric=metric, progress=progress)


def search_by(
    plan: Plan,
    queries: VectorSource,
    bank: VectorSource,
    k: int,
    *,
    metric: MetricName = "inner",
    progress: Callable[[int], None] | None = None,
) -> Neighbors:
    """``search`` by a given plan."""
    n, dim = shape_of(queries, side="queries")
    m, bank_dim = shape_of(bank, side="bank")
    if dim != bank_dim:
        raise VectorError(
            f"queries have {dim} components and the bank {bank_dim}; both must be vectors of one width, from one model"
        )
    _check_k(k, bank_rows=m)
    _used.add(plan.products.name)
    measure = INNER if metric == "inner" else metric_named(metric, norm=norm_of_first(queries, dim=dim, side="queries"))
    best = Best(np.empty((n, k)), np.empty((n, k), np.int64), np.zeros(n, np.int64))
    with full_float32(), _pool(1) as reader, _pool(plan.threads) as workers:
        for held in _spans(slice(0, n), plan.held_rows):
            read = functools.partial(_read_ahead, metric=measure, plan=plan, reader=reader)
            tiles = read(queries, held, side="queries", rows=plan.block_rows)
            blocks = [QueryBlock.of(tile, best, metric=measure) for tile in tiles]
            reported = 0
            if isinstance(plan.products, AllSimilarities):
                spans = _spans(slice(0, m), plan.tile_rows)
                pools = {"reader": reader, "workers": workers}
                steps = search_few(blocks, bank, spans, metric=measure, threads=plan.threads, **pools)
            else:
                tiles = read(bank, slice(0, m), side="bank", rows=plan.tile_rows)
                steps = _search_tiles(blocks, tiles, products=plan.products, workers=workers)
            for done in steps:
                answered = done * (held.stop - held.start) // m
                if progress is not None:
                    progress(answered - reported)
                reported = answered
            list(workers.map(QueryBlock.sort, blocks))
    return Neighbors(best.rows, best.similarities)


def products_used() -> list[str]:
    """The names of the products by which searches of this process found their candidates, sorted."""
    return sorted(_used)


def _search_tiles(
    blocks: list[QueryBlock], tiles: Iterator[Tile], *, products: Products, workers: ThreadPoolExecutor
) -> Iterator[int]:
    """Searches the tiles, two of them under way at a time; yields how many bank rows are done."""
    under_way: deque[tuple[int, list[Future[None]]]] = deque()

    def finish() -> int:
        done, futures = under_way.popleft()
        for future in futures:
            future.result()
        return done

    for tile in tiles:
        futures = [workers.submit(_update, products, block, tile) for block in blocks]
        under_way.append((tile.first_row + len(tile), futures))
        if len(under_way) == 2:
            yield finish()
    while under_way:
        yield finish()


def _update(products: Products, block: QueryBlock, tile: Tile) -> None:
    with block.lock:
        products.update(block, tile)


def _read_ahead(
    source: VectorSource,
    span: slice,
    *,
    side: Side,
    rows: int,
    metric: Metric,
    plan: Plan,
    reader: ThreadPoolExecutor,
) -> Iterator[Tile]:
    """The tiles of a span in order, the next one being read while one is in use."""
    _, dim = shape_of(source, side=side)
    ahead: deque[Future[Tile]] = deque()
    for part in _spans(span, rows):
        ahead.append(reader.submit(read_tile, source, part, dim=dim, side=side, coder=plan.products, metric=metric))
        if len(ahead) == 2:
            yield ahead.popleft().result()
    while ahead:
        yield ahead.popleft().result()


def _spans(span: slice, rows: int) -> list[slice]:
    return [slice(first, min(first + rows, span.stop)) for first in range(span.start, span.stop, rows)]


@contextlib.contextmanager
def _pool(threads: int) -> Iterator[ThreadPoolExecutor]:
    """Threads that each compute alone; work that has not begun is dropped on an error."""
    threads_before = torch.get_num_threads()
    pool = ThreadPoolExecutor(threads, initializer=_compute_alone)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads_before)  # a thread's own number is also the default of threads yet to start


def _compute_alone() -> None:
    """One thread for products, and subnormal numbers kept: both are settings of the thread that asks for them."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(False)


def _check_k(k: int, *, bank_rows: int) -> None:
    if not isinstance(k, int | np.integer) or isinstance(k, bool) or not 1 <= k <= MAX_K:
        raise InputError(f"k is {k!r}; pass a whole number from 1 to {MAX_K}")
    if bank_rows == 0:
        raise VectorError("public set has 0 images; pass one with at least k of them")
    if k > bank_rows:
        raise VectorError(
            f"public set has {bank_rows:,} images, fewer than k = {k}; pass --k {bank_rows} or more images"
        )
