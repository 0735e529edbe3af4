"""The ``role`` column of ``records.parquet``: what a split reads, and the writing of new roles."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from memometer.data.records import AGAIN, RECORD_SCHEMA, parquet_parts
from memometer.errors import DamagedError, SourceError
from memometer.tables import open_table, readable, table_writer

__all__ = ["read_columns", "write_roles"]


def read_columns(folder: Path, names: Sequence[str]) -> pa.Table:
    """Some columns of `RECORD_SCHEMA` of all records, in the order of parts and rows; absent columns are null.

    Raises:
        SourceError: there are no records, a column has another type, or ids are missing or not unique.
    """
    tables = []
    schema = pa.schema([RECORD_SCHEMA.field(name) for name in names])
    for part in parquet_parts(folder):
        try:
            file = open_table(part, advice=AGAIN)
            there = set(file.schema_arrow.names)
            table = file.read(columns=[name for name in names if name in there])
            columns = [
                table[field.name].cast(field.type) if field.name in there else pa.nulls(table.num_rows, field.type)
                for field in schema
            ]
        except (pa.ArrowException, DamagedError, OSError) as error:
            raise SourceError(f"{part} cannot be read as records: {error}") from error
        tables.append(pa.table(columns, schema=schema))
    records = pa.concat_tables(tables)
    ids = records["record_id"]
    if ids.null_count or pc.count_distinct(ids).as_py() != len(ids):
        raise SourceError(f"{folder} has records without a record_id, or ids that occur twice; ids must be unique")
    return records


def write_roles(folder: Path, roles: pa.Array) -> int:
    """Writes the roles of all records into the parts of ``records.parquet``; other columns stay as they are.

    Each part is written anew beside itself, a row group at a time, and takes its place at once. A part whose
    roles are right already is left alone.

    Args:
        folder: of the records.
        roles: (n,) strings or nulls, in the order of parts and rows.

    Returns:
        The number of parts written.
    """
    start = written = 0
    for part in parquet_parts(folder):
        with open_table(part, advice=AGAIN) as file:
            mine = roles.slice(start, file.metadata.num_rows)
            start += file.metadata.num_rows
            if not _has(file, mine):
                _rewrite(file, mine, part)
                written += 1
    return written


def _has(file: pq.ParquetFile, roles: pa.Array) -> bool:
    """Whether the file's roles are ``roles``."""
    if "role" not in file.schema_arrow.names:
        return False
    column = file.read(columns=["role"])["role"]
    return bool(column.type == pa.string() and column.equals(pa.chunked_array([roles])))


def _rewrite(file: pq.ParquetFile, roles: pa.Array, out: Path) -> None:
    schema, field = file.schema_arrow, pa.field("role", pa.string())
    place = schema.get_field_index("role")
    schema = schema.append(field) if place < 0 else schema.set(place, field)
    start = 0
    # its own compression is not asked for: pyarrow ends the process over damaged metadata of a column
    with table_writer(out, schema) as writer:
        for index in range(file.num_row_groups):
            with readable(out):
                table = file.read_row_group(index)
            mine = roles.slice(start, table.num_rows)
            start += table.num_rows
            table = table.append_column(field, mine) if place < 0 else table.set_column(place, field, mine)
            writer.write_table(table, row_group_size=max(table.num_rows, 1))
