"""Records: one row per image-caption pair, as an Arrow table on disk and in memory."""

import dataclasses
import functools
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from memometer.data.images import ImageRef
from memometer.errors import DamagedError, InputError, SourceError, shown
from memometer.storage.addresses import is_remote
from memometer.storage.paths import AnyPath, StorePath, path_of
from memometer.tables import open_table, readable

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
        """(n,) strings, unique."""
        return _flat(self.table["record_id"])

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
        """(n,) values of one column of `RECORD_SCHEMA` as a single array."""
        return _flat(self.table[name])

    def select(self, names: Sequence[str]) -> "Records":
        """These with some columns alone, as much as some work needs."""
        return dataclasses.replace(self, table=self.table.select(list(names)))

    def take(self, rows: Sequence[int] | pa.Array) -> "Records":
        """The records at ``rows``, in that order."""
        return dataclasses.replace(self, table=self.table.take(pa.array(rows, pa.int64())))

    def where(self, chosen: npt.NDArray[np.bool_]) -> "Records":
        """The records that are ``chosen`` (n,), in their order."""
        return dataclasses.replace(self, table=self.table.filter(pa.array(chosen)))

    def among(self, ids: Iterable[str]) -> npt.NDArray[np.bool_]:
        """(n,) whether a record's id is one of ``ids``."""
        found = pc.is_in(self.record_ids, value_set=pa.array(list(ids), pa.string()))
        return np.asarray(found.to_numpy(zero_copy_only=False), np.bool_)

    def have_caption(self, number: int) -> npt.NDArray[np.bool_]:
        """(n,) whether a record has a caption of this number, from 1."""
        counts = pc.fill_null(pc.list_value_length(self.column("captions")), 0)
        return np.asarray(counts.to_numpy(zero_copy_only=False) >= number, np.bool_)

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
        known = sorted(value for value in pc.unique(self.table["role"]).to_pylist() if value is not None)
        wanted = [role] if role in known else [name.strip() for name in role.split(",")]
        for name in wanted:
            if name not in known:
                have = f"its roles are {', '.join(known)}" if known else "its records have no roles yet"
                raise InputError(
                    f"no record in {self.folder} has the role {shown(name)}: {have}; "
                    f"assign roles with 'memometer data split {self.folder} --roles {name[:80]}=0.5,…'"
                )
        chosen = pc.is_in(self.table["role"], value_set=pa.array(wanted, pa.string()))
        return dataclasses.replace(self, table=self.table.filter(chosen))

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
    return Records(table=read_columns(folder, RECORD_SCHEMA.names), folder=folder).with_role(role)


def read_columns(folder: AnyPath, names: Sequence[str]) -> pa.Table:
    """Some columns of `RECORD_SCHEMA` of all records, in the order of parts and rows; absent columns are null.

    Args:
        folder: of the records.
        names: of the columns, ``record_id`` among them.

    Raises:
        SourceError: see `load_records`.
    """
    parts = parquet_parts(folder)
    schema = pa.schema([RECORD_SCHEMA.field(name) for name in names])
    try:
        table = pa.concat_tables([_read_part(part, schema) for part in parts])
    except (pa.ArrowException, DamagedError, OSError) as error:
        raise SourceError(f"{folder} holds a records.parquet that cannot be read: {error}") from error
    ids = table["record_id"]
    if ids.null_count:
        raise SourceError(f"{folder} has {ids.null_count} records without a record_id; every record needs one")
    if pc.count_distinct(ids).as_py() != len(ids):
        counts = ids.value_counts()
        twice = [entry["values"] for entry in counts.filter(pc.greater(counts.field("counts"), 1))[:3].to_pylist()]
        raise SourceError(
            f"{folder} has record ids that occur more than once, e.g. {', '.join(twice)}; ids must be unique"
        )
    return table


def hash_records(records: Records, columns: Sequence[str]) -> str:
    """128-bit BLAKE2b, as 32 hex digits, of some columns of the records in their order."""
    digest = hashlib.blake2b(digest_size=16)
    for batch in records.table.select(list(columns)).combine_chunks().to_batches(max_chunksize=65_536):
        digest.update(repr(batch.to_pydict()).encode())
    return digest.hexdigest()


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


def _read_part(part: AnyPath, schema: pa.Schema) -> pa.Table:
    """A part with exactly these columns and types, missing ones null."""
    with open_table(part, advice=AGAIN, memory_map=True) as file, readable(part, AGAIN):
        there = file.schema_arrow.names
        if "record_id" not in there:
            raise SourceError(f"{part} has no column 'record_id'; its columns are {', '.join(there)}")
        table = file.read([name for name in schema.names if name in there])
    columns = []
    for field in schema:
        if field.name not in there:
            columns.append(pa.nulls(table.num_rows, field.type))
            continue
        try:
            columns.append(table[field.name].cast(field.type))
        except pa.ArrowException as error:
            raise SourceError(
                f"column '{field.name}' of {part} is {table[field.name].type}; expected {field.type}"
            ) from error
    return pa.table(columns, schema=schema)


def _flat(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
