"""All pairs of 64-bit hashes that differ in few bits, in time that grows little faster than their number.

The bits are cut into d + t bands; two hashes that differ in d bits or fewer agree in t of them. So the hashes are
parted by one band, the parts by another, and so on t times, each time in memory that a core has near, and compared
where all t agree (multi-index hashing: Norouzi, Punjani, Fleet, 2012, there with one band at a time). t grows with the
number of hashes. A pair that agrees in more than t bands is reported for the first t alone.
"""

import concurrent.futures
import itertools
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from memometer.compiling import compiled
from memometer.engines import default_workers

__all__ = ["bands_of", "near_pairs"]

Array = npt.NDArray[Any]

FIRST_BITS, LATER_BITS = 12, 8
"""Bits of a band that hashes are parted by at most, the first time and later: their counts stay in near memory."""

FEW = 24
"""Hashes that are compared all with all rather than parted once more."""

PORTIONS = 8
"""Of each thread: so that none waits long for another."""


def bands_of(n_bands: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """(n_bands,) the lowest bit of each of the bands that 64 bits are cut into, and its width."""
    edges = np.linspace(0, 64, n_bands + 1).astype(np.uint64)
    return edges[:-1], np.diff(edges)


def near_pairs(
    hashes: npt.NDArray[np.uint64], *, max_distance: int, most: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None:
    """Rows of all pairs that differ in at most ``max_distance`` bits, the first below the second, in no given order.

    Args:
        hashes: (n,) uint64, distinct and ascending.
        max_distance: in bits.
        most: pairs; with more than these the answer is None.

    Returns:
        Two (p,) int64 arrays; or None. It takes 16 bytes a hash, and 32 bytes a pair.

    >>> near_pairs(np.array([1, 3, 1 << 40], np.uint64), max_distance=1, most=10)
    (array([0]), array([1]))
    """
    depth = _depth(len(hashes), max_distance)
    lows, widths = bands_of(max_distance + depth)
    found, n_found = [np.empty((2, 0), np.uint64)], 0
    threads = default_workers()
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        for band in range(max_distance + 1 if max_distance else 0):
            parted, starts = _part(hashes, lows[band], widths[band])

            def within(
                portion: tuple[int, int], band: int = band, parted: Array = parted, starts: Array = starts
            ) -> Array:
                pairs: Array = _pairs_within(
                    parted, starts, portion[0], portion[1], band, lows, widths, depth, max_distance, most
                )
                return pairs

            for pairs in pool.map(within, _portions(starts, threads * PORTIONS)):
                found.append(pairs)
                n_found += pairs.shape[1]
            if n_found > most:
                return None
    both = np.sort(np.searchsorted(hashes, np.concatenate(found, axis=1)), axis=0)
    return both[0], both[1]


def _depth(n: int, max_distance: int) -> int:
    """How many bands are to agree: what costs least, by a rough count of steps for each hash."""

    def cost(depth: int) -> float:
        width = 64 / (max_distance + depth)
        bits = min(width, FIRST_BITS) + (depth - 1) * min(width, LATER_BITS)
        return math.comb(max_distance + depth, depth) * (5 + n / 2**bits / 2)

    return min(range(1, 5), key=cost)


def _portions(starts: Array, n_portions: int) -> list[tuple[int, int]]:
    """Runs of parts with about as many hashes each."""
    wanted = np.linspace(0, starts[-1], n_portions + 1)
    edges = np.unique(np.searchsorted(starts, wanted))
    return [(int(first), int(last)) for first, last in itertools.pairwise(edges)]


def _part(hashes: Array, low: np.uint64, width: np.uint64) -> tuple[Array, Array]:
    """(n,) the hashes parted by a band, and the (parts + 1,) places where the parts start."""
    bits = min(int(width), FIRST_BITS)
    parted, starts = np.empty_like(hashes), np.zeros((1 << bits) + 1, np.int64)
    _scatter(hashes, 0, len(hashes), low, bits, parted, starts)
    return parted, starts


@compiled()
def _scatter(  # noqa: PLR0917 (numba has no keyword-only arguments)
    hashes: Array, start: int, stop: int, low: Any, bits: int, parted: Array, starts: Array
) -> None:
    """Sorts ``hashes[start:stop]`` by some bits into the head of ``parted``, and says where each run ``starts``."""
    n_parts = 1 << bits
    mask = np.uint64(n_parts - 1)
    for part in range(n_parts + 1):
        starts[part] = 0
    for row in range(start, stop):
        starts[np.int64((hashes[row] >> low) & mask)] += 1
    total: Any = 0
    for part in range(n_parts + 1):
        size = starts[part]
        starts[part] = total
        total += size
    for row in range(start, stop):
        place = np.int64((hashes[row] >> low) & mask)
        parted[starts[place]] = hashes[row]
        starts[place] += 1
    for part in range(n_parts, 0, -1):
        starts[part] = starts[part - 1]
    starts[0] = 0


@compiled()
def _few_bits(bits: np.uint64) -> np.int64:
    """Set bits, by adding neighbouring bits, pairs and nibbles; LLVM makes one popcnt of it."""
    bits -= (bits >> np.uint64(1)) & np.uint64(0x5555555555555555)
    bits = (bits & np.uint64(0x3333333333333333)) + ((bits >> np.uint64(2)) & np.uint64(0x3333333333333333))
    bits = (bits + (bits >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((bits * np.uint64(0x0101010101010101)) >> np.uint64(56))


@compiled()
def _agree_first_in(bits: np.uint64, chosen: Array, lows: Array, widths: Array) -> bool:
    """Whether the first bands without a set bit are the chosen ones, so that no other way leads to this pair."""
    place = 0
    for band in range(chosen[-1] + 1):
        equal = (bits >> lows[band]) & ((np.uint64(1) << widths[band]) - np.uint64(1)) == 0
        if equal != (chosen[place] == band):
            return False
        if equal:
            place += 1
    return True


@compiled()
def _compare(  # noqa: PLR0917
    hashes: Array,
    edges: Array,
    n_runs: int,
    largest: int,
    chosen: Array,
    lows: Array,
    widths: Array,
    max_distance: int,
    found: Array,
    n_found: int,
) -> tuple[Array, int]:
    """Adds the near pairs within each run of hashes to ``found``, but for runs of more than ``largest``."""
    for run in range(n_runs):
        start, stop = edges[run], edges[run + 1]
        if stop - start > largest:
            continue
        for i in range(start, stop):
            for j in range(i + 1, stop):
                bits = hashes[i] ^ hashes[j]
                if _few_bits(bits) > max_distance or not _agree_first_in(bits, chosen, lows, widths):
                    continue
                if n_found == found.shape[1]:
                    grown = np.empty((2, 2 * n_found), np.uint64)
                    for place in range(n_found):
                        grown[0, place], grown[1, place] = found[0, place], found[1, place]
                    found = grown
                found[0, n_found], found[1, n_found] = hashes[i], hashes[j]
                n_found += 1
    return found, n_found


@compiled()
def _pairs_within(  # noqa: PLR0917
    parted: Array,
    starts: Array,
    first_part: int,
    last_part: int,
    band: int,
    lows: Array,
    widths: Array,
    depth: int,
    max_distance: int,
    most: int,
) -> Array:
    """(2, p) hashes of the pairs within each part; some more than ``most`` where there are more."""
    found, n_found = np.empty((2, 256), np.uint64), 0
    widest = 0
    for part in range(first_part, last_part):
        widest = max(widest, starts[part + 1] - starts[part])
    work = np.empty((depth, widest), np.uint64)  # the set at each depth, parted by the band chosen there
    edges = np.zeros((depth, (1 << LATER_BITS) + 1), np.int64)
    n_runs, at = np.zeros(depth, np.int64), np.zeros(depth, np.int64)
    chosen, next_band = np.zeros(depth, np.int64), np.zeros(depth, np.int64)
    chosen[0] = band
    for part in range(first_part, last_part):
        for row in range(starts[part], starts[part + 1]):
            work[0, row - starts[part]] = parted[row]
        edges[0, 0], edges[0, 1] = 0, starts[part + 1] - starts[part]
        n_runs[0], at[0], next_band[0], level = np.int64(depth > 1), 0, band + 1, 0
        largest = widest if depth == 1 else FEW
        found, n_found = _compare(work[0], edges[0], 1, largest, chosen[:1], lows, widths, max_distance, found, n_found)
        # A run of a level agrees in level + 1 bands. One that is not compared yet is parted by each later band in turn.
        while level >= 0 and n_found <= most:
            if at[level] == n_runs[level]:
                level -= 1
                continue
            start, stop = edges[level, at[level]], edges[level, at[level] + 1]
            if stop - start <= FEW or next_band[level] > max_distance + level + 1:
                at[level] += 1
                next_band[level] = chosen[level] + 1
                continue
            here, below = next_band[level], level + 1
            next_band[level] += 1
            chosen[below] = here
            bits = np.int64(min(widths[here], np.uint64(LATER_BITS)))
            _scatter(work[level], start, stop, lows[here], bits, work[below], edges[below])
            largest = widest if below == depth - 1 else FEW
            found, n_found = _compare(
                work[below],
                edges[below],
                1 << bits,
                largest,
                chosen[: below + 1],
                lows,
                widths,
                max_distance,
                found,
                n_found,
            )
            if below < depth - 1:
                level = below
                n_runs[level], at[level], next_band[level] = 1 << bits, 0, here + 1
    pairs: Array = found[:, :n_found].copy()
    return pairs
