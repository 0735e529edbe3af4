"""Delimited text line by line: every physical line is a row, a part of a quoted one that was asked for, or blank."""

import codecs
import csv
import io
import os
import re
from collections.abc import Iterator
from typing import Self

from memometer.errors import InputError, SourceError
from memometer.storage.reading import open_binary

__all__ = ["Line", "Lines", "check_encoding", "split_line"]

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

MAX_SPAN = 1_000
"""Lines that a quoted cell may span where the user said that cells do."""

OPEN_QUOTE = (
    "malformed row: a quote opens in this line and does not close in it (--quoting reads cells of several lines)"
)

_DECLARED = re.compile(rb'\s*"?sep=(.)"?\s*', re.IGNORECASE)
"""A first line by which spreadsheets are told what separates the cells."""

MAX_WIDE_BYTES = 2**30
"""UTF-16 is decoded whole; tables of this size are not written in it."""

Line = tuple[list[str], str, bytes]
"""A row: its cells, its fault ("" for none), its bytes."""


def check_encoding(name: str | None) -> None:
    """Passes where Python knows the encoding, and it is one of text.

    Raises:
        InputError: it does not.
    """
    try:
        known = name is None or codecs.lookup(name)._is_text_encoding  # noqa: SLF001 (what str.decode itself asks)
    except LookupError:
        known = False
    if not known:
        raise InputError(f"there is no encoding '{name}'; expected one such as utf-8, latin-1, cp1252 or utf-16")


def split_line(text: str, *, separator: str, quoting: bool) -> tuple[list[str], str]:
    r"""The cells of one line, and its fault, "" for none.

    >>> split_line('0.jpg,"a dog, sitting"', separator=",", quoting=True)
    (['0.jpg', 'a dog, sitting'], '')
    >>> split_line('0.jpg\t"open', separator="\t", quoting=False)
    (['0.jpg', '"open'], '')
    """
    text = text.rstrip("\r\n")
    if not quoting or '"' not in text:
        return text.split(separator), ""
    try:
        return next(csv.reader([text], delimiter=separator, strict=True)), ""
    except csv.Error as error:
        if "unexpected end" in str(error):
            return [], OPEN_QUOTE
        if "field larger" in str(error):
            return [], f"malformed row: {error}"
    try:  # quotes within cells, which nobody doubled
        return next(csv.reader([text], delimiter=separator)), ""
    except csv.Error as error:
        return [], f"malformed row: {error}"


class Lines:
    """The rows of one file from a place on; blank lines are counted and passed over.

    Attributes:
        offset: where the next line begins: a byte, or for UTF-16 the number of the line.
        encoding: the one asked for, else what a byte order mark says, else UTF-8.
        n_blank: lines passed over so far.
        declared: the separator that a first line ``sep=;`` names, which is no row; "" where there is none.
    """

    def __init__(self, path: str, *, separator: str, quoting: bool, spans: bool, encoding: str | None) -> None:
        """Opens a table.

        Args:
            path: the file.
            separator: one character.
            quoting: whether ``"`` quotes cells.
            spans: whether a quoted cell may span lines.
            encoding: None takes what the file says.
        """
        self._file = open_binary(path)  # closed by __exit__
        head = self._file.read(4)
        mark, marked = next(((mark, name) for mark, name in _MARKS if head.startswith(mark)), (b"", "utf-8"))
        self.encoding = marked if encoding is None or codecs.lookup(encoding).name == "utf-16" else encoding
        self._separator, self._quoting, self._spans = separator, quoting, spans
        self._wide: list[bytes] | None = None
        self.n_blank = 0
        self.offset = len(mark)
        self._file.seek(self.offset)
        if codecs.lookup(self.encoding).name.startswith(("utf-16", "utf-32")):
            self._wide = self._decoded(path, skip=len(mark))
            self.offset = 0
        self.declared = self._declaration()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def go_to(self, offset: int) -> None:
        """Makes `rows` start at a place."""
        self.offset = offset
        if self._wide is None:
            self._file.seek(offset)

    def rows(self) -> Iterator[Line]:
        """Every row. Bytes that the encoding does not have become lone surrogates."""
        while line := self._next():
            if not line.strip():
                self.n_blank += 1
                continue
            cells, fault = self.split(line)
            if fault == OPEN_QUOTE and self._spans:
                yield self._spanning(line)
            else:
                yield cells, fault, line

    def split(self, line: bytes) -> tuple[list[str], str]:
        """The cells of a row's bytes, and its fault."""
        text = self.decode(line)
        if self._spans and '"' in text:
            try:
                lines = io.StringIO(text, newline="\n")  # no other character ends a line
                return next(csv.reader(lines, delimiter=self._separator, strict=True)), ""
            except (csv.Error, StopIteration):
                pass
        return split_line(text, separator=self._separator, quoting=self._quoting)

    def decode(self, line: bytes) -> str:
        """A line as text."""
        return line.decode("utf-8" if self._wide is not None else self.encoding, "surrogateescape")

    def _next(self) -> bytes:
        if self._wide is not None:
            line = self._wide[self.offset] if self.offset < len(self._wide) else b""
            self.offset += bool(line)
            return line
        line = self._file.readline()
        self.offset += len(line)
        return line

    def _declaration(self) -> str:
        """Passes over a first line that names the separator."""
        start = self.offset
        match = _DECLARED.fullmatch(self._next())
        if match is None:
            self.go_to(start)
        return match[1].decode("ascii", "replace") if match else ""

    def _spanning(self, first: bytes) -> Line:
        """A row whose quoted cell goes on in the next lines; where it never closes, the first line alone is refused."""
        after, whole = self.offset, first
        for _ in range(MAX_SPAN):
            line = self._next()
            if not line:
                break
            whole += line
            cells, fault = self.split(whole)
            if not fault:
                return cells, "", whole
        self.go_to(after)
        return [], "malformed row: a quote opens in this line and never closes", first

    def _decoded(self, path: str, *, skip: int) -> list[bytes]:
        """The lines of a file whose line ends are not single bytes, as UTF-8."""
        size = self._file.seek(0, os.SEEK_END)
        if size > MAX_WIDE_BYTES:
            raise SourceError(
                f"{path} is {self.encoding} of {size:,} bytes; convert it to UTF-8 first, e.g. with iconv"
            )
        self._file.seek(skip)
        data = self._file.read()
        text = data.decode(self.encoding, "replace")
        return [line.encode("utf-8", "surrogateescape") for line in io.StringIO(text, newline="\n")]
