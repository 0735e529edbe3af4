"""Object sets against Python's sets."""

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings

from memometer.errors import InputError
from memometer.objects import sets as sets_module
from memometer.objects.sets import ObjectSets, concat_sets, label_union, object_sets

LABELS = pa.array(["ant", "bee", "cat", "dog", "eel"])
lists = st.lists(st.lists(st.sampled_from(LABELS.to_pylist()), max_size=6) | st.none(), max_size=12)


def build(rows, **options):
    return object_sets(pa.array(rows, pa.list_(pa.string())), labels=LABELS, **options)


def as_python(sets):
    return [set(sets.of(row)) for row in range(len(sets))]


def check_form(sets: ObjectSets):
    assert (sets.indptr.dtype, sets.indices.dtype) == (np.int64, np.int32)
    assert sets.indptr[0] == 0
    assert sets.indptr[-1] == len(sets.indices)
    for row in range(len(sets)):
        ids = sets.indices[sets.indptr[row] : sets.indptr[row + 1]]
        assert (np.diff(ids) > 0).all()


@settings(deadline=None)
@given(lists)
def test_sets_hold_the_labels_of_each_image_once(rows):
    sets = build(rows)
    check_form(sets)
    assert as_python(sets) == [set(row or []) for row in rows]
    assert sets.sizes.tolist() == [len(set(row or [])) for row in rows]


@settings(deadline=None)
@given(lists, st.integers(1, 5))
def test_batches_and_chunks_change_nothing(rows, batch):
    column = pa.array(rows, pa.list_(pa.string()))
    whole = object_sets(column, labels=LABELS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sets_module, "BATCH", batch)
        cut = len(rows) // 2
        parts = object_sets(pa.chunked_array([column[:cut], column[cut:]], column.type), labels=LABELS)
    assert parts.indptr.tolist() == whole.indptr.tolist()
    assert parts.indices.tolist() == whole.indices.tolist()


@settings(deadline=None)
@given(st.lists(st.lists(st.tuples(st.sampled_from(LABELS.to_pylist()), st.integers(0, 100)), max_size=6), max_size=8))
def test_a_repeated_label_keeps_its_highest_score(rows):
    names = [[label for label, _ in row] for row in rows]
    scores = pa.array([[score / 100 for _, score in row] for row in rows], pa.list_(pa.float32()))
    sets = build(names, scores=scores)
    check_form(sets)
    if not rows:
        return
    for row, pairs in enumerate(rows):
        highest = {label: max(score for name, score in pairs if name == label) for label, _ in pairs}
        found = sets.scores[sets.indptr[row] : sets.indptr[row + 1]]
        assert dict(zip(sets.of(row), np.round(found * 100).astype(int).tolist(), strict=True)) == highest


@settings(deadline=None)
@given(lists, lists)
def test_concatenation_is_addition_of_lists(one, other):
    joined = concat_sets([build(one), build(other)])
    check_form(joined)
    assert as_python(joined) == as_python(build(one + other))


def test_scores_follow_their_labels():
    scores = pa.array([[0.1, 0.9], [0.5]], pa.list_(pa.float32()))
    sets = build([["dog", "ant"], ["bee"]], scores=scores)
    assert concat_sets([sets, sets]).scores.tolist() == pytest.approx([0.9, 0.1, 0.5] * 2)
    assert concat_sets([sets, build([["ant"]])]).scores is None


def test_scores_that_are_null_everywhere_are_none():
    assert build([["dog"]], scores=pa.nulls(1, pa.list_(pa.float32()))).scores is None


def test_label_union_is_sorted_and_distinct():
    union = label_union([pa.array([["eel", "ant"], None]), pa.chunked_array([[["bee"]], [["ant", None]]])])
    assert union.to_pylist() == ["ant", "bee", "eel"]


def test_a_label_outside_the_vocabulary_is_named():
    with pytest.raises(InputError, match="labels outside the vocabulary of 5: fly"):
        build([["fly"]])


def test_scores_must_be_parallel_within_each_image():
    scores = pa.array([[0.1], [0.2, 0.3]], pa.list_(pa.float32()))  # three for three objects, but not image by image
    with pytest.raises(InputError, match="1 scores for 2 objects of an image"):
        build([["ant", "bee"], ["cat"]], scores=scores)


def test_sets_over_other_labels_or_images_are_not_mixed():
    sets = build([["ant"]])
    foreign = object_sets(pa.array([["ant"]]), labels=pa.array(["ant"]))
    with pytest.raises(InputError, match="different labels"):
        concat_sets([sets, foreign])
    with pytest.raises(InputError, match="at least one"):
        concat_sets([])
