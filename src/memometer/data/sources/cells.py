"""What people write into cells: lists as JSON or Python's, and pictures as base64."""

import ast
import base64
import binascii
import re

from memometer.data.sources.base import BadRecordError
from memometer.data.sources.json_values import RepeatedKeyError, parse_json

__all__ = ["base64_image", "list_in_cell", "parsed_cell"]

MAX_CHARACTERS = 4 * 2**20
"""Longer lists in a cell are rejected unread."""

_ARRAY = re.compile(r"""\[(\s*("[^"]*"|'[^']*')\s*)+\]""")
"""A NumPy array of texts as pandas writes it: without commas, which Python would join to one text."""

_NOT_A_NUMBER = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|\bnan\b""")
"""A text, or ``nan`` outside of texts, which pandas writes into Python's lists and Python does not read."""

_LIST_OF_TEXTS = re.compile(r"""\[\s*['"].*['"]\s*\]""", re.DOTALL)

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{200,}={0,2}")


def list_in_cell(text: str, *, what: str) -> list[object] | None:
    """The list in a text, as JSON or as Python writes it, parsed as data; None where the text is no list.

    Args:
        text: a cell.
        what: it is, for the message.

    Raises:
        BadRecordError: it begins and ends as a list does and is none, or is too long.

    >>> list_in_cell('["a dog", "a cat"]', what="captions"), list_in_cell("['a dog', None]", what="captions")
    (['a dog', 'a cat'], ['a dog', None])
    >>> list_in_cell("['a' 'b']", what="captions"), list_in_cell("[sic] a dog", what="captions")
    (['a', 'b'], None)
    """
    text = text.strip()
    if not (text.startswith("[") and text.endswith("]")):
        return None
    if len(text) > MAX_CHARACTERS:
        raise BadRecordError(f"too large: {what} holds a list of {len(text):,} characters")
    if _ARRAY.fullmatch(text):
        return [match[1:-1] for match in re.findall(r"""("[^"]*"|'[^']*')""", text)]
    for parse in (parse_json, ast.literal_eval):
        try:
            found = parse(_NOT_A_NUMBER.sub(_as_none, text) if parse is ast.literal_eval else text)
        except RepeatedKeyError as error:
            raise BadRecordError(f"malformed JSON: {what}: {error}") from None
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
        return list(found) if isinstance(found, list | tuple) else None
    if _LIST_OF_TEXTS.fullmatch(text):
        raise BadRecordError(f"malformed list: {what} begins and ends as a list of texts and is none")
    return None


def parsed_cell(value: object, *, what: str) -> object:
    """A cell's value; where it is a text that holds a list, the list.

    Raises:
        BadRecordError: see `list_in_cell`.
    """
    found = list_in_cell(value, what=what) if isinstance(value, str) else None
    return value if found is None else found


def _as_none(match: re.Match[str]) -> str:
    return match[1] or "None"


def base64_image(text: str) -> bytes | None:
    """The image in a text of base64, with or without ``data:image/…;base64,``; None where it is no such text.

    Raises:
        BadRecordError: it looks like base64 and is none.
    """
    head, comma, rest = text.partition(",")
    body = rest if comma and head.startswith("data:image/") and head.endswith(";base64") else text
    if not _BASE64.fullmatch(body) or (body is text and "/" in body[:40] and "." in body[-8:]):
        return None
    try:
        return base64.b64decode(body.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        raise BadRecordError("damaged image: its cell looks like base64 and is none") from None
