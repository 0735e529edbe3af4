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
    "floors",
    "offer_candidates",
    "raise_floors",
    "row_norms",
    "scan_scores",
    "sort_best",
]

CHUNK = 64  # scores compared together before any is looked at alone
MARGIN = 2.0**-22  # more than a rounding to float32 can move a number, as a part of it

Floating = npt.NDArray[np.floating]
Single = npt.NDArray[np.float32]
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


class Errors(NamedTuple):
    """How scores, float32 products of scaled vectors, relate to similarities (``precision`` says why).

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


@compiled()
def reaching(scores: Single, norms: Single, factor: float, floor: float, columns: Integers) -> int:
    """Writes the columns whose score plus error reaches the floor to ``columns``, and returns how many they are."""
    found = 0
    width = len(scores)
    whole = width - width % CHUNK
    for start in range(0, whole, CHUNK):
        some = scores[start : start + CHUNK]
        their_norms = norms[start : start + CHUNK]
        hits = 0
        for column in range(CHUNK):
            hits |= some[column] + factor * their_norms[column] >= floor
        if hits:  # seldom, after the first tiles
            for column in range(CHUNK):
                columns[found] = start + column
                found += some[column] + factor * their_norms[column] >= floor
    for column in range(whole, width):
        columns[found] = column
        found += scores[column] + factor * norms[column] >= floor
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
def scan_scores(scores: Single, pairs: Pairs, errors: Errors, heaps: Heaps) -> int:
    """Takes a tile of scores (q, w) into the heaps; returns what ``offer`` returns.

    Where more than k columns reach the floor (on the first tiles), the k-th best of their lower bounds is a better
    floor: k rows are surely at or above it.
    """
    width = scores.shape[1]
    k = heaps.rows.shape[1]
    norms = errors.norms
    columns = np.empty(width, np.int32)
    some = np.empty(width, np.float32)
    lanes = np.empty(LANES)
    outside = 0
    for index in range(len(scores)):
        mine = scores[index]
        factor = errors.factors[index]
        floor = floor_of(index, errors, heaps)
        found = reaching(mine, norms, factor, floor, columns)
        if found > k:
            for place in range(found):
                some[place] = mine[columns[place]] - factor * norms[columns[place]]
            floor = max(floor, lowered(nearly_kth(some[:found], k), errors.absolute))
            found = reaching(mine, norms, factor, floor, columns)
        for place in range(found):
            some[place] = mine[columns[place]]
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
