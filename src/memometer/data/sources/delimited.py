"""CSV and TSV: one row per record, an image path and a caption each (open_clip's ``filepath`` and ``title``)."""

import csv
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Self

from memometer.data.sources.base import PIECE_ROWS, Draft, Fields, Piece, Plan, Reject
from memometer.data.sources.rows import Row, choose_columns, row_draft
from memometer.errors import SourceError

__all__ = ["DelimitedReader", "open_delimited"]


@dataclasses.dataclass(frozen=True)
class DelimitedReader:
    """CSV or TSV files with a header line; a piece is a run of rows. Relative image paths start at the table's folder.

    Attributes:
        fields: the columns by name, chosen by `open_delimited`.
        separator: one character.
        captions_required: whether a table without a column of captions is a mistake.
    """

    format: ClassVar[str] = "csv"
    paths: tuple[str, ...]
    fields: Fields
    separator: str
    captions_required: bool = True

    def files(self) -> Iterator[Path]:
        """The tables; the images they name are not among them."""
        yield from map(Path, self.paths)

    def plan(self, scratch: Path) -> Plan:  # noqa: ARG002 (the protocol's signature)
        """Counts the rows, and notes the byte at which every piece begins."""
        pieces = []
        for path in self.paths:
            n_rows, start = 0, 0
            with _Table(path, self.separator) as table:
                choose_columns(table.header, self.fields, path=path, captions_required=self.captions_required)
                start = table.offset
                for _ in table.rows():
                    n_rows += 1
                    if n_rows % PIECE_ROWS == 0:
                        pieces.append(Piece(path, offset=start, row=n_rows - PIECE_ROWS, n_rows=PIECE_ROWS))
                        start = table.offset
            if n_rows % PIECE_ROWS:
                pieces.append(Piece(path, offset=start, row=n_rows - n_rows % PIECE_ROWS, n_rows=n_rows % PIECE_ROWS))
        return Plan(pieces)

    def read(self, piece: Piece) -> Iterator[Draft | Reject]:
        """The rows of one piece. A row of another length than the header is a reject."""
        with _Table(piece.path, self.separator) as table:
            table.go_to(piece.offset)
            for place, (cells, fault) in enumerate(table.rows(), start=piece.row):
                if place - piece.row == piece.n_rows:
                    return
                if not fault and len(cells) != len(table.header):
                    fault = f"malformed row: {len(cells)} columns instead of {len(table.header)}"  # noqa: PLW2901 (one name)
                row = Row(piece.path, place, dict(zip(table.header, cells, strict=False)))
                yield Reject(None, piece.path, row.member, fault) if fault else row_draft(row, self.fields)


def open_delimited(
    paths: Sequence[str], fields: Fields, *, separator: str | None, captions_required: bool = True
) -> DelimitedReader:
    """A reader of CSV or TSV files, its columns and separator chosen by the first file's header.

    Args:
        paths: the files.
        fields: columns asked for.
        separator: None takes the tab for ``.tsv`` and for a header with tabs but no comma, else the comma.
        captions_required: whether there must be a column of captions.

    Raises:
        SourceError: no header, or a column is missing.
    """
    if separator is None:
        with Path(paths[0]).open("rb") as file:
            header = file.readline()
        tabs = paths[0].endswith(".tsv") or (b"\t" in header and b"," not in header)
        separator = "\t" if tabs else ","
    if len(separator) != 1 or separator in '"\r\n':
        raise SourceError(f"the separator is {separator!r}; expected one character, e.g. --separator ';'")
    with _Table(paths[0], separator) as table:
        if not table.header:
            raise SourceError(f"{paths[0]} is empty; expected a header line that names the columns")
        chosen = choose_columns(table.header, fields, path=paths[0], captions_required=captions_required)
    return DelimitedReader(tuple(paths), chosen, separator, captions_required)


class _Table:
    """One delimited file, read row by row, that knows the byte where the next row starts."""

    def __init__(self, path: str, separator: str) -> None:
        self._file = Path(path).open("rb")  # noqa: SIM115 (closed by __exit__)
        self._separator = separator
        self.offset = 3 if self._file.read(3) == b"\xef\xbb\xbf" else 0  # a byte order mark
        self._file.seek(self.offset)
        cells, fault = next(self.rows(), ([], ""))
        if fault:
            raise SourceError(f"{path} has no header line that can be read: {fault}")
        self.header = [name.encode("utf-8", "backslashreplace").decode().strip() for name in cells]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def go_to(self, offset: int) -> None:
        """Makes `rows` start at a byte."""
        self._file.seek(offset)
        self.offset = offset

    def rows(self) -> Iterator[tuple[list[str], str]]:
        """Cells and fault ("" for none) of every row; blank lines are no rows. Bad bytes become lone surrogates."""
        reader = csv.reader(self._lines(), delimiter=self._separator)
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:  # most often a quote that never closes
                yield [], f"malformed row: {error}"
                continue
            if cells:
                yield cells, ""

    def _lines(self) -> Iterator[str]:
        for line in self._file:
            self.offset += len(line)
            yield line.decode("utf-8", "surrogateescape")
