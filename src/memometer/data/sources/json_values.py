"""JSON that other programs wrote, read so that nothing in it is passed over: a key that stands twice is a fault."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

__all__ = ["Repeated", "RepeatedKeyError", "parse_json", "parse_json_leniently", "repeated_key"]

MAX_SHOWN = 40
"""Characters of a key that a message shows."""


class RepeatedKeyError(ValueError):
    """An object has a key twice, so that nobody can tell which value was meant."""

    def __init__(self, key: str) -> None:
        super().__init__(f"the key {json.dumps(key[:MAX_SHOWN])} stands twice in one object")
        self.key = key


class Repeated(dict[str, Any]):
    """An object that has a key twice: its last value, as other programs take it, and that key."""

    def __init__(self, pairs: list[tuple[str, Any]], key: str) -> None:
        super().__init__(pairs)
        self.key = key


def parse_json(data: bytes | str) -> Any:
    """The value of a JSON text.

    Raises:
        RepeatedKeyError: an object in it has a key twice.
        ValueError: malformed.
        RecursionError: nested too deep.

    >>> parse_json('{"caption": "a dog", "caption": "a cat"}')
    Traceback (most recent call last):
    memometer.data.sources.json_values.RepeatedKeyError: the key "caption" stands twice in one object
    """
    return json.loads(data, object_pairs_hook=_object)


def parse_json_leniently(data: bytes | str) -> Any:
    """As `parse_json`, where objects with a key twice become `Repeated`, so that each can cost its own record alone."""
    return json.loads(data, object_pairs_hook=_object_or_repeated)


def repeated_key(value: object) -> str | None:
    """The first key that stands twice in a value of `parse_json_leniently`, however deep; None for none."""
    pending = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, Repeated):
            return each.key
        if isinstance(each, Mapping):
            pending.extend(each.values())
        elif isinstance(each, list):
            pending.extend(each)
    return None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = _object_or_repeated(pairs)
    if isinstance(found, Repeated):
        raise RepeatedKeyError(found.key)
    return found


def _object_or_repeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    counts = Counter(key for key, _ in pairs)
    return Repeated(pairs, next(key for key, count in counts.items() if count > 1))
