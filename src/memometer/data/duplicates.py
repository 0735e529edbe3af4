"""Exact and near duplicates among records, by the hashes that the import wrote."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from memometer.columns import take_rows
from memometer.data.hamming import HashLinks, check_distance, link_hashes
from memometer.data.records import Records
from memometer.equal_texts import repeated_codes
from memometer.errors import InputError

__all__ = ["DUPLICATE_SCHEMA", "NEAR_DISTANCE", "Duplicates", "codes_of", "duplicate_links", "find_duplicates"]

NEAR_DISTANCE = 6
"""Two images whose 64-bit perceptual hashes differ in at most this many bits are taken for near duplicates.

Chosen on the 8,091 photographs of Flickr8k. Of their 32.7 million pairs, one is within 6 bits, and it is the same
photograph twice; the next is at 8 bits, 23 are at 10, and none of those shows the same scene. Of edited copies of
800 photographs, found within 6 bits: JPEG at quality 75 or 30, a half or a third of the size, twice the size, another
aspect, greyscale, blurred, sharpened, noisy: all; JPEG at quality 10, contrast × 1.4, gamma 0.7: 99 %; gamma 1.5,
brightness × 1.3: 98 %; turned by 1°: 97 %; a line of text written over: 95 %; cropped on each side by 1 %: 99.6 %, 2 %:
93 %, 3 %: 74 %, 5 %: 15 %. A mirrored copy is not found. With every two bits more about ten times as many unrelated
images agree by chance, and with ten times the records a hundred times as many pairs: among millions, take 4.
"""

DUPLICATE_SCHEMA = pa.schema(
    [
        pa.field("record_id_1", pa.string(), nullable=False),
        pa.field("record_id_2", pa.string(), nullable=False),
        pa.field("role_1", pa.string()),
        pa.field("role_2", pa.string()),
        pa.field("kind", pa.string(), nullable=False),  # "exact": the same encoded bytes; "near": a like picture
        pa.field("distance", pa.int64()),  # differing bits of the perceptual hashes; null where one has none
        pa.field("across", pa.bool_(), nullable=False),  # the two records have two roles, or stand in two sets
    ]
)
"""Columns of `Duplicates.table`."""


@dataclasses.dataclass(frozen=True)
class Duplicates:
    """Pairs of records that show the same picture.

    Not all pairs of a large cluster are listed, but enough that following them from record to record walks through
    the whole cluster, and that a record with a duplicate in another role is listed with one.

    Attributes:
        table: columns of `DUPLICATE_SCHEMA`; exact pairs first, then by distance and ids.
        n_records: the records compared.
        n_unhashed: records among them without a hash, and so not compared at all.
        max_distance: the greatest distance of a near pair, in bits.
    """

    table: pa.Table
    n_records: int
    n_unhashed: int
    max_distance: int

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def across_roles(self) -> pa.Table:
        """The pairs whose records have two roles, or stand in the two sets that were compared."""
        return self.table.filter(self.table["across"])

    def to_dict(self) -> dict[str, Any]:
        """Counts, and the pairs across roles, for JSON."""
        across = self.across_roles()
        exact = pc.sum(pc.equal(self.table["kind"], "exact")).as_py() or 0
        return {
            "n_records": self.n_records,
            "n_unhashed": self.n_unhashed,
            "max_distance": self.max_distance,
            "n_exact": exact,
            "n_near": len(self) - exact,
            "n_across_roles": across.num_rows,
            "across_roles": across.drop_columns(["across"]).to_pylist(),
        }


def find_duplicates(records: Records, other: Records | None = None, *, max_distance: int = NEAR_DISTANCE) -> Duplicates:
    """Finds exact duplicates (equal ``image_hash``) and near duplicates (``image_phash`` within ``max_distance`` bits).

    Args:
        records: the records to look through.
        other: more records, e.g. the public set; a pair with one record in each always counts as across roles.
        max_distance: see `NEAR_DISTANCE`; 0 takes equal perceptual hashes alone.

    Raises:
        InputError: ``max_distance`` is out of range, or there are more than 64 roles.
    """
    sets = [records.table] if other is None else [records.table, other.table]
    names = ("record_id", "role", "image_hash", "image_phash")
    table = pa.concat_tables([part.select(names) for part in sets])
    kinds = codes_of(table["role"]) * 2  # no role is a kind of its own here
    kinds[len(records) :] += 1
    first, second = duplicate_links(
        table["image_hash"], table["image_phash"], kinds=_without_gaps(kinds), max_distance=max_distance
    )
    unhashed = pc.and_(pc.is_null(table["image_hash"]), pc.is_null(table["image_phash"]))
    return Duplicates(
        table=_describe(table, first, second, two_sets=(first < len(records)) & (second >= len(records))),
        n_records=table.num_rows,
        n_unhashed=pc.sum(unhashed).as_py() or 0,
        max_distance=max_distance,
    )


def duplicate_links(
    image_hash: pa.ChunkedArray,
    image_phash: pa.ChunkedArray,
    *,
    kinds: npt.NDArray[np.int64] | None = None,
    exact: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None = None,
    max_distance: int = NEAR_DISTANCE,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows of duplicates: enough pairs to connect every cluster, and one per record and other kind that it meets.

    Args:
        image_hash: (n,) strings; null where there is none.
        image_phash: (n,) uint64; null where there is none.
        kinds: (n,) small integers, e.g. a code of each record's role; None where roles do not matter.
        exact: `repeated_codes` of ``image_hash``, by whoever needs them too.
        max_distance: see `NEAR_DISTANCE`.

    Returns:
        Two (p,) int64 arrays of rows, the first below the second, without repetition.

    Raises:
        InputError: ``max_distance`` is out of range, or there are more than 64 kinds.
    """
    check_distance(max_distance)
    n = len(image_hash)
    if kinds is None:
        kinds = np.zeros(n, np.int64)
    if n and kinds.max() >= 64:
        raise InputError(f"the records have {kinds.max() + 1} roles; duplicates are told apart for 64 at most")
    same = _Clusters(*(repeated_codes(image_hash) if exact is None else exact), kinds)
    alike, first, second, links = _alike(image_phash, kinds, max_distance=max_distance)
    forwards = alike.between(first, second, links.first_meets)
    backwards = alike.between(second, first, links.second_meets)
    pairs = np.sort(np.concatenate([same.within(), alike.within(), forwards, backwards], axis=1), axis=0)
    keys = np.unique(pairs[0] * n + pairs[1])
    return keys // max(n, 1), keys % max(n, 1)


def _alike(
    image_phash: pa.ChunkedArray, kinds: npt.NDArray[np.int64], *, max_distance: int
) -> tuple["_Clusters", npt.NDArray[np.int64], npt.NDArray[np.int64], HashLinks]:
    """The records of equal or near hash, one cluster per hash; and the links, as codes of these clusters."""
    rows = np.flatnonzero(pc.is_valid(image_phash).to_numpy())
    hashes = pc.drop_null(image_phash).to_numpy().astype(np.uint64, copy=False)
    order = np.argsort(hashes, kind="stable")
    hashes, rows = hashes[order], rows[order]
    starts = np.flatnonzero(np.concatenate([np.ones(min(len(hashes), 1), np.bool_), hashes[1:] != hashes[:-1]]))
    sizes = np.diff(starts, append=len(hashes))
    masks = None
    if len(rows) and kinds.max():
        masks = np.bitwise_or.reduceat(np.uint64(1) << kinds[rows].astype(np.uint64), starts)
    links = link_hashes(hashes[starts], max_distance=max_distance, kinds=masks)
    # Most hashes are of one record and near no other: they need no place among the clusters.
    kept = np.unique(np.concatenate([np.flatnonzero(sizes > 1), links.first, links.second]))
    within = np.arange(sizes[kept].sum()) - np.repeat(np.cumsum(sizes[kept]) - sizes[kept], sizes[kept])
    members = rows[np.repeat(starts[kept], sizes[kept]) + within]
    clusters = _Clusters(members, np.repeat(np.arange(len(kept)), sizes[kept]), kinds)
    return clusters, np.searchsorted(kept, links.first), np.searchsorted(kept, links.second), links


class _Clusters:
    """Records of equal hash, one cluster per hash, each with its records' kinds."""

    def __init__(self, rows: npt.NDArray[np.int64], codes: npt.NDArray[np.int64], kinds: npt.NDArray[np.int64]) -> None:
        """``rows`` (m,) have the hashes ``codes`` (m,), 0 to the number of hashes − 1; ``kinds`` (n,) is by row."""
        order = np.lexsort((rows, kinds[rows], codes))
        self.rows, self.codes = rows[order], codes[order]
        self.kinds = kinds[self.rows]
        n_codes = int(codes.max()) + 1 if len(codes) else 0
        self.starts = np.searchsorted(self.codes, np.arange(n_codes + 1))
        self.n_kinds = int(kinds.max()) + 1 if len(kinds) else 0
        self.masks = np.zeros(n_codes, np.uint64)
        np.bitwise_or.at(self.masks, self.codes, np.uint64(1) << self.kinds.astype(np.uint64))

    def within(self) -> npt.NDArray[np.int64]:
        """(2, p) rows: each record with the first of its cluster and kind, and with the first of every other kind."""
        keys = self.codes * self.n_kinds + self.kinds
        parts = [np.stack([self.rows, self.rows[np.searchsorted(keys, keys)]])]
        for kind in range(self.n_kinds):
            meets = (self.masks[self.codes] >> np.uint64(kind)) & np.uint64(1) != 0
            rows, codes = self.rows[meets], self.codes[meets]
            parts.append(np.stack([rows, self._first_of(codes, kind)]))
        pairs = np.concatenate(parts, axis=1)
        return pairs[:, pairs[0] != pairs[1]]

    def between(
        self, one: npt.NDArray[np.int64], other: npt.NDArray[np.int64], meets: npt.NDArray[np.uint64]
    ) -> npt.NDArray[np.int64]:
        """(2, q) rows: for clusters ``one`` (p,), the first records, and all of them with each kind they newly meet."""
        parts = [np.stack([self.rows[self.starts[one]], self.rows[self.starts[other]]])]
        for kind in range(self.n_kinds):
            chosen = (meets >> np.uint64(kind)) & np.uint64(1) != 0
            sizes = self.starts[one[chosen] + 1] - self.starts[one[chosen]]
            offsets = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
            members = self.rows[np.repeat(self.starts[one[chosen]], sizes) + offsets]
            parts.append(np.stack([members, np.repeat(self._first_of(other[chosen], kind), sizes)]))
        return np.concatenate(parts, axis=1)

    def _first_of(self, codes: npt.NDArray[np.int64], kind: int) -> npt.NDArray[np.int64]:
        """The first record of ``kind`` in each of the clusters ``codes``, which all have one."""
        keys = self.codes * self.n_kinds + self.kinds
        return self.rows[np.searchsorted(keys, codes * self.n_kinds + kind)]


def codes_of(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """(n,) codes of equal strings, null included, from 0; for columns of few distinct values."""
    codes: npt.NDArray[np.int64] = pc.index_in(column, value_set=pc.unique(column)).to_numpy().astype(np.int64)
    return codes


def _without_gaps(codes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Codes in the same order, from 0 on without gaps."""
    ranks: npt.NDArray[np.int64] = np.cumsum(np.bincount(codes) > 0, dtype=np.int64) - 1
    return ranks[codes]


def _describe(
    table: pa.Table,
    first: npt.NDArray[np.int64],
    second: npt.NDArray[np.int64],
    *,
    two_sets: npt.NDArray[np.bool_],
) -> pa.Table:
    """The pairs as a table of `DUPLICATE_SCHEMA`."""
    one, other = take_rows(table, first), take_rows(table, second)
    exact = pc.fill_null(pc.equal(one["image_hash"], other["image_hash"]), fill_value=False)
    bits = pc.bit_wise_xor(one["image_phash"], other["image_phash"])
    counts = np.bitwise_count(pc.fill_null(bits, 0).to_numpy()).astype(np.int64)
    roles_differ = pc.fill_null(pc.not_equal(one["role"], other["role"]), fill_value=False)
    pairs = pa.table(
        [
            one["record_id"],
            other["record_id"],
            one["role"],
            other["role"],
            pc.if_else(exact, "exact", "near"),
            pc.if_else(pc.is_valid(bits), pa.chunked_array([pa.array(counts)]), None),
            pc.or_(roles_differ, pa.array(two_sets)),
        ],
        schema=DUPLICATE_SCHEMA,
    )
    return pairs.sort_by([(name, "ascending") for name in ("kind", "distance", "record_id_1", "record_id_2")])
