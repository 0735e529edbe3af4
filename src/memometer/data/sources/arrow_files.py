"""Arrow files as Hugging Face's ``save_to_disk`` writes them: read in place, images stay there."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

import pyarrow as pa

from memometer.data.arrow_tables import open_arrow
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
        n = _open(path).num_rows
        return (Piece(path, row=row, n_rows=min(PIECE_ROWS, n - row)) for row in range(0, n, PIECE_ROWS))

    @staticmethod
    def _cells(paths: Sequence[str], column: str) -> Iterator[object]:
        for path in paths:
            for chunk in _open(path).column(column).chunks:
                yield from column_values(chunk)

    @staticmethod
    def _holds_no_bytes(path: str, column: str) -> bool:
        chunks = _open(path).column(column).chunks
        return all(
            pa.types.is_struct(chunk.type) and chunk.field(chunk.type.get_field_index("bytes")).null_count == len(chunk)
            for chunk in chunks
        )

    @staticmethod
    def _batches(piece: Piece, columns: list[str]) -> Iterator[pa.RecordBatch]:
        table = _open(piece.path).select(columns).slice(piece.row, piece.n_rows)
        yield from table.to_batches(max_chunksize=64)


def _open(path: str) -> pa.Table:
    try:
        return open_arrow(path)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{path} cannot be read as Arrow: {error}") from error
