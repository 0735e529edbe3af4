"""Rows of tables: which column means what, and one row as a draft."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from memometer.data.images import ImageRef
from memometer.data.sources.base import (
    MAX_ENCODED_BYTES,
    BadRecordError,
    Draft,
    Fields,
    Reject,
    captions_from,
    label_from,
    labels_from,
    valid_text,
)
from memometer.errors import SourceError

__all__ = ["UNDECODABLE", "Row", "choose_columns", "row_draft", "used_columns"]

USUAL_IMAGE = ("filepath", "image", "image_path", "file_name", "filename", "path")
USUAL_CAPTIONS = ("title", "captions", "caption", "text")
USUAL_ID = "record_id"
USUAL_LABEL = "label"
USUAL_OBJECTS = "objects"

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


def choose_columns(names: Sequence[str], fields: Fields, *, path: str) -> Fields:
    """``fields`` with a column named for everything that the table has, the usual names where none was asked for.

    Raises:
        SourceError: a column that was asked for is missing, or no image or caption column is found.
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
    if not captions:
        raise SourceError(
            f"{path} has no column '{USUAL_CAPTIONS[0]}' for captions; {have}; pass --caption-column NAME"
        )
    return dataclasses.replace(
        fields,
        image=image,
        captions=captions,
        record_id=fields.record_id or (USUAL_ID if USUAL_ID in names else None),
        label=fields.label or (USUAL_LABEL if USUAL_LABEL in names else None),
        objects=fields.objects or (USUAL_OBJECTS if USUAL_OBJECTS in names else None),
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
        return Draft(
            record_id=record_id or usual_id,
            source=row.path,
            member=row.member,
            image=image,
            data=data,
            captions=captions,
            label=label_from(_value(row, fields.label), what=f"column '{fields.label}'"),
            labels=labels_from(_value(row, fields.objects), separator=fields.objects_separator),
            group=row.text(fields.group),
            role=row.text(fields.role),
        )
    except BadRecordError as error:
        return Reject(record_id, row.path, row.member, str(error))


def _named(fields: Fields) -> list[str]:
    """The columns that ``fields`` names; one may stand twice."""
    singles = (fields.record_id, fields.image, fields.label, fields.objects, fields.group, fields.role)
    return [*(name for name in singles if name is not None), *fields.captions]


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
