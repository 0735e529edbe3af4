"""Parquet tables whose image column holds paths, encoded bytes, or Hugging Face's ``struct<bytes, path>``."""

import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from memometer.data.sources.base import PIECE_ROWS, Aside, Draft, Piece, Plan, Reject
from memometer.data.sources.classes_of_features import class_names_of
from memometer.data.sources.columns import choose_columns, find_corners, used_columns
from memometer.data.sources.grouping import GROUPED, Payload, grouped_rows, image_key, name_hash, plan_groups
from memometer.data.sources.options import ReaderOptions, RowUnit
from memometer.data.sources.rows import UNDECODABLE, Row, RowOptions, image_name, read_rows
from memometer.data.sources.table_options import row_options
from memometer.errors import SourceError

__all__ = ["MAX_GROUP_BYTES", "ParquetReader", "column_values", "holds_names", "open_parquet", "row_as_json"]

MAX_GROUP_BYTES = 2**30
"""Bytes of images in one row group. A single image can only be read with its whole row group."""

_BUFFER_BYTES = 2**20  # pages are read as they are needed, not a whole column of the row group at once


@dataclasses.dataclass(frozen=True)
class ParquetReader:
    """Parquet files; a piece is a run of rows within one row group. Images within the table stay there.

    Attributes:
        rows: how rows are read.
        one_row_per: what a row stands for; None recognises it.
        captions_required: whether a table without a column of captions is a mistake.
        grouped: whether rows may be of one image: where the images are named, and lie elsewhere.
    """

    format: ClassVar[str] = "parquet"
    paths: tuple[str, ...]
    rows: RowOptions
    one_row_per: RowUnit | None = None
    captions_required: bool = True
    grouped: bool = False

    def files(self) -> Iterator[Path]:
        """The tables; images that they name by path are not among them."""
        yield from map(Path, self.paths)
        if self.rows.names is not None:
            yield Path(self.rows.names.path)

    def plan(self, scratch: Path) -> Plan:
        """Pieces from the files' metadata alone; where images are named, rows of one image are brought together.

        Raises:
            SourceError: a file lacks a column, or holds row groups too large to read images from.
        """
        pieces = []
        for path in self.paths:
            table = _open(path)
            choose_columns(
                table.schema_arrow.names, self.rows.fields, path=path, captions_required=self.captions_required
            )
            row = 0
            for group in range(table.metadata.num_row_groups):
                _check_size(table.metadata.row_group(group), str(self.rows.fields.image), path)
                n_rows = table.metadata.row_group(group).num_rows
                for skip in range(0, n_rows, PIECE_ROWS):
                    size = min(PIECE_ROWS, n_rows - skip)
                    pieces.append(Piece(path, group=group, row=row + skip, skip=skip, n_rows=size))
                row += n_rows
        if not self.grouped or self.one_row_per == "image":
            return Plan(pieces)
        together = plan_groups(self._hashes, lambda: self._payloads(pieces), scratch)
        return Plan(pieces) if together is None else Plan(together[0], {}, (together[1],))

    def read(self, piece: Piece) -> Iterator[Draft | Reject | Aside]:
        """The rows of one piece, decoded a few at a time; where the file is damaged, the rest is one reject."""
        if Path(piece.path).name == GROUPED:
            for group in grouped_rows(piece):
                rows = [Row(each.path, each.number, json.loads(each.row)) for each in group]
                yield from read_rows(rows, self.rows, unit=self.one_row_per)
            return
        row = piece.row
        try:
            for values in self._rows(piece):
                yield from read_rows([Row(piece.path, row, values)], self.rows, unit=self.one_row_per)
                row += 1
        except (pa.ArrowException, OSError) as error:
            last = piece.row + (piece.n_rows or 0)
            reason = f"damaged Parquet: {' '.join(str(error).split())}"
            yield Reject(None, piece.path, f"rows {row + 1} to {last}", reason)

    def _hashes(self) -> Iterator[int]:
        for path in self.paths:
            for number, value in enumerate(_cells([path], str(self.rows.fields.image))):
                yield name_hash(image_key(image_name(value), table=path), place=f"{path}\0{number}")

    def _payloads(self, pieces: Sequence[Piece]) -> Iterator[Payload]:
        for piece in pieces:
            for number, values in enumerate(self._rows(piece), start=piece.row):
                yield Payload(piece.path, number, row_as_json(values))

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
    schema = _open(paths[0]).schema_arrow
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
    return ParquetReader(tuple(paths), rows, options.one_row_per, options.captions_required, grouped=named)


def holds_names(kind: pa.DataType, *, column: str, path: str) -> bool:
    """Whether a column names its images; False where it holds them.

    Raises:
        SourceError: it can do neither.
    """
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if any(is_text(kind) for is_text in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)):
        return True
    binary = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)
    if not any(is_bytes(kind) for is_bytes in binary) and not (
        pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0
    ):
        raise SourceError(
            f"column '{column}' of {path} is {kind}; expected paths, bytes, or a struct of bytes and path; "
            "pass --image-column NAME"
        )
    return False


def _cells(paths: Sequence[str], column: str) -> Iterator[object]:
    """What every row has in a column."""
    for path in paths:
        for batch in _open(path).iter_batches(columns=[column], use_threads=False):
            yield from column_values(batch.column(0))


def _open(path: str) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{path} cannot be read as Parquet: {error}") from error


def _holds_no_bytes(path: str, column: str) -> bool:
    """Whether a column of Hugging Face's structs has paths alone.

    The values are looked at, a few at a time until one has bytes: the file's statistics say it too, but pyarrow ends
    the process where those are damaged.
    """
    table = _open(path)
    if not pa.types.is_struct(table.schema_arrow.field(column).type):
        return False
    for batch in table.iter_batches(columns=[f"{column}.bytes"], batch_size=256, use_threads=False):
        held = pc.struct_field(batch.column(0), "bytes")
        if held.null_count < len(held):
            return False
    return bool(table.metadata.num_rows > 0)


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


def column_values(column: pa.Array) -> list[object]:
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


def row_as_json(values: dict[str, object]) -> bytes:
    """A row without its image's bytes; what is not UTF-8 becomes a lone surrogate, which no reader takes for text."""
    known = {name: "\udcff" if value is UNDECODABLE else value for name, value in values.items()}
    return json.dumps(known, default=str).encode()
