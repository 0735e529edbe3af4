"""The one kernel of a search on a GPU: products of a tile, compared with the floors while they are in registers.

Only what survives is written. There is no selection of the k best in it, so k costs nothing. It is imported where a
search runs on such a device, and by nothing else: triton is no dependency of the rest.
"""

from typing import Any

import triton
import triton.language as tl

__all__ = ["survivors"]

BLOCK_QUERIES, BLOCK_COLUMNS, BLOCK_COMPONENTS = 128, 256, 64
GROUP = 8  # blocks of queries that follow one another for the same columns, which stay in the L2 cache


@triton.jit
def _survivors(  # type: ignore[no-untyped-def]  # noqa: PLR0917 (kernels are called by position)
    queries,  # noqa: ANN001 (pointers and numbers of the device)
    bank,  # noqa: ANN001
    factors,  # noqa: ANN001
    norms,  # noqa: ANN001
    floors,  # noqa: ANN001
    last_rows,  # noqa: ANN001
    last_columns,  # noqa: ANN001
    counts,  # noqa: ANN001
    columns,  # noqa: ANN001
    scores,  # noqa: ANN001
    n,  # noqa: ANN001
    m,  # noqa: ANN001
    dim,  # noqa: ANN001
    capacity,  # noqa: ANN001
    block_n: tl.constexpr,
    block_m: tl.constexpr,
    block_d: tl.constexpr,
    group: tl.constexpr,
    widened: tl.constexpr,
) -> None:
    place = tl.program_id(0)
    high, wide = tl.cdiv(n, block_n), tl.cdiv(m, block_m)
    lot = place // (group * wide)
    in_lot = min(high - lot * group, group)
    row = (lot * group + (place % (group * wide)) % in_lot) * block_n + tl.arange(0, block_n)
    column = ((place % (group * wide)) // in_lot) * block_m + tl.arange(0, block_m)
    some_rows, some_columns = row < n, column < m
    sums = tl.zeros((block_n, block_m), tl.float32)
    for start in range(0, dim, block_d):
        component = start + tl.arange(0, block_d)
        inside = component < dim
        left = tl.load(
            queries + row.to(tl.int64)[:, None] * dim + component[None, :],
            mask=some_rows[:, None] & inside[None, :],
            other=0.0,
        )
        right = tl.load(
            bank + column.to(tl.int64)[None, :] * dim + component[:, None],
            mask=some_columns[None, :] & inside[:, None],
            other=0.0,
        )
        if widened:
            left, right = left.to(tl.float32), right.to(tl.float32)
        sums = tl.dot(left, right, sums)
    last_row = tl.load(last_rows + row, mask=some_rows, other=0.0)
    last_column = tl.load(last_columns + column, mask=some_columns, other=0.0)
    score = sums + last_row[:, None] * last_column[None, :]
    factor = tl.load(factors + row, mask=some_rows, other=0.0)
    norm = tl.load(norms + column, mask=some_columns, other=0.0)
    floor = tl.load(floors + row, mask=some_rows, other=float("inf"))
    reaches = (score + factor[:, None] * norm[None, :] >= floor[:, None]) & some_rows[:, None] & some_columns[None, :]
    where = row.to(tl.int64)[:, None] + tl.zeros((block_n, block_m), tl.int64)
    slot = tl.atomic_add(counts + where, 1, mask=reaches)
    fits = reaches & (slot < capacity)
    out = where * capacity + slot
    tl.store(columns + out, column[None, :] + tl.zeros((block_n, block_m), tl.int32), mask=fits)
    tl.store(scores + out, score, mask=fits)


def survivors(
    *,
    queries: Any,
    bank: Any,
    factors: Any,
    norms: Any,
    floors: Any,
    last_rows: Any,
    last_columns: Any,
    counts: Any,
    columns: Any,
    scores: Any,
) -> None:
    """Appends every pair whose score reaches the floor with its error: factors[i] * norms[j] at most.

    A score is the product of queries (q, d) and bank (w, d), both bfloat16, summed in float32, plus last_rows[i] *
    last_columns[j]. Of query i it writes to columns[i] and scores[i] (q, c), in any order, and counts in counts[i] (q,)
    how many reached the floor: more than c where there was no room for the rest.
    """
    (n, dim), m = queries.shape, len(bank)
    grid = (triton.cdiv(n, BLOCK_QUERIES) * triton.cdiv(m, BLOCK_COLUMNS),)
    _survivors[grid](
        *(queries, bank, factors, norms, floors, last_rows, last_columns, counts, columns, scores),
        *(n, m, dim, columns.shape[1], BLOCK_QUERIES, BLOCK_COLUMNS, BLOCK_COMPONENTS, GROUP),
        not queries.is_cuda,  # triton's interpreter multiplies the bits of bfloat16 as if they were whole numbers
        num_warps=8,
        num_stages=4,
    )
