"""Vocabularies: the names of objects, each with the word forms that name it in a caption."""

import dataclasses
import functools
import re
from collections.abc import Iterator, Mapping
from importlib import resources

from memometer.errors import InputError
from memometer.files import read_words
from memometer.storage.paths import AnyPath, path_of

__all__ = ["Vocabulary", "default_vocabulary", "load_vocabulary", "plain_name", "regular_forms"]

_EXPECTED = "expected on each line one term, one tab, and the term's word forms separated by spaces"


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """Objects and their word forms.

    Attributes:
        forms: term → its word forms, e.g. ``{"hot dog": ("hot dog", "hot dogs")}``. Two terms may share a form: the
            form then names both. Case does not matter.

    >>> Vocabulary({"dog": ("dog", "dogs", "puppy"), "cat": ("cat",)}).terms
    ('cat', 'dog')
    """

    forms: Mapping[str, tuple[str, ...]]

    def __len__(self) -> int:
        return len(self.forms)

    @property
    def terms(self) -> tuple[str, ...]:
        """The terms, ascending."""
        return tuple(sorted(self.forms))

    def find(self, label: str) -> tuple[str, ...] | None:
        """The word forms of a term, whatever its case and whether its words are joined by spaces or underscores."""
        return self._by_name.get(plain_name(label))

    def text(self) -> str:
        """As `load_vocabulary` reads it; terms without a form, and such as a file cannot hold, are left out."""
        lines = [
            f"{term}\t{' '.join(form.replace(' ', '_') for form in self.forms[term])}\n"
            for term in self.terms
            if self.forms[term] and term.isprintable() and not term.startswith("#") and term == term.strip()
        ]
        return "".join(lines)

    @functools.cached_property
    def _by_name(self) -> dict[str, tuple[str, ...]]:
        return {plain_name(term): forms for term, forms in self.forms.items()}


def load_vocabulary(path: str | AnyPath) -> Vocabulary:
    """Reads a vocabulary file: per line a term, a tab, and its word forms separated by spaces.

    The words of a form of several words are joined by underscores (``ice_cream``). UTF-8; empty lines and lines that
    begin with ``#`` are skipped.

    Raises:
        InputError: the file is missing, is not UTF-8, holds no term, or a line is not as described; names the line.
    """
    path = path_of(path)
    return _parse(read_words(path, what="vocabulary"), name=str(path))


@functools.cache
def default_vocabulary() -> Vocabulary:
    """The 80 category names of COCO and the 1,203 of LVIS v1, in English word forms.

    Kinds of a thing name the thing too ("tow truck" names truck). Where in doubt a form is listed: for finding
    out which objects a caption mentions, a form too many does less harm than a form that is missing.
    """
    text = resources.files("memometer.objects").joinpath("coco_lvis.tsv").read_text(encoding="utf-8")
    return _parse(text, name="the built-in vocabulary")


def regular_forms(label: str) -> tuple[str, ...]:
    """The words of a label with their regular singular and plural; a bracket is left out, commas part synonyms.

    >>> regular_forms("jersey_(garment)")
    ('jersey', 'jerseys')
    >>> regular_forms("Fire truck, fire engine")
    ('fire truck', 'fire trucks', 'fire engine', 'fire engines')
    """
    names = re.sub(r"\([^)]*\)", " ", label.replace("_", " ")).lower().split(",")
    phrases = [" ".join(name.split()) for name in names]
    return tuple(dict.fromkeys(form for phrase in phrases if phrase for form in _inflected(phrase)))


def plain_name(label: str) -> str:
    """A label whatever its case, and whether its words are joined by spaces or underscores.

    >>> plain_name("Hot_Dog ")
    'hot dog'
    """
    return " ".join(label.lower().replace("_", " ").split())


def _inflected(phrase: str) -> Iterator[str]:
    """A phrase, its regular plural, and its regular singular where it looks like a plural."""
    yield phrase
    if re.search(r"[^aeiou]y$", phrase):
        yield phrase[:-1] + "ies"
    elif re.search(r"(s|x|z|ch|sh)$", phrase):
        yield phrase + "es"
    else:
        yield phrase + "s"
    if re.search(r"[^su]s$", phrase):
        yield phrase[:-1]
    if re.search(r"(s|x|z|ch|sh)es$", phrase):
        yield phrase[:-2]
    if phrase.endswith("ies"):
        yield phrase[:-3] + "y"


def _parse(text: str, *, name: str) -> Vocabulary:
    forms: dict[str, tuple[str, ...]] = {}
    lines: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        term, tab, rest = (part.strip() for part in line.partition("\t"))
        where = f"line {number} of {name}"
        if not tab and "\t" not in line:
            raise InputError(f"{where} has no tab: '{line[:60]}'; {_EXPECTED}")
        if not term or not rest or "\t" in rest:
            raise InputError(f"{where} is '{line[:60]}'; {_EXPECTED}")
        if term in lines:
            raise InputError(f"{where} names '{term}' again, after line {lines[term]}; put its forms in one line")
        lines[term] = number
        forms[term] = tuple(dict.fromkeys(form.replace("_", " ").lower() for form in rest.split()))
    if not forms:
        raise InputError(f"{name} holds no terms; {_EXPECTED}")
    return Vocabulary(forms)
