"""Splits: which records play which role, seeded, disjoint, and stable when records are added."""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from memometer.columns import one_array
from memometer.data.bundles import Bundles, bundle_places, find_bundles
from memometer.data.duplicates import NEAR_DISTANCE
from memometer.data.records import read_columns
from memometer.data.role_column import read_groups, write_column
from memometer.data.roles import NO_ROLE, Share, fill_roles, parse_roles
from memometer.equal_texts import places_among
from memometer.errors import DamagedError, InputError
from memometer.locking import writes
from memometer.sealing import read_sealed_json, write_sealed_json
from memometer.storage.paths import AnyPath, path_of

__all__ = ["SplitSummary", "split_records"]

SCHEMA = 1
"""Of ``split.json``."""


@dataclasses.dataclass(frozen=True)
class SplitSummary:
    """What a split did.

    Attributes:
        folder: of the records.
        roles: the share that each role asked for.
        seed: of the split.
        counts: role → number of its records.
        n_records: all records of the folder.
        n_unassigned: records without a role: no share asked for the rest, or they duplicate records of two roles.
        n_kept: records that kept the role they had.
        n_exact: records whose image has the same bytes as an earlier record's.
        n_near: records that share a role because their image looks like another's.
        n_grouped: records that share a role because of their group alone.
        largest: records of the largest set that shares a role.
        notices: sentences about what a user might not expect.
    """

    folder: AnyPath
    roles: dict[str, Share]
    seed: int
    counts: dict[str, int]
    n_records: int
    n_unassigned: int
    n_kept: int
    n_exact: int
    n_near: int
    n_grouped: int
    largest: int
    notices: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        return {**dataclasses.asdict(self), "folder": str(self.folder), "notices": list(self.notices)}


@writes("folder", in_stores=True)
def split_records(
    folder: str | AnyPath,
    roles: str | Mapping[str, Share],
    *,
    seed: int = 0,
    by_group: bool | None = None,
    group_column: str | None = None,
    keep: str | AnyPath | None = None,
    reassign: bool = False,
    max_distance: int = NEAR_DISTANCE,
) -> SplitSummary:
    """Gives the records of a folder their roles: the ``role`` column of ``records.parquet``, and ``split.json``.

    A record's role follows from a seeded hash of its id, never from its position. Exact and near duplicates always
    share a role, and so do records of one group. Run again with the same roles and seed after records were added, all
    records keep their roles; a new record takes the role of its duplicates, fills a role that lacks records, or joins
    the rest. With other roles, another seed or other options, all are assigned afresh.

    Args:
        folder: the folder of records, as 'memometer data import' writes it.
        roles: how many records each role gets: a number, a fraction, or rest: ``a=3000,b=0.25,public=rest``.
        seed: another seed, another split.
        by_group: keep the records of one group together; by default where the records have groups.
        group_column: a column of ``records.parquet`` that says which records belong together, such as ``label``; it
            becomes their group, which audits draw as a whole. By default they keep the groups that they have.
        keep: another folder of records: records of the same id take the role that they have there.
        reassign: assign all records afresh; else records keep their roles.
        max_distance: differing bits of perceptual hashes up to which images are near duplicates.

    Raises:
        SourceError: no records there, or records that cannot be read.
        InputError: roles that cannot be had, ``by_group`` without groups, or nothing to keep.
    """
    folder = path_of(folder)
    shares = parse_roles(roles)
    table = read_columns(folder, ("record_id", "image_hash", "image_phash", "group", "role"))
    if not table.num_rows:
        raise InputError(f"{folder} has no records to split; import some first")
    if group_column is not None:
        groups = read_groups(folder, group_column)
        table = table.set_column(table.schema.get_field_index("group"), "group", groups)
    if by_group and table["group"].null_count == table.num_rows:
        raise InputError(
            f"the records of {folder} have no groups; import them with a group column, or leave --by-group out"
        )
    spec = {
        "schema": SCHEMA,
        "roles": shares,
        "seed": seed,
        "by_group": by_group is not False,
        "max_distance": max_distance,
    }
    goes_on = not reassign and _is_same(folder / "split.json", spec)
    kept, notices = _kept_roles(table, list(shares), goes_on=goes_on, keep=keep, quiet=reassign)
    bundles = find_bundles(table, by_group=by_group is not False, max_distance=max_distance)
    codes, more = _assign(shares, bundles, kept=kept, places=bundle_places(table["record_id"], bundles, seed=seed))
    counts = np.bincount(codes[codes >= 0], minlength=len(shares))
    summary = SplitSummary(
        folder=folder,
        roles=shares,
        seed=seed,
        counts=dict(zip(shares, counts.tolist(), strict=True)),
        n_records=len(codes),
        n_unassigned=int((codes < 0).sum()),
        n_kept=int((kept >= 0).sum()),
        n_exact=bundles.n_exact,
        n_near=bundles.n_near,
        n_grouped=bundles.n_grouped,
        largest=int(bundles.sizes.max()),
        notices=(*notices, *more, *_warnings(table, shares, counts=counts, bundles=bundles)),
    )
    if not goes_on:
        # killed between two parts, the folder would hold two splits under the name of the first
        (folder / "split.json").unlink(missing_ok=True)
    if group_column is not None:
        write_column(folder, "group", one_array(groups))
    write_column(folder, "role", pa.array(list(shares)).take(pa.array(codes, mask=codes < 0)))
    write_sealed_json(folder / "split.json", {**spec, "counts": summary.counts, "n_unassigned": summary.n_unassigned})
    return summary


def _is_same(path: AnyPath, spec: Mapping[str, Any]) -> bool:
    """Whether ``split.json`` names this very split; the order of roles counts, and 1 is not 1.0."""
    if not path.is_file():
        return False
    try:
        stored = read_sealed_json(path)
        return json.dumps({name: stored.get(name) for name in spec}) == json.dumps(spec)
    except DamagedError as error:
        raise InputError(
            f"{path} is not what a split wrote ({error}); delete it to assign all records afresh"
        ) from error


def _kept_roles(
    table: pa.Table, names: list[str], *, goes_on: bool, keep: str | AnyPath | None, quiet: bool
) -> tuple[npt.NDArray[np.int64], list[str]]:
    """(n,) the role that each record keeps, or `NO_ROLE`; and what is to be said about it."""
    notices = []
    kept = _codes(table["role"], names) if goes_on else np.full(table.num_rows, NO_ROLE, np.int64)
    had = table.num_rows - table["role"].null_count
    if had and not goes_on and not quiet:
        notices.append(
            f"{had:,} records had roles that are not of a split with this seed, these roles and options: all are "
            "assigned afresh, so models trained on the old roles do not fit the new ones"
        )
    if keep is not None:
        other = read_columns(path_of(keep), ("record_id", "role"))
        there = places_among(table["record_id"], other["record_id"])
        theirs = np.where(there >= 0, _codes(other["role"], names)[there], NO_ROLE)
        if not (theirs >= 0).any():
            raise InputError(
                f"no role to keep: no record of {keep} has the same id and one of the roles {', '.join(names)}; "
                "give the folder of an earlier split of these records"
            )
        kept = np.where(theirs >= 0, theirs, kept)
    return kept, notices


def _assign(
    shares: Mapping[str, Share],
    bundles: Bundles,
    *,
    kept: npt.NDArray[np.int64],
    places: npt.NDArray[np.uint64],
) -> tuple[npt.NDArray[np.int64], list[str]]:
    """(n,) the role of each record: kept, else that of its bundle, else a new one; and what is to be said about it."""
    lowest = np.full(len(bundles.sizes), len(shares), np.int64)
    highest = np.full(len(bundles.sizes), NO_ROLE, np.int64)
    settled = kept >= 0
    np.minimum.at(lowest, bundles.of_row[settled], kept[settled])
    np.maximum.at(highest, bundles.of_row[settled], kept[settled])
    of_bundle = np.where(lowest == highest, highest, NO_ROLE)
    codes = np.where(settled, kept, of_bundle[bundles.of_row])
    free = np.flatnonzero(highest == NO_ROLE)
    given = dict(zip(shares, np.bincount(codes[codes >= 0], minlength=len(shares)).tolist(), strict=True))
    of_bundle[free] = fill_roles(shares, places=places[free], sizes=bundles.sizes[free], given=given)
    codes = np.where(settled, kept, of_bundle[bundles.of_row])
    torn = (lowest < highest)[bundles.of_row]
    notices = []
    if torn.any():
        notices.append(
            f"{int((torn & settled).sum()):,} records keep roles that differ from those of their duplicates or group; "
            f"list them with 'memometer data duplicates'"
        )
    if (torn & ~settled).any():
        notices.append(f"{int((torn & ~settled).sum()):,} new records get no role: their duplicates or group have two")
    return codes, notices


def _warnings(
    table: pa.Table, shares: Mapping[str, Share], *, counts: npt.NDArray[np.int64], bundles: Bundles
) -> Iterator[str]:
    n = table.num_rows
    unhashed = int(pc.sum(pc.and_(pc.is_null(table["image_hash"]), pc.is_null(table["image_phash"]))).as_py())
    if unhashed:
        yield f"{unhashed:,} of {n:,} records have no image hash: whether they are duplicates is not known"
    for (name, share), count in zip(shares.items(), counts.tolist(), strict=True):
        if isinstance(share, int) and count > share:
            yield f"role '{name}' has {count:,} records, more than {share:,}: new duplicates take the role of the old"
    if bundles.sizes.max() > max(100, 0.05 * n):
        yield (
            f"{bundles.sizes.max():,} records are tied together by groups or duplicates and share one role; "
            "if they are not alike, split with a smaller --max-distance"
        )


def _codes(column: pa.ChunkedArray, names: list[str]) -> npt.NDArray[np.int64]:
    """(n,) the place of each value in ``names``, or `NO_ROLE` for null and other values."""
    places = pc.index_in(column, value_set=pa.array(names, pa.string()))
    codes: npt.NDArray[np.int64] = pc.fill_null(places, NO_ROLE).to_numpy().astype(np.int64)
    return codes
