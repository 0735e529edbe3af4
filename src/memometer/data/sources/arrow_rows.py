"""What readers of Parquet and of Arrow files share: rows as Arrow has them, those of one image together."""

import abc
import contextlib
import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Self

import pyarrow as pa

from memometer.data.arrow_tables import holds_text
from memometer.data.sources.base import Aside, Draft, Piece, Plan, Reject
from memometer.data.sources.classes_of_features import class_names_of
from memometer.data.sources.columns import choose_columns, find_corners
from memometer.data.sources.grouping import GROUPED, Payload, grouped_rows, image_key, name_hash, plan_groups
from memometer.data.sources.options import ReaderOptions, RowUnit
from memometer.data.sources.rows import UNDECODABLE, Row, RowOptions, image_name, read_rows
from memometer.data.sources.table_options import row_options, table_remarks
from memometer.errors import SourceError
from memometer.memory import memory_is_short

__all__ = ["ArrowRows", "column_values"]


@dataclasses.dataclass(frozen=True)
class ArrowRows(abc.ABC):
    """Tables whose rows Arrow reads; images within a table stay there.

    Attributes:
        rows: how rows are read.
        one_row_per: what a row stands for; None recognises it.
        captions_required: whether a table without a column of captions is a mistake.
        grouped: whether rows may be of one image: where the images are named, and lie elsewhere.
        remarks: what was recognised.
    """

    format: ClassVar[str]
    paths: tuple[str, ...]
    rows: RowOptions
    one_row_per: RowUnit | None = None
    captions_required: bool = True
    grouped: bool = False
    remarks: tuple[str, ...] = ()

    def files(self) -> Iterator[Path]:
        """The tables, and where the names of classes are from; images that they name by path are not among them."""
        yield from map(Path, self.paths)
        if self.rows.names is not None:
            yield Path(self.rows.names.path)

    @classmethod
    def of_schema(cls, paths: Sequence[str], options: ReaderOptions, schema: pa.Schema) -> Self:
        """A reader whose columns are chosen by a schema.

        Raises:
            SourceError: a column is missing or of a type that holds no image.
        """
        chosen = choose_columns(
            schema.names, options.fields, path=paths[0], captions_required=options.captions_required
        )
        image = str(chosen.image)
        named = _holds_names(schema.field(image).type, column=image, path=paths[0])
        with sound(paths):
            named = named or all(cls._holds_no_bytes(path, image) for path in paths)
            rows = row_options(
                paths,
                options,
                chosen,
                corners=find_corners(schema.names),
                classes=class_names_of(schema),
                images=lambda: cls._cells(paths, image) if named else (),
            )
        remarks = table_remarks(schema.names, rows)
        return cls(tuple(paths), rows, options.one_row_per, options.captions_required, grouped=named, remarks=remarks)

    @staticmethod
    @abc.abstractmethod
    def _cells(paths: Sequence[str], column: str) -> Iterator[object]:
        """What every row has in a column."""

    @staticmethod
    @abc.abstractmethod
    def _holds_no_bytes(path: str, column: str) -> bool:
        """Whether a column of Hugging Face's structs has paths alone."""

    @abc.abstractmethod
    def _rows(self, piece: Piece) -> Iterator[dict[str, object]]:
        """The values of every row of a piece."""

    def _plan(self, pieces: Sequence[Piece], scratch: Path) -> Plan:
        """The pieces; where images are named, rows of one image are brought together."""
        if not self.grouped or self.one_row_per == "image":
            return Plan(pieces, {}, self.remarks)
        together = plan_groups(self._hashes, lambda: self._payloads(pieces), scratch)
        if together is None:
            return Plan(pieces, {}, self.remarks)
        return Plan(together[0], {}, (*self.remarks, together[1]))

    def read(self, piece: Piece) -> Iterator[Draft | Reject | Aside]:
        """The rows of one piece; where the file is damaged, the rest is one reject."""
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
            if memory_is_short(error):
                raise
            last = piece.row + (piece.n_rows or 0)
            kind = self.format.capitalize()
            yield Reject(
                None, piece.path, f"rows {row + 1} to {last}", f"damaged {kind}: {' '.join(str(error).split())}"
            )

    def _hashes(self) -> Iterator[int]:
        for path in self.paths:
            with sound([path]):
                for number, value in enumerate(self._cells([path], str(self.rows.fields.image))):
                    yield name_hash(image_key(image_name(value), table=path), place=f"{path}\0{number}")

    def _payloads(self, pieces: Sequence[Piece]) -> Iterator[Payload]:
        for piece in pieces:
            with sound([piece.path]):
                for number, values in enumerate(self._rows(piece), start=piece.row):
                    yield Payload(piece.path, number, _as_json(values))


@contextlib.contextmanager
def sound(paths: Sequence[str]) -> Iterator[None]:
    """Turns what Arrow raises over a damaged table into a sentence; around nothing that writes, which fails for itself.

    Raises:
        SourceError: it raised.
    """
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        if memory_is_short(error):
            raise
        which = paths[0] if len(paths) == 1 else f"one of {paths[0]} to {paths[-1]}"
        raise SourceError(
            f"{which} is damaged: {' '.join(str(error).split())}; restore it, or download it again"
        ) from None


def _holds_names(kind: pa.DataType, *, column: str, path: str) -> bool:
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


def column_values(column: pa.Array) -> list[object]:
    """Python values of a column; Arrow reads text unchecked, so a bad one may only show here.

    Raises:
        ArrowInvalid: the column is damaged.
    """
    if not holds_text(column):
        return [UNDECODABLE] * len(column)
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:
        return [_value(cell) for cell in column]


def _value(cell: pa.Scalar) -> object:
    try:
        return cell.as_py()
    except UnicodeDecodeError:
        return UNDECODABLE


def _as_json(values: dict[str, object]) -> bytes:
    """A row without its image's bytes; what is not UTF-8 becomes a lone surrogate, which no reader takes for text."""
    known = {name: "\udcff" if value is UNDECODABLE else value for name, value in values.items()}
    return json.dumps(known, default=str).encode()
