"""WordNet's nouns, read from the user's own copy: which thing is a kind of which.

The files are those of WordNet 3.x (``index.noun``, ``data.noun``), as its manual page wndb(5WN) describes them.
"""

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from memometer.errors import DamagedError, InputError, SourceError
from memometer.files import hash_bytes, hash_json
from memometer.objects.mapping import names_within
from memometer.objects.vocabulary import regular_forms

__all__ = ["WordNet", "load_wordnet"]

HYPERNYMS = (b"@", b"@i")
"""Pointers from a thing to what it is a kind of, and from one of a kind, such as a river with a name, to the kind."""

SYNSET = re.compile(r"\(n(\d{8})\)")
"""ImageNet's number of a synset: ``n`` and its place in the ``data.noun`` of WordNet 3.0."""

AGAIN = "restore it from a copy, or install WordNet 3.x again"


@dataclasses.dataclass(frozen=True)
class WordNet:
    """Nouns and their senses.

    Attributes:
        folder: of the files.
        senses: a noun, in small letters with underscores → the places of its synsets, the commonest sense first.
        data: the bytes of ``data.noun``, in which a synset is the line at its place.
        hash: of both files.
    """

    folder: Path
    senses: Mapping[str, tuple[int, ...]]
    data: bytes
    hash: str = ""

    def sense(self, label: str) -> int | None:
        """The synset that a label means; None where WordNet has no such noun.

        It is the commonest sense of its name, or of the name's regular singular. Of a list of synonyms, as ImageNet
        has them, it is the commonest sense of the first that the others share; and a label that carries its synset,
        ``crane (n02012849)``, means that.
        """
        number = SYNSET.search(label)
        if number:
            place = int(number[1])
            return place if self._starts(place) else None
        whole, *parts = names_within(label)
        known = [found for part in parts or [whole] if (found := self._senses_of(part))]
        if not known:
            return None
        shared = [each for each in known[0] if all(each in others for others in known[1:])]
        return (shared or known[0])[0]

    def above(self, synset: int) -> Iterator[int]:
        """A synset, what it is a kind of, what these are kinds of, and so on: the nearest first, each once."""
        level, seen = [synset], {synset}
        while level:
            yield from level
            parents = [parent for each in level for parent in self._parents(each)]
            level = [each for each in dict.fromkeys(parents) if each not in seen]
            seen.update(level)

    def nearest(self, label: str, names: Mapping[int, str]) -> str | None:
        """The first of ``names`` (synset → name) that a label is a kind of; None where it is of none."""
        meant = self.sense(label)
        return None if meant is None else next((names[each] for each in self.above(meant) if each in names), None)

    def senses_of_all(self, names: Iterable[str]) -> tuple[dict[int, str], list[str]]:
        """Synset → name, the first of those that mean the same; and the names that mean nothing here."""
        found: dict[int, str] = {}
        unknown = []
        for name in names:
            meant = self.sense(name)
            if meant is None:
                unknown.append(name)
            else:
                found.setdefault(meant, name)
        return found, unknown

    def _senses_of(self, name: str) -> Sequence[int]:
        forms = [name, *regular_forms(name)]
        return next((found for form in forms if (found := self.senses.get(form.replace(" ", "_")))), ())

    def _starts(self, place: int) -> bool:
        return self.data[place : place + 9] == b"%08d " % place

    def _parents(self, place: int) -> list[int]:
        line = self.data[place : max(self.data.find(b"\n", place), 0)]
        fields = line.partition(b"|")[0].split()
        try:
            after = 4 + 2 * int(fields[3], 16)
            pointers = [fields[at : at + 4] for at in range(after + 1, after + 1 + 4 * int(fields[after]), 4)]
            parents = [int(offset) for symbol, offset, pos, _ in pointers if symbol in HYPERNYMS and pos == b"n"]
        except (IndexError, ValueError):
            parents = None
        if parents is None or not self._starts(place):
            raise DamagedError(f"{self.folder / 'data.noun'} has no synset at byte {place:,}", AGAIN)
        return parents


def load_wordnet(folder: str | Path) -> WordNet:
    """Reads the nouns of a copy of WordNet 3.x.

    Args:
        folder: with ``index.noun`` and ``data.noun``, as ``dict`` of WordNet's own distribution has them.

    Raises:
        SourceError: they are not there.
        DamagedError: a line of ``index.noun`` is none.
    """
    folder = Path(folder)
    try:
        index, data = ((folder / name).read_bytes() for name in ("index.noun", "data.noun"))
    except OSError as error:
        name = Path(str(error.filename)).name
        raise SourceError(
            f"no WordNet at {folder}: {error.strerror or error} ({name}); expected the folder with "
            "index.noun and data.noun of WordNet 3.x, such as dict of its distribution, corpora/wordnet of NLTK's "
            "data, or /usr/share/wordnet of Debian's wordnet-base"
        ) from error
    senses: dict[str, tuple[int, ...]] = {}
    for number, line in enumerate(index.splitlines(), start=1):
        if line.startswith(b" ") or not line.strip():
            continue  # the licence
        lemma, *fields = line.split()
        try:
            places = tuple(map(int, fields[max(len(fields) - int(fields[1]), 0) :]))
            senses[lemma.decode()] = places[: int(fields[1])]
        except (IndexError, ValueError) as error:
            raise DamagedError(
                f"line {number} of {folder / 'index.noun'} is no noun with its senses: {error}", AGAIN
            ) from error
    if not senses:
        raise InputError(f"{folder / 'index.noun'} has no noun; expected the index of WordNet 3.x")
    return WordNet(folder, senses, data, hash_json([hash_bytes(index), hash_bytes(data)]))
