"""Arrow files as Hugging Face's ``save_to_disk`` writes them: read in place, images stay there."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import pyarrow as pa

from memometer.data.arrow_tables import open_arrow
from memometer.data.sources.base import PIECE_ROWS, Aside, Draft, Piece, Plan, Reject
from memometer.data.sources.classes_of_features import class_names_of
from memometer.data.sources.columns import choose_columns, find_corners, used_columns
from memometer.data.sources.options import ReaderOptions, RowUnit
from memometer.data.sources.parquet import holds_names
from memometer.data.sources.rows import Row, RowOptions, read_rows
from memometer.data.sources.table_options import row_options
from memometer.errors import SourceError

__all__ = ["ArrowReader", "open_arrow_files"]


@dataclasses.dataclass(frozen=True)
class ArrowReader:
    """Arrow IPC files, streams or files; a piece is a run of rows.

    Attributes:
        rows: how rows are read.
        one_row_per: what a row stands for; None recognises it.
    """

    format: ClassVar[str] = "arrow"
    paths: tuple[str, ...]
    rows: RowOptions
    one_row_per: RowUnit | None = None

    def files(self) -> Iterator[Path]:
        """The tables; images that they name by path are not among them."""
        yield from map(Path, self.paths)

    def plan(self, scratch: Path) -> Plan:  # noqa: ARG002 (the protocol's signature)
        """Spans of rows.

        Raises:
            SourceError: a file is no Arrow file, or lacks a column.
        """
        pieces = []
        for path in self.paths:
            table = _open(path)
            choose_columns(table.schema.names, self.rows.fields, path=path, captions_required=False)
            n = table.num_rows
            pieces += [Piece(path, row=row, n_rows=min(PIECE_ROWS, n - row)) for row in range(0, n, PIECE_ROWS)]
        return Plan(pieces)

    def read(self, piece: Piece) -> Iterator[Draft | Reject | Aside]:
        """The rows of one piece."""
        columns = used_columns(self.rows.fields, self.rows.corners)
        table = _open(piece.path).select(columns).slice(piece.row, piece.n_rows)
        number = piece.row
        for batch in table.to_batches(max_chunksize=64):
            for values in batch.to_pylist():
                yield from read_rows([Row(piece.path, number, values)], self.rows, unit=self.one_row_per)
                number += 1


def open_arrow_files(paths: Sequence[str], options: ReaderOptions) -> ArrowReader:
    """A reader of Arrow files, its columns chosen by the first file's schema.

    Raises:
        SourceError: no Arrow file, or a column is missing or of a type that holds no image.
    """
    schema = _open(paths[0]).schema
    chosen = choose_columns(schema.names, options.fields, path=paths[0], captions_required=options.captions_required)
    holds_names(schema.field(chosen.image).type, column=str(chosen.image), path=paths[0])
    rows = row_options(paths, options, chosen, corners=find_corners(schema.names), classes=class_names_of(schema))
    return ArrowReader(tuple(paths), rows, options.one_row_per)


def _open(path: str) -> pa.Table:
    try:
        return open_arrow(path)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{path} cannot be read as Arrow: {error}") from error
