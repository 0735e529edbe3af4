"""Parquet tables whose image column holds paths, encoded bytes, or Hugging Face's ``struct<bytes, path>``."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from memometer.data.sources.arrow_rows import ArrowRows, column_values
from memometer.data.sources.base import PIECE_ROWS, Piece, Plan
from memometer.data.sources.columns import choose_columns, used_columns
from memometer.data.sources.options import ReaderOptions
from memometer.errors import SourceError
from memometer.memory import memory_is_short

__all__ = ["MAX_GROUP_BYTES", "ParquetReader", "open_parquet"]

MAX_GROUP_BYTES = 2**30
"""Bytes of images in one row group. A single image can only be read with its whole row group."""

_BUFFER_BYTES = 2**20  # pages are read as they are needed, not a whole column of the row group at once


class ParquetReader(ArrowRows):
    """Parquet files; a piece is a run of rows within one row group."""

    format: ClassVar[str] = "parquet"

    def plan(self, scratch: Path) -> Plan:
        """Pieces from the files' metadata alone; where images are named, rows of one image are brought together.

        Raises:
            SourceError: a file lacks a column, or holds row groups too large to read images from.
        """
        pieces = []
        for path in self.paths:
            table = _open(path)
            choose_columns(
                table.schema_arrow.names,
                self.rows.fields,
                path=path,
                captions_required=self.captions_required,
                like=self.paths[0],
            )
            row = 0
            for group in range(table.metadata.num_row_groups):
                _check_size(table.metadata.row_group(group), str(self.rows.fields.image), path)
                n_rows = table.metadata.row_group(group).num_rows
                for skip in range(0, n_rows, PIECE_ROWS):
                    size = min(PIECE_ROWS, n_rows - skip)
                    pieces.append(Piece(path, group=group, row=row + skip, skip=skip, n_rows=size))
                row += n_rows
        return self._plan(pieces, scratch)

    @staticmethod
    def _cells(paths: Sequence[str], column: str) -> Iterator[object]:
        """What every row has in a column."""
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

    def _rows(self, piece: Piece) -> Iterator[dict[str, object]]:
        table = pq.ParquetFile(piece.path, buffer_size=_BUFFER_BYTES)
        columns = used_columns(self.rows.fields, self.rows.corners)
        place, end = 0, piece.skip + (piece.n_rows or 0)
        for batch in table.iter_batches(batch_size=256, row_groups=[piece.group], columns=columns, use_threads=False):
            start, stop = max(piece.skip - place, 0), min(end - place, batch.num_rows)
            if start < stop:
                part = batch.slice(start, stop - start)
                values = {name: column_values(part.column(name)) for name in columns}
                for number in range(part.num_rows):
                    yield {name: column[number] for name, column in values.items()}
            place += batch.num_rows
            if place >= end:
                return


def open_parquet(paths: Sequence[str], options: ReaderOptions) -> ParquetReader:
    """A reader of Parquet files, its columns chosen by the first file's schema.

    Raises:
        SourceError: not Parquet, or a column is missing or of a type that holds no image.
    """
    return ParquetReader.of_schema(paths, options, _open(paths[0]).schema_arrow)


def _open(path: str) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
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
