"""Prompts: class names and templates from files, and one vector per class (Radford and others 2021, Section 3.1.4)."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from memometer.arrays import read_arrays, write_arrays
from memometer.embeddings import normalise
from memometer.embeddings.vectors import check_output
from memometer.encoders import TextEncoder
from memometer.errors import InputError
from memometer.files import hash_json, read_words
from memometer.objects.vocabulary import plain_name
from memometer.progress import progress_bar
from memometer.storage.paths import AnyPath

__all__ = ["DEFAULT_TEMPLATES", "Classes", "class_vectors", "read_classes", "read_templates"]

DEFAULT_TEMPLATES = ("a photo of a {}.",)
BATCH_SIZE = 256


@dataclasses.dataclass(frozen=True)
class Classes:
    """The classes to tell apart, in their order, which decides ties.

    Attributes:
        names: as the user writes them.
        words: what stands for each in a prompt.
    """

    names: tuple[str, ...]
    words: tuple[str, ...]

    @property
    def plain(self) -> tuple[str, ...]:
        """The names whatever their case and underscores: how they are matched with labels."""
        return tuple(plain_name(name) for name in self.names)


def read_classes(source: str | Path | Sequence[str] | Mapping[str, str]) -> Classes:
    """Class names from a file, one per line, or as given.

    A line is a name, or a name, a tab and the words for prompts where they differ: ``tv<TAB>television set``.
    Underscores are spaces in prompts. Empty lines and lines that begin with ``#`` are skipped.

    Raises:
        InputError: the file cannot be read, holds fewer than two names, or names a class twice.
    """
    if isinstance(source, str | Path):
        where = str(source)
        pairs = [(number, *_halves(line)) for number, line in _lines(Path(source), what="class names")]
    else:
        where = "the classes"
        words = source if isinstance(source, Mapping) else dict.fromkeys(source, "")
        given = list(source)  # a mapping's keys, or all names with those that occur twice
        pairs = [(number, name.strip(), words[name].strip()) for number, name in enumerate(given, start=1)]
    seen: dict[str, int] = {}
    for number, name, _ in pairs:
        key = plain_name(name)
        if not key:
            raise InputError(f"line {number} of {where} has no class name; expected a name, or a name, a tab and words")
        if key in seen:
            raise InputError(
                f"line {number} of {where} names the class '{name}' again, after line {seen[key]}; case and "
                "underscores do not tell classes apart: name each class once"
            )
        seen[key] = number
    if len(pairs) < 2:
        raise InputError(f"{where} holds {len(pairs)} class names; expected two or more, one per line")
    return Classes(tuple(name for _, name, _ in pairs), tuple(words or _spoken(name) for _, name, words in pairs))


def read_templates(source: str | Path | Sequence[str] | None) -> tuple[str, ...]:
    """Prompt templates from a file, one per line with one ``{}`` each, or as given; `DEFAULT_TEMPLATES` for None.

    Raises:
        InputError: the file cannot be read or is empty, a template stands twice, or one has not exactly one ``{}``.
    """
    if source is None:
        return DEFAULT_TEMPLATES
    if isinstance(source, str | Path):
        where, lines = str(source), [(number, line.strip()) for number, line in _lines(Path(source), what="templates")]
    else:
        where, lines = "the templates", [(number, text) for number, text in enumerate(source, start=1)]
    seen: dict[str, int] = {}
    for number, text in lines:
        if text.count("{}") != 1:
            raise InputError(
                f"line {number} of {where} has {text.count('{}')} places for the class: '{text[:80]}'; expected one "
                "{}, as in 'a photo of a {}.'"
            )
        if text in seen:
            raise InputError(f"line {number} of {where} repeats line {seen[text]}: '{text[:80]}'; leave one out")
        seen[text] = number
    if not lines:
        raise InputError(f"{where} holds no template; expected one per line, as in 'a photo of a {{}}.'")
    return tuple(text for _, text in lines)


def class_vectors(
    classes: Classes, templates: Sequence[str], encoder: TextEncoder, *, store: AnyPath
) -> npt.NDArray[np.float32]:
    """(c, d) float32 of unit length: of each class the mean over templates of its prompts' unit vectors.

    Args:
        classes: c classes.
        templates: each with one ``{}``.
        encoder: a model with a text tower.
        store: where the vectors are kept for the next call with the same input.

    Raises:
        VectorError: the model's output is not (n, d), or a prompt's vector has no direction.
    """
    prompts = [template.replace("{}", words) for words in classes.words for template in templates]
    path = store / f"prompts-{hash_json([encoder.identity, BATCH_SIZE, len(templates), prompts])}.npz"
    kept = read_arrays(path, ("vectors",))
    if kept is not None:
        return kept["vectors"]
    sums: npt.NDArray[np.float64] | None = None
    with progress_bar("embedding prompts", total=len(prompts), unit="prompts") as advance:
        for start in range(0, len(prompts), BATCH_SIZE):
            batch = prompts[start : start + BATCH_SIZE]
            vectors = normalise(check_output(encoder.encode_texts(batch), len(batch)), name="prompts").astype(
                np.float64
            )
            sums = np.zeros((len(classes.names), vectors.shape[1])) if sums is None else sums
            np.add.at(sums, np.arange(start, start + len(batch)) // len(templates), vectors)
            advance(len(batch))
    means = normalise(np.zeros((0, 1)) if sums is None else sums, name="class vectors")
    write_arrays(path, {"vectors": means})
    return means


def _lines(path: Path, *, what: str) -> Iterator[tuple[int, str]]:
    """(number, text) of the lines that say something."""
    for number, line in enumerate(read_words(path, what=what).splitlines(), start=1):
        if line.strip() and not line.startswith("#"):
            yield number, line


def _halves(line: str) -> tuple[str, str]:
    name, _, words = line.partition("\t")
    return name.strip(), words.strip()


def _spoken(name: str) -> str:
    return " ".join(name.replace("_", " ").split())
