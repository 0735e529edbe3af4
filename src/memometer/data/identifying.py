"""Which records share an id, and what tells them apart: the end of the path of what holds them."""

import dataclasses

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from memometer.data.sources.finding import telling_parts
from memometer.files import hash_bytes

__all__ = ["Told", "id_hash", "tell_apart"]


@dataclasses.dataclass(frozen=True)
class Told:
    """Records whose ids were shared.

    Attributes:
        rows: (m,) of the records that get another id, ascending.
        ids: (m,) those ids.
        repeats: (r,) rows of records that are left out: a record of the same id, from the same place, came before.
    """

    rows: npt.NDArray[np.int64]
    ids: pa.Array
    repeats: npt.NDArray[np.int64]


def id_hash(record_id: str) -> int:
    """64 bits of an id: equal ids have equal ones, so that most ids need not be kept in memory."""
    return int(hash_bytes(record_id.encode())[:16], 16)


def tell_apart(rows: npt.NDArray[np.int64], ids: pa.Array, within: pa.Array, *, taken: npt.NDArray[np.uint64]) -> Told:
    """New ids for those of the ``rows`` whose ids are equal, though different files or folders hold them.

    The id of such a record is preceded by as much of the end of its path as tells these files and folders apart; all of
    them get as much, so that ids of one file look alike. What has no path, or the same one, is a repeat of the first.

    Args:
        rows: (n,) ascending; of records whose ids are probably shared.
        ids: (n,) strings.
        within: (n,) the path of what holds the record; "" where the id is the source's own.
        taken: hashes of all ids; a new id is never one of them.
    """
    table = pa.table({"row": rows, "id": ids.cast(pa.large_string()), "within": within.cast(pa.large_string())})
    several = table.group_by("id").aggregate([("within", "count_distinct"), ("within", "min")])
    # An id that is the source's own anywhere stays one: its records repeat each other.
    apart = pc.and_(pc.greater(several["within_count_distinct"], 1), pc.not_equal(several["within_min"], ""))
    place = pc.index_in(table["id"], value_set=several["id"].filter(apart).combine_chunks())
    holders = pc.if_else(pc.is_valid(place), table["within"], "")
    first = pa.table({"row": rows, "id": table["id"], "holder": holders})
    kept = np.sort(first.group_by(["id", "holder"]).aggregate([("row", "min")])["row_min"].to_numpy())
    renamed = first.filter(pc.and_(pc.not_equal(holders, ""), pc.is_in(first["row"], value_set=pa.array(kept))))
    return Told(renamed["row"].to_numpy(), _renamed(renamed, taken), np.setdiff1d(rows, kept))


def _renamed(table: pa.Table, taken: npt.NDArray[np.uint64]) -> pa.Array:
    encoded = table["holder"].combine_chunks().dictionary_encode()
    paths = [tuple(part for part in path.split("/") if part) for path in encoded.dictionary.to_pylist()]
    ids = table["id"].combine_chunks()
    for depth in range(telling_parts(paths), max(map(len, paths), default=0) + 1):
        ends = pa.array(["/".join(path[-depth:]) for path in paths], pa.large_string())
        found = pc.binary_join_element_wise(ends.take(encoded.indices), ids, pa.scalar("/", pa.large_string()))
        hashes = np.array([id_hash(name) for name in found.to_pylist()], np.uint64)
        if not np.isin(hashes, taken).any() and len(np.unique(hashes)) == len(hashes):
            return found.cast(pa.string())
    return pc.binary_join_element_wise(encoded.dictionary_decode(), ids, pa.scalar("/", pa.large_string())).cast(
        pa.string()
    )
