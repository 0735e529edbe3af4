"""Object sets as a labeller with more errors would have given them."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from memometer.objects.lists import pointers
from memometer.objects.sets import ObjectSets, sets_of_pairs

__all__ = ["with_added", "with_dropped"]

BATCH = 1 << 16
"""Images whose labels are drawn for at a time: bounds the memory, changes no result."""

Order = npt.NDArray[np.int64]
"""(n,) the images in the order in which they are drawn for."""


def with_dropped(sets: ObjectSets, *, rate: float, rng: np.random.Generator, order: Order | None = None) -> ObjectSets:
    """The sets without a share of their labels: each label of each image is missed with probability ``rate``.

    Args:
        sets: of n images.
        rate: within 0 … 1.
        rng: decides which.
        order: in which images are drawn for; their own by default.

    >>> import pyarrow as pa
    >>> from memometer.objects import object_sets
    >>> sets = object_sets(pa.array([["cat", "dog"], ["dog"]]), labels=pa.array(["cat", "dog"]))
    >>> with_dropped(sets, rate=1.0, rng=np.random.default_rng(0)).sizes.tolist()
    [0, 0]
    """
    kept = np.empty(len(sets.indices), np.bool_)
    for places in _places(sets, order):
        kept[places] = rng.random(len(places)) >= rate
    sizes = [
        np.bincount(part.rows[kept[sets.indptr[start] : sets.indptr[start + len(part)]]], minlength=len(part))
        for start, part in sets.batches(BATCH)
    ]
    return ObjectSets(pointers(np.concatenate(sizes)), sets.indices[kept], sets.labels)


def with_added(sets: ObjectSets, *, rate: float, rng: np.random.Generator, order: Order | None = None) -> ObjectSets:
    """The sets with labels that are not there, one for every 1 / ``rate`` that are, in images drawn evenly.

    A label is drawn as often as images hold it, for a labeller errs towards what it sees all the time; one that the
    image holds already adds nothing. Scores are left out.

    Args:
        sets: of n images.
        rate: at least 0.
        rng: decides which labels go where.
        order: in which images are counted as they are drawn; their own by default.
    """
    n_added = round(rate * len(sets.indices))
    if not n_added:
        return ObjectSets(sets.indptr, sets.indices, sets.labels)
    images = rng.integers(len(sets), size=n_added)
    drawn = rng.integers(len(sets.indices), size=n_added)
    if order is None:
        labels = sets.indices[drawn]
    else:
        images = order[images]
        labels = np.concatenate([sets.indices[places] for places in _places(sets, order)])[drawn]
    by_image = np.argsort(images)
    images, labels = images[by_image], labels[by_image]
    parts = []
    for start, part in sets.batches(BATCH):
        first, last = np.searchsorted(images, [start, start + len(part)])
        rows = np.append(part.rows, images[first:last] - start)
        parts.append(sets_of_pairs(rows, np.append(part.indices, labels[first:last]), like=part))
    return ObjectSets(
        pointers(np.concatenate([part.sizes for part in parts])),
        np.concatenate([part.indices for part in parts]),
        sets.labels,
    )


def _places(sets: ObjectSets, order: Order | None) -> Iterator[npt.NDArray[np.int64]]:
    """The places of all labels in ``sets.indices``, images in ``order``, some images at a time."""
    for start in range(0, len(sets), BATCH):
        images = np.arange(start, min(start + BATCH, len(sets))) if order is None else order[start : start + BATCH]
        starts, sizes = sets.indptr[images], sets.indptr[images + 1] - sets.indptr[images]
        before = pointers(sizes)
        yield np.repeat(starts - before[:-1], sizes) + np.arange(before[-1])
