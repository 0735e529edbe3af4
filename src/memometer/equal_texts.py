"""Equal texts among millions, such as ids: by sorted 64-bit hashes, 8 to 24 bytes a text, and then by the texts.

A hash only says where to look: every answer is compared text by text, so that equal hashes of unequal texts, whether by
chance or by intent, cost time and change nothing. Arrow's own tables of texts hold each of them, and at most 2 GiB.
"""

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from memometer.columns import ROWS, one_array, pieces_of, text_buffers
from memometer.files import hash_bytes

__all__ = ["places_among", "repeated_codes", "repeated_texts", "scrambled", "text_hashes"]

Texts: TypeAlias = pa.ChunkedArray | pa.Array
Hashes = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]

ODD = np.uint64(0x9E3779B97F4A7C15)
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
"""Of splitmix64."""

LONG = 128
"""Bytes of a text from which on it is hashed for itself."""


def text_hashes(texts: Texts) -> Hashes:
    """(n,) uint64: equal texts have equal ones; a null has that of an empty text."""
    return np.concatenate([np.empty(0, np.uint64), *map(_hash_piece, pieces_of(texts))])


def repeated_texts(texts: Texts, hashes: Hashes, *, most: int = 3) -> list[str]:
    """Some of the (n,) texts that occur more than once, those first that come first; none tells that all differ.

    Args:
        texts: (n,) without nulls.
        hashes: (n,) their `text_hashes`.
        most: so many at most.
    """
    rows = _shared(hashes)
    if not len(rows):
        return []
    taken = _take(one_array(texts), rows)
    counts = pa.chunked_array([taken.cast(pa.large_string())]).value_counts()
    return list(counts.filter(pc.greater(counts.field("counts"), 1)).field("values")[:most].to_pylist())


def repeated_codes(texts: Texts) -> tuple[Rows, Rows]:
    """The rows whose text another row has too, ascending; and codes of equal texts, from 0 in the order of first rows.

    Args:
        texts: (n,) of which nulls equal nothing.
    """
    rows = np.flatnonzero(pc.is_valid(texts).to_numpy(zero_copy_only=False))
    hashes = text_hashes(texts)[rows]
    found = _shared(hashes)
    rows, hashes = rows[found], hashes[found]
    _, first, codes = np.unique(hashes, return_index=True, return_inverse=True)
    whole = one_array(texts)
    if not _equal(whole, rows, whole, rows[first[codes]]).all():  # two texts of one hash
        encoded = _take(whole, rows).cast(pa.large_string()).dictionary_encode().indices.to_numpy()
        codes = encoded.astype(np.int64)
        shared = np.bincount(codes)[codes] > 1
        rows = rows[shared]
        _, first, codes = np.unique(codes[shared], return_index=True, return_inverse=True)
    ranks = np.empty(len(first), np.int64)
    ranks[np.argsort(first)] = np.arange(len(first))
    return rows, ranks[codes]


def places_among(texts: Texts, among: Texts) -> Rows:
    """(n,) where each text stands in ``among``, the first where it stands several times; -1 where it does not.

    Args:
        texts: (n,) of which nulls are found nowhere.
        among: (m,) of which nulls are not looked at.

    >>> places_among(pa.array(["b", "d"]), pa.array(["a", "b", "c"])).tolist()
    [1, -1]
    """
    bank_rows = np.flatnonzero(pc.is_valid(among).to_numpy(zero_copy_only=False))
    bank = text_hashes(among)[bank_rows]
    order = np.argsort(bank, kind="stable")
    bank, bank_rows = bank[order], bank_rows[order]
    asked = np.flatnonzero(pc.is_valid(texts).to_numpy(zero_copy_only=False))
    hashes = text_hashes(texts)[asked]
    by_hash = np.argsort(hashes, kind="stable")  # asked in order, the bank is read in order
    asked, hashes = asked[by_hash], hashes[by_hash]
    places = np.full(len(texts), -1, np.int64)
    if not len(bank):
        return places
    at = np.minimum(np.searchsorted(bank, hashes), len(bank) - 1)
    met = bank[at] == hashes
    asked, at = asked[met], at[met]
    left, right = one_array(texts), one_array(among)
    same = _equal(left, asked, right, bank_rows[at])
    places[asked[same]] = bank_rows[at[same]]
    if not same.all():  # another text of the same hash comes first
        rest = asked[~same]
        alike = bank_rows[_are_among(bank, np.unique(hashes[met][~same]))]
        found = pc.index_in(
            _take(left, rest).cast(pa.large_string()), value_set=_take(right, alike).cast(pa.large_string())
        )
        there = pc.is_valid(found).to_numpy(zero_copy_only=False)
        places[rest[there]] = alike[found.drop_null().to_numpy()]
    return places


def _hash_piece(texts: pa.Array) -> Hashes:
    """Eight bytes of every text at a time, in all of them at once."""
    offsets, held = text_buffers(texts)
    starts, lengths = offsets[:-1], np.diff(offsets)
    if texts.null_count:
        lengths = np.where(texts.is_valid().to_numpy(zero_copy_only=False), lengths, 0)
    padded = np.concatenate([held, np.zeros(8, np.uint8)])
    words = np.ndarray((len(held) + 1,), "<u8", padded, strides=(1,))  # the eight bytes from every byte on
    state = lengths.astype(np.uint64) * ODD
    short = lengths < LONG
    for done in range(0, int(lengths[short].max(initial=0)), 8):
        rows = np.flatnonzero(short & (lengths > done))
        left = np.minimum(lengths[rows] - done, 8).astype(np.uint64)
        word = words[starts[rows] + done] & (np.uint64(2**64 - 1) >> (np.uint64(64) - np.uint64(8) * left))
        state[rows] = scrambled(state[rows] ^ word)
    for row in np.flatnonzero(~short):
        text = held[starts[row] : starts[row] + lengths[row]]
        state[row] = int(hash_bytes(text.tobytes())[:16], 16)
    return scrambled(state)


def scrambled(values: Hashes) -> Hashes:
    """The finaliser of splitmix64: a bijection whose output looks uniform whatever the input."""
    values = values + ODD
    values = (values ^ (values >> np.uint64(30))) * FIRST
    values = (values ^ (values >> np.uint64(27))) * SECOND
    return values ^ (values >> np.uint64(31))


def _shared(hashes: Hashes) -> Rows:
    """The rows whose hash another row has too, ascending."""
    ordered = np.sort(hashes)
    twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    return np.flatnonzero(_are_among(hashes, twice))


def _are_among(hashes: Hashes, some: Hashes) -> npt.NDArray[np.bool_]:
    """(n,) whether each hash is one of ``some``, which are ascending and mostly few."""
    if not len(some):
        return np.zeros(len(hashes), np.bool_)
    return np.asarray(some[np.minimum(np.searchsorted(some, hashes), len(some) - 1)] == hashes)


def _take(texts: pa.Array, rows: Rows) -> pa.Array:
    return one_array(pa.chunked_array([*_taken(texts, rows)], texts.type))


def _taken(texts: pa.Array, rows: Rows) -> Iterator[pa.Array]:
    for start in range(0, len(rows), ROWS):
        yield texts.take(pa.array(rows[start : start + ROWS]))


def _equal(left: pa.Array, left_rows: Rows, right: pa.Array, right_rows: Rows) -> npt.NDArray[np.bool_]:
    """(p,) whether the texts at the rows are equal, a piece at a time."""
    pairs = zip(_taken(left, left_rows), _taken(right, right_rows), strict=True)
    parts = (pc.equal(one, other).to_numpy(zero_copy_only=False) for one, other in pairs)
    return np.concatenate([np.empty(0, np.bool_), *parts])
