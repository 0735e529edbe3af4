"""The ``role`` and ``group`` columns of ``records.parquet``: what a split reads, and the writing of new ones."""

import pyarrow as pa
import pyarrow.parquet as pq

from memometer.columns import narrowed
from memometer.data.records import AGAIN, parquet_parts
from memometer.errors import InputError
from memometer.storage.paths import AnyPath
from memometer.tables import open_table, read_open, readable, table_writer

__all__ = ["read_groups", "write_column"]


def read_groups(folder: AnyPath, column: str) -> pa.ChunkedArray:
    """(n,) strings, the values of a column of ``records.parquet`` by which records belong together; null for none.

    Raises:
        InputError: there is no such column, or it holds lists or the like.
        SourceError: there are no records, or they cannot be read.
    """
    chunks: list[pa.Array] = []
    for part in parquet_parts(folder):
        with open_table(part, advice=AGAIN) as file:
            if column not in file.schema_arrow.names:
                raise InputError(
                    f"{part} has no column '{column}' to group by; its columns are {', '.join(file.schema_arrow.names)}"
                )
            try:
                chunks += file.read(columns=[column])[column].cast(pa.string()).chunks
            except pa.ArrowException as error:
                kind = file.schema_arrow.field(column).type
                raise InputError(f"column '{column}' of {part} is {kind}; expected text or numbers") from error
    return pa.chunked_array(chunks, pa.string())


def write_column(folder: AnyPath, name: str, values: pa.Array) -> int:
    """Writes a column of all records into the parts of ``records.parquet``; other columns stay as they are.

    Each part is written anew beside itself, a row group at a time, and takes its place at once. A part whose
    values are right already is left alone.

    Args:
        folder: of the records.
        name: of the column, e.g. ``"role"``.
        values: (n,) strings or nulls, in the order of parts and rows.

    Returns:
        The number of parts written.
    """
    start = written = 0
    for part in parquet_parts(folder):
        with open_table(part, advice=AGAIN) as file:
            mine = narrowed(values.slice(start, file.metadata.num_rows), pa.string())
            start += file.metadata.num_rows
            if not _has(file, mine, name):
                _rewrite(file, mine, part, name=name)
                written += 1
    return written


def _has(file: pq.ParquetFile, values: pa.ChunkedArray, name: str) -> bool:
    """Whether the file's column of this name is ``values``."""
    if name not in file.schema_arrow.names:
        return False
    column = file.read(columns=[name])[name]
    return bool(column.type == pa.string() and column.equals(values))


def _rewrite(file: pq.ParquetFile, values: pa.ChunkedArray, out: AnyPath, *, name: str) -> None:
    schema, field = file.schema_arrow, pa.field(name, pa.string())
    place = schema.get_field_index(name)
    schema = schema.append(field) if place < 0 else schema.set(place, field)
    start = 0
    # its own compression is not asked for: pyarrow ends the process over damaged metadata of a column
    with table_writer(out, schema) as writer:
        for index in range(file.num_row_groups):
            with readable(out):
                table = read_open(file, row_groups=[index])
            mine = values.slice(start, table.num_rows)
            start += table.num_rows
            table = table.append_column(field, mine) if place < 0 else table.set_column(place, field, mine)
            writer.write_table(table, row_group_size=max(table.num_rows, 1))
