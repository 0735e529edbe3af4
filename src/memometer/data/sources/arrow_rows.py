"""What readers of Parquet and of Arrow files share: rows as Arrow has them, those of one image together."""

import abc
import contextlib
import dataclasses
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

import pyarrow as pa

from memometer.data.arrow_tables import holds_text
from memometer.data.sources.base import Aside, Fields, Piece, Plan, Reject
from memometer.data.sources.columns import choose_columns, find_corners, image_column, used_columns
from memometer.data.sources.grouping import Payload
from memometer.data.sources.img2dataset import COLUMNS, SUCCESS, failure
from memometer.data.sources.options import ReaderOptions
from memometer.data.sources.rows import UNDECODABLE, Row
from memometer.data.sources.table_options import row_options, table_remarks
from memometer.data.sources.table_reader import TableReader
from memometer.errors import SourceError
from memometer.memory import memory_is_short

__all__ = ["ArrowRows", "column_values"]


_ENCODER, _DECODER = json.JSONEncoder(default=str), json.JSONDecoder()


@dataclasses.dataclass(frozen=True)
class ArrowRows(TableReader):
    """Tables whose rows Arrow reads; images within a table stay there.

    Attributes:
        grouped: whether rows may be of one image: where the images are named, and lie elsewhere.
        status: img2dataset's column of what became of an image, where the table is its output.
    """

    grouped: bool = False
    status: str | None = None

    @classmethod
    def of(cls, paths: Sequence[str], options: ReaderOptions) -> Self:
        """A reader whose columns are chosen by the first table's schema.

        Raises:
            SourceError: that file is none, or a column is missing or of a type that holds no image.
        """
        schema = cls._schema(paths[0])
        _names_of(schema, paths[0])
        asked = options.fields
        if asked.image is None:
            asked = dataclasses.replace(asked, image=_holder(schema))
        chosen = choose_columns(schema.names, asked, path=paths[0], captions_required=options.captions_required)
        image = str(chosen.image)
        named = _holds_names(schema.field(image).type, column=image, path=paths[0])
        with sound(paths):
            named = named or all(cls._holds_no_bytes(path, image) for path in paths)
            rows = row_options(
                paths,
                options,
                chosen,
                corners=find_corners(schema.names),
                classes=_classes(schema),
                images=lambda: cls._cells(paths, image) if named else (),
            )
        remarks = table_remarks(schema.names, rows)
        status = "status" if not named and set(schema.names) >= COLUMNS else None
        return cls(
            tuple(paths), rows, options.one_row_per, options.captions_required, remarks, grouped=named, status=status
        )

    @staticmethod
    @abc.abstractmethod
    def _schema(path: str) -> pa.Schema:
        """The columns of a table."""

    @staticmethod
    @abc.abstractmethod
    def _cells(paths: Sequence[str], column: str) -> Iterator[object]:
        """What every row has in a column."""

    @staticmethod
    @abc.abstractmethod
    def _holds_no_bytes(path: str, column: str) -> bool:
        """Whether a column of Hugging Face's structs has paths alone."""

    @abc.abstractmethod
    def _pieces(self, path: str) -> Iterator[Piece]:
        """The pieces of a table."""

    @staticmethod
    @abc.abstractmethod
    def _batches(piece: Piece, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """The rows of a piece, a few at a time."""

    def plan(self, scratch: Path) -> Plan:
        """Spans of rows; where images are named, rows of one image are brought together.

        Raises:
            SourceError: a file is no such table, lacks a column, or images cannot be read from it.
        """
        pieces: list[Piece] = []
        for path in self.paths:
            self._check_columns(_names_of(self._schema(path), path), path)
            pieces += self._pieces(path)
        return self._plan(pieces, self._hashes, scratch) if self.grouped else Plan(pieces, {}, self.remarks)

    def _rows(self, piece: Piece) -> Iterator[Row | Reject | Aside]:
        """The rows of one piece; where the file is damaged, the rest is one reject."""
        row = piece.row
        try:
            for values in self._values(piece):
                if self.status is not None and values[self.status] != SUCCESS:
                    yield Aside(failure(values[self.status]))
                else:
                    yield Row(piece.path, row, values)
                row += 1
        except (pa.ArrowException, OSError) as error:
            if memory_is_short(error):
                raise
            last = piece.row + (piece.n_rows or 0)
            kind = self.format.capitalize()
            yield Reject(
                None, piece.path, f"rows {row + 1} to {last}", f"damaged {kind}: {' '.join(str(error).split())}"
            )

    def _values(self, piece: Piece) -> Iterator[dict[str, object]]:
        columns = used_columns(self.rows.fields, self.rows.corners)
        if self.status is not None:
            columns.append(self.status)
        for batch in self._batches(piece, columns):
            values = [column_values(batch.column(name)) for name in columns]
            yield from (dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True))

    def _hashes(self) -> Iterator[int]:
        for path in self.paths:
            with sound([path]):
                last, known = None, 0
                for number, value in enumerate(self._cells([path], str(self.rows.fields.image))):
                    if last is None or value != last:
                        known, last = self._hash(path, number, value), value if isinstance(value, str) else None
                    yield known

    def _payloads(self) -> Iterator[Payload]:
        for path in self.paths:
            for _, pieces in itertools.groupby(self._pieces(path), key=lambda piece: piece.group):
                first, *others = pieces
                whole = sum(piece.n_rows or 0 for piece in (first, *others))
                piece = dataclasses.replace(
                    first, n_rows=whole
                )  # else a row group is read again for each of its pieces
                with sound([path]):
                    for number, values in enumerate(self._values(piece), start=piece.row):
                        yield Payload(path, number, _as_json(values))

    def _parser(self) -> Callable[[Payload], Row]:
        return lambda payload: Row(payload.path, payload.number, _DECODER.decode(payload.row.decode("ascii")))


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


def _names_of(schema: pa.Schema, path: str) -> list[str]:
    """The names of a table's columns.

    Raises:
        SourceError: one is not UTF-8.
    """
    try:
        return list(schema.names)
    except UnicodeDecodeError:
        raise SourceError(f"{path} is damaged: the name of a column is not UTF-8; download it again") from None


def _holder(schema: pa.Schema) -> str | None:
    """The column of a usual name that holds images, which goes before those that name them; None where none does."""
    held = [name for name in schema.names if schema.names.count(name) == 1 and _may_hold(schema.field(name).type)]
    return image_column(held, Fields())


def _may_hold(kind: pa.DataType) -> bool:
    binary = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)
    return any(is_bytes(kind) for is_bytes in binary) or (
        pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0
    )


def _holds_names(kind: pa.DataType, *, column: str, path: str) -> bool:
    """Whether a column names its images; False where it holds them.

    Raises:
        SourceError: it can do neither.
    """
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if any(is_text(kind) for is_text in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)):
        return True
    if not _may_hold(kind):
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
    return _ENCODER.encode(known).encode()


def _classes(schema: pa.Schema) -> dict[str, tuple[str, ...]]:
    """By column, the names of its ``ClassLabel`` in Hugging Face's metadata, wherever in the column it stands."""
    metadata = (schema.metadata or {}).get(b"huggingface")
    try:
        content = json.loads(metadata) if metadata else {}
        features = content["info"]["features"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    if not isinstance(features, Mapping):
        return {}
    found = {column: _names(feature, depth=7) for column, feature in features.items()}
    return {column: names for column, names in found.items() if names}


def _names(feature: object, *, depth: int) -> tuple[str, ...] | None:
    """The names of the first class label within a feature."""
    if isinstance(feature, Mapping):
        names = feature.get("names")
        if isinstance(names, list) and names and all(isinstance(name, str) for name in names):
            return tuple(names)
        feature = list(feature.values())
    inner = feature if isinstance(feature, list) and depth else ()
    return next((found for each in inner if (found := _names(each, depth=depth - 1))), None)
