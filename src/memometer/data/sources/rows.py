"""Rows of tables and of lists: one row, or all rows of one image, as a draft."""

import dataclasses
import functools
import os.path
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from memometer.data.images import ImageRef
from memometer.data.sources.base import (
    MAX_ENCODED_BYTES,
    Aside,
    BadRecordError,
    Draft,
    Fields,
    Labels,
    Reject,
    captions_from,
    valid_text,
)
from memometer.data.sources.cells import base64_image, list_in_cell, parsed_cell
from memometer.data.sources.class_names import ClassNames
from memometer.data.sources.columns import Corners
from memometer.data.sources.image_paths import find_image
from memometer.data.sources.json_values import parse_json
from memometer.data.sources.labels import IMPOSSIBLE, check_places, label_from, labels_from
from memometer.data.sources.options import RowUnit
from memometer.data.sources.row_labels import box_of_row, objects_of_struct
from memometer.storage.addresses import inside_of, is_remote

__all__ = ["UNDECODABLE", "Row", "RowOptions", "image_name", "read_rows"]

T = TypeVar("T")

UNDECODABLE = object()
"""Stands for a value whose bytes are not UTF-8."""

_NUMBERED = re.compile(r"(\.[A-Za-z0-9]{2,5})#\d+")
"""Flickr8k's token file numbers the captions of an image behind its name: ``1.jpg#0``."""

_STRUCT = re.compile(r"""\{\s*['"](bytes|path)['"]\s*:""")
"""Hugging Face's image as pandas writes it into a CSV."""


class Row(NamedTuple):
    """One row of a table.

    Attributes:
        path: the table.
        number: from 0, within the file.
        values: by column name; bytes that are not UTF-8 appear as `UNDECODABLE` or as lone surrogates.
    """

    path: str
    number: int
    values: Mapping[str, object]

    @property
    def member(self) -> str:
        """The row as people count it."""
        return f"row {self.number + 1}"

    def text(self, column: str | None) -> str | None:
        """The text in a column; None where the column or the value is missing or blank."""
        value = self.value(column) if column else None
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise BadRecordError(f"value is not text: column '{column}' holds {type(value).__name__}")
        return valid_text(str(value).strip(), what=f"column '{column}'") or None

    def value(self, column: str | None) -> object:
        """The value in a column; None where there is no such column."""
        value = self.values.get(column) if column else None
        if value is UNDECODABLE:
            raise BadRecordError(f"not UTF-8: column '{column}'")
        return value


@dataclasses.dataclass(frozen=True)
class RowOptions:
    """How rows are read.

    Attributes:
        fields: the columns by name.
        asked: the columns that the user named: what cannot be read there costs the record, elsewhere it is left aside.
        corners: columns of one box per row.
        folders: where images are looked for that are not where the table says; () looks nowhere else.
        shortest: how many parts of a name's end must be found there: as many as tell the table's images apart.
        names: of classes, from a file that the user gave.
        classes: names of numbered classes by column, from the table itself.
        roles: by table, the split that its name tells; a column of roles goes before it.
        found_elsewhere: sentences on folders that are neither the table's own nor in it.
    """

    fields: Fields
    asked: tuple[str, ...] = ()
    corners: Corners | None = None
    folders: tuple[str, ...] = ()
    shortest: int = 1
    names: ClassNames | None = None
    classes: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    roles: Mapping[str, str] = dataclasses.field(default_factory=dict)
    found_elsewhere: tuple[str, ...] = ()

    @property
    def may_hold_objects(self) -> bool:
        """Whether a row may name objects or their places."""
        return bool(self.fields.objects or self.fields.boxes or self.fields.scores or self.corners)

    @functools.cached_property
    def tells_captions_alone(self) -> bool:
        """Whether rows of one image can differ in nothing but their captions."""
        others = dataclasses.replace(self.fields, image=None, captions=(), captions_separator=None)
        return others == Fields() and self.corners is None

    def name_of(self, label: str) -> str:
        """What a class is called."""
        return label if self.names is None else self.names.of(label)


def read_rows(rows: Sequence[Row], options: RowOptions, *, unit: RowUnit | None) -> Iterator[Draft | Reject | Aside]:
    """One record of all ``rows``, which are of one image; rows that cannot be read are rejects.

    The captions of all rows come in their order, equal ones once. Objects are those of the first row where all rows
    have the same; where they differ, or where a row stands for an object, those of all rows.

    Args:
        rows: at least one.
        options: how to read them.
        unit: what a row stands for; None recognises it.
    """
    drafts: list[Draft] = []
    captions: list[str] = []
    image, before = options.fields.image or "", rows[0]
    for row in rows:
        aside: list[Aside] = []
        if drafts and options.tells_captions_alone and _alike(row, before, image):
            try:
                captions += _captions(row, options.fields)
            except BadRecordError as error:
                yield Reject(None, row.path, row.member, str(error))
            continue
        outcome = _draft(row, options, aside=aside)
        if isinstance(outcome, Draft):
            drafts.append(outcome)
            captions += outcome.captions
            before = row
        else:
            yield outcome
        yield from aside
    if len(drafts) == 1 and len(captions) == len(drafts[0].captions):
        yield drafts[0]
    elif drafts:
        merged = _merged(drafts, options, captions=captions, unit=unit)
        yield merged
        yield from _disagreements(drafts, merged)


def _alike(row: Row, other: Row, image: str) -> bool:
    """Whether two rows of a table write the name of their image alike."""
    cell = row.values.get(image)
    return isinstance(cell, str) and cell == other.values.get(image) and row.path == other.path


def _merged(drafts: Sequence[Draft], options: RowOptions, *, captions: Sequence[str], unit: RowUnit | None) -> Draft:
    first = drafts[0]
    captions = list(dict.fromkeys(captions))
    labels = list(dict.fromkeys(draft.label for draft in drafts if draft.label is not None))
    each = [draft.labels for draft in drafts]
    if options.fields.objects is None and options.corners is None and len(labels) > 1:
        each = [Labels([draft.label] if draft.label else []) for draft in drafts]  # several classes are objects
    alike = all(part == each[0] for part in each)
    joined = each[0] if alike and unit != "object" else _joined(each)
    return dataclasses.replace(first, captions=captions, labels=joined, label=labels[0] if len(labels) == 1 else None)


def _disagreements(drafts: Sequence[Draft], merged: Draft) -> Iterator[Aside]:
    """What the rows of one image contradict each other in."""
    if merged.label is None and merged.labels.boxes is None and any(draft.label is not None for draft in drafts):
        yield Aside("label: rows of an image differ, so it has none")
    for name in ("role", "group"):
        if len({getattr(draft, name) for draft in drafts} - {None}) > 1:
            yield Aside(f"{name}: rows of an image differ, the first row's stays")


def _joined(parts: Sequence[Labels]) -> Labels:
    """The objects of all rows, in their order."""
    known = [part for part in parts if part.objects is not None]
    if not known:
        return Labels()
    boxed, scored = (any(getattr(part, name) is not None for part in known) for name in ("boxes", "scores"))
    sizes = [part.size for part in known]
    return Labels(
        objects=[name for part in known for name in part.objects or ()],
        boxes=[box for part in known for box in part.boxes or [None] * len(part.objects or ())] if boxed else None,
        scores=[score for part in known for score in part.scores or [None] * len(part.objects or ())]
        if scored
        else None,
        size=sizes[0] if all(size == sizes[0] for size in sizes) else None,
    )


def _draft(row: Row, options: RowOptions, *, aside: list[Aside]) -> Draft | Reject:
    """One row as a draft, or as a reject with its id as far as it is known; ``aside`` takes what is left aside of it.

    The id is the id column's; else, for a path, the path as written without its suffix (relative to the table's folder
    where it lies below it); else, for images within the table, ``TABLE/ROW`` with the row counted from 0.
    """
    fields, record_id = options.fields, None
    try:
        record_id = _id(row, fields)
        image, data, usual_id, within = _image(row, options)
        captions = _captions(row, fields)
        label = _optional(lambda: _label(row, options), fields.label, options, aside) if fields.label else None
        labels = None
        if label is not None or options.may_hold_objects:
            labels = _optional(lambda: _labels(row, options, label=label), fields.objects, options, aside)
        role = _optional(lambda: row.text(fields.role), fields.role, options, aside) if fields.role else None
        return Draft(
            record_id=record_id or usual_id,
            source=row.path,
            member=row.member,
            image=image,
            data=data,
            captions=captions,
            label=label,
            labels=labels or Labels(),
            group=row.text(fields.group),
            role=role if fields.role else options.roles.get(row.path),
            within="" if record_id else within,
            uid=row.text(fields.uid),
        )
    except BadRecordError as error:
        return Reject(record_id, row.path, row.member, str(error))


def _captions(row: Row, fields: Fields) -> list[str]:
    captions: list[str] = []
    for name in fields.captions:
        what = f"column '{name}'"
        captions += captions_from(
            parsed_cell(row.value(name), what=what), what=what, separator=fields.captions_separator
        )
    return captions


def _id(row: Row, fields: Fields) -> str | None:
    record_id = row.text(fields.record_id)
    if fields.record_id and record_id is None:
        raise BadRecordError(f"no id: column '{fields.record_id}' is empty")
    return record_id


def _optional(read: Callable[[], T], column: str | None, options: RowOptions, aside: list[Aside]) -> T | None:
    """What a column says; where nobody asked for it and it cannot be read, nothing, and that is counted."""
    try:
        return read()
    except BadRecordError as error:
        kind = str(error).partition(":")[0]
        asked = {column, options.fields.boxes, options.fields.scores}.intersection(options.asked)
        if column is None or asked or kind == IMPOSSIBLE:  # which was read, and counts alike in every format
            raise
        aside.append(Aside(f"column '{column}' not read: {kind}"))
        return None


def _label(row: Row, options: RowOptions) -> str | None:
    column = options.fields.label
    value = row.value(column)
    names = options.classes.get(column or "")
    if names is not None and isinstance(value, int) and not isinstance(value, bool):
        if value == -1:  # Hugging Face's unknown class
            return None
        if not 0 <= value < len(names):
            raise BadRecordError(f"unknown class: column '{column}' holds {value} of {len(names)} names")
        return names[value]
    label = label_from(parsed_cell(value, what=f"column '{column}'"), what=f"column '{column}'")
    return None if label is None else options.name_of(label)


def _labels(row: Row, options: RowOptions, *, label: str | None) -> Labels:
    """The row's objects with their boxes and scores; without a column of objects all boxes are the label's."""
    fields = options.fields
    objects, size = parsed_cell(row.value(fields.objects), what=f"column '{fields.objects}'"), None
    boxes, scores = (_list(row, column) for column in (fields.boxes, fields.scores))
    if isinstance(objects, Mapping) or (isinstance(objects, list) and any(isinstance(o, Mapping) for o in objects)):
        found = objects_of_struct(objects, names=options.classes.get(fields.objects or ""))
        objects, boxes, scores = found.objects, found.boxes or boxes, found.scores or scores  # type: ignore[assignment]
    elif isinstance(objects, list) and (names := options.classes.get(fields.objects or "")):
        objects = objects_of_struct({"category": objects}, names=names).objects
    if fields.objects is None and label is not None:
        objects = [label] * len(boxes or scores or ()) or None
    if options.corners is not None and boxes is None:
        box, size = box_of_row(row.values, options.corners)
        if objects is None and label is not None:
            objects = [label]
        if isinstance(objects, str):
            objects = [objects]
        boxes = [box] if objects is not None and len(objects) == 1 else None  # type: ignore[arg-type]
    if (objects is None and (boxes or scores)) or (isinstance(objects, str) and not objects.strip()):
        objects = []  # boxes of nothing do not match it
    found = check_places(labels_from(objects, boxes=boxes, scores=scores, separator=fields.objects_separator))
    named = None if found.objects is None else [options.name_of(name) for name in found.objects]
    return dataclasses.replace(found, objects=named, size=size)


def _list(row: Row, column: str | None) -> list[object] | None:
    """A column's list, which delimited text holds as JSON or as Python writes it; None where it is missing or blank."""
    value = row.value(column)
    if isinstance(value, str):
        text = valid_text(value.strip(), what=f"column '{column}'")
        if not text:
            return None
        value = list_in_cell(text, what=f"column '{column}'")
        if value is None:
            try:
                value = parse_json(text)
            except (ValueError, RecursionError) as error:
                raise BadRecordError(f"malformed JSON: column '{column}': {error}") from None
    if value is not None and not isinstance(value, list):
        raise BadRecordError(f"value is not a list: column '{column}' holds {type(value).__name__}")
    return value


def image_name(value: object) -> str | None:
    """What a cell calls its image, where it names one rather than holding it; rows of one name are of one image."""
    if isinstance(value, Mapping):
        value = None if value.get("bytes") else value.get("path")
    if type(value) is int:  # an ``image_id``
        return str(value)
    if not isinstance(value, str):
        return None
    value = value.strip()
    return (_NUMBERED.sub(r"\1", value) if "#" in value else value) or None


def _image(row: Row, options: RowOptions) -> tuple[ImageRef, bytes | None, str, str]:
    """Where the image is, its bytes where the row holds them, the usual id, and the path of what holds it."""
    column = options.fields.image or ""
    value = row.value(column)
    if isinstance(value, Mapping):  # Hugging Face's struct<bytes, path>
        value = value.get("bytes") or value.get("path")
    if value is None or value == b"":
        raise BadRecordError("no image")
    if isinstance(value, bytes):
        if len(value) > MAX_ENCODED_BYTES:
            raise BadRecordError(f"too large: the image has {len(value):,} bytes")
        reference = ImageRef(row.path, row=row.number, column=column)
        return reference, value, f"{Path(row.path).stem}/{row.number:09d}", os.path.dirname(row.path)  # noqa: PTH120
    if type(value) is int:
        value = str(value)
    if not isinstance(value, str):
        raise BadRecordError(f"value is not text: column '{column}' holds {type(value).__name__}")
    return _named_image(value, row.path, column=column, folders=options.folders, shortest=options.shortest)


@functools.lru_cache(maxsize=4096)  # rows of one image come together
def _named_image(
    value: str, table: str, *, column: str, folders: tuple[str, ...], shortest: int
) -> tuple[ImageRef, None, str, str]:
    """The image that a cell names, as `_image` gives it.

    Raises:
        BadRecordError: it names none, or none that is read.
    """
    folder = os.path.dirname(table)  # noqa: PTH120 (it may be an address)
    if base64_image(value) is not None:
        raise BadRecordError(
            "image as base64: memometer reads images where they lie; write them to files or a Parquet column of bytes"
        )
    name = image_name(valid_text(value, what=f"column '{column}'"))
    if name is None:
        raise BadRecordError("no image")
    if _STRUCT.match(name):
        raise BadRecordError(
            "image as text: the cell holds a struct of bytes and path written as text; write the table as Parquet, or "
            "the images to files"
        )
    if is_remote(table) and not folders and (inside := inside_of(table, name)) is not None:
        usual = inside.removeprefix(f"{folder}/").rpartition("://")[2]
        return ImageRef(inside), None, posixpath.splitext(usual)[0], folder
    if "://" in name and not name.startswith("file://") and not folders:
        raise BadRecordError("remote image: memometer downloads nothing; fetch the images first, e.g. with img2dataset")
    path, record_id = find_image(name, table=folder, folders=folders, shortest=shortest)
    return ImageRef(path), None, record_id, folder
