"""Parquet tables whose image column holds paths, encoded bytes, or Hugging Face's ``struct<bytes, path>``."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from memometer.data.images import parquet_file
from memometer.data.sources.arrow_rows import ArrowRows, column_values
from memometer.data.sources.base import PIECE_ROWS, Piece
from memometer.errors import SourceError
from memometer.memory import memory_is_short

__all__ = ["MAX_GROUP_BYTES", "ParquetReader"]

MAX_GROUP_BYTES = 2**30
"""Bytes of images in one row group. A single image can only be read with its whole row group."""

_BUFFER_BYTES = 2**20  # pages are read as they are needed, not a whole column of the row group at once


class ParquetReader(ArrowRows):
    """Parquet files; a piece is a run of rows within one row group."""

    format: ClassVar[str] = "parquet"

    @staticmethod
    def _schema(path: str) -> pa.Schema:
        return _open(path).schema_arrow

    def _pieces(self, path: str) -> Iterator[Piece]:
        """From the file's metadata alone.

        Raises:
            SourceError: the file holds row groups too large to read images from.
        """
        metadata, row = _open(path).metadata, 0
        for group in range(metadata.num_row_groups):
            _check_size(metadata.row_group(group), str(self.rows.fields.image), path)
            n_rows = metadata.row_group(group).num_rows
            for skip in range(0, n_rows, PIECE_ROWS):
                size = min(PIECE_ROWS, n_rows - skip)
                yield Piece(path, group=group, row=row + skip, skip=skip, n_rows=size)
            row += n_rows

    @staticmethod
    def _cells(paths: Sequence[str], column: str) -> Iterator[object]:
        for path in paths:
            for batch in _open(path).iter_batches(columns=[column], use_threads=False):
                yield from column_values(batch.column(0))

    @staticmethod
    def _holds_no_bytes(path: str, column: str) -> bool:
        """Whether a column of Hugging Face's structs has paths alone.

        The values are looked at, a few at a time until one has bytes: the file's statistics say it too, but pyarrow
        ends the process where those are damaged.
        """
        table = _open(path)
        if not pa.types.is_struct(table.schema_arrow.field(column).type):
            return False
        for batch in table.iter_batches(columns=[f"{column}.bytes"], batch_size=256, use_threads=False):
            held = pc.struct_field(batch.column(0), "bytes")
            if held.null_count < len(held):
                return False
        return bool(table.metadata.num_rows > 0)

    @staticmethod
    def _batches(piece: Piece, columns: list[str]) -> Iterator[pa.RecordBatch]:
        table = parquet_file(piece.path, buffer_size=_BUFFER_BYTES)
        place, end = 0, piece.skip + (piece.n_rows or 0)
        for batch in table.iter_batches(batch_size=256, row_groups=[piece.group], columns=columns, use_threads=False):
            start, stop = max(piece.skip - place, 0), min(end - place, batch.num_rows)
            if start < stop:
                yield batch.slice(start, stop - start)
            place += batch.num_rows
            if place >= end:
                return


def _open(path: str) -> pq.ParquetFile:
    try:
        return parquet_file(path)
    except (pa.ArrowException, OSError) as error:
        if memory_is_short(error):
            raise
        raise SourceError(f"{path} cannot be read as Parquet: {error}") from error


def _check_size(group: pq.RowGroupMetaData, image: str, path: str) -> None:
    if group.total_byte_size <= MAX_GROUP_BYTES:
        return  # a column's own metadata are not asked for without need: damaged ones end the process
    chunks = (group.column(index) for index in range(group.num_columns))
    size = sum(c.total_uncompressed_size for c in chunks if c.path_in_schema.split(".")[0] == image)
    if size > MAX_GROUP_BYTES:
        raise SourceError(
            f"{path} holds {size / 2**30:.1f} GiB of images in one row group, more than {MAX_GROUP_BYTES / 2**30:.0f}; "
            "every single image would cost reading all of them: write it again with smaller row groups, "
            "e.g. pyarrow.parquet.write_table(table, path, row_group_size=1000)"
        )
