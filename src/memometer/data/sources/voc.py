"""Pascal VOC annotations: an XML that names the objects of one image, with their boxes."""

import math
from typing import NoReturn
from xml.parsers import expat

from memometer.data.sources.base import BadRecordError, Labels
from memometer.data.sources.labels import check_places, labels_from

__all__ = ["OtherXmlError", "voc_labels"]

MAX_DEPTH = 64
"""Annotations are 4 deep; expat's memory grows with the depth."""

_SIDES = ("xmin", "ymin", "xmax", "ymax")
_PLACES = frozenset({"size/width", "size/height", "object/name", *(f"object/bndbox/{side}" for side in _SIDES)})


class OtherXmlError(BadRecordError):
    """An XML of another kind, whose root is not ``annotation``."""


def voc_labels(data: bytes) -> Labels:
    """The objects of one file, with boxes on an image of the file's ``size``.

    VOC counts px from 1 and the last px is within the box: x, y, width and height are ``xmin - 1``, ``ymin - 1``,
    ``xmax - xmin + 1``, ``ymax - ymin + 1``, and what lies left of or above the image is cut off. Some files, among
    them a part of ImageNet's, count from 0; they do not say so, and their boxes come out one px too far up and left. An
    object without ``bndbox`` has no box; parts of objects are passed over; without objects the list is empty. A
    ``size`` of 0, as in some of ImageNet's files, counts as unknown.

    Args:
        data: the file, in any encoding that it declares and expat reads.

    Raises:
        OtherXmlError: the root is not ``annotation``.
        BadRecordError: malformed XML; a document type, with which entities and external files would come; or a box
            that is none.
    """
    found = _Annotation()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = found.start
    parser.EndElementHandler = found.end
    parser.CharacterDataHandler = found.text
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    try:
        parser.Parse(data, True)  # noqa: FBT003 (expat's own signature)
    except (expat.ExpatError, ValueError, LookupError) as error:  # the latter two: an encoding that is not known
        raise BadRecordError(f"malformed XML: {error}") from None
    names = [each.get("object/name", "") for each in found.objects]
    labels = labels_from(names, boxes=[_box(each) for each in found.objects])
    return check_places(Labels(labels.objects, labels.boxes, size=_size(found.head)))


class _Annotation:
    """Takes the few texts that matter from a file of any size and depth; nothing else is kept.

    Attributes:
        head: texts by place, below the root.
        objects: the same for every object.
    """

    def __init__(self) -> None:
        self.head: dict[str, str] = {}
        self.objects: list[dict[str, str]] = []
        self._path: list[str] = []
        self._place: str | None = None
        self._texts: list[str] = []

    def start(self, name: str, _: dict[str, str]) -> None:
        if not self._path and name != "annotation":
            raise OtherXmlError("not Pascal VOC: the root of the XML is not 'annotation'")
        if len(self._path) == MAX_DEPTH:
            raise BadRecordError(f"unsafe XML: elements are nested more than {MAX_DEPTH} deep")
        self._path.append(name)
        if len(self._path) == 2 and name == "object":
            self.objects.append({})
        place = "/".join(self._path[1:]) if len(self._path) <= 4 else ""
        self._place = place if place in _PLACES else None
        self._texts = []

    def text(self, text: str) -> None:
        if self._place is not None:
            self._texts.append(text)

    def end(self, _: str) -> None:
        if self._place is not None:
            owner = self.objects[-1] if self._place.startswith("object/") else self.head
            owner.setdefault(self._place, "".join(self._texts).strip())
        self._path.pop()
        self._place = None


def _refuse(*_: object) -> NoReturn:
    """Without declarations there is nothing to expand or to fetch."""
    raise BadRecordError("unsafe XML: it declares a document type or entities, which memometer does not read")


def _size(head: dict[str, str]) -> tuple[float, float] | None:
    if "size/width" not in head or "size/height" not in head:
        return None
    width, height = (_px(head[place], what=place) for place in ("size/width", "size/height"))
    return (width, height) if width > 0 and height > 0 else None


def _box(texts: dict[str, str]) -> list[float] | None:
    given = {side: texts[f"object/bndbox/{side}"] for side in _SIDES if f"object/bndbox/{side}" in texts}
    if not given:
        return None
    if len(given) < len(_SIDES):
        raise BadRecordError(f"impossible box: it has {', '.join(given)}; expected {', '.join(_SIDES)}")
    left, top, right, bottom = (_px(text, what=side) for side, text in given.items())
    if right < left or bottom < top or right < 0 or bottom < 0:
        raise BadRecordError(f"impossible box: {', '.join(f'{side} {text}' for side, text in given.items())}")
    left, top = max(left - 1, 0), max(top - 1, 0)
    return [left, top, max(right - left, 0), max(bottom - top, 0)]


def _px(text: str, *, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise BadRecordError(f"not a number: {what} is '{text[:20]}'") from None
    if not math.isfinite(value):
        raise BadRecordError(f"impossible box: {what} is '{text[:20]}'")
    return value
