"""Objects that captions name, by a vocabulary of word forms."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from memometer.objects.lists import lengths, pointers
from memometer.objects.phrases import PhraseFinder
from memometer.objects.sets import ObjectSets, concat_sets
from memometer.objects.vocabulary import Vocabulary, default_vocabulary, regular_forms

__all__ = ["caption_objects", "label_forms", "mentioned"]

BATCH = 65_536
"""Records whose captions are taken apart at a time: bounds the memory, changes no result."""


def caption_objects(captions: pa.Array | pa.ChunkedArray, vocabulary: Vocabulary | None = None) -> pa.ListArray:
    """The objects named by any of the captions of each record, for records that come without labels.

    Args:
        captions: (n,) lists of strings, or strings; a null names nothing.
        vocabulary: the terms and their word forms; None takes `default_vocabulary`.

    Returns:
        (n,) lists of terms, ascending and unique within a list.

    >>> vocabulary = Vocabulary({"dog": ("dog", "dogs"), "ball": ("ball",)})
    >>> caption_objects(pa.array([["Two dogs play.", "A dog's ball"], ["snow"], None]), vocabulary).to_pylist()
    [['ball', 'dog'], [], []]
    """
    vocabulary = default_vocabulary() if vocabulary is None else vocabulary
    terms = pa.array(vocabulary.terms, pa.string())
    sets = _named(captions, terms, PhraseFinder.build([vocabulary.forms[term] for term in vocabulary.terms]))
    return pa.ListArray.from_arrays(pa.array(sets.indptr, pa.int32()), terms.take(pa.array(sets.indices)))


def mentioned(
    captions: pa.Array | pa.ChunkedArray, *, labels: pa.Array, vocabulary: Vocabulary | None = None
) -> ObjectSets:
    """The labels that each record's text names, to tell the objects it does not mention.

    Args:
        captions: (n,) strings, or lists of strings of which any may name a label; a null names nothing.
        labels: (v,) strings, the vocabulary of the object sets that the answer is compared with.
        vocabulary: word forms of the labels; see `label_forms` for labels that it lacks.

    Returns:
        n sets over ``labels``, without scores.

    >>> sets = mentioned(pa.array(["A puppy on skis", None]), labels=pa.array(["dog", "pole", "skis"]))
    >>> [sets.of(row) for row in range(len(sets))]
    [['dog', 'skis'], []]
    """
    forms = [label_forms(label, vocabulary) for label in labels.to_pylist()]
    return _named(captions, labels, PhraseFinder.build(forms))


def label_forms(label: str, vocabulary: Vocabulary | None = None) -> tuple[str, ...]:
    """The word forms of a label: of ``vocabulary``, else of the built-in one, else its words and their regular plural.

    >>> label_forms("tow_truck"), label_forms("Quokka")
    (('tow truck', 'tow trucks'), ('quokka', 'quokkas'))
    """
    forms = vocabulary.find(label) if vocabulary is not None else None
    return forms or default_vocabulary().find(label) or regular_forms(label)


def _named(captions: pa.Array | pa.ChunkedArray, labels: pa.Array, finder: PhraseFinder) -> ObjectSets:
    """The sets of labels that ``finder`` finds in each record's captions, a batch at a time."""
    empty = ObjectSets(np.zeros(1, np.int64), np.zeros(0, np.int32), labels)
    return concat_sets([_named_in_batch(batch, labels, finder) for batch in _batches(captions)] or [empty])


def _batches(captions: pa.Array | pa.ChunkedArray) -> Iterator[pa.Array]:
    for chunk in captions.chunks if isinstance(captions, pa.ChunkedArray) else [captions]:
        for start in range(0, len(chunk), BATCH):
            yield chunk.slice(start, BATCH)


def _named_in_batch(captions: pa.Array, labels: pa.Array, finder: PhraseFinder) -> ObjectSets:
    texts, owners = captions, np.arange(len(captions))
    if pa.types.is_list(captions.type) or pa.types.is_large_list(captions.type):
        owners = np.repeat(owners, lengths(captions))
        texts = pc.list_flatten(captions)
    places, terms = finder.find(pc.fill_null(texts.cast(pa.string()), ""))
    keys = np.unique(owners[places] * max(len(labels), 1) + terms)
    rows, ids = np.divmod(keys, max(len(labels), 1))
    sizes = np.bincount(rows, minlength=len(captions))
    return ObjectSets(pointers(sizes), ids.astype(np.int32), labels)
