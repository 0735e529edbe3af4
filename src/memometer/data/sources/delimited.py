"""CSV and TSV: a row per record or caption, an image's path in one column (open_clip's ``filepath`` and ``title``)."""

import contextlib
import dataclasses
import itertools
import re
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from memometer.data.images import IMAGE_SUFFIXES
from memometer.data.sources.base import PIECE_ROWS, Aside, Fields, Piece, Plan, Reject
from memometer.data.sources.columns import choose_columns, find_corners, image_column
from memometer.data.sources.grouping import Payload
from memometer.data.sources.lines import Line, Lines, check_encoding, split_line
from memometer.data.sources.options import ReaderOptions
from memometer.data.sources.rows import Row, RowOptions
from memometer.data.sources.table_options import row_options, table_remarks
from memometer.data.sources.table_reader import TableReader
from memometer.errors import SourceError

__all__ = ["SEPARATORS", "DelimitedReader", "looks_delimited", "open_delimited", "open_lines"]

SEPARATORS = (",", "\t", ";", "|")
"""Recognised where none is given."""

EMPTY_ROW = "row without any value"

_NUMBERED_TOKENS = re.compile(r"[^\t]+\.\w{2,5}#\d+\t")
"""A line of Flickr8k's token file, ``1.jpg#0``, a tab, a caption."""


@dataclasses.dataclass(frozen=True)
class DelimitedReader(TableReader):
    """CSV or TSV files. Relative image paths start at the table's folder. A row of another length is a reject.

    Attributes:
        separator: one character.
        columns: names of the columns, for files without a header; () takes the header's.
        quoting: whether ``"`` quotes cells; None does in CSV and not in TSV. Only where it was asked for may a quoted
            cell span lines: elsewhere a quote that does not close costs its line, not the ones below it.
        encoding: None is UTF-8, or what a byte order mark says.
    """

    format: ClassVar[str] = "csv"
    separator: str = ","
    columns: tuple[str, ...] = ()
    quoting: bool | None = None
    encoding: str | None = None

    def plan(self, scratch: Path) -> Plan:
        """Counts the rows, notes where every piece begins, and brings the rows of one image together."""
        pieces: list[Piece] = []
        hashes = array("Q")
        n_blank = 0
        for path in self.paths:
            with self._open(path) as table:
                header = self._header(table, path)
                self._check_columns(header, path)
                n_rows, starts = 0, [table.offset]
                place = header.index(str(self.rows.fields.image))
                for cells, fault, _ in table.rows():
                    hashes.append(self._hash(path, n_rows, None if fault or place >= len(cells) else cells[place]))
                    n_rows += 1
                    if n_rows % PIECE_ROWS == 0:
                        starts.append(table.offset)
                for row, start in zip(range(0, n_rows, PIECE_ROWS), starts, strict=False):
                    pieces.append(Piece(path, offset=start, row=row, n_rows=min(PIECE_ROWS, n_rows - row)))
                n_blank += table.n_blank
        return self._plan(pieces, lambda: hashes, scratch, aside={"blank line": n_blank} if n_blank else {})

    def _rows(self, piece: Piece) -> Iterator[Row | Reject | Aside]:
        with self._open(piece.path) as table:
            header = self._header(table, piece.path)
            table.go_to(piece.offset)
            for number, line in enumerate(itertools.islice(table.rows(), piece.n_rows), start=piece.row):
                yield _row(line, header, path=piece.path, number=number)

    def cells(self) -> Iterator[object]:
        """What every row has in the column of images."""
        for path in self.paths:
            with self._open(path) as table:
                header = self._header(table, path)
                place = header.index(str(self.rows.fields.image)) if self.rows.fields.image in header else len(header)
                yield from (cells[place] for cells, _, _ in table.rows() if place < len(cells))

    def _parser(self) -> Callable[[Payload], Row | Reject | Aside]:
        headers: dict[str, tuple[Lines, list[str]]] = {}

        def parse(payload: Payload) -> Row | Reject | Aside:
            if payload.path not in headers:
                with self._open(payload.path) as table:
                    headers[payload.path] = table, self._header(table, payload.path)
            table, header = headers[payload.path]
            line = (*table.split(payload.row), payload.row)
            return _row(line, header, path=payload.path, number=payload.number)

        return parse

    def _payloads(self) -> Iterator[Payload]:
        for path in self.paths:
            with self._open(path) as table:
                self._header(table, path)
                for number, (_, _, line) in enumerate(table.rows()):
                    yield Payload(path, number, line)

    def _open(self, path: str) -> Lines:
        quoting = self.separator != "\t" if self.quoting is None else self.quoting
        return Lines(path, separator=self.separator, quoting=quoting, spans=bool(self.quoting), encoding=self.encoding)

    def _header(self, table: Lines, path: str) -> list[str]:
        """The names of the columns; the next row is the first."""
        if self.columns:
            return list(self.columns)
        cells, fault, _ = next(table.rows(), ([], "it is empty", b""))
        if fault:
            raise SourceError(f"{path} has no header line that can be read: {fault}")
        return _names(cells)


def open_delimited(paths: Sequence[str], options: ReaderOptions) -> DelimitedReader:
    """A reader of CSV or TSV files; its separator and columns are recognised by the first file's first line.

    Raises:
        SourceError: no header, or a column is missing.
        InputError: there is no such encoding.
    """
    check_encoding(options.encoding)
    head, declared = _first_line(paths[0], options.encoding)
    separator, columns, remarks = options.separator or declared or None, options.columns, list[str]()
    if separator in {None, "\t"} and not columns and _NUMBERED_TOKENS.match(head):
        separator, columns = "\t", ("image", "caption")
        remarks.append(f"{Path(paths[0]).name} is read as Flickr8k's token file: an image and a caption a line")
    if separator is None:
        usual = "\t" if paths[0].lower().endswith(".tsv") else ","
        separator = _separator(head, usual=usual, columns=columns)
        if separator != usual:
            remarks.append(f"columns are separated by {separator!r}; --separator says otherwise")
    if len(separator) != 1 or separator in '"\r\n':
        raise SourceError(f"the separator is {separator!r}; expected one character, e.g. --separator ';'")
    if "\0" in head:
        raise SourceError(
            f"{paths[0]} was read as delimited text and is none: its first line holds zero bytes; name its format with "
            "--format, or its encoding with --encoding, e.g. utf-16-le; decompress it where it is compressed"
        )
    if not head.strip():
        raise SourceError(f"{paths[0]} is empty; expected a header line that names the columns")
    if "\r" in head.rstrip("\r\n"):
        raise SourceError(
            f"the lines of {paths[0]} end in carriage returns alone, as on old Macs; write it again with line feeds, "
            "e.g. tr '\\r' '\\n' < OLD > NEW"
        )
    header = list(columns) or _names(split_line(head, separator=separator, quoting=separator != "\t")[0])
    if not columns and any("://" in cell for cell in header):
        raise SourceError(
            f"{paths[0]} has no header and names images by address, {head.strip()[:100]!r}; memometer downloads "
            "nothing: fetch them first, e.g. with img2dataset, and import what it writes"
        )
    if (
        separator == "\t"
        and not options.quoting
        and all(cell.startswith('"') and cell.endswith('"') for cell in header)
    ):
        raise SourceError(f"the columns of {paths[0]} are in quotes, {head.strip()[:100]!r}; pass --quoting")
    if not columns and any(Path(cell).suffix.lower() in IMAGE_SUFFIXES for cell in header):
        raise SourceError(
            f"{paths[0]} has no header: its first line is {head.strip()[:100]!r}; name its columns in their order with "
            "--columns, e.g. --columns image,caption"
        )
    fields = choose_columns(header, options.fields, path=paths[0], captions_required=options.captions_required)
    reader = DelimitedReader(
        tuple(paths),
        RowOptions(fields),
        options.one_row_per,
        options.captions_required,
        separator=separator,
        columns=columns,
        quoting=options.quoting,
        encoding=options.encoding,
    )
    rows = row_options(paths, options, fields, corners=find_corners(header), images=reader.cells)
    return dataclasses.replace(reader, rows=rows, remarks=(*remarks, *table_remarks(header, rows)))


def open_lines(path: str) -> tuple[Lines, list[str]]:
    """The rows of a table below its header line, and the names of its columns; its separator is recognised.

    Raises:
        OSError: it cannot be read.
        SourceError: it is empty.
    """
    head, declared = _first_line(path, None)
    separator = declared or _separator(head, usual="\t" if path.lower().endswith(".tsv") else ",", columns=())
    with contextlib.ExitStack() as stack:
        quoting = separator != "\t"
        table = stack.enter_context(Lines(path, separator=separator, quoting=quoting, spans=False, encoding=None))
        header = next((cells for cells, _, _ in table.rows()), [])
        if not header:
            raise SourceError(f"{path} is empty; expected a header line that names the columns")
        stack.pop_all()  # the caller's to close
        return table, _names(header)


def looks_delimited(path: Path, options: ReaderOptions) -> bool:
    """Whether a text file is a table of images: its first line names a column of images, or is a token file's."""
    try:
        head, _ = _first_line(str(path), options.encoding)
    except (OSError, ValueError):
        return False
    if _NUMBERED_TOKENS.match(head):
        return True
    split = (_names(split_line(head, separator=each, quoting=True)[0]) for each in SEPARATORS)
    return any(len(names) > 1 and image_column(names, options.fields) is not None for names in split)


def _row(line: Line, header: list[str], *, path: str, number: int) -> Row | Reject | Aside:
    """A row; an `Aside` where all cells are blank, as spreadsheets leave them below a table."""
    cells, fault, _ = line
    if not fault and not any(cell.strip() for cell in cells):
        return Aside(EMPTY_ROW)
    if not fault and len(cells) != len(header):
        fault = f"malformed row: {len(cells)} columns instead of {len(header)}"
    row = Row(path, number, dict(zip(header, (cell.strip() for cell in cells), strict=False)))
    return Reject(None, path, row.member, fault) if fault else row


def _names(cells: Sequence[str]) -> list[str]:
    """Names of columns; one without a name is called by its number, as pandas' index often is."""
    shown = [cell.encode("utf-8", "backslashreplace").decode().strip() for cell in cells]
    return [name or f"column {place}" for place, name in enumerate(shown, start=1)]


def _first_line(path: str, encoding: str | None) -> tuple[str, str]:
    """The first line that is no blank, and the separator that a line before it declares."""
    with Lines(path, separator=",", quoting=False, spans=False, encoding=encoding) as table:
        return next((table.decode(line) for _, _, line in table.rows()), ""), table.declared


def _separator(head: str, *, usual: str, columns: Sequence[str]) -> str:
    """The separator by which the first line has a column of images, and the most columns; else the usual one."""
    ordered = (usual, *(each for each in SEPARATORS if each != usual))
    names = {each: _names(split_line(head, separator=each, quoting=each != "\t")[0]) for each in ordered}
    if columns:
        return next((each for each in ordered if len(names[each]) == len(columns)), usual)
    best = max(ordered, key=lambda each: (image_column(names[each], Fields()) is not None, len(names[each])))
    return best if len(names[best]) > 1 else usual
