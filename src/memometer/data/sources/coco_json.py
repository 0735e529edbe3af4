"""The lists of a COCO annotations file: quickly where it is well formed, entry by entry where one of them is not."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from memometer.data.sources.json_values import Repeated, RepeatedKeyError, parse_json_leniently
from memometer.errors import SourceError

__all__ = ["CocoAnnotation", "CocoCategory", "CocoFile", "CocoImage", "Unreadable", "read_coco"]


class CocoImage(msgspec.Struct, gc=False):
    """An image, its values as they stand in the file: of any type, since other programs than COCO's write such files.

    The two lists are LVIS's.
    """

    id: Any = None
    file_name: Any = None
    coco_url: Any = None
    width: Any = None
    height: Any = None
    neg_category_ids: Any = None
    not_exhaustive_category_ids: Any = None


class CocoAnnotation(msgspec.Struct, gc=False):
    """A caption, an object, or both, likewise; in panoptic files the objects of an image, as ``segments_info``."""

    image_id: Any = None
    category_id: Any = None
    bbox: Any = None
    caption: Any = None
    iscrowd: Any = None
    score: Any = None
    segments_info: Any = None


class CocoCategory(msgspec.Struct, gc=False):
    """A category, likewise."""

    id: Any = None
    name: Any = None


class Unreadable(msgspec.Struct, gc=False):
    """An entry that cannot be read.

    Attributes:
        id: of the image that it is, or belongs to.
        reason: as it goes to ``rejects.parquet``.
    """

    id: Any
    reason: str


Entry = TypeVar("Entry", CocoImage, CocoAnnotation, CocoCategory)


class CocoFile(msgspec.Struct):
    """The lists of one file; everything else in it (polygons, licences) is skipped, not built."""

    images: Sequence[CocoImage | Unreadable]
    annotations: Sequence[CocoAnnotation | Unreadable]
    categories: Sequence[CocoCategory | Unreadable]


class _Whole(msgspec.Struct):
    images: list[CocoImage] | None
    annotations: list[CocoAnnotation] | None
    categories: list[CocoCategory] | None = None
    licenses: Any = None


class _Split(msgspec.Struct):
    images: list[msgspec.Raw] | None
    annotations: list[msgspec.Raw] | None
    categories: list[msgspec.Raw] | None = None


def read_coco(path: Path) -> CocoFile:
    """Reads a file. An entry that cannot be read costs itself alone.

    ``NaN`` and ``Infinity``, which are no JSON but which Python writes, are numbers here. A null list counts as empty.

    Raises:
        SourceError: it cannot be read, is no JSON object, is nested without end, or lacks images or annotations.
    """
    try:
        data = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    except (OSError, MemoryError) as error:
        reason = "it does not fit in memory" if isinstance(error, MemoryError) else error
        raise SourceError(f"{path} cannot be read as COCO annotations: {reason}") from error
    _check_lists(data, path)
    try:
        whole = msgspec.json.decode(data, type=_Whole)
        found = CocoFile(whole.images or (), whole.annotations or (), whole.categories or ())
        n_licenses = len(whole.licenses) if isinstance(whole.licenses, list) else 0
        if _may_repeat(data, found, n_licenses=n_licenses):
            found = _entry_by_entry(data, path)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = _entry_by_entry(data, path)
    if not found.images:
        raise SourceError(f"{path} is not a COCO annotations file: its list 'images' is empty")
    return found


def _check_lists(data: bytes, path: Path) -> None:
    """Passes where no list stands twice in the file.

    Raises:
        SourceError: one does, so that nobody can tell which is meant.
    """
    if all(data.count(f'"{name}"'.encode()) < 2 for name in _Split.__struct_fields__):
        return
    try:
        content = parse_json_leniently(data)  # of a file of which hardly any other is like
    except (ValueError, RecursionError, MemoryError):
        return
    if isinstance(content, Repeated):
        raise SourceError(f"{path} cannot be read: {RepeatedKeyError(content.key)}; keep one of the two")


def _may_repeat(data: bytes, found: CocoFile, *, n_licenses: int) -> bool:
    """Whether a key may stand twice in one entry: in the file it stands more often than entries have it."""
    for kind, entries in ((CocoImage, found.images), (CocoAnnotation, found.annotations)):
        for name in kind.__struct_fields__:
            n_held = sum(getattr(entry, name) is not None for entry in entries)
            if name != "id" and data.count(f'"{name}"'.encode()) > n_held:
                return True
    n_named = len(found.categories) + n_licenses
    n_entries = n_named + len(found.images) + len(found.annotations)
    return data.count(b'"id"') > n_entries or data.count(b'"name"') > n_named


def _entry_by_entry(data: bytes, path: Path) -> CocoFile:
    data = _without_other_json(data)
    try:
        lists = msgspec.json.decode(data, type=_Split)
    except msgspec.ValidationError as error:
        raise SourceError(f"{path} is not a COCO annotations file: {error}") from error
    except RecursionError as error:
        raise SourceError(
            f"{path} cannot be read as COCO annotations: its values are nested too deep for any program"
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SourceError(
            f"{path} cannot be read as COCO annotations: {error}; mend it, or download it again if it was cut"
        ) from error
    return CocoFile(
        images=[_entry(raw, CocoImage) for raw in lists.images or ()],
        annotations=[_finite(_entry(raw, CocoAnnotation, owner="image_id")) for raw in lists.annotations or ()],
        categories=[_entry(raw, CocoCategory) for raw in lists.categories or ()],
    )


def _entry(raw: msgspec.Raw, kind: type[Entry], *, owner: str = "id") -> Entry | Unreadable:
    """An entry; ``owner`` is its value that names the image."""
    try:
        _check_keys(raw, _KEYS[kind])
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RepeatedKeyError) as error:
        told = not (isinstance(error, RepeatedKeyError) and error.key == owner)
        return Unreadable(_value_of(raw, owner) if told else None, _reason(error, raw))


def _finite(annotation: CocoAnnotation | Unreadable) -> CocoAnnotation | Unreadable:
    """The annotation; sides of its box that are no numbers in JSON are numbers again."""
    if isinstance(annotation, CocoAnnotation) and isinstance(annotation.bbox, list):
        annotation.bbox = [_NOT_FINITE.get(side, side) if isinstance(side, str) else side for side in annotation.bbox]
    return annotation


def _check_keys(raw: msgspec.Raw, names: Sequence[bytes]) -> None:
    """Passes where none of the keys stands twice in an entry.

    Raises:
        RepeatedKeyError: one does.
    """
    data = bytes(raw)
    if all(data.count(name) < 2 for name in names):
        return
    try:
        entry = parse_json_leniently(data)
    except (ValueError, RecursionError):
        return  # the decoder says what is wrong
    if isinstance(entry, Repeated) and f'"{entry.key}"'.encode() in names:
        raise RepeatedKeyError(entry.key)


def _value_of(raw: msgspec.Raw, name: str) -> Any:
    """One value of an entry of which another cannot be read."""
    try:
        return getattr(msgspec.json.decode(raw, type=_ALONE[name]), name)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _reason(error: Exception, raw: msgspec.Raw) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8: a text of its annotations"
    if isinstance(error, RepeatedKeyError):
        return f"malformed annotation: {error}"
    shown = bytes(memoryview(raw)[:40]).decode("utf-8", "backslashreplace")
    return f"malformed annotation: {error} in {json.dumps(shown)}"


_KEYS: dict[type, tuple[bytes, ...]] = {
    kind: tuple(f'"{name}"'.encode() for name in kind.__struct_fields__)
    for kind in (CocoImage, CocoAnnotation, CocoCategory)
}

_ALONE = {name: msgspec.defstruct("Alone", [(name, Any, None)]) for name in ("id", "image_id")}

_NOT_FINITE = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}

# A text, or a number that is none; a text without an end takes the rest, so that every byte is looked at once.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|-?(?:NaN|Infinity)', re.DOTALL)
_LONE = re.compile(
    rb"(?<!\\)((?:\\\\)*+)(?:\\u[dD][89abAB][0-9a-fA-F]{2}(\\u[dD][c-fC-F][0-9a-fA-F]{2})?"
    rb"|\\u[dD][c-fC-F][0-9a-fA-F]{2})"
)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def _without_other_json(data: bytes) -> bytes:
    """The file with what JSON does not know in a form that costs its own entry alone.

    Numbers that are none become texts; half of an escaped pair, which stands for no character, becomes a byte that is
    not UTF-8.
    """
    if b"NaN" not in data and b"Infinity" not in data and _SURROGATE.search(data) is None:
        return data
    return _TOKEN.sub(_mended, data)


def _mended(match: re.Match[bytes]) -> bytes:
    token = match[0]
    if not token.startswith(b'"'):
        return b'"' + token + b'"'
    return _LONE.sub(_without_half, token) if _SURROGATE.search(token) else token


def _without_half(match: re.Match[bytes]) -> bytes:
    return match[0] if match[2] else match[1] + b"\xff"
