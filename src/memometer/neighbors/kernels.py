"""The compiled loops of the search, all in one file: numba's disk cache does not see changes across files.

None of them uses fastmath: the order of every float64 sum is fixed, so the same pair of vectors gives the same bits
whatever the tile, the thread or the processor.

The k best neighbours of a query are a heap whose root is the worst of them, under the total order "higher similarity,
then lower row". The set such a heap ends with does not depend on the order in which rows are offered.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from memometer.compiling import compiled
from memometer.neighbors.oracle import LANES

__all__ = [
    "Errors",
    "Heaps",
    "Pairs",
    "Scales",
    "floors",
    "offer_candidates",
    "quantise",
    "raise_floors",
    "row_norms",
    "scan_products",
    "sort_best",
]

CHUNK = 64  # scores compared together before any is looked at alone
MARGIN = 2.0**-22  # more than a rounding to float32 can move a number, as a part of it
ROUNDER = np.float32(1.5 * 2**23)  # added to a small float32 and taken off again, it leaves the nearest whole number
TINY = np.float32(2.0**-100)
TINIEST = 2.0**-126

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


class Heaps(NamedTuple):
    """The best neighbours so far: similarities and rows (q, k), and counts (q,), the places taken."""

    similarities: Double
    rows: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]


@compiled()
def folded(lanes: Double) -> float:
    """The sum of the partial sums."""
    half = LANES // 2
    while half > 0:
        for lane in range(half):
            lanes[lane] += lanes[lane + half]
        half //= 2
    return lanes[0]  # type: ignore[no-any-return]


@compiled()
def similarity(query: Floating, vector: Floating, lanes: Double) -> float:
    """The similarity that ``similarities_oracle`` defines; ``lanes`` is (LANES,) to work in."""
    dim = len(query)
    whole = dim - dim % LANES
    for lane in range(LANES):
        lanes[lane] = 0.0
    for start in range(0, whole, LANES):
        left = query[start : start + LANES]
        right = vector[start : start + LANES]
        for lane in range(LANES):
            lanes[lane] += np.float64(left[lane]) * np.float64(right[lane])
    for lane in range(dim - whole):
        lanes[lane] += np.float64(query[whole + lane]) * np.float64(vector[whole + lane])
    return folded(lanes)  # type: ignore[no-any-return]


@compiled()
def minus_distance(query: Floating, vector: Floating, lanes: Double) -> float:
    """The squared distance that ``distances_oracle`` defines with its sign changed; ``lanes`` is (LANES,)."""
    dim = len(query)
    whole = dim - dim % LANES
    for lane in range(LANES):
        lanes[lane] = 0.0
    for start in range(0, whole, LANES):
        left = query[start : start + LANES]
        right = vector[start : start + LANES]
        for lane in range(LANES):
            apart = np.float64(left[lane]) - np.float64(right[lane])
            lanes[lane] += apart * apart
    for lane in range(dim - whole):
        apart = np.float64(query[whole + lane]) - np.float64(vector[whole + lane])
        lanes[lane] += apart * apart
    return 0.0 - folded(lanes)  # type: ignore[no-any-return]


@compiled()
def row_norms(vectors: Floating, norms: Double) -> None:
    """Writes the l2 norm of each row to ``norms``; not finite where the row is not."""
    lanes = np.empty(LANES)
    for row in range(len(vectors)):
        norms[row] = np.sqrt(similarity(vectors[row], vectors[row], lanes))


@compiled()
def quantise(vectors: Single, codes: npt.NDArray[np.int8], scales: Single, residuals: Single) -> None:
    """Writes each row as codes (m, d) of -127 to 127 times a scale (m,), and how far off that is at most (m,).

    A row without a component above ``TINY`` has codes of 0.
    """
    bits = vectors.view(np.int32)
    lanes = np.empty(LANES)
    dim = vectors.shape[1]
    whole = dim - dim % LANES
    for row in range(len(vectors)):
        magnitude = np.int32(0)  # floats without their sign rank as integers do, and those are compared faster
        for column in range(dim):
            magnitude = max(magnitude, bits[row, column] & np.int32(0x7FFFFFFF))
        largest = np.array([magnitude], np.int32).view(np.float32)[0]
        usable = largest > TINY
        scales[row] = largest / np.float32(127) if usable else np.float32(0)
        inverse = np.float32(127) / largest if usable else np.float32(0)
        scale = np.float64(scales[row])
        lanes[:] = 0.0
        for start in range(0, whole, LANES):
            some = vectors[row, start : start + LANES]
            out = codes[row, start : start + LANES]
            for lane in range(LANES):
                code = (some[lane] * inverse + ROUNDER) - ROUNDER
                out[lane] = np.int8(code)
                off = np.float64(some[lane]) - np.float64(code) * scale
                lanes[lane] += off * off
        for lane in range(dim - whole):
            code = (vectors[row, whole + lane] * inverse + ROUNDER) - ROUNDER
            codes[row, whole + lane] = np.int8(code)
            off = np.float64(vectors[row, whole + lane]) - np.float64(code) * scale
            lanes[lane] += off * off
        residuals[row] = np.float32(np.sqrt(folded(lanes)) * (1 + MARGIN) + TINIEST)


@compiled()
def lowered(value: float, absolute: float) -> np.float32:
    """A float32 that is below ``value`` by at least ``absolute``."""
    return np.float32(value - abs(value) * MARGIN - 2 * absolute)


@compiled()
def as_score(value: float, index: int, errors: Errors) -> float:
    """The similarity of query ``index`` and a row, in the terms of their score."""
    return (value * errors.slope + errors.offsets[index]) * errors.scale  # type: ignore[no-any-return]


@compiled()
def floor_of(index: int, errors: Errors, heaps: Heaps) -> np.float32:
    """What a score and its error must reach together to enter a heap; -inf until it is full."""
    if heaps.counts[index] < heaps.rows.shape[1]:
        return np.float32(-np.inf)
    return lowered(as_score(heaps.similarities[index, 0], index, errors), errors.absolute)  # type: ignore[no-any-return]


@compiled()
def floors(errors: Errors, heaps: Heaps, out: Single) -> None:
    """Writes ``floor_of`` every heap to ``out`` (q,)."""
    for index in range(len(out)):
        out[index] = floor_of(index, errors, heaps)


@compiled()
def raise_floors(seeds: Single, absolute: float, out: Single) -> None:
    """Raises ``out`` (q,) to what the k-th best lower bounds ``seeds`` (q,) allow."""
    for index in range(len(seeds)):
        out[index] = max(out[index], lowered(np.float64(seeds[index]), absolute))


@compiled()
def worse(similarity_a: float, row_a: int, similarity_b: float, row_b: int) -> bool:
    """Whether neighbour a ranks behind neighbour b."""
    return similarity_a < similarity_b or (similarity_a == similarity_b and row_a > row_b)


@compiled()
def sift_down(values: Double, rows: Integers, count: int, value: float, row: int) -> None:
    """Replaces the root of a heap of ``count`` places, moving the new neighbour down to where it belongs."""
    place = 0
    while 2 * place + 1 < count:
        child = 2 * place + 1
        if child + 1 < count and worse(values[child + 1], rows[child + 1], values[child], rows[child]):
            child += 1
        if not worse(values[child], rows[child], value, row):
            break
        values[place] = values[child]
        rows[place] = rows[child]
        place = child
    values[place] = value
    rows[place] = row


@compiled()
def sift_up(values: Double, rows: Integers, count: int, value: float, row: int) -> None:
    """Adds a neighbour to a heap with ``count`` places taken."""
    place = count
    while place > 0:
        parent = (place - 1) // 2
        if not worse(value, row, values[parent], rows[parent]):
            break
        values[place] = values[parent]
        rows[place] = rows[parent]
        place = parent
    values[place] = value
    rows[place] = row


@compiled()
def offer(  # noqa: PLR0917 (numba calls are positional)
    index: int, columns: Integers, scores: Single, pairs: Pairs, errors: Errors, heaps: Heaps, lanes: Double
) -> int:
    """Computes the similarities of the candidates of query ``index`` and keeps the best.

    Candidates are ``columns`` (c,) of ``pairs.bank`` with their ``scores`` (c,); ``lanes`` is (LANES,) to work in.
    Returns how many scores were further from their similarity than their error allows: 0 where products are float32.
    """
    query = pairs.queries[index]
    bank = pairs.bank
    norms = errors.norms
    factor = errors.factors[index]
    values = heaps.similarities[index]
    rows = heaps.rows[index]
    count = heaps.counts[index]
    k = len(rows)
    floor = floor_of(index, errors, heaps)
    outside = 0
    for place in range(len(columns)):
        column = columns[place]
        score = scores[place]
        error = factor * norms[column]
        if score + error < floor:
            continue  # the floor has risen since this candidate was chosen
        vector = bank[column]
        value = minus_distance(query, vector, lanes) if pairs.squared else similarity(query, vector, lanes)
        if not abs(as_score(value, index, errors) - score) <= error + errors.absolute:
            outside += 1
        row = pairs.first_row + column
        if count < k:
            sift_up(values, rows, count, value, row)
            count += 1
        elif worse(values[0], rows[0], value, row):
            sift_down(values, rows, k, value, row)
        if count == k:
            floor = lowered(as_score(values[0], index, errors), errors.absolute)
    heaps.counts[index] = count
    return outside


@compiled()
def offer_candidates(  # noqa: PLR0917 (numba calls are positional)
    starts: Integers, columns: Integers, scores: Single, pairs: Pairs, errors: Errors, heaps: Heaps
) -> int:
    """``offer`` for each query i its candidates starts[i]:starts[i + 1]."""
    lanes = np.empty(LANES)
    outside = 0
    for index in range(len(starts) - 1):
        mine = slice(starts[index], starts[index + 1])
        outside += offer(index, columns[mine], scores[mine], pairs, errors, heaps, lanes)
    return outside


@compiled(inline="always")
def score_of(product: float, column: float, last_column: float, row: float, last_row: float) -> float:
    """The score that ``Scales`` defines."""
    return np.float32(product) * column * row + last_column * last_row  # type: ignore[return-value]


@compiled()
def reaching(  # noqa: PLR0917 (numba calls are positional)
    products: Products, scales: Scales, index: int, norms: Single, factor: float, floor: float, columns: Integers
) -> int:
    """Writes the columns whose score plus error reaches the floor to ``columns``, and returns how many they are."""
    found = 0
    width = len(products)
    row, last_row = scales.rows[index], scales.last_rows[index]
    whole = width - width % CHUNK
    for start in range(0, whole, CHUNK):
        some = products[start : start + CHUNK]
        scale = scales.columns[start : start + CHUNK]
        last = scales.last_columns[start : start + CHUNK]
        their_norms = norms[start : start + CHUNK]
        hits = np.int32(0)  # as wide as the scores: the loop is ten times as fast as with a wider one
        for column in range(CHUNK):
            score = score_of(some[column], scale[column], last[column], row, last_row)
            hits |= np.int32(score + factor * their_norms[column] >= floor)
        if hits:  # seldom, after the first tiles
            for column in range(CHUNK):
                columns[found] = start + column
                score = score_of(some[column], scale[column], last[column], row, last_row)
                found += score + factor * their_norms[column] >= floor
    for column in range(whole, width):
        columns[found] = column
        score = score_of(products[column], scales.columns[column], scales.last_columns[column], row, last_row)
        found += score + factor * norms[column] >= floor
    return found


@compiled()
def nearly_kth(values: Single, k: int) -> float:
    """A number that at least k of the values reach, and hardly more: bisection is faster than a selection."""
    low = np.float64(values.min())
    high = np.float64(values.max())
    for _ in range(16):
        middle = np.float32((low + high) / 2)
        reached = 0
        for index in range(len(values)):
            reached += values[index] >= middle
        if reached >= k:
            low = np.float64(middle)
        else:
            high = np.float64(middle)
    return low


@compiled()
def scan_products(products: Products, scales: Scales, pairs: Pairs, errors: Errors, heaps: Heaps) -> int:
    """Takes a tile of products (q, w) into the heaps; returns what ``offer`` returns.

    Where more than k columns reach the floor (on the first tiles), the k-th best of their lower bounds is a better
    floor: k rows are surely at or above it.
    """
    width = products.shape[1]
    k = heaps.rows.shape[1]
    norms = errors.norms
    columns = np.empty(width, np.int32)
    some = np.empty(width, np.float32)
    lanes = np.empty(LANES)
    outside = 0
    for index in range(len(products)):
        mine = products[index]
        row, last_row = scales.rows[index], scales.last_rows[index]
        factor = errors.factors[index]
        floor = floor_of(index, errors, heaps)
        found = reaching(mine, scales, index, norms, factor, floor, columns)
        if found > k:
            for place in range(found):
                column = columns[place]
                score = score_of(mine[column], scales.columns[column], scales.last_columns[column], row, last_row)
                some[place] = score - factor * norms[column]
            floor = max(floor, lowered(nearly_kth(some[:found], k), errors.absolute))
            found = reaching(mine, scales, index, norms, factor, floor, columns)
        for place in range(found):
            column = columns[place]
            some[place] = score_of(mine[column], scales.columns[column], scales.last_columns[column], row, last_row)
        outside += offer(index, columns[:found], some[:found], pairs, errors, heaps, lanes)
    return outside


@compiled()
def sort_best(heaps: Heaps) -> None:
    """Sorts full heaps, best first."""
    for index in range(len(heaps.rows)):
        values = heaps.similarities[index]
        rows = heaps.rows[index]
        for last in range(len(rows) - 1, 0, -1):
            value, row = values[last], rows[last]
            values[last], rows[last] = values[0], rows[0]
            sift_down(values, rows, last, value, row)
