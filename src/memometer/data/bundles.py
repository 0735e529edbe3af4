"""Bundles: records that must share a role, for they are duplicates or of one group; and one record of each."""

import dataclasses
import hashlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from memometer.data.duplicates import NEAR_DISTANCE, duplicate_links
from memometer.data.records import Records
from memometer.equal_texts import repeated_codes, scrambled
from memometer.errors import DamagedError
from memometer.sealing import read_sealed_json
from memometer.storage.paths import AnyPath

__all__ = ["Bundles", "bundle_places", "find_bundles", "near_distance", "without_duplicates"]


@dataclasses.dataclass(frozen=True)
class Bundles:
    """Records that must share a role.

    Attributes:
        of_row: (n,) the bundle of each record.
        sizes: (b,) the number of records of each bundle.
        n_exact: records whose image has the same bytes as an earlier record's.
        n_near: further records that are tied to another by a like image.
        n_grouped: further records that are tied to another by their group alone.
    """

    of_row: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    n_exact: int
    n_near: int
    n_grouped: int


def find_bundles(table: pa.Table, *, by_group: bool, max_distance: int) -> Bundles:
    """Ties exact and near duplicates, and the records of each group.

    Args:
        table: (n,) with ``image_hash``, ``image_phash`` and ``group``; what is null ties nothing.
        by_group: whether the groups count.
        max_distance: greatest distance of near duplicates, in bits.
    """
    n = table.num_rows
    exact = repeated_codes(table["image_hash"])
    n_exact = len(exact[0]) - (int(exact[1].max()) + 1 if len(exact[1]) else 0)
    first, second = duplicate_links(table["image_hash"], table["image_phash"], exact=exact, max_distance=max_distance)
    of_row = _components(first, second, n)
    n_alike = n_bundles = int(of_row.max(initial=-1)) + 1
    if by_group and table["group"].null_count < n:
        rows, groups = repeated_codes(table["group"])
        leaders = rows[np.unique(groups, return_index=True)[1]][groups]
        of_row = _components(np.concatenate([first, rows]), np.concatenate([second, leaders]), n)
        n_bundles = int(of_row.max(initial=-1)) + 1
    sizes = np.bincount(of_row, minlength=n_bundles)
    return Bundles(of_row, sizes, n_exact=n_exact, n_near=n - n_alike - n_exact, n_grouped=n_alike - n_bundles)


def without_duplicates(records: Records, *, max_distance: int = NEAR_DISTANCE) -> Records:
    """The records, in their order, without those whose picture a record with a smaller id has.

    Exact and near duplicates are followed from record to record, so one record of each cluster stays. A record without
    hashes stays, for it cannot be compared.

    Args:
        records: n records.
        max_distance: see `memometer.data.duplicates.NEAR_DISTANCE`.

    Raises:
        InputError: ``max_distance`` is out of range.
    """
    clusters = find_bundles(records.table, by_group=False, max_distance=max_distance).of_row
    by_id = pc.array_sort_indices(records.record_ids).to_numpy()
    kept = np.zeros(len(records), bool)
    kept[by_id[np.unique(clusters[by_id], return_index=True)[1]]] = True
    return dataclasses.replace(records, table=records.table.filter(pa.array(kept)))


def near_distance(folder: AnyPath) -> int:
    """The greatest distance of near duplicates, in bits, that the folder was split by; else the default."""
    try:
        return int(read_sealed_json(folder / "split.json")["max_distance"])
    except (DamagedError, OSError, KeyError, TypeError, ValueError):  # no split of this kind
        return NEAR_DISTANCE


def _components(first: npt.NDArray[np.int64], second: npt.NDArray[np.int64], n: int) -> npt.NDArray[np.int64]:
    """(n,) the connected component of each row under the links, from 0 in the order of their first rows."""
    from scipy.sparse import coo_matrix  # here: a finished audit asks for the distance alone
    from scipy.sparse.csgraph import connected_components

    tied, ends = np.unique(np.concatenate([first, second]), return_inverse=True)
    links = coo_matrix((np.ones(len(first), bool), np.split(ends, 2)), shape=(len(tied), len(tied)))
    _, labels = connected_components(links, directed=False)
    leaders = np.arange(n)  # the first row of each row's component: of most rows, itself
    leaders[tied] = tied[np.unique(labels, return_index=True)[1]][labels]
    numbers: npt.NDArray[np.int64] = np.cumsum(leaders == np.arange(n)) - 1
    return numbers[leaders]


def bundle_places(record_ids: pa.ChunkedArray, bundles: Bundles, *, seed: int) -> npt.NDArray[np.uint64]:
    """(b,) uint64: where each bundle stands among all, by the smallest hash of its records' ids.

    The smallest of many hashes is small, which would send large bundles to the first role; so it is scrambled.
    """
    smallest = np.full(len(bundles.sizes), np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(smallest, bundles.of_row, np.concatenate(list(_hashes(record_ids, seed=seed))))
    return scrambled(smallest)


def _hashes(record_ids: pa.ChunkedArray, *, seed: int) -> Iterator[npt.NDArray[np.uint64]]:
    """64-bit BLAKE2b of each id, keyed by the seed."""
    key = str(seed).encode()
    for start in range(0, len(record_ids), 65_536):
        ids = record_ids.slice(start, 65_536).to_pylist()
        digests = b"".join(hashlib.blake2b(name.encode(), digest_size=8, key=key).digest() for name in ids)
        yield np.frombuffer(digests, "<u8").astype(np.uint64)
