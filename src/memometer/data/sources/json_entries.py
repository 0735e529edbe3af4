"""The entries of a list of images in JSON: a line each, an array, or an object that holds them in a usual form."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeVar

from memometer.data.images import IMAGE_SUFFIXES
from memometer.data.sources.base import Fields
from memometer.data.sources.columns import caption_columns, image_column
from memometer.data.sources.json_values import (
    Repeated,
    RepeatedKeyError,
    parse_json,
    parse_json_leniently,
    repeated_key,
)
from memometer.errors import SourceError, first_of
from memometer.storage.addresses import is_remote
from memometer.storage.reading import head_bytes, open_binary, stored, whole_bytes

__all__ = ["LINES", "json_format", "list_entries", "parsed_entry", "whole_entries", "whole_json"]

Kind = TypeVar("Kind", list[Any], dict[str, Any])

LINES = (".jsonl", ".ndjson", ".jsonlines")
"""Suffixes of JSON lines."""

MAX_BYTES = 4 * 2**30
"""JSON that is one value is read whole."""

SEEN = 100
"""Entries of a list whose keys tell what it is."""


def json_format(path: Path | str) -> Literal["array", "lines", "object"]:
    """What a JSON file is, told from its name and its beginning."""
    head = head_bytes(str(path), 1 << 20)
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"["):
        return "array"
    if PurePosixPath(path).suffix.lower() in LINES:
        return "lines"
    first, _, rest = text.partition(b"\n")
    return "lines" if first.rstrip().endswith(b"}") and rest.lstrip().startswith(b"{") else "object"


def list_entries(path: str) -> Iterator[tuple[bytes, object]]:
    """The entries of one list, each with bytes that `parsed_entry` reads; they are empty for a blank line.

    Raises:
        SourceError: one JSON value that is no list of images, and holds none either.
    """
    kind = json_format(path)
    if kind == "lines":
        with open_binary(path) as file:
            for line in file:
                yield line.strip(), parsed_entry(line)
    else:
        yield from whole_entries(whole_json(path, list) if kind == "array" else _listed(whole_json(path, dict), path))


def whole_entries(entries: Sequence[object]) -> Iterator[tuple[bytes, object]]:
    """Entries of one JSON value, as `list_entries` gives them. One with a key that stands twice reads as its fault."""
    for entry in entries:
        key = repeated_key(entry)
        if key is None:
            yield json.dumps(entry).encode(), entry
        else:
            name = json.dumps(key)
            yield f"{{{name}: 0, {name}: 0}}".encode(), str(RepeatedKeyError(key))


def parsed_entry(line: bytes) -> object:
    """A line's value; the fault as a text where it is none, or where a key stands twice in it."""
    try:
        value: object = parse_json(line)
    except (ValueError, RecursionError) as error:
        return str(error)
    return value if isinstance(value, Mapping) else [value]


def whole_json(path: str, kind: type[Kind]) -> Kind:
    """The one value of a file; objects within it that have a key twice are `Repeated`.

    Raises:
        SourceError: too large, malformed, of another kind, or an object that has a key twice itself.
    """
    size = stored(path).size if is_remote(path) else Path(path).stat().st_size
    if size > MAX_BYTES:
        raise SourceError(f"{path} has {size:,} bytes in one JSON value; write it as JSON lines, an object a line")
    data = whole_bytes(path)
    try:
        content = parse_json_leniently(data)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{path} cannot be read as JSON: {error}") from None
    except MemoryError:
        raise SourceError(f"{path} does not fit in memory as one JSON value; write it as JSON lines") from None
    if isinstance(content, Repeated):
        raise SourceError(f"{path} cannot be read: {RepeatedKeyError(content.key)}; keep one of the two")
    if not isinstance(content, kind):
        raise SourceError(f"{path} holds {type(content).__name__}; expected {kind.__name__} of images")
    return content


def _listed(content: Mapping[str, Any], path: str) -> Sequence[object]:
    """The images that an object holds: a list of objects, a value for each image's name, or a list for each column.

    Raises:
        SourceError: none of these; the message says what the object is.
    """
    if content and all(PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES for name in content):
        return [_of_name(name, value) for name, value in content.items()]
    if isinstance(content.get(str(image_column(list(content), Fields()))), str):
        return [content]  # an image alone
    lists = {key: _keys(value) for key, value in content.items() if isinstance(value, list)}
    pictured = {key: names for key, names in lists.items() if image_column(names, Fields()) is not None}
    told = [key for key, names in pictured.items() if caption_columns(names, Fields())]
    for candidates in (list(pictured), told):
        if len(candidates) == 1:
            return list(content[candidates[0]])
    if not pictured and (rows := _rows_of_columns(content)):
        return rows
    raise SourceError(f"{path} holds no list of images that memometer knows: {_description(content, pictured)}")


def _of_name(name: str, value: object) -> object:
    """The entry of an image of which the object has a text, texts or an object under the image's name."""
    if isinstance(value, Repeated):
        return value
    return {"image": name, **value} if isinstance(value, Mapping) else {"image": name, "captions": value}


def _keys(entries: Sequence[object]) -> list[str]:
    """The keys of the first entries of a list; () where they are no objects."""
    return list(dict.fromkeys(key for entry in entries[:SEEN] if isinstance(entry, Mapping) for key in entry))


def _is_column(value: object) -> bool:
    """Whether a value may be a column: a list, or what pandas writes, an object of row numbers."""
    return isinstance(value, list) or (isinstance(value, Mapping) and all(key.isdigit() for key in value))


def _rows_of_columns(content: Mapping[str, Any]) -> list[object]:
    """Rows of an object of columns, as ``DataFrame.to_json`` and ``Dataset.to_dict`` give it; [] where it is none."""
    columns = {name: value for name, value in content.items() if _is_column(value)}
    if len(columns) < len(content) or image_column(list(columns), Fields()) is None:
        return []
    places = [list(value) if isinstance(value, Mapping) else range(len(value)) for value in columns.values()]
    if any(list(each) != list(places[0]) for each in places):
        return []
    return [{name: column[place] for name, column in columns.items()} for place in places[0]]


def _description(content: Mapping[str, Any], pictured: Mapping[str, Sequence[str]]) -> str:
    keys = first_of([json.dumps(str(key)[:40]) for key in itertools.islice(content, 7)], 6)
    if len(pictured) > 1:
        return (
            f"it has several lists that name images ({', '.join(pictured)}), and only COCO's 'images' and "
            "'annotations' are joined; write one list of objects with an image and its captions each"
        )
    if any("url" in str(key).lower() for key in content):
        return (
            f"it names images by address (its keys are {keys}), and memometer downloads nothing: fetch them first, "
            "e.g. with img2dataset, and import what it writes"
        )
    return (
        f"its keys are {keys or 'none'}; expected a list of objects with an image and captions each, under one key, "
        "or an object of image name → captions; write it as JSON lines with 'image' and 'caption'"
    )
