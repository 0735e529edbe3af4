"""Text for people: numbers with signs, and captions that may hold anything."""

import dataclasses
import re

__all__ = ["DASH", "Clipped", "capital", "clip", "count", "plain", "signed", "unsigned", "whole"]

DASH = "–"
"""What stands for an undefined number; never 0."""

# C0 and C1 controls but tab and line feed, lone surrogates and noncharacters: no HTML or SVG can carry them.
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
BIDI_CONTROLS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclasses.dataclass(frozen=True)
class Clipped:
    """A text of at most some length.

    Attributes:
        text: the start of the text, free of control characters.
        n_characters: the length of the whole text.
        clipped: whether something was cut off.
    """

    text: str
    n_characters: int
    clipped: bool


def clip(value: object, *, limit: int) -> Clipped:
    r"""The first ``limit`` characters of a text; characters that no page can carry become U+FFFD.

    >>> clip("a\x00b", limit=10).text
    'a\ufffdb'
    >>> clip("word " * 100, limit=9)
    Clipped(text='word word…', n_characters=500, clipped=True)
    """
    whole = str(value)
    text = UNPRINTABLE.sub("\ufffd", whole[:limit])
    clipped = len(whole) > limit
    return Clipped(text=text + "…" if clipped else text, n_characters=len(whole), clipped=clipped)


def plain(value: object, *, limit: int = 60) -> str:
    """``clip`` on one line, without bidirectional controls: SVG, terminals and attributes have no ``<bdi>``."""
    return BIDI_CONTROLS.sub("\ufffd", " ".join(clip(value, limit=limit).text.split()))


def capital(text: str) -> str:
    """The text as a sentence begins.

    >>> capital("the balanced gap")
    'The balanced gap'
    """
    return text[0].upper() + text[1:]


def signed(value: float | None, *, digits: int = 3) -> str:
    """A gap with its sign; no sign where it rounds to 0, a dash where it is undefined.

    >>> signed(0.1234), signed(-0.05), signed(-0.00001), signed(None)
    ('+0.123', '−0.050', '0.000', '–')
    """
    if value is None:
        return DASH
    text = f"{value:+.{digits}f}"
    if float(text) == 0:
        return text[1:]
    return text.replace("-", "−")


def unsigned(value: float | None) -> str:
    """A number that is no difference, such as a share; a dash where it is undefined.

    >>> unsigned(0.1234), unsigned(-0.05), unsigned(None)
    ('0.123', '−0.050', '–')
    """
    return DASH if value is None else f"{value:.3f}".replace("-", "−")


def whole(value: float) -> str:
    """A number that counts something, with separators.

    >>> whole(1234.0)
    '1,234'
    """
    return f"{value:,.0f}"


def count(value: int | None) -> str:
    """A whole number with separators, or a dash.

    >>> count(1234567), count(None)
    ('1,234,567', '–')
    """
    return DASH if value is None else f"{value:,}"
