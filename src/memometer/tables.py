"""Tables on disk: Parquet with a checksum in every page and a seal on the whole."""

import contextlib
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from memometer.errors import DamagedError
from memometer.memory import memory_is_short
from memometer.sealing import AGAIN, check_seal, sealed_path
from memometer.storage.paths import AnyPath, StorePath

__all__ = ["BATCH", "is_number", "open_table", "read_open", "read_table", "readable", "table_writer", "write_table"]

BATCH = 16_384
"""Rows that are read at a time where a whole row group is too much: 2 GiB are 128 kB for each."""


def is_number(kind: pa.DataType) -> bool:
    """Whether a column of this type holds numbers; booleans are 0 and 1."""
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind))


@contextlib.contextmanager
def table_writer(path: AnyPath, schema: pa.Schema, *, compression: str = "zstd") -> Iterator[pq.ParquetWriter]:
    """A writer of row groups; the file is at ``path``, sealed, once it is whole."""
    with (
        sealed_path(path) as temporary,
        pq.ParquetWriter(temporary, schema, compression=compression, write_page_checksum=True) as writer,
    ):
        yield writer


def write_table(path: AnyPath, table: pa.Table, *, row_group_size: int | None = None) -> None:
    """Writes a table atomically, compressed and sealed."""
    with table_writer(path, table.schema) as writer:
        writer.write_table(table, row_group_size)


def open_table(path: AnyPath, *, advice: str = AGAIN, memory_map: bool = False) -> pq.ParquetFile:
    """A table to read in parts, whose seal is whole, if it has one; its pages are checked as they are read.

    Of an object in a store only those columns come that are asked for, so its seal, over all bytes, is not looked at.

    Raises:
        DamagedError: it is damaged, or no Parquet.
        OSError: it cannot be read.
    """
    if isinstance(path, StorePath):
        file = path.open()
        with readable(path, advice):
            return pq.ParquetFile(file, page_checksum_verification=True)
    check_seal(path, advice=advice)
    with readable(path, advice):
        return pq.ParquetFile(path, memory_map=memory_map, page_checksum_verification=True)


def read_table(path: AnyPath, columns: Sequence[str] | None = None, *, advice: str = AGAIN) -> pa.Table:
    """A whole table, or some of its columns, with its seal and its pages checked.

    Raises:
        DamagedError: it is damaged, or no Parquet.
        OSError: it cannot be read.
    """
    # Not pyarrow.parquet.read_table: for its filters it imports pyarrow.dataset, and with that pandas.
    with open_table(path, advice=advice) as file, readable(path, advice):
        if columns is None:
            return read_open(file)
        if missing := [name for name in columns if name not in file.schema_arrow.names]:
            raise pa.ArrowInvalid(f"it has no column {', '.join(missing)}")
        return read_open(file, list(columns)).select(list(columns))


def read_open(
    file: pq.ParquetFile, columns: Sequence[str] | None = None, *, row_groups: Sequence[int] | None = None
) -> pa.Table:
    """A table that is open, or some of its columns or row groups; whatever the bytes of text in its lists."""
    groups = range(file.num_row_groups) if row_groups is None else row_groups
    try:
        return file.read_row_groups(list(groups), columns)
    except pa.ArrowNotImplementedError:  # beyond 2 GiB in the lists of a row group, Arrow reads them in parts alone
        batches = file.iter_batches(BATCH, row_groups=list(groups), columns=columns)
        schema = file.schema_arrow
        fields = [field for field in schema if columns is None or field.name in columns]
        return pa.Table.from_batches(batches, pa.schema(fields, schema.metadata))


@contextlib.contextmanager
def readable(path: AnyPath, advice: str = AGAIN) -> Iterator[None]:
    """Errors within it that tell of a damaged file are a sentence.

    Raises:
        DamagedError: the file is damaged, or no Parquet.
    """
    try:
        yield
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        if memory_is_short(error) or (isinstance(error, OSError) and error.errno is not None):
            raise
        raise DamagedError(f"{path} cannot be read as Parquet: {error}", advice) from error
