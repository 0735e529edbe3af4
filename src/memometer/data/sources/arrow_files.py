"""Arrow files, as Hugging Face's ``save_to_disk`` and pandas write them: read in place, images stay there."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

import pyarrow as pa

from memometer.data.arrow_tables import ArrowTable, open_arrow
from memometer.data.sources.arrow_rows import ArrowRows, column_values
from memometer.data.sources.base import PIECE_ROWS, Piece
from memometer.errors import SourceError

__all__ = ["ArrowReader"]


class ArrowReader(ArrowRows):
    """Arrow IPC files, streams or files; a piece is a run of rows."""

    format: ClassVar[str] = "arrow"

    @staticmethod
    def _schema(path: str) -> pa.Schema:
        return _open(path).schema

    def _pieces(self, path: str) -> Iterator[Piece]:
        return (Piece(path, row=row, n_rows=n_rows) for row, n_rows in _open(path).spans(PIECE_ROWS))

    @staticmethod
    def _cells(paths: Sequence[str], column: str) -> Iterator[object]:
        for path in paths:
            for chunk in _chunks(path, column):
                yield from column_values(chunk)

    @staticmethod
    def _holds_no_bytes(path: str, column: str) -> bool:
        return all(
            pa.types.is_struct(chunk.type) and chunk.field(chunk.type.get_field_index("bytes")).null_count == len(chunk)
            for chunk in _chunks(path, column)
        )

    @staticmethod
    def _batches(piece: Piece, columns: list[str]) -> Iterator[pa.RecordBatch]:
        found = _open(piece.path).rows(piece.row, piece.n_rows or 0).select(columns)
        yield from found.to_batches(max_chunksize=64)


def _chunks(path: str, column: str) -> Iterator[pa.Array]:
    """A column, a run of rows at a time."""
    table = _open(path)
    for row, n_rows in table.spans(PIECE_ROWS):
        yield from table.rows(row, n_rows).column(column).chunks


def _open(path: str) -> ArrowTable:
    try:
        return open_arrow(path)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{path} cannot be read as Arrow: {error}") from error
