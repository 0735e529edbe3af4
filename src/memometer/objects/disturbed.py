"""Object sets as a labeller with more errors would have given them."""

import numpy as np

from memometer.objects.sets import ObjectSets, sets_of_pairs

__all__ = ["with_added", "with_dropped"]


def with_dropped(sets: ObjectSets, *, rate: float, rng: np.random.Generator) -> ObjectSets:
    """The sets without a share of their labels: each label of each image is missed with probability ``rate``.

    Args:
        sets: of n images.
        rate: within 0 … 1.
        rng: decides which.

    >>> import pyarrow as pa
    >>> from memometer.objects import object_sets
    >>> sets = object_sets(pa.array([["cat", "dog"], ["dog"]]), labels=pa.array(["cat", "dog"]))
    >>> with_dropped(sets, rate=1.0, rng=np.random.default_rng(0)).sizes.tolist()
    [0, 0]
    """
    kept = rng.random(len(sets.indices)) >= rate
    return sets_of_pairs(sets.rows[kept], sets.indices[kept], like=sets)


def with_added(sets: ObjectSets, *, rate: float, rng: np.random.Generator) -> ObjectSets:
    """The sets with labels that are not there, one for every 1 / ``rate`` that are, in images drawn evenly.

    A label is drawn as often as images hold it, for a labeller errs towards what it sees all the time; one that the
    image holds already adds nothing. Scores are left out.

    Args:
        sets: of n images.
        rate: at least 0.
        rng: decides which labels go where.
    """
    n_added = round(rate * len(sets.indices))
    if not n_added:
        return sets_of_pairs(sets.rows, sets.indices, like=sets)
    images = rng.integers(len(sets), size=n_added)
    labels = sets.indices[rng.integers(len(sets.indices), size=n_added)]
    return sets_of_pairs(np.append(sets.rows, images), np.append(sets.indices, labels), like=sets)
