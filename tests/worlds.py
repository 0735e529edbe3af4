"""Small worlds for tests: object sets, and an obvious oracle of VL-Déjà-Vu in Python sets."""

import numpy as np
import pyarrow as pa

from memometer.objects.sets import ObjectSets, object_sets


def sets_of(lists, labels):
    """Object sets of Python lists of labels."""
    return object_sets(pa.array(lists, pa.list_(pa.string())), labels=pa.array(labels, pa.string()))


def random_sets(rng, n, labels, *, most=6) -> tuple[list[list[str]], ObjectSets]:
    lists = [[str(label) for label in rng.choice(labels, rng.integers(0, most), replace=True)] for _ in range(n)]
    return lists, sets_of(lists, list(labels))


def union_oracle(own, named, public, neighbors, k):
    """(precision, recall, F) per record over all and over unmentioned objects, straight from METHODS, Section 1."""

    def scores(objects, predicted):
        if not objects:
            return (np.nan, np.nan, np.nan)
        hits = len(objects & predicted)
        precision = hits / len(predicted) if predicted else 0.0
        recall = hits / len(objects)
        f = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
        return (precision, recall, f)

    everything, unmentioned = [], []
    for objects, spoken, rows in zip(own, named, neighbors, strict=True):
        predicted = set().union(*(set(public[row]) for row in rows[:k])) if k else set()
        everything.append(scores(set(objects), predicted))
        unmentioned.append(scores(set(objects) - set(spoken), predicted - set(spoken)))
    return np.array(everything).reshape(-1, 3), np.array(unmentioned).reshape(-1, 3)


def top_oracle(own, struck, public, neighbors, *, top=10):
    """(labels, correct) per record: the labels that most neighbours hold, ties by label."""
    result = []
    for objects, spoken, rows in zip(own, struck, neighbors, strict=True):
        votes = {}
        for row in rows:
            for label in set(public[row]) - set(spoken):
                votes[label] = votes.get(label, 0) + 1
        best = sorted(votes, key=lambda label: (-votes[label], label))[:top]
        result.append((best, len(set(best) & (set(objects) - set(spoken)))))
    return result
