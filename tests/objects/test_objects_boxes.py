"""Boxes and classes of images, against lists of Python objects."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memometer.data.records import RECORD_SCHEMA
from memometer.errors import InputError
from memometer.objects import boxes_of, class_ids, image_classes

OBJECTS, BOXES, SCORES = (RECORD_SCHEMA.field(name).type for name in ("objects", "boxes", "scores"))
names = st.sampled_from(["ant", "bee", "cow"])
boxes = st.none() | st.lists(st.integers(-5, 50).map(float), min_size=4, max_size=4)
images = st.none() | st.lists(st.tuples(names, boxes, st.none() | st.sampled_from([0.25, 0.5])), max_size=4)


def columns(drawn, *, without_boxes=()):
    objects = [None if image is None else [name for name, _, _ in image] for image in drawn]
    places = [
        None if image is None or row in without_boxes else [box for _, box, _ in image]
        for row, image in enumerate(drawn)
    ]
    scores = [None if image is None else [score for _, _, score in image] for image in drawn]
    return pa.array(objects, OBJECTS), pa.array(places, BOXES), pa.array(scores, SCORES)


@settings(max_examples=100, deadline=None)
@given(st.lists(images, min_size=1, max_size=6), st.sets(st.integers(0, 5)), st.integers(0, 3))
def test_boxes_are_those_of_the_lists(drawn, without_boxes, start):
    objects, places, scores = (
        column.slice(min(start, len(drawn) - 1)) for column in columns(drawn, without_boxes=without_boxes)
    )
    found = boxes_of(objects, places, scores)
    kept = [(row, image or []) for row, image in enumerate(drawn)][min(start, len(drawn) - 1) :]
    assert len(found) == len(kept)
    assert np.diff(found.indptr).tolist() == [len(image) for _, image in kept]
    assert found.labels.to_pylist() == [name for _, image in kept for name, _, _ in image]
    nothing = [np.nan] * 4
    expected = [nothing if box is None or row in without_boxes else box for row, image in kept for _, box, _ in image]
    np.testing.assert_array_equal(found.xywh, np.array(expected).reshape(-1, 4))
    confidences = [np.nan if score is None else score for _, image in kept for _, _, score in image]
    np.testing.assert_array_equal(found.scores, np.array(confidences, np.float32))


@settings(max_examples=60, deadline=None)
@given(st.lists(images, min_size=1, max_size=6), st.data())
def test_objects_of_the_class_and_the_others_share_out_all(drawn, data):
    objects, places, scores = columns(drawn)
    classes = data.draw(st.lists(st.none() | names, min_size=len(drawn), max_size=len(drawn)))
    found = boxes_of(objects, places, scores)
    chosen = found.of_class(pa.array(classes, pa.string()))
    flat = [(row, entry) for row, image in enumerate(drawn) for entry in image or []]
    assert chosen.tolist() == [entry[0] == classes[row] for row, entry in flat]
    for part, mask in ((found.where(chosen), chosen), (found.where(~chosen), ~chosen)):
        assert len(part) == len(drawn)
        assert part.labels.to_pylist() == [entry[0] for (_, entry), keep in zip(flat, mask, strict=True) if keep]
        assert part.images.tolist() == [row for (row, _), keep in zip(flat, mask, strict=True) if keep]
        np.testing.assert_array_equal(part.xywh, found.xywh[mask])
        np.testing.assert_array_equal(part.scores, found.scores[mask])


def test_lists_of_other_lengths_are_an_error():
    objects = pa.array([["cat"], ["cat", "dog"]], OBJECTS)
    places = pa.array([[[1, 2, 3, 4]], [[1, 2, 3, 4]]], BOXES)
    with pytest.raises(InputError, match="image 1 has 1 boxes for 2 objects; give one for each"):
        boxes_of(objects, places)
    with pytest.raises(InputError, match="image 0 has 0 scores for 1 objects"):
        boxes_of(objects, pa.nulls(2, BOXES), pa.array([[], None], SCORES))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.none() | names, images), min_size=1, max_size=6))
def test_the_class_is_the_label_or_else_the_only_object(drawn):
    labels = pa.array([label for label, _ in drawn], pa.string())
    objects, _, _ = columns([image for _, image in drawn])
    expected = []
    for label, image in drawn:
        distinct = {name for name, _, _ in image or []}
        expected.append(label or (distinct.pop() if len(distinct) == 1 else None))
    assert image_classes(labels, objects).to_pylist() == expected


def test_ids_are_places_in_one_sorted_vocabulary():
    vocabulary, (one, other) = class_ids([pa.array(["pig", None, "cow"]), pa.array(["cow", "ant"])])
    assert vocabulary.to_pylist() == ["ant", "cow", "pig"]
    assert (one.tolist(), other.tolist()) == ([2, -1, 1], [1, 0])
    assert one.dtype == np.int32
    assert class_ids([pa.nulls(2, pa.string())])[1][0].tolist() == [-1, -1]
