"""The compiled loops of the search, all in one file: numba's disk cache does not see changes across files.

The order of every float64 sum is fixed, so the same pair of vectors gives the same bits whatever the tile, the thread
or the processor. A product of two float32 numbers is exact in float64: there, and only there, it may be fused with the
sum that follows.

Rows whose score reaches the floor of their query wait until their tile is done. Then similarities are computed: first
of those whose scores are highest, since the k-th best of these is a floor that spares most of the others the work. The
k best of a query are those of the total order "higher similarity, then lower row"; they do not depend on the order in
which rows are offered.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.core import cgutils, types
from numba.core import errors as numba_errors
from numba.extending import intrinsic

from memometer.compiling import compiled
from memometer.neighbors.oracle import LANES

__all__ = [
    "CHUNK",
    "Best",
    "Errors",
    "Pairs",
    "Pending",
    "Scales",
    "compare_all",
    "floors",
    "raise_floors",
    "row_norms",
    "scan_candidates",
    "scan_products",
    "settle",
]

CHUNK = 64  # scores compared together before fewer of them are
PART = 16  # scores compared together before any is looked at alone
STRIPE = 128  # rows of a tile that are compared with all queries while they are in the core's cache
MANY = 16  # more neighbours than these are too many to be dropped one by one
MARGIN = 2.0**-22  # more than a rounding to float32 can move a number, as a part of it

Floating = npt.NDArray[np.floating]
Single = npt.NDArray[np.float32]
Products = npt.NDArray[np.float32] | npt.NDArray[np.int32]
Double = npt.NDArray[np.float64]
Integers = npt.NDArray[np.integer]


class Pairs(NamedTuple):
    """The vectors that are compared: queries (q, d), and bank rows (w, d) of which the first is row ``first_row``.

    Where ``squared``, a similarity is a squared distance with its sign changed, else an inner product.
    """

    queries: Floating
    bank: Floating
    first_row: int
    squared: bool


class Scales(NamedTuple):
    """What makes a score of a product: products[i, j] * columns[j] * rows[i] + last_columns[j] * last_rows[i].

    Of the bank ``columns`` and ``last_columns`` (w,), of the queries ``rows`` and ``last_rows`` (q,).
    """

    columns: Single
    last_columns: Single
    rows: Single
    last_rows: Single


class Errors(NamedTuple):
    """How scores, approximate products of scaled vectors, relate to similarities (``precision`` says why).

    The score of query i and row j lies within factors[i] * norms[j] + absolute of
    (similarity * slope + offsets[i]) * scale.
    """

    factors: Single
    norms: Single
    offsets: Double
    slope: float
    scale: float
    absolute: float


class Best(NamedTuple):
    """The best neighbours so far: similarities and rows (q, k), and counts (q,), the places taken.

    The last is the worst of them; the others are in no order.
    """

    similarities: Double
    rows: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]


class Pending(NamedTuple):
    """Columns of a tile that wait for their similarities: of query i the first counts[i] places, in rising order.

    ``columns`` (q, c) of the tile and their ``scores``, ``values`` (q, c) for similarities; ``counts`` (q,), and
    ``floors`` (q,), what a score and its error must reach together.
    """

    columns: npt.NDArray[np.int32]
    scores: Single
    values: Double
    counts: npt.NDArray[np.int64]
    floors: Single


def _in_lanes(*, squared: bool) -> Callable[..., Any]:
    """The code of a sum over the components of two vectors, or of a squared distance, in the order of the oracle.

    Numba by itself keeps the partial sums in memory; as one vector of ``LANES`` they stay in registers.
    """

    def typed(_: Any, left: Any, right: Any) -> Any:
        if not all(isinstance(side, types.Array) and side.ndim == 1 and side.layout == "C" for side in (left, right)):
            raise numba_errors.TypingError("vectors must be one-dimensional and contiguous")
        exact = left.dtype == right.dtype == types.float32
        fused = ("contract",) if exact and not squared else ()
        double = ir.DoubleType()
        wide = ir.VectorType(double, LANES)
        zeros = [0.0] * LANES

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            arrays = [
                context.make_array(ty)(context, builder, arg) for ty, arg in zip(signature.args, arguments, strict=True)
            ]
            numbers = [context.get_data_type(ty.dtype) for ty in signature.args]
            sums = cgutils.alloca_once_value(builder, ir.Constant(wide, zeros))

            def add(pointers: list[Any]) -> None:
                lanes = []
                for pointer, number in zip(pointers, numbers, strict=True):
                    whole = builder.bitcast(pointer, ir.VectorType(number, LANES).as_pointer())
                    values = builder.load(whole, align=8 if number == double else 4)
                    lanes.append(values if number == double else builder.fpext(values, wide))
                if squared:
                    apart = builder.fsub(*lanes)
                    lanes = [apart, apart]
                products = builder.fmul(*lanes, flags=fused)
                builder.store(builder.fadd(builder.load(sums), products, flags=fused), sums)

            dim = builder.extract_value(arrays[1].shape, 0)
            whole = builder.and_(dim, ir.Constant(dim.type, -LANES))
            steps = [ir.Constant(dim.type, 0), whole, ir.Constant(dim.type, LANES)]
            with cgutils.for_range_slice(builder, *steps) as (place, _):
                add([builder.gep(array.data, [place]) for array in arrays])
            rest = builder.sub(dim, whole)
            with builder.if_then(builder.icmp_signed(">", rest, ir.Constant(dim.type, 0))):
                ends = []
                for array, number in zip(arrays, numbers, strict=True):
                    filled = ir.Constant(ir.VectorType(number, LANES), zeros)
                    end = builder.bitcast(cgutils.alloca_once(builder, filled.type), number.as_pointer())
                    builder.store(filled, builder.bitcast(end, filled.type.as_pointer()))
                    cgutils.raw_memcpy(
                        builder, end, builder.gep(array.data, [whole]), rest, 8 if number == double else 4
                    )
                    ends.append(end)
                add(ends)
            total = builder.load(sums)
            places = list(range(LANES))
            while len(places) > 1:
                half = len(places) // 2
                halves = [
                    builder.shuffle_vector(total, total, ir.Constant(ir.VectorType(ir.IntType(32), half), some))
                    for some in (places[:half], places[half:])
                ]
                total, places = builder.fadd(*halves), places[:half]
            return builder.extract_element(total, ir.Constant(ir.IntType(32), 0))

        return types.float64(left, right), generate

    return typed


sum_of_products = intrinsic(_in_lanes(squared=False))
sum_of_squares = intrinsic(_in_lanes(squared=True))


@compiled()
def similarity(query: Floating, vector: Floating) -> float:
    """The similarity that ``similarities_oracle`` defines."""
    return sum_of_products(query, vector)  # type: ignore[no-any-return]


@compiled()
def minus_distance(query: Floating, vector: Floating) -> float:
    """The squared distance that ``distances_oracle`` defines with its sign changed."""
    return 0.0 - sum_of_squares(query, vector)  # type: ignore[no-any-return]


@compiled()
def row_norms(vectors: Floating, norms: Double) -> None:
    """Writes the l2 norm of each row to ``norms``; not finite where the row is not."""
    for row in range(len(vectors)):
        norms[row] = np.sqrt(similarity(vectors[row], vectors[row]))


@compiled()
def compare_all(pairs: Pairs, values: Double, norms: Double) -> None:
    """Writes the similarities of all pairs (q, w), and the norms of the bank's rows (w,)."""
    for row in range(len(pairs.bank)):
        vector = pairs.bank[row]
        norms[row] = np.sqrt(similarity(vector, vector))
        for index in range(len(pairs.queries)):
            query = pairs.queries[index]
            values[index, row] = minus_distance(query, vector) if pairs.squared else similarity(query, vector)


@compiled()
def lowered(value: float, absolute: float) -> np.float32:
    """A float32 that is below ``value`` by at least ``absolute``."""
    return np.float32(value - abs(value) * MARGIN - 2 * absolute)


@compiled()
def as_score(value: float, index: int, errors: Errors) -> float:
    """The similarity of query ``index`` and a row, in the terms of their score."""
    return (value * errors.slope + errors.offsets[index]) * errors.scale  # type: ignore[no-any-return]


@compiled()
def floor_of(index: int, errors: Errors, best: Best) -> np.float32:
    """What a score and its error must reach together to be among the best; -inf until there are k."""
    k = best.rows.shape[1]
    if best.counts[index] < k:
        return np.float32(-np.inf)
    return lowered(as_score(best.similarities[index, k - 1], index, errors), errors.absolute)  # type: ignore[no-any-return]


@compiled()
def floors(errors: Errors, best: Best, out: Single) -> None:
    """Writes ``floor_of`` every query to ``out`` (q,)."""
    for index in range(len(out)):
        out[index] = floor_of(index, errors, best)


@compiled()
def raise_floors(seeds: Single, absolute: float, out: Single) -> None:
    """Raises ``out`` (q,) to what the k-th best lower bounds ``seeds`` (q,) allow."""
    for index in range(len(seeds)):
        out[index] = max(out[index], lowered(np.float64(seeds[index]), absolute))


@compiled()
def nearly_kth(values: Floating, k: int) -> float:
    """A number that at least k of the values reach, and hardly more: bisection is faster than a selection."""
    whole = len(values) - len(values) % LANES
    lows = np.full(LANES, values[0], values.dtype)
    highs = lows.copy()
    for start in range(0, whole, LANES):
        some = values[start : start + LANES]
        for lane in range(LANES):
            lows[lane] = min(lows[lane], some[lane])
            highs[lane] = max(highs[lane], some[lane])
    low, high = np.float64(lows.min()), np.float64(highs.max())
    for place in range(whole, len(values)):
        low = min(low, np.float64(values[place]))
        high = max(high, np.float64(values[place]))
    bound = np.empty(1, values.dtype)
    for _ in range(16):
        bound[0] = (low + high) / 2
        middle = bound[0]
        reached = np.int32(0)
        for place in range(len(values)):
            reached += np.int32(values[place] >= middle)
        if reached >= k:
            low = np.float64(middle)
        else:
            high = np.float64(middle)
    return low


@compiled()
def before(similarity_a: float, row_a: int, similarity_b: float, row_b: int) -> bool:
    """Whether neighbour a ranks before neighbour b."""
    return (similarity_a > similarity_b) | ((similarity_a == similarity_b) & (row_a < row_b))


@compiled(inline="always")
def score_of(product: float, column: float, last_column: float, row: float, last_row: float) -> float:
    """The score that ``Scales`` defines."""
    return np.float32(product) * column * row + last_column * last_row  # type: ignore[return-value]


@compiled()
def next_chunk(  # noqa: PLR0917 (numba calls are positional)
    products: Products,
    columns: Single,
    last_columns: Single,
    norms: Single,
    row: float,
    last_row: float,
    factor: float,
    floor: float,
    start: int,
) -> int:
    """Where the next whole ``CHUNK`` of scores begins of which one reaches the floor with its error; else past them."""
    whole = len(products) - len(products) % CHUNK
    for first in range(start, whole, CHUNK):
        some = products[first : first + CHUNK]
        some_columns = columns[first : first + CHUNK]
        some_last = last_columns[first : first + CHUNK]
        some_norms = norms[first : first + CHUNK]
        hits = np.int32(0)  # as wide as the scores: the loop is ten times as fast as with a wider one
        for place in range(CHUNK):
            score = score_of(some[place], some_columns[place], some_last[place], row, last_row)
            hits |= np.int32(score + factor * some_norms[place] >= floor)
        if hits:  # seldom, after the first tiles
            return first
    return whole


@compiled()
def scan_products(  # noqa: PLR0917 (numba calls are positional)
    products: Products, first: int, scales: Scales, pairs: Pairs, errors: Errors, best: Best, pending: Pending
) -> int:
    """Lets the columns wait whose scores reach the floors: products (q, w) with the columns from ``first`` on.

    Returns how many scores were further from their similarity than their error allows: 0 where products are as precise
    as they should be.
    """
    width = products.shape[1]
    limit = pending.columns.shape[1] - CHUNK
    whole = width - width % CHUNK
    norms = errors.norms
    span = slice(first, first + width)
    tile_columns, tile_last, tile_norms = scales.columns[span], scales.last_columns[span], norms[span]
    some_scores = np.empty(PART, np.float32)
    reached = np.empty(PART, np.int32)
    outside = 0
    for index in range(len(products)):
        mine = products[index]
        row, last_row = scales.rows[index], scales.last_rows[index]
        columns, scores = pending.columns[index], pending.scores[index]
        factor = errors.factors[index]
        floor = pending.floors[index]
        found = pending.counts[index]
        start = next_chunk(mine, tile_columns, tile_last, tile_norms, row, last_row, factor, floor, 0)
        while start < whole:
            some = mine[start : start + CHUNK]
            some_columns = tile_columns[start : start + CHUNK]
            some_last = tile_last[start : start + CHUNK]
            some_norms = tile_norms[start : start + CHUNK]
            for part in range(0, CHUNK, PART):
                hits = np.int32(0)
                for place in range(PART):
                    column = part + place
                    score = score_of(some[column], some_columns[column], some_last[column], row, last_row)
                    some_scores[place] = score
                    reached[place] = score + factor * some_norms[column] >= floor
                    hits |= reached[place]
                if not hits:
                    continue
                for place in range(PART):
                    columns[found] = first + start + part + place
                    scores[found] = some_scores[place]
                    found += reached[place]
            if found >= limit:
                pending.counts[index] = found
                outside += relieve(index, pairs, errors, best, pending)
                found = pending.counts[index]
                floor = pending.floors[index]
            following = start + CHUNK
            start = next_chunk(mine, tile_columns, tile_last, tile_norms, row, last_row, factor, floor, following)
        for place in range(whole, width):
            column = first + place
            score = score_of(mine[place], scales.columns[column], scales.last_columns[column], row, last_row)
            columns[found] = column
            scores[found] = score
            found += score + factor * norms[column] >= floor
        pending.counts[index] = found
        if found >= limit:
            outside += relieve(index, pairs, errors, best, pending)
    return outside


@compiled()
def scan_candidates(  # noqa: PLR0917 (numba calls are positional)
    starts: Integers, columns: Integers, scores: Single, pairs: Pairs, errors: Errors, best: Best, pending: Pending
) -> int:
    """Lets columns wait that are chosen already, of query i columns[starts[i]:starts[i + 1]] with their scores.

    Returns what ``scan_products`` returns.
    """
    limit = pending.columns.shape[1] - CHUNK
    outside = 0
    for index in range(len(starts) - 1):
        for place in range(starts[index], starts[index + 1]):
            found = pending.counts[index]
            pending.columns[index, found] = columns[place]
            pending.scores[index, found] = scores[place]
            reached = scores[place] + errors.factors[index] * errors.norms[columns[place]] >= pending.floors[index]
            pending.counts[index] = found + reached
            if found + reached >= limit:
                outside += relieve(index, pairs, errors, best, pending)
    return outside


@compiled()
def relieve(index: int, pairs: Pairs, errors: Errors, best: Best, pending: Pending) -> int:
    """Makes room, where a higher floor leaves too many (equal rows, a narrow cone) by computing all similarities."""
    limit = pending.columns.shape[1] - CHUNK
    outside = lighten(index, index + 1, pairs, errors, best, pending)
    if pending.counts[index] > limit // 2:
        outside += settle(index, index + 1, pairs, errors, best, pending)
    return outside  # type: ignore[no-any-return]


@compiled()
def lighten(first: int, last: int, pairs: Pairs, errors: Errors, best: Best, pending: Pending) -> int:  # noqa: PLR0917
    """Takes the highest scores of what waits into the best, and drops what the floor excludes that they give.

    For the queries from ``first`` to ``last``; returns what ``scan_products`` returns.
    """
    k = best.rows.shape[1]
    bars = np.empty(last - first, np.float32)
    for index in range(first, last):
        count = pending.counts[index]
        bar = floor_of(index, errors, best)
        if count > k:
            bar = max(bar, np.float32(nearly_kth(pending.scores[index, :count], k)))
        bars[index - first] = bar
    return evaluate(first, last, bars, np.float32(0), pairs, errors, best, pending)  # type: ignore[no-any-return]


@compiled()
def settle(first: int, last: int, pairs: Pairs, errors: Errors, best: Best, pending: Pending) -> int:  # noqa: PLR0917
    """Takes all that waits of the queries from ``first`` to ``last`` into the best.

    Returns what ``scan_products`` returns.
    """
    outside = lighten(first, last, pairs, errors, best, pending)
    outside += evaluate(first, last, pending.floors[first:last], np.float32(1), pairs, errors, best, pending)
    pending.counts[first:last] = 0
    return outside  # type: ignore[no-any-return]


@compiled()
def evaluate(  # noqa: PLR0917 (numba calls are positional)
    first: int, last: int, bars: Single, errs: float, pairs: Pairs, errors: Errors, best: Best, pending: Pending
) -> int:
    """Takes what waits into the best where its score and ``errs`` times its error reach the bar (queries,)."""
    norms = errors.norms
    length = pending.columns.shape[1]
    chosen = np.empty(last - first, np.int64)
    spare = np.empty(length, np.int32), np.empty(length, np.float32)
    for index in range(first, last):
        chosen[index - first] = choose(index, bars[index - first], errs, errors, pending, spare)
    places = np.zeros(last - first, np.int64)
    outside = 0
    for stripe in range(STRIPE, len(pairs.bank) + STRIPE, STRIPE):
        for index in range(first, last):
            columns, scores, values = pending.columns[index], pending.scores[index], pending.values[index]
            query, factor = pairs.queries[index], errors.factors[index]
            place = places[index - first]
            while place < chosen[index - first] and columns[place] < stripe:
                column = columns[place]
                vector = pairs.bank[column]
                value = minus_distance(query, vector) if pairs.squared else similarity(query, vector)
                off = abs(as_score(value, index, errors) - scores[place])
                outside += not off <= factor * norms[column] + errors.absolute
                values[place] = value
                place += 1
            places[index - first] = place
    room = np.empty(length + best.rows.shape[1]), np.empty(length + best.rows.shape[1], np.int64)
    for index in range(first, last):
        take(index, chosen[index - first], pairs, best, pending, room)
        floor = max(pending.floors[index], floor_of(index, errors, best))
        pending.floors[index] = floor
        columns, scores, factor = pending.columns[index], pending.scores[index], errors.factors[index]
        kept = 0
        for place in range(chosen[index - first], pending.counts[index]):
            column, score = columns[place], scores[place]
            columns[kept] = column
            scores[kept] = score
            kept += score + factor * norms[column] >= floor
        pending.counts[index] = kept
    return outside


@compiled()
def choose(  # noqa: PLR0917 (numba calls are positional)
    index: int, bar: float, errs: float, errors: Errors, pending: Pending, spare: tuple[Integers, Single]
) -> int:
    """Moves what reaches the bar to the front, in the order that it has; returns how many these are.

    ``spare`` is to work in.
    """
    columns, scores = pending.columns[index], pending.scores[index]
    factor, norms = errors.factors[index], errors.norms
    count = pending.counts[index]
    chosen = others = 0
    for place in range(count):
        column, score = columns[place], scores[place]
        reaches = score + errs * (factor * norms[column]) >= bar
        columns[chosen], scores[chosen] = column, score
        spare[0][others], spare[1][others] = column, score
        chosen += reaches
        others += not reaches
    columns[chosen:count] = spare[0][:others]
    scores[chosen:count] = spare[1][:others]
    return chosen


@compiled()
def take(  # noqa: PLR0917 (numba calls are positional)
    index: int, chosen: int, pairs: Pairs, best: Best, pending: Pending, room: tuple[Double, Integers]
) -> None:
    """Takes the first ``chosen`` of what waits, whose similarities are known, into the best of query ``index``.

    ``room`` is to work in.
    """
    columns, fresh = pending.columns[index], pending.values[index]
    values, rows = room
    k = best.rows.shape[1]
    held = best.counts[index]
    count = held
    values[:held] = best.similarities[index, :held]
    rows[:held] = best.rows[index, :held]
    worst, worst_row = (values[held - 1], rows[held - 1]) if held == k else (-np.inf, 0)
    for place in range(chosen):
        row = pairs.first_row + columns[place]
        values[count] = fresh[place]
        rows[count] = row
        count += before(fresh[place], row, worst, worst_row)
    if count == held:
        return
    if count > k:
        bar = nearly_kth(values[:count], k)
        some, count = count, 0
        for place in range(some):
            values[count] = values[place]
            rows[count] = rows[place]
            count += values[count] >= bar
    if count > k + MANY:
        order = np.argsort(rows[:count])
        order = order[np.argsort(-values[:count][order], kind="mergesort")][:k]
        values[:k], rows[:k], count = values[order], rows[order], k
    while True:  # the worst comes last, and goes as long as there are too many
        last = count - 1
        for place in range(count - 1):
            if before(values[last], rows[last], values[place], rows[place]):
                last = place
        value, row = values[last], rows[last]
        values[last], rows[last] = values[count - 1], rows[count - 1]
        values[count - 1], rows[count - 1] = value, row
        if count <= k:
            break
        count -= 1
    best.similarities[index, :count] = values[:count]
    best.rows[index, :count] = rows[:count]
    best.counts[index] = count
