"""Parquet tables whose image column holds paths, encoded bytes, or Hugging Face's ``struct<bytes, path>``."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from memometer.data.sources.base import PIECE_ROWS, Draft, Fields, Piece, Plan, Reject
from memometer.data.sources.rows import UNDECODABLE, Row, choose_columns, row_draft, used_columns
from memometer.errors import SourceError

__all__ = ["MAX_GROUP_BYTES", "ParquetReader", "open_parquet"]

MAX_GROUP_BYTES = 2**30
"""Bytes of images in one row group. A single image can only be read with its whole row group."""

_BUFFER_BYTES = 2**20  # pages are read as they are needed, not a whole column of the row group at once


@dataclasses.dataclass(frozen=True)
class ParquetReader:
    """Parquet files; a piece is a run of rows within one row group. Images within the table stay there.

    Attributes:
        fields: the columns by name, chosen by `open_parquet`.
        captions_required: whether a table without a column of captions is a mistake.
    """

    format: ClassVar[str] = "parquet"
    paths: tuple[str, ...]
    fields: Fields
    captions_required: bool = True

    def files(self) -> Iterator[Path]:
        """The tables; images that they name by path are not among them."""
        yield from map(Path, self.paths)

    def plan(self, scratch: Path) -> Plan:  # noqa: ARG002 (the protocol's signature)
        """Pieces from the files' metadata alone.

        Raises:
            SourceError: a file lacks a column, or holds row groups too large to read images from.
        """
        pieces = []
        for path in self.paths:
            table = _open(path)
            choose_columns(table.schema_arrow.names, self.fields, path=path, captions_required=self.captions_required)
            row = 0
            for group in range(table.metadata.num_row_groups):
                _check_size(table.metadata.row_group(group), str(self.fields.image), path)
                n_rows = table.metadata.row_group(group).num_rows
                for skip in range(0, n_rows, PIECE_ROWS):
                    size = min(PIECE_ROWS, n_rows - skip)
                    pieces.append(Piece(path, group=group, row=row + skip, skip=skip, n_rows=size))
                row += n_rows
        return Plan(pieces)

    def read(self, piece: Piece) -> Iterator[Draft | Reject]:
        """The rows of one piece, decoded a few at a time; where the file is damaged, the rest is one reject."""
        row = piece.row
        try:
            for values in self._rows(piece):
                yield row_draft(Row(piece.path, row, values), self.fields)
                row += 1
        except (pa.ArrowException, OSError) as error:
            last = piece.row + (piece.n_rows or 0)
            reason = f"damaged Parquet: {' '.join(str(error).split())}"
            yield Reject(None, piece.path, f"rows {row + 1} to {last}", reason)

    def _rows(self, piece: Piece) -> Iterator[dict[str, object]]:
        table = pq.ParquetFile(piece.path, buffer_size=_BUFFER_BYTES)
        columns = used_columns(self.fields)
        place, end = 0, piece.skip + (piece.n_rows or 0)
        for batch in table.iter_batches(batch_size=256, row_groups=[piece.group], columns=columns, use_threads=False):
            start, stop = max(piece.skip - place, 0), min(end - place, batch.num_rows)
            if start < stop:
                part = batch.slice(start, stop - start)
                values = {name: _values(part.column(name)) for name in columns}
                for number in range(part.num_rows):
                    yield {name: column[number] for name, column in values.items()}
            place += batch.num_rows
            if place >= end:
                return


def open_parquet(paths: Sequence[str], fields: Fields, *, captions_required: bool = True) -> ParquetReader:
    """A reader of Parquet files, its columns chosen by the first file's schema.

    Raises:
        SourceError: not Parquet, or a column is missing or of a type that holds no image.
    """
    schema = _open(paths[0]).schema_arrow
    chosen = choose_columns(schema.names, fields, path=paths[0], captions_required=captions_required)
    kind = schema.field(chosen.image).type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    holds = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    if not any(test(kind) for test in holds) and not (pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0):
        raise SourceError(
            f"column '{chosen.image}' of {paths[0]} is {kind}; expected paths, bytes, or a struct of bytes and path; "
            "pass --image-column NAME"
        )
    return ParquetReader(tuple(paths), chosen, captions_required)


def _open(path: str) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{path} cannot be read as Parquet: {error}") from error


def _check_size(group: pq.RowGroupMetaData, image: str, path: str) -> None:
    chunks = (group.column(index) for index in range(group.num_columns))
    size = sum(c.total_uncompressed_size for c in chunks if c.path_in_schema.split(".")[0] == image)
    if size > MAX_GROUP_BYTES:
        raise SourceError(
            f"{path} holds {size / 2**30:.1f} GiB of images in one row group, more than {MAX_GROUP_BYTES / 2**30:.0f}; "
            "every single image would cost reading all of them: write it again with smaller row groups, "
            "e.g. pyarrow.parquet.write_table(table, path, row_group_size=1000)"
        )


def _values(column: pa.Array) -> list[object]:
    """Python values of a column; Arrow reads text unchecked, so a bad one may only show here."""
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:
        return [_value(cell) for cell in column]


def _value(cell: pa.Scalar) -> object:
    try:
        return cell.as_py()
    except UnicodeDecodeError:
        return UNDECODABLE
