"""Pairs of 64-bit hashes that differ in few bits, found without comparing all with all."""

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from memometer.compiling import compiled
from memometer.data.near_pairs import bands_of, near_pairs
from memometer.errors import InputError

__all__ = ["MAX_DISTANCE", "HashLinks", "link_hashes"]

MAX_DISTANCE = 16
"""Above this, bands are so short that nearly everything would be compared with everything."""

PAIRS_PER_HASH, FEW = 1, 1_000_000
"""Near pairs are listed while they are no more than so many a hash, and this beside."""

Array = npt.NDArray[Any]


@dataclasses.dataclass(frozen=True)
class HashLinks:
    """Pairs of near hashes: a spanning forest of their clusters, and a witness for every kind that a hash meets.

    Attributes:
        first, second: (p,) int64 rows of the two hashes.
        distance: (p,) int64 differing bits.
        first_meets: (p,) uint64, the kinds that ``first`` meets in ``second`` and in no pair before.
        second_meets: (p,) uint64, likewise for ``second``.
    """

    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    distance: npt.NDArray[np.int64]
    first_meets: npt.NDArray[np.uint64]
    second_meets: npt.NDArray[np.uint64]


def link_hashes(
    hashes: npt.NDArray[np.uint64], *, max_distance: int, kinds: npt.NDArray[np.uint64] | None = None
) -> HashLinks:
    """Links hashes that differ in at most ``max_distance`` bits.

    Not every pair is handed on, for 10,000 nearly equal hashes have 5·10⁷: only a pair that joins two clusters, or that
    shows a hash a kind it has not met. There are fewer than n·(1 + number of kinds) such pairs.

    Which they are follows from an order of all pairs. The hashes are cut into ``max_distance + 2`` bands; two that
    differ in ``max_distance`` bits or fewer agree in at least two. Pairs go by the first two bands they agree in, by
    what these hold, and by their rows. As a rule all pairs are found (`near_pairs`) and gone through in this order.
    Where they are too many for a list (`PAIRS_PER_HASH`), they are looked for in it, in a sorted table for every two
    bands, passing over what is linked already.

    Args:
        hashes: (n,) uint64, distinct and ascending, so that the links depend on the hashes alone.
        max_distance: 0 to `MAX_DISTANCE` bits.
        kinds: (n,) bit masks of the kinds (roles) of a hash's records; None where they do not matter.

    Raises:
        InputError: ``max_distance`` is out of range.

    >>> links = link_hashes(np.array([0b0000, 0b0001, 0b1111 << 20], np.uint64), max_distance=2)
    >>> list(zip(links.first.tolist(), links.second.tolist(), links.distance.tolist()))
    [(0, 1, 1)]
    """
    check_distance(max_distance)
    masks = np.zeros(len(hashes), np.uint64) if kinds is None else kinds
    pairs = near_pairs(hashes, max_distance=max_distance, most=len(hashes) * PAIRS_PER_HASH + FEW)
    links = _link_all(hashes, max_distance, masks) if pairs is None else _chosen(hashes, *pairs, max_distance, masks)
    first, second, distance, first_meets, second_meets = links
    return HashLinks(first, second, distance, first_meets.astype(np.uint64), second_meets.astype(np.uint64))


def check_distance(max_distance: int) -> None:
    """Raises InputError for a distance that the search does not take."""
    if not 0 <= max_distance <= MAX_DISTANCE:
        raise InputError(f"the greatest distance of near duplicates is {max_distance} bits; give 0 to {MAX_DISTANCE}")


def _chosen(hashes: Array, rows: Array, others: Array, max_distance: int, masks: Array) -> Array:
    """(5, p) links among all pairs (q,) of ``rows`` and ``others`` that are near."""
    lows, widths = bands_of(max_distance + 2)
    bits = hashes[rows] ^ hashes[others]
    differ = np.stack([_held(bits, low, width) != 0 for low, width in zip(lows, widths, strict=True)])
    places = np.arange(len(bits))
    one = np.argmin(differ, axis=0)
    differ[one, places] = True
    two = np.argmin(differ, axis=0)
    held = [_held(hashes[rows], lows[band], widths[band]) for band in (one, two)]
    order = np.lexsort((others, rows, held[1], held[0], two, one))
    roots, met = np.arange(len(hashes)), masks.copy()
    found: Array = _take_in_order(rows[order], others[order], np.bitwise_count(bits[order]), roots, masks, met)
    return found


def _link_all(hashes: Array, max_distance: int, masks: Array) -> Array:
    """(5, p) links, where too many pairs are near for a list of them."""
    roots, met = np.arange(len(hashes)), masks.copy()
    found = [np.zeros((5, 0), np.int64)]
    for keys in _keys(hashes, n_bands=max_distance + 2):
        order = np.argsort(keys, kind="stable")
        met_here = met[order]
        found.append(_link(hashes[order], keys[order], order, max_distance, roots, masks[order], met_here))
        met[order] = met_here
    return np.concatenate(found, axis=1)


def _keys(hashes: npt.NDArray[np.uint64], *, n_bands: int) -> Iterator[npt.NDArray[np.unsignedinteger]]:
    """For every two of ``n_bands`` bands, (n,) keys made of their bits."""
    lows, widths = bands_of(n_bands)
    bands = [_held(hashes, low, width) for low, width in zip(lows, widths, strict=True)]
    for i, j in itertools.combinations(range(n_bands), 2):
        keys = (bands[i] << widths[j]) | bands[j]
        # numpy sorts 16-bit keys by radix, several times faster
        yield keys.astype(np.uint16) if widths[i] + widths[j] <= 16 else keys


def _held(hashes: Array, low: Any, width: Any) -> Array:
    """(n,) the bits that hashes hold in a band, or each in one of its own."""
    held: Array = (hashes >> low) & ((np.uint64(1) << width) - np.uint64(1))
    return held


@compiled()
def _distance(one: np.uint64, other: np.uint64) -> np.int64:
    """Differing bits, by adding neighbouring bits, pairs and nibbles; LLVM makes one popcnt of it."""
    bits = one ^ other
    bits -= (bits >> np.uint64(1)) & np.uint64(0x5555555555555555)
    bits = (bits & np.uint64(0x3333333333333333)) + ((bits >> np.uint64(2)) & np.uint64(0x3333333333333333))
    bits = (bits + (bits >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((bits * np.uint64(0x0101010101010101)) >> np.uint64(56))


@compiled()
def _root(roots: npt.NDArray[np.int64], row: int) -> int:
    while roots[row] != row:
        roots[row] = roots[roots[row]]
        row = roots[row]
    return row


@compiled()
def _take_in_order(  # noqa: PLR0917
    rows: Array, others: Array, distances: Array, roots: Array, masks: Array, met: Array
) -> Array:
    """(5, p) those of the pairs that join two clusters or show a kind; updates ``roots`` and ``met``, both by row."""
    found, n_found = np.empty((5, 1024), np.int64), 0
    for pair in range(len(rows)):
        i, j = rows[pair], others[pair]
        meets_j, meets_i = masks[j] & ~met[i], masks[i] & ~met[j]
        root, other_root = _root(roots, i), _root(roots, j)
        if root == other_root and meets_j == 0 and meets_i == 0:
            continue
        roots[root] = roots[other_root] = min(root, other_root)
        met[i] |= meets_j
        met[j] |= meets_i
        found = _grown(found, n_found)
        found[0, n_found], found[1, n_found], found[2, n_found] = i, j, distances[pair]
        found[3, n_found], found[4, n_found] = meets_j, meets_i
        n_found += 1
    return found[:, :n_found].copy()


@compiled()
def _grown(found: Array, n_found: int) -> Array:
    """``found`` with room for one more."""
    if n_found < found.shape[1]:
        return found
    grown = np.empty((5, 2 * n_found), np.int64)
    for line in range(5):  # to assign a slice costs 10 seconds of compiling: the words of its error
        for place in range(n_found):
            grown[line, place] = found[line, place]
    return grown


@compiled()
def _link(  # noqa: PLR0917 (one hot loop; numba has no keyword-only arguments)
    hashes: Array,
    keys: Array,
    rows: Array,
    max_distance: int,
    roots: Array,
    masks: Array,
    met: Array,
) -> Array:
    """One table, sorted by ``keys``: (5, p) links within runs of equal keys; updates ``roots`` (by row) and ``met``."""
    found, n_found = np.empty((5, 1024), np.int64), 0
    cluster = np.empty(len(rows), np.int64)  # a root that each hash had when last looked at: read in order, so fast
    for i in range(len(rows)):
        cluster[i] = _root(roots, rows[i])
    start = 0
    while start < len(hashes):
        end, one_cluster, kinds, known = start, True, masks[start], met[start]
        while end < len(keys) and keys[end] == keys[start]:
            one_cluster &= cluster[end] == cluster[start]
            kinds |= masks[end]
            known &= met[end]
            end += 1
        if one_cluster and kinds & ~known == 0:  # no pair here can be new
            start = end
            continue
        for i in range(start, end):
            for j in range(i + 1, end):
                meets_j, meets_i = masks[j] & ~met[i], masks[i] & ~met[j]
                if cluster[i] == cluster[j] and meets_j == 0 and meets_i == 0:
                    continue
                distance = _distance(hashes[i], hashes[j])
                if distance > max_distance:
                    continue
                root, other_root = _root(roots, rows[i]), _root(roots, rows[j])
                cluster[i] = cluster[j] = roots[root] = roots[other_root] = min(root, other_root)
                if root == other_root and meets_j == 0 and meets_i == 0:
                    continue
                met[i] |= meets_j
                met[j] |= meets_i
                found = _grown(found, n_found)
                found[0, n_found], found[1, n_found], found[2, n_found] = rows[i], rows[j], distance
                found[3, n_found], found[4, n_found] = meets_j, meets_i
                n_found += 1
        start = end
    return found[:, :n_found].copy()
