"""What every reader hands on: pieces of a source, drafts of records, and rejects with their reason."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

from memometer.data.images import IMAGE_SUFFIXES, MAX_ENCODED_BYTES, ImageRef

__all__ = [
    "IMAGE_SUFFIXES",
    "MAX_ENCODED_BYTES",
    "PIECE_ROWS",
    "Aside",
    "BadRecordError",
    "Draft",
    "Fields",
    "Labels",
    "Piece",
    "Plan",
    "Reader",
    "Reject",
    "captions_from",
    "decode_text",
    "valid_text",
]

PIECE_ROWS = 2_048
"""Records per piece, where the reader can choose; also the rows that a worker holds before it writes them."""


_CAPTION_KEYS = ("caption", "raw", "text", "sentence", "description")
"""Where objects in place of texts have theirs."""

_NOTHING = frozenset({"nan", "null", "none", "n/a", "na", "<na>", "#n/a", "nil", "nat"})


class BadRecordError(Exception):
    """One record that cannot be used; the message is its reason in ``rejects.parquet``.

    The words up to the first colon name the kind of fault and are what the summary counts by; details follow it.
    """


@dataclasses.dataclass(frozen=True)
class Fields:
    """Names of a source's table columns or JSON fields; the usual ones where none are given.

    Attributes:
        record_id: table column of record ids.
        image: table column of image paths or bytes.
        captions: column or JSON field of captions, each a text or a list of texts; may be several, all are kept, in
            this order.
        label: column or JSON field of the image's class; usually ``label``.
        objects: column or JSON field of object labels: a label, a list of them, or labels in one text.
        group: column or JSON field of groups, whose records always share a role.
        role: column or JSON field of a ready-made split.
        objects_separator: what separates the labels where one text holds several, e.g. ``';'``.
        captions_separator: what separates the captions where one text holds several, e.g. ``'|'``.
        uid: column or JSON field of the ids that a list of chosen ones holds; usually ``uid``.
        boxes: column or JSON field of x, y, width, height in px per object, a list or (CSV) JSON; usually ``boxes``.
        scores: column or JSON field of a number per object, a list or (CSV) JSON; usually ``scores``.
    """

    record_id: str | None = None
    image: str | None = None
    captions: tuple[str, ...] = ()
    label: str | None = None
    objects: str | None = None
    group: str | None = None
    role: str | None = None
    objects_separator: str | None = None
    captions_separator: str | None = None
    uid: str | None = None
    boxes: str | None = None
    scores: str | None = None


@dataclasses.dataclass(frozen=True)
class Piece:
    """A part of a source that one worker reads in one go, start to end.

    Attributes:
        path: the file to read.
        offset: bytes from the file's start at which the piece begins (delimited text).
        group: the row group (Parquet).
        row: the first row of the piece, counted from the file's first record.
        skip: rows of the row group before the piece (Parquet).
        n_rows: rows in the piece; None where only reading tells (tar).
    """

    path: str
    offset: int = 0
    group: int = 0
    row: int = 0
    skip: int = 0
    n_rows: int | None = None


@dataclasses.dataclass(frozen=True)
class Plan:
    """How a source is read.

    Attributes:
        pieces: in order.
        aside: what the source holds and no piece reads, counted by kind: ``{".idx": 2, "no image suffix": 3}``.
        remarks: sentences for people on what was recognised, or was there and not read, with the option that reads it.
    """

    pieces: Sequence[Piece]
    aside: Mapping[str, int] = dataclasses.field(default_factory=dict)
    remarks: Sequence[str] = ()


@dataclasses.dataclass(frozen=True)
class Aside:
    """Something in a piece that is no record and no fault either, such as a tar member of another kind.

    Attributes:
        kind: what the summary counts by: a suffix, or a few words.
        count: how many of them.
    """

    kind: str
    count: int = 1


@dataclasses.dataclass(frozen=True)
class Labels:
    """What an image holds.

    Attributes:
        objects: labels; one may repeat.
        boxes: x, y, width, height in px, parallel to the objects.
        scores: parallel to the objects.
        size: width and height in px of the image that the boxes were drawn on; None for the image as it is, (1, 1) for
            boxes in shares of its sides.
    """

    objects: Sequence[str] | None = None
    boxes: Sequence[Sequence[float] | None] | None = None
    scores: Sequence[float | None] | None = None
    size: tuple[float, float] | None = None


@dataclasses.dataclass(frozen=True)
class Draft:
    """A record whose image was not looked at yet.

    Attributes:
        source: the file that names the record.
        member: the record's place in it, for people: a tar member, a row, a file name.
        data: the image's encoded bytes where the reader passed them anyway; None where ``image`` is a file of its own.
        label: the class of the image.
        within: the path of what holds the record, ``/``-separated, e.g. ``data/train/0000``: where ids of two records
            are equal, as much of its end as tells them apart goes before both. "" where the id is the source's own:
            then the second record of an id is a reject.
        uid: by which a list of chosen records names it.
    """

    record_id: str
    source: str
    member: str
    image: ImageRef
    captions: Sequence[str]
    labels: Labels = Labels()
    data: bytes | None = None
    label: str | None = None
    group: str | None = None
    role: str | None = None
    within: str = ""
    uid: str | None = None


@dataclasses.dataclass(frozen=True)
class Reject:
    """A record left out, and why (see `BadRecordError`)."""

    record_id: str | None
    source: str
    member: str
    reason: str


class Reader(Protocol):
    """One kind of source. A frozen, picklable dataclass.

    Attributes:
        format: the name that ``--format`` takes.
        paths: the files (or the folder) that make up the source; `read` never looks at them.
    """

    format: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    @property
    def paths(self) -> tuple[str, ...]:
        """See above."""
        ...

    def files(self) -> Iterator[str | Path]:
        """Every file whose change makes another import; images that a table merely names are not among them."""
        ...

    def plan(self, scratch: Path) -> Plan:
        """The pieces in order, and what none of them reads.

        May leave files in ``scratch``, which lives as long as the import.

        Raises:
            SourceError: the source as a whole cannot be read as asked.
        """
        ...

    def read(self, piece: Piece) -> Iterator[Draft | Reject | Aside]:
        """The records of one piece, in order. A bad record is a `Reject`, never an exception.

        Everything in the piece is a draft, a reject, a part of one of them, or an `Aside`.
        """
        ...


def valid_text(text: str, *, what: str) -> str:
    """``text`` itself, if UTF-8 can hold it.

    Raises:
        BadRecordError: it holds lone surrogates: bytes that were not UTF-8, or half of an escaped pair.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadRecordError(f"not UTF-8: {what}, character {error.start}") from None
    return text


def decode_text(data: bytes, *, what: str) -> str:
    """``data`` as UTF-8, a byte order mark left out.

    Raises:
        BadRecordError: other bytes.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRecordError(f"not UTF-8: {what}, byte {error.start}") from None


def is_nothing(text: str) -> bool:
    """Whether a text is what tables write where there is none, and nothing else.

    >>> is_nothing("NaN"), is_nothing(" N/A "), is_nothing("nan bread")
    (True, True, False)
    """
    return text.strip().lower() in _NOTHING


def captions_from(value: object, *, what: str, separator: str | None = None) -> list[str]:
    """The captions in a field: a text, a list of texts, or nothing; blank ones, ``nan`` or ``NULL`` are dropped.

    An object in place of a text stands for its ``caption``, ``raw``, ``text``, ``sentence`` or ``description``, which
    may be a list itself: Hugging Face keeps a list of objects as an object of lists.

    Raises:
        BadRecordError: something else, or text that is not UTF-8.

    >>> captions_from([" a dog ", "", None], what="captions")
    ['a dog']
    """
    captions: list[str] = []
    if isinstance(value, str) and separator:
        value = value.split(separator)
    for entry in value if isinstance(value, list | tuple) else [value]:
        if entry is None or entry != entry:  # noqa: PLR0124 (a table's NaN)
            continue
        if isinstance(entry, Mapping):
            entry = next((entry[name] for name in _CAPTION_KEYS if name in entry), entry)  # noqa: PLW2901 (what it holds)
            if isinstance(entry, list) and not any(isinstance(each, list) for each in entry):
                captions += captions_from(entry, what=what)
                continue
        if not isinstance(entry, str):
            raise BadRecordError(f"caption is not text: {what} holds {type(entry).__name__}")
        text = valid_text(entry.strip(), what=what)
        if text and not is_nothing(text):
            captions.append(text)
    return captions
