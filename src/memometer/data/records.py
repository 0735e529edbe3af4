"""Records: one row per image-caption pair, as an Arrow table on disk and in memory."""

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from memometer.columns import hash_columns, one_array, take_rows
from memometer.data.images import ImageRef
from memometer.equal_texts import places_among, repeated_texts, text_hashes
from memometer.errors import DamagedError, InputError, SourceError, shown
from memometer.storage.addresses import is_remote
from memometer.storage.paths import AnyPath, StorePath, path_of
from memometer.tables import BATCH, open_table, readable

__all__ = ["IMAGE_COLUMNS", "RECORD_SCHEMA", "Records", "hash_records", "load_records", "parquet_parts", "read_columns"]

RECORD_SCHEMA = pa.schema(
    [
        pa.field("record_id", pa.string(), nullable=False),
        pa.field("image_path", pa.string()),  # a file, a tar or a Parquet; relative to the records' folder, or absolute
        pa.field("image_offset", pa.int64()),  # bytes from the start of a tar; null for a plain file
        pa.field("image_length", pa.int64()),  # bytes within a tar; null for a plain file
        pa.field("image_row", pa.int64()),  # row within a Parquet file; null elsewhere
        pa.field("image_column", pa.string()),  # the Parquet column that holds the bytes; null elsewhere
        pa.field("width", pa.int32()),  # px, as stored (EXIF rotation is not applied, as in open_clip)
        pa.field("height", pa.int32()),
        pa.field("image_hash", pa.string()),  # memometer.files.hash_bytes of the encoded bytes
        pa.field("image_phash", pa.uint64()),  # 64-bit perceptual hash of the picture
        pa.field("captions", pa.list_(pa.string())),
        pa.field("label", pa.string()),  # class of the image, for the image-only tests
        pa.field("objects", pa.list_(pa.string())),  # a label may repeat where an image holds several
        pa.field("boxes", pa.list_(pa.list_(pa.float32(), 4))),  # x, y, width, height in px, parallel to objects
        pa.field("scores", pa.list_(pa.float32())),  # a detector's confidence, parallel to objects
        pa.field("group", pa.string()),  # records of one group always share a role
        pa.field("role", pa.string()),
    ]
)
"""Columns of ``records.parquet``. All but ``record_id`` may be absent or null."""

IMAGE_COLUMNS = (
    "record_id",
    "image_path",
    "image_offset",
    "image_length",
    "image_row",
    "image_column",
    "image_hash",
)
"""What tells where the images of records are."""

AGAIN = "restore it from a copy, or make the records again"
"""What to do about damaged records."""


@dataclasses.dataclass(frozen=True)
class Records:
    """Image-caption pairs in a fixed order.

    Attributes:
        table: columns of `RECORD_SCHEMA`, one row per record; no Python object per record.
        folder: what relative image paths start from.
    """

    table: pa.Table
    folder: AnyPath

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @property
    def record_ids(self) -> pa.Array:
        """(n,) strings, unique; see `column`."""
        return self.column("record_id")

    @property
    def id_ranks(self) -> npt.NDArray[np.int64]:
        """(n,) the place of each record's id among the sorted ids."""
        ranks = np.empty(len(self), np.int64)
        ranks[pc.sort_indices(self.record_ids).to_numpy()] = np.arange(len(self))
        return ranks

    @functools.cached_property
    def groups(self) -> npt.NDArray[np.int64]:
        """(n,) codes: records of one ``group``, exact and near duplicates have the same; they are no independent draws.

        Near are those within the distance of the folder's split, or the default.
        """
        from memometer.data.bundles import find_bundles, near_distance  # here: most uses of records need no groups

        return find_bundles(self.table, by_group=True, max_distance=near_distance(self.folder)).of_row

    def column(self, name: str) -> pa.Array:
        """(n,) values of one column of `RECORD_SCHEMA` as a single array.

        Beyond 2³¹ bytes or elements its offsets have 64 bits: ``large_string`` and ``large_list``.
        """
        return one_array(self.table[name])

    def select(self, names: Sequence[str]) -> "Records":
        """These with some columns alone, as much as some work needs."""
        return dataclasses.replace(self, table=self.table.select(list(names)))

    def take(self, rows: Sequence[int] | pa.Array) -> "Records":
        """The records at ``rows``, in that order."""
        return dataclasses.replace(self, table=take_rows(self.table, rows))

    def where(self, chosen: npt.NDArray[np.bool_]) -> "Records":
        """The records that are ``chosen`` (n,), in their order."""
        return dataclasses.replace(self, table=self.table.filter(pa.array(chosen)))

    def among(self, ids: pa.Array | Iterable[str]) -> npt.NDArray[np.bool_]:
        """(n,) whether a record's id is one of ``ids``."""
        known = ids if isinstance(ids, pa.Array) else pa.array(list(ids), pa.string())
        return places_among(self.record_ids, known) >= 0

    def have_caption(self, number: int) -> npt.NDArray[np.bool_]:
        """(n,) whether a record has a caption of this number, from 1."""
        counts = pc.fill_null(pc.list_value_length(self.table["captions"]), 0)
        return np.asarray(counts.to_numpy() >= number, np.bool_)

    def with_column(self, name: str, values: pa.Array) -> "Records":
        """These with other values (n,) of one column."""
        place = self.table.schema.get_field_index(name)
        return dataclasses.replace(self, table=self.table.set_column(place, self.table.schema.field(place), values))

    def with_role(self, role: str | None) -> "Records":
        """The records of one role, or of several joined by commas, in their order; all records when ``role`` is None.

        Raises:
            InputError: no record has such a role; names the roles there are.
        """
        if role is None:
            return self
        wanted = wanted_roles(role, self.table["role"], folder=self.folder)
        return dataclasses.replace(self, table=self.table.filter(pc.is_in(self.table["role"], value_set=wanted)))

    def _located(self, path: str) -> str:
        """The path or address of a file; a record in a store may name one of this machine, from its root."""
        if is_remote(path) or (isinstance(self.folder, StorePath) and Path(path).is_absolute()):
            return path
        return str(self.folder / path)

    def image_refs(self, start: int = 0, stop: int | None = None) -> Iterator[ImageRef | None]:
        """Where each record's image is, lazily; None for a record without an image."""
        names = IMAGE_COLUMNS[1:]
        part = self.table.select(names).slice(start, None if stop is None else stop - start)
        for batch in part.to_batches(max_chunksize=4096):
            for path, *place in zip(*(batch[name].to_pylist() for name in names), strict=True):
                yield None if path is None else ImageRef(self._located(path), *place)


def load_records(folder: str | AnyPath, *, role: str | None = None) -> Records:
    """Loads ``folder/records.parquet`` (a file, or a folder of that name with parts).

    Args:
        folder: what ``memometer data import`` wrote, or any folder laid out alike.
        role: keep the records of this role alone; None keeps all.

    Raises:
        SourceError: nothing there to load, the file's bytes are not those that were written, or ``record_id`` is
            missing, null or not unique.
        InputError: no record has the role.
    """
    folder = path_of(folder)
    wanted = None
    if role is not None:
        wanted = wanted_roles(role, _read(folder, ("role",))["role"], folder=folder)
    return Records(table=read_columns(folder, RECORD_SCHEMA.names, roles=wanted), folder=folder)


def wanted_roles(role: str, roles: pa.ChunkedArray, *, folder: AnyPath) -> pa.Array:
    """The roles that ``role`` names: one, or several joined by commas.

    Args:
        role: as a user gives it.
        roles: (n,) of all records.
        folder: of the records, for the message.

    Raises:
        InputError: no record has such a role; names the roles there are.
    """
    known = sorted(value for value in pc.unique(roles).to_pylist() if value is not None)
    wanted = [role] if role in known else [name.strip() for name in role.split(",")]
    for name in wanted:
        if name not in known:
            have = f"its roles are {', '.join(known)}" if known else "its records have no roles yet"
            raise InputError(
                f"no record in {folder} has the role {shown(name)}: {have}; "
                f"assign roles with 'memometer data split {folder} --roles {name[:80]}=0.5,…'"
            )
    return pa.array(wanted, pa.string())


def read_columns(folder: AnyPath, names: Sequence[str], *, roles: pa.Array | None = None) -> pa.Table:
    """Some columns of `RECORD_SCHEMA` of all records, in the order of parts and rows; absent columns are null.

    Args:
        folder: of the records.
        names: of the columns, ``record_id`` among them.
        roles: keep the records of these roles alone; the others are read a piece at a time, and no further.

    Raises:
        SourceError: see `load_records`.
    """
    if roles is None:
        table = _read(folder, names)
        _check_ids(table["record_id"], folder)
        return table
    _check_ids(_read(folder, ("record_id",))["record_id"], folder)
    return _read(folder, names, roles=roles)


def _check_ids(ids: pa.ChunkedArray, folder: AnyPath) -> None:
    if ids.null_count:
        raise SourceError(f"{folder} has {ids.null_count} records without a record_id; every record needs one")
    if twice := repeated_texts(ids, text_hashes(ids)):
        raise SourceError(
            f"{folder} has record ids that occur more than once, e.g. {', '.join(twice)}; ids must be unique"
        )


def hash_records(records: Records, columns: Sequence[str]) -> str:
    """`hash_columns` of the records in their order."""
    return hash_columns(records.table, columns)


def parquet_parts(folder: AnyPath) -> list[AnyPath]:
    """The Parquet files of ``folder/records.parquet``, in the order of their names."""
    path = folder / "records.parquet"
    if path.is_file():
        return [path]
    parts: list[AnyPath] = [*_in_order(path, "*.parquet")] if path.is_dir() else []
    if not parts:
        raise SourceError(
            f"no records at {folder}: expected {path}; make it with 'memometer data import SOURCE --out {folder}'"
        )
    return parts


def _in_order(folder: AnyPath, pattern: str) -> Iterable[AnyPath]:
    return folder.rglob(pattern) if isinstance(folder, StorePath) else sorted(folder.rglob(pattern))


def _read(folder: AnyPath, names: Sequence[str], *, roles: pa.Array | None = None) -> pa.Table:
    """Columns of all parts, whose ids are not looked at."""
    schema = pa.schema([RECORD_SCHEMA.field(name) for name in names])
    batches: list[pa.RecordBatch] = []
    for part in parquet_parts(folder):
        try:
            for batch in _read_part(part, schema, with_role=roles is not None):
                kept = batch if roles is None else batch.filter(pc.is_in(batch["role"], value_set=roles))
                if kept.num_rows:
                    batches.append(kept.select(names))
        except (pa.ArrowException, DamagedError, OSError) as error:
            raise SourceError(f"{folder} holds a records.parquet that cannot be read: {error}") from error
    return pa.Table.from_batches(batches, schema)


def _read_part(part: AnyPath, schema: pa.Schema, *, with_role: bool) -> Iterator[pa.RecordBatch]:
    """Pieces of a part with exactly these columns and types, missing ones null; the role too if it is asked for.

    A piece at a time, since Arrow reads no row group as a whole whose lists hold 2 GiB of text.
    """
    with open_table(part, advice=AGAIN, memory_map=True) as file, readable(part, AGAIN):
        there = file.schema_arrow.names
        if "record_id" not in there:
            raise SourceError(f"{part} has no column 'record_id'; its columns are {', '.join(there)}")
        fields = [*schema, *([RECORD_SCHEMA.field("role")] if with_role and "role" not in schema.names else [])]
        nothing = {field.name: pa.nulls(BATCH, field.type) for field in fields if field.name not in there}
        for batch in file.iter_batches(BATCH, columns=[field.name for field in fields if field.name in there]):
            columns = [
                nothing[field.name].slice(0, batch.num_rows) if field.name in nothing else _as(batch, field, part)
                for field in fields
            ]
            yield pa.record_batch(columns, schema=pa.schema(fields))


def _as(batch: pa.RecordBatch, field: pa.Field, part: AnyPath) -> pa.Array:
    column = batch[field.name]
    try:
        return column.cast(field.type)
    except pa.ArrowException as error:
        raise SourceError(f"column '{field.name}' of {part} is {column.type}; expected {field.type}") from error
