import numpy as np
import pyarrow as pa
import pytest

from memometer.objects import object_sets
from memometer.objects.disturbed import with_added, with_dropped


@pytest.fixture
def sets():
    rng = np.random.default_rng(0)
    labels = [chr(97 + place) for place in range(20)]
    shares = 0.6 / np.arange(1, 21)
    held = rng.random((4000, 20)) < shares
    return object_sets(pa.array([[labels[i] for i in np.flatnonzero(row)] for row in held]), labels=pa.array(labels))


def pairs(sets):
    return set(zip(np.repeat(np.arange(len(sets)), sets.sizes).tolist(), sets.indices.tolist(), strict=True))


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 1.0])
def test_labels_are_dropped_alike_whatever_they_are(sets, rate):
    left = with_dropped(sets, rate=rate, rng=np.random.default_rng(1))
    assert pairs(left) <= pairs(sets)
    before, after = (np.bincount(each.indices, minlength=20) for each in (sets, left))
    spread = 5 * np.sqrt(before * rate * (1 - rate)) + 1e-9
    assert np.all(np.abs(after - (1 - rate) * before) <= spread)
    assert left.labels.equals(sets.labels)


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5])
def test_labels_are_added_as_often_as_they_occur_and_none_is_lost(sets, rate):
    more = with_added(sets, rate=rate, rng=np.random.default_rng(1))
    assert pairs(sets) <= pairs(more)
    assert np.all(np.diff(more.indptr) >= 0)
    assert more.indices.tolist() == [label for _, label in sorted(pairs(more))]
    held = np.bincount(sets.indices, minlength=20)
    drawn = round(rate * len(sets.indices)) * held / held.sum()
    fresh = len(sets) * (1 - (1 - 1 / len(sets)) ** drawn) * (1 - held / len(sets))  # distinct images without the label
    added = np.bincount(more.indices, minlength=20) - held
    assert np.all(np.abs(added - fresh) <= 5 * np.sqrt(fresh) + 1e-9)


def test_images_without_labels_get_none_of_nothing():
    empty = object_sets(pa.array([[], []], pa.list_(pa.string())), labels=pa.array([], pa.string()))
    for change in (with_added, with_dropped):
        assert change(empty, rate=0.2, rng=np.random.default_rng(0)).sizes.tolist() == [0, 0]
