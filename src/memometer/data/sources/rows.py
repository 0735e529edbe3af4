"""Rows of tables: which column means what, and one row as a draft."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from memometer.data.images import ImageRef
from memometer.data.sources.base import (
    MAX_ENCODED_BYTES,
    BadRecordError,
    Draft,
    Fields,
    Labels,
    Reject,
    captions_from,
    valid_text,
)
from memometer.data.sources.labels import check_places, label_from, labels_from
from memometer.errors import SourceError

__all__ = ["UNDECODABLE", "Row", "choose_columns", "row_draft", "used_columns"]

USUAL_IMAGE = ("filepath", "image", "image_path", "file_name", "filename", "path")
USUAL_CAPTIONS = ("title", "captions", "caption", "text")
USUAL_ID = "record_id"
USUAL_LABEL = "label"
USUAL_OBJECTS = "objects"
USUAL_BOXES = "boxes"
USUAL_SCORES = "scores"

UNDECODABLE = object()
"""Stands for a value whose bytes are not UTF-8."""


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes:
        values: by column name; bytes that are not UTF-8 appear as `UNDECODABLE` or as lone surrogates.
        number: from 0, within the file.
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
        value = self.values.get(column) if column else None
        if value is UNDECODABLE:
            raise BadRecordError(f"not UTF-8: column '{column}'")
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise BadRecordError(f"value is not text: column '{column}' holds {type(value).__name__}")
        return valid_text(str(value).strip(), what=f"column '{column}'") or None


def choose_columns(names: Sequence[str], fields: Fields, *, path: str, captions_required: bool = True) -> Fields:
    """``fields`` with a column named for everything that the table has, the usual names where none was asked for.

    Raises:
        SourceError: a column that was asked for is missing, no image or (where required) caption column is found, or
            boxes or scores were asked for and nothing says whose they are.
    """
    asked = _named(fields)
    have = f"its columns are {', '.join(names)}" if names else "it has no columns"
    for name in asked:
        if name not in names:
            raise SourceError(f"{path} has no column '{name}'; {have}")
    image = fields.image or next((name for name in USUAL_IMAGE if name in names), None)
    if image is None:
        raise SourceError(f"{path} has no column '{USUAL_IMAGE[0]}' for images; {have}; pass --image-column NAME")
    captions = fields.captions or tuple(name for name in USUAL_CAPTIONS if name in names and name != image)[:1]
    if captions_required and not captions:
        raise SourceError(
            f"{path} has no column '{USUAL_CAPTIONS[0]}' for captions; {have}; pass --caption-column NAME, "
            "or --captions optional to do without"
        )
    label = fields.label or (USUAL_LABEL if USUAL_LABEL in names else None)
    objects = fields.objects or (USUAL_OBJECTS if USUAL_OBJECTS in names else None)
    if objects is None and label is None and (fields.boxes or fields.scores):
        raise SourceError(
            f"{path} has no column of objects that {fields.boxes or fields.scores} could belong to; {have}; "
            "pass --objects-column NAME, or --label-column NAME where all of them show the image's class"
        )
    owned = objects is not None or label is not None
    boxes = fields.boxes or (USUAL_BOXES if USUAL_BOXES in names and owned else None)
    scored = objects is not None or boxes is not None  # beside a label alone, scores may be a classifier's
    return dataclasses.replace(
        fields,
        image=image,
        captions=captions,
        record_id=fields.record_id or (USUAL_ID if USUAL_ID in names else None),
        label=label,
        objects=objects,
        boxes=boxes,
        scores=fields.scores or (USUAL_SCORES if USUAL_SCORES in names and scored else None),
    )


def used_columns(fields: Fields) -> list[str]:
    """The columns that `row_draft` looks at, each once."""
    return list(dict.fromkeys(_named(fields)))


def row_draft(row: Row, fields: Fields) -> Draft | Reject:
    """One row as a draft, or as a reject with the reason.

    The id is the id column's; else, for a path, the path as written without its suffix (relative to the table's folder
    where it lies below it); else, for images within the table, ``TABLE/ROW`` with the row counted from 0.
    """
    record_id: str | None = None
    try:
        record_id = _id(row, fields)
        image, data, usual_id = _image(row, fields.image or "")
        captions: list[str] = []
        for name in fields.captions:
            captions += captions_from(_value(row, name), what=f"column '{name}'")
        label = label_from(_value(row, fields.label), what=f"column '{fields.label}'")
        return Draft(
            record_id=record_id or usual_id,
            source=row.path,
            member=row.member,
            image=image,
            data=data,
            captions=captions,
            label=label,
            labels=_labels(row, fields, label=label),
            group=row.text(fields.group),
            role=row.text(fields.role),
        )
    except BadRecordError as error:
        return Reject(record_id, row.path, row.member, str(error))


def _named(fields: Fields) -> list[str]:
    """The columns that ``fields`` names; one may stand twice."""
    first = (fields.record_id, fields.image, fields.label, fields.objects, fields.boxes, fields.scores)
    return [*(name for name in (*first, fields.group, fields.role) if name is not None), *fields.captions]


def _id(row: Row, fields: Fields) -> str | None:
    record_id = row.text(fields.record_id)
    if fields.record_id and record_id is None:
        raise BadRecordError(f"no id: column '{fields.record_id}' is empty")
    return record_id


def _value(row: Row, column: str | None) -> object:
    value = row.values.get(column) if column else None
    if value is UNDECODABLE:
        raise BadRecordError(f"not UTF-8: column '{column}'")
    return value


def _labels(row: Row, fields: Fields, *, label: str | None) -> Labels:
    """The row's objects with their boxes and scores; without a column of objects all boxes are the label's."""
    objects = _value(row, fields.objects)
    boxes, scores = (_list(row, column) for column in (fields.boxes, fields.scores))
    if fields.objects is None and label is not None:
        objects = [label] * len(boxes or scores or ()) or None
    if (objects is None and (boxes or scores)) or (isinstance(objects, str) and not objects.strip()):
        objects = []  # boxes of nothing do not match it
    return check_places(labels_from(objects, boxes=boxes, scores=scores, separator=fields.objects_separator))


def _list(row: Row, column: str | None) -> list[object] | None:
    """A column's list, which a CSV holds as JSON; None where it is missing or blank."""
    value = _value(row, column)
    if isinstance(value, str):
        text = valid_text(value.strip(), what=f"column '{column}'")
        try:
            value = json.loads(text) if text else None
        except (ValueError, RecursionError) as error:
            raise BadRecordError(f"malformed JSON: column '{column}': {error}") from None
    if value is not None and not isinstance(value, list):
        raise BadRecordError(f"value is not a list: column '{column}' holds {type(value).__name__}")
    return value


def _image(row: Row, column: str) -> tuple[ImageRef, bytes | None, str]:
    """Where the image is, its bytes where the row holds them, and the id to take where there is no id column."""
    value = _value(row, column)
    table = Path(row.path)
    if isinstance(value, dict):  # Hugging Face's struct<bytes, path>
        value = value.get("bytes") or value.get("path")
    if isinstance(value, bytes):
        if not value:
            raise BadRecordError("no image")
        if len(value) > MAX_ENCODED_BYTES:
            raise BadRecordError(f"too large: the image has {len(value):,} bytes")
        return ImageRef(row.path, row=row.number, column=column), value, f"{table.stem}/{row.number:09d}"
    if value is None:
        raise BadRecordError("no image")
    if not isinstance(value, str):
        raise BadRecordError(f"value is not text: column '{column}' holds {type(value).__name__}")
    name = valid_text(value.strip(), what=f"column '{column}'")
    if not name:
        raise BadRecordError("no image")
    if "\0" in name:
        raise BadRecordError("missing image: the path holds a zero byte")
    if "://" in name:
        raise BadRecordError("remote image: memometer downloads nothing; fetch the images first, e.g. with img2dataset")
    return ImageRef(str(table.parent / name)), None, _path_id(name, folder=table.parent)


def _path_id(name: str, *, folder: Path) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() and path.is_relative_to(folder):
        path = path.relative_to(folder)
    return str(path.with_suffix("")) if path.name else str(path)
