"""Finding the terms of a vocabulary in text: longest phrase first, many captions at a time."""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from memometer.compiling import compiled
from memometer.objects.lists import lengths, pointers

__all__ = ["PhraseFinder", "words_of"]

Array = npt.NDArray[Any]

# What parts words, other than a single space (which needs no replacing, so the pattern is quick): runs of two or more
# characters that are no letters, marks or digits, or one such that is neither space nor hyphen. RE2 syntax.
_BETWEEN_WORDS = r" [^\pL\pM\pN]+|[^\pL\pM\pN -][^\pL\pM\pN]*|-[^\pL\pM\pN]+|^-|-$"


def words_of(texts: pa.Array) -> pa.ListArray:
    """(n,) strings → (n,) lists of lower-cased words; words joined by a hyphen are one word, an apostrophe parts words.

    Text that begins or ends with punctuation begins or ends with an empty word.

    >>> words_of(pa.array(["A boy's T-shirt - red"])).to_pylist()
    [['a', 'boy', 's', 't-shirt', 'red']]
    """
    if not pc.all(pc.string_is_ascii(texts)).as_py():
        texts = pc.utf8_normalize(texts, form="NFC")  # é may be one character or two
        texts = pc.replace_substring_regex(texts, "[\u2010\u2011]", "-")  # typographic hyphens
    spaced = pc.replace_substring_regex(pc.utf8_lower(texts), _BETWEEN_WORDS, " ")
    spaced = pc.replace_substring_regex(spaced, r"(\pN)-", r"\1 ")  # "4-wheel drive" has a wheel
    return pc.split_pattern(spaced, " ")


@dataclasses.dataclass(frozen=True)
class PhraseFinder:
    """The word forms of many terms as a tree of words.

    Attributes:
        words: (w,) strings, every word of any form, ascending.
        edges: (e,) int64, ascending: node · w + word id, for every step from a node of the tree to the next. Node 0 is
            the root.
        targets: (e,) int32, the node that each edge leads to.
        term_starts: (number of nodes + 1,) int64 into ``term_ids``: the terms of the form that ends at a node.
        term_ids: int32 places in the sequence of terms that the finder was built from.
    """

    words: pa.Array
    edges: npt.NDArray[np.int64]
    targets: npt.NDArray[np.int32]
    term_starts: npt.NDArray[np.int64]
    term_ids: npt.NDArray[np.int32]

    @classmethod
    def build(cls, forms: Sequence[Sequence[str]]) -> "PhraseFinder":
        """A finder of terms 0, 1, …, given the word forms of each."""
        phrases = [(term, form) for term, its_forms in enumerate(forms) for form in its_forms]
        tokens = words_of(pa.array([form for _, form in phrases], pa.string())).to_pylist()
        nodes: dict[tuple[str, ...], int] = {(): 0}
        terms: dict[int, set[int]] = {}
        for (term, _), words in zip(phrases, tokens, strict=True):
            for spelling in _spellings([word for word in words if word]):
                for stop in range(1, len(spelling) + 1):
                    nodes.setdefault(spelling[:stop], len(nodes))
                terms.setdefault(nodes[spelling], set()).add(term)
        known = sorted({path[-1] for path in nodes if path})
        places = {word: place for place, word in enumerate(known)}
        steps = sorted((nodes[path[:-1]] * len(known) + places[path[-1]], node) for path, node in nodes.items() if path)
        ids = [sorted(terms.get(node, ())) for node in range(len(nodes))]
        return cls(
            words=pa.array(known, pa.string()),
            edges=np.array([edge for edge, _ in steps], np.int64),
            targets=np.array([node for _, node in steps], np.int32),
            term_starts=np.cumsum([0, *map(len, ids)]).astype(np.int64),
            term_ids=np.array(list(itertools.chain.from_iterable(ids)), np.int32),
        )

    def find(self, texts: pa.Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Which terms each of (n,) strings names: (p,) places of texts and (p,) terms, not unique.

        From left to right, the longest form that begins at a word is taken, and the search goes on behind it: "hot
        dog" does not name dog.
        """
        if not len(self.words):
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        lists = words_of(texts)
        ids = pc.fill_null(pc.index_in(pc.list_flatten(lists), value_set=self.words), -1).to_numpy()
        starts = pointers(lengths(lists))
        found = _longest_forms(ids, starts, self.edges, self.targets, len(self.words), np.diff(self.term_starts))
        at = np.flatnonzero(found)
        nodes = found[at]
        counts = self.term_starts[nodes + 1] - self.term_starts[nodes]
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        terms = self.term_ids[np.repeat(self.term_starts[nodes], counts) + within]
        return np.repeat(np.searchsorted(starts, at, side="right") - 1, counts), terms.astype(np.int64)


def _spellings(words: list[str]) -> Iterator[tuple[str, ...]]:
    """Compounds are written in several ways: "t-shirt" and "t shirt", "hot dog" and "hot-dog"."""
    if not words:
        return
    parts = [part for word in words for part in word.split("-")]
    yield tuple(words)
    if len(parts) > 1:
        yield tuple(parts)
        yield ("-".join(parts),)


@compiled()
def _longest_forms(  # noqa: PLR0917 (numba has no keyword-only arguments)
    ids: Array, starts: Array, edges: Array, targets: Array, n_words: int, n_terms_of: Array
) -> Array:
    """(words,) int32: at the first word of every form that is taken, the node where it ends; 0 elsewhere.

    Args:
        ids: word ids, −1 for words of no form.
        starts: where each text begins in ``ids``.
        edges: steps of the tree, ascending; see `PhraseFinder`.
        targets: the node that each edge leads to.
        n_words: number of words with an id.
        n_terms_of: number of terms of the form that ends at each node, 0 where none ends.
    """
    found = np.zeros(len(ids), np.int32)
    for text in range(len(starts) - 1):
        at = starts[text]
        while at < starts[text + 1]:
            node, length, step = 0, 1, at
            while step < starts[text + 1] and ids[step] >= 0:
                edge = node * n_words + ids[step]
                place = np.searchsorted(edges, edge)
                if place == len(edges) or edges[place] != edge:
                    break
                node = targets[place]
                step += 1
                if n_terms_of[node]:
                    found[at], length = node, step - at
            at += length
    return found
