"""Arrow files as Hugging Face's ``save_to_disk`` writes them: read in place, images stay there."""

import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import pyarrow as pa

from memometer.data.arrow_tables import open_arrow
from memometer.data.sources.base import PIECE_ROWS, Aside, Draft, Piece, Plan, Reject
from memometer.data.sources.classes_of_features import class_names_of
from memometer.data.sources.columns import choose_columns, find_corners, used_columns
from memometer.data.sources.grouping import GROUPED, Payload, grouped_rows, image_key, name_hash, plan_groups
from memometer.data.sources.options import ReaderOptions, RowUnit
from memometer.data.sources.parquet import column_values, holds_names, row_as_json
from memometer.data.sources.rows import Row, RowOptions, image_name, read_rows
from memometer.data.sources.table_options import row_options
from memometer.errors import SourceError

__all__ = ["ArrowReader", "open_arrow_files"]


@dataclasses.dataclass(frozen=True)
class ArrowReader:
    """Arrow IPC files, streams or files; a piece is a run of rows.

    Attributes:
        rows: how rows are read.
        one_row_per: what a row stands for; None recognises it.
        grouped: whether rows may be of one image: where the images are named, and lie elsewhere.
    """

    format: ClassVar[str] = "arrow"
    paths: tuple[str, ...]
    rows: RowOptions
    one_row_per: RowUnit | None = None
    grouped: bool = False

    def files(self) -> Iterator[Path]:
        """The tables; images that they name by path are not among them."""
        yield from map(Path, self.paths)

    def plan(self, scratch: Path) -> Plan:
        """Spans of rows; where images are named, rows of one image are brought together.

        Raises:
            SourceError: a file is no Arrow file, or lacks a column.
        """
        pieces = []
        for path in self.paths:
            table = _open(path)
            choose_columns(table.schema.names, self.rows.fields, path=path, captions_required=False)
            n = table.num_rows
            pieces += [Piece(path, row=row, n_rows=min(PIECE_ROWS, n - row)) for row in range(0, n, PIECE_ROWS)]
        if not self.grouped or self.one_row_per == "image":
            return Plan(pieces)
        together = plan_groups(self._hashes, lambda: self._payloads(pieces), scratch)
        return Plan(pieces) if together is None else Plan(together[0], {}, (together[1],))

    def read(self, piece: Piece) -> Iterator[Draft | Reject | Aside]:
        """The rows of one piece."""
        if Path(piece.path).name == GROUPED:
            for group in grouped_rows(piece):
                rows = [Row(each.path, each.number, json.loads(each.row)) for each in group]
                yield from read_rows(rows, self.rows, unit=self.one_row_per)
            return
        for number, values in enumerate(self._rows(piece), start=piece.row):
            yield from read_rows([Row(piece.path, number, values)], self.rows, unit=self.one_row_per)

    def _hashes(self) -> Iterator[int]:
        for path in self.paths:
            for number, value in enumerate(_cells([path], str(self.rows.fields.image))):
                yield name_hash(image_key(image_name(value), table=path), place=f"{path}\0{number}")

    def _payloads(self, pieces: Sequence[Piece]) -> Iterator[Payload]:
        for piece in pieces:
            for number, values in enumerate(self._rows(piece), start=piece.row):
                yield Payload(piece.path, number, row_as_json(values))

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
    schema = _open(paths[0]).schema
    chosen = choose_columns(schema.names, options.fields, path=paths[0], captions_required=options.captions_required)
    named = holds_names(schema.field(chosen.image).type, column=str(chosen.image), path=paths[0])
    named = named or all(_holds_no_bytes(path, str(chosen.image)) for path in paths)
    rows = row_options(
        paths,
        options,
        chosen,
        corners=find_corners(schema.names),
        classes=class_names_of(schema),
        images=lambda: _cells(paths, str(chosen.image)) if named else (),
    )
    return ArrowReader(tuple(paths), rows, options.one_row_per, grouped=named)


def _cells(paths: Sequence[str], column: str) -> Iterator[object]:
    """What every row has in a column."""
    for path in paths:
        for chunk in _open(path).column(column).chunks:
            yield from column_values(chunk)


def _holds_no_bytes(path: str, column: str) -> bool:
    """Whether a column of Hugging Face's structs has paths alone."""
    chunks = _open(path).column(column).chunks
    return all(
        pa.types.is_struct(chunk.type) and chunk.field(chunk.type.get_field_index("bytes")).null_count == len(chunk)
        for chunk in chunks
    )


def _open(path: str) -> pa.Table:
    try:
        return open_arrow(path)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{path} cannot be read as Arrow: {error}") from error
