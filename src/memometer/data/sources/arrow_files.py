"""Arrow files as Hugging Face's ``save_to_disk`` writes them: read in place, images stay there."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import pyarrow as pa

from memometer.data.arrow_tables import open_arrow
from memometer.data.sources.arrow_rows import ArrowRows, column_values
from memometer.data.sources.base import PIECE_ROWS, Piece, Plan
from memometer.data.sources.columns import choose_columns, used_columns
from memometer.data.sources.options import ReaderOptions
from memometer.errors import SourceError

__all__ = ["ArrowReader", "open_arrow_files"]


class ArrowReader(ArrowRows):
    """Arrow IPC files, streams or files; a piece is a run of rows."""

    format: ClassVar[str] = "arrow"

    def plan(self, scratch: Path) -> Plan:
        """Spans of rows; where images are named, rows of one image are brought together.

        Raises:
            SourceError: a file is no Arrow file, or lacks a column.
        """
        pieces = []
        for path in self.paths:
            table = _open(path)
            choose_columns(table.schema.names, self.rows.fields, path=path, captions_required=False, like=self.paths[0])
            n = table.num_rows
            pieces += [Piece(path, row=row, n_rows=min(PIECE_ROWS, n - row)) for row in range(0, n, PIECE_ROWS)]
        return self._plan(pieces, scratch)

    @staticmethod
    def _cells(paths: Sequence[str], column: str) -> Iterator[object]:
        """What every row has in a column."""
        for path in paths:
            for chunk in _open(path).column(column).chunks:
                yield from column_values(chunk)

    @staticmethod
    def _holds_no_bytes(path: str, column: str) -> bool:
        """Whether a column of Hugging Face's structs has paths alone."""
        chunks = _open(path).column(column).chunks
        return all(
            pa.types.is_struct(chunk.type) and chunk.field(chunk.type.get_field_index("bytes")).null_count == len(chunk)
            for chunk in chunks
        )

    def _rows(self, piece: Piece) -> Iterator[dict[str, object]]:
        columns = used_columns(self.rows.fields, self.rows.corners)
        table = _open(piece.path).select(columns).slice(piece.row, piece.n_rows)
        for batch in table.to_batches(max_chunksize=64):
            values = {name: column_values(batch.column(name)) for name in columns}
            for number in range(batch.num_rows):
                yield {name: column[number] for name, column in values.items()}


def open_arrow_files(paths: Sequence[str], options: ReaderOptions) -> ArrowReader:
    """A reader of Arrow files, its columns chosen by the first file's schema.

    Raises:
        SourceError: no Arrow file, or a column is missing or of a type that holds no image.
    """
    return ArrowReader.of_schema(paths, options, _open(paths[0]).schema)


def _open(path: str) -> pa.Table:
    try:
        status = Path(path).stat()
        return open_arrow(path, (status.st_size, status.st_mtime_ns))
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{path} cannot be read as Arrow: {error}") from error
