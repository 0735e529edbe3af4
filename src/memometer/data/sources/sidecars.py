"""The files beside an image: ``.txt`` (captions), ``.json`` (all of it), ``.xml`` and YOLO's (boxes), ``.cls``."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Literal

from memometer.data.sources.base import (
    Aside,
    BadRecordError,
    Fields,
    Labels,
    captions_from,
    decode_text,
    valid_text,
)
from memometer.data.sources.class_names import ClassNames
from memometer.data.sources.json_values import parse_json
from memometer.data.sources.labels import label_from, labels_from, size_from
from memometer.data.sources.voc import OtherXmlError, voc_labels
from memometer.data.sources.yolo import UNNAMED, is_yolo, yolo_labels

__all__ = [
    "ANNOTATION_SUFFIX",
    "MAX_SIDECAR_BYTES",
    "SIDECAR_SUFFIXES",
    "YOLO_SUFFIX",
    "Sidecar",
    "SidecarOptions",
    "read_sidecars",
]

ANNOTATION_SUFFIX = ".xml"
"""Of Pascal VOC annotations."""

YOLO_SUFFIX = "labels/.txt"
"""Stands for a text of YOLO's tree ``labels``, which mirrors ``images``."""

_TEXT_SUFFIXES = (".txt", ".caption")
_CLASS_SUFFIX = ".cls"

SIDECAR_SUFFIXES = frozenset({*_TEXT_SUFFIXES, ".json", ANNOTATION_SUFFIX, _CLASS_SUFFIX})

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
    uid: str | None = None
    aside: Sequence[Aside] = ()


@dataclasses.dataclass(frozen=True)
class SidecarOptions:
    """How sidecars are read.

    Attributes:
        fields: names of the JSON's fields.
        text: whether a text holds a caption a ``"line"``, or is one caption as a ``"whole"``.
        names: of numbered classes.
        renamed: whether ``names`` also stand for classes that the JSON and the XML name, since the user gave them.
    """

    fields: Fields = dataclasses.field(default_factory=Fields)
    text: Literal["lines", "whole"] = "lines"
    names: ClassNames | None = None
    renamed: bool = False

    def name_of(self, label: str) -> str:
        """What a class is called."""
        return self.names.of(label) if self.names is not None and self.renamed else label


def read_sidecars(files: Mapping[str, bytes], options: SidecarOptions, *, only_voc: bool = False) -> Sidecar:
    """Reads the sidecars of one image.

    Captions are those of the JSON's ``captions`` (a list), else of its ``caption`` (a text), else the lines of the
    ``.txt`` or ``.caption``; ``fields.captions`` names other JSON fields. A text of numbers alone is no caption but
    YOLO's labels. The class is the JSON's ``label``, else that of the ``.cls``. Objects are the JSON's ``objects``,
    with ``boxes`` and ``scores`` parallel to them where there are any; else those of the ``.xml``, see `voc_labels`;
    else those of YOLO's text, see `yolo_labels`.

    Args:
        files: content by suffix; any may be missing.
        options: how to read them.
        only_voc: whether an XML of another kind is a fault; else it says nothing of the image.

    Raises:
        BadRecordError: bytes that are not UTF-8, malformed JSON or XML, or values of another type.
    """
    fields = options.fields
    content = _parse_json(files[".json"]) if ".json" in files else {}
    captions: list[str] = []
    for name in fields.captions or (("captions",) if content.get("captions") else ("caption",)):
        captions += captions_from(content.get(name), what=f"'{name}'", separator=fields.captions_separator)
    texts = {suffix: decode_text(files[suffix], what=f"the {suffix}") for suffix in _TEXT_SUFFIXES if suffix in files}
    yolo = {suffix: text for suffix, text in texts.items() if is_yolo(text)}
    if YOLO_SUFFIX in files:
        yolo[YOLO_SUFFIX] = decode_text(files[YOLO_SUFFIX], what="the text in labels/")
    for suffix in texts.keys() - yolo.keys():
        if not captions:
            text = valid_text(texts[suffix], what=f"the {suffix}")
            texts_of = text.splitlines() if options.text == "lines" and not fields.captions_separator else text
            captions = captions_from(texts_of, what=f"the {suffix}", separator=fields.captions_separator)
    labels = labels_from(
        content.get(fields.objects or "objects"),
        boxes=content.get(fields.boxes or "boxes"),
        scores=content.get(fields.scores or "scores"),
        separator=fields.objects_separator,
    )
    labels = dataclasses.replace(labels, size=size_from(content.get("width"), content.get("height")))
    if labels.objects is None and ANNOTATION_SUFFIX in files:
        try:
            labels = voc_labels(files[ANNOTATION_SUFFIX])
        except OtherXmlError:
            if only_voc:
                raise
    aside: list[Aside] = []
    if labels.objects is not None:
        labels = dataclasses.replace(labels, objects=[options.name_of(label) for label in labels.objects])
    elif yolo:
        labels, aside = _from_yolo(yolo, options.names)
    label = label_from(content.get(fields.label or "label"), what=f"'{fields.label or 'label'}'")
    return Sidecar(
        captions,
        labels,
        label=_of_class(files, options) if label is None else options.name_of(label),
        group=_name(content, fields.group),
        role=_name(content, fields.role),
        uid=_name(content, fields.uid),
        aside=aside,
    )


def _from_yolo(texts: Mapping[str, str], names: ClassNames | None) -> tuple[Labels, list[Aside]]:
    """The objects of YOLO's text, that of the tree ``labels`` first; none where nothing names the classes."""
    text = texts.get(YOLO_SUFFIX, next(iter(texts.values())))
    if not text.strip():
        return Labels([], []), []
    if not is_yolo(text):
        return Labels(), [Aside("text in labels/ of another kind than YOLO's")]
    return (Labels(), [Aside(UNNAMED)]) if names is None else yolo_labels(text, names)


def _of_class(files: Mapping[str, bytes], options: SidecarOptions) -> str | None:
    """The class in a ``.cls``, by its name where one is known."""
    if _CLASS_SUFFIX not in files:
        return None
    text = valid_text(decode_text(files[_CLASS_SUFFIX], what="the .cls").strip(), what="the .cls")
    if "\n" in text or len(text) > 1000:
        raise BadRecordError("label is not one class: the .cls has several lines")
    return (options.names.of(text) if options.names else text) or None


def _parse_json(data: bytes) -> dict[str, object]:
    try:
        content = parse_json(decode_text(data, what="the .json"))
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
