"""The text files of an image: ``.txt`` (one caption), ``.json`` (captions, objects and the rest), ``.xml`` (boxes)."""

import dataclasses
import json
from collections.abc import Mapping

from memometer.data.sources.base import (
    BadRecordError,
    Fields,
    Labels,
    captions_from,
    decode_text,
    valid_text,
)
from memometer.data.sources.labels import label_from, labels_from
from memometer.data.sources.voc import OtherXmlError, voc_labels

__all__ = ["ANNOTATION_SUFFIX", "MAX_SIDECAR_BYTES", "SIDECAR_SUFFIXES", "Sidecar", "read_sidecars"]

ANNOTATION_SUFFIX = ".xml"
"""Of Pascal VOC annotations."""

SIDECAR_SUFFIXES = frozenset({".txt", ".json", ANNOTATION_SUFFIX})

MAX_SIDECAR_BYTES = 16 * 2**20
"""Longer sidecars are rejected unread."""


@dataclasses.dataclass(frozen=True)
class Sidecar:
    """What the files beside one image say of it."""

    captions: list[str]
    labels: Labels
    label: str | None = None
    group: str | None = None
    role: str | None = None


def read_sidecars(files: Mapping[str, bytes], fields: Fields, *, only_voc: bool = False) -> Sidecar:
    """Reads the sidecars of one image.

    Captions are those of the JSON's ``captions`` (a list), else of its ``caption`` (a text), else the whole ``.txt``,
    stripped; ``fields.captions`` names other JSON fields. The class is the JSON's ``label``. Objects are its
    ``objects``, with ``boxes`` and ``scores`` parallel to them where there are any; without them those of the ``.xml``,
    see `voc_labels`.

    Args:
        files: content by suffix, ``".txt"``, ``".json"`` and ``".xml"``; any may be missing.
        fields: names of the JSON's fields.
        only_voc: whether an XML of another kind is a fault; else it says nothing of the image.

    Raises:
        BadRecordError: bytes that are not UTF-8, malformed JSON or XML, or values of another type.
    """
    content = _parse_json(files[".json"]) if ".json" in files else {}
    captions: list[str] = []
    for name in fields.captions or (("captions",) if content.get("captions") else ("caption",)):
        captions += captions_from(content.get(name), what=f"'{name}'")
    if not captions and ".txt" in files:
        captions = captions_from(decode_text(files[".txt"], what="the .txt"), what="the .txt")
    labels = labels_from(
        content.get(fields.objects or "objects"),
        boxes=content.get(fields.boxes or "boxes"),
        scores=content.get(fields.scores or "scores"),
        separator=fields.objects_separator,
    )
    if labels.objects is None and ANNOTATION_SUFFIX in files:
        try:
            labels = voc_labels(files[ANNOTATION_SUFFIX])
        except OtherXmlError:
            if only_voc:
                raise
    return Sidecar(
        captions,
        labels,
        label=label_from(content.get(fields.label or "label"), what=f"'{fields.label or 'label'}'"),
        group=_name(content, fields.group),
        role=_name(content, fields.role),
    )


def _parse_json(data: bytes) -> dict[str, object]:
    try:
        content = json.loads(decode_text(data, what="the .json"))
    except (ValueError, RecursionError) as error:
        raise BadRecordError(f"malformed JSON: {error}") from None
    if not isinstance(content, dict):
        raise BadRecordError(f"malformed JSON: expected an object, got {type(content).__name__}")
    return content


def _name(content: Mapping[str, object], field: str | None) -> str | None:
    value = content.get(field) if field else None
    if value is None:
        return None
    if not isinstance(value, str | int):
        raise BadRecordError(f"group and role are text: '{field}' holds {type(value).__name__}")
    return valid_text(str(value), what=f"'{field}'")
