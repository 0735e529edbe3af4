"""Naive Bayes against counting by hand, a slow loop in exact fractions, and scikit-learn's model."""

import math
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.naive_bayes import MultinomialNB

from memometer.errors import InputError
from memometer.references import naive_bayes
from memometer.references.crop_objects import CropObjects, objects_in_crops
from memometer.references.naive_bayes import fit_naive_bayes
from memometer.references.predictions import rank_labels

BOXES = pa.list_(pa.list_(pa.float32(), 4))


def crops_of(lists, n_objects):
    """Crops from lists of ids, the most confident first."""
    indptr = np.concatenate(([0], np.cumsum([len(ids) for ids in lists]))).astype(np.int64)
    return CropObjects(indptr, np.array([each for ids in lists for each in ids], np.int32), n_objects)


def oracle(fit, labels, measured, *, n_labels, n_objects, k, alpha, count_all=False):
    """argmax P(t) ∏ P(o | t) by a loop, and P(t | objects), in exact fractions."""
    counts = [[0] * n_objects for _ in range(n_labels)]
    for ids, label in zip(fit, labels, strict=True):
        for each in ids if count_all else ids[:k]:
            counts[label][each] += 1
    answers, tables = [], []
    for ids in measured:
        joint = []
        for label in range(n_labels):
            value = Fraction(list(labels).count(label), len(labels))
            for each in ids[:k]:
                value *= (counts[label][each] + alpha) / (sum(counts[label]) + alpha * n_objects)
            joint.append(value)
        answers.append(max(range(n_labels), key=lambda label: (joint[label], -label)))
        tables.append([float(value / sum(joint)) for value in joint])
    return answers, np.array(tables).reshape(-1, n_labels)


@st.composite
def worlds(draw):
    n_objects, n_labels = draw(st.integers(1, 6)), draw(st.integers(1, 5))
    ids = st.lists(st.integers(0, n_objects - 1), max_size=n_objects, unique=True)
    fit = draw(st.lists(ids, min_size=1, max_size=12))
    labels = draw(st.lists(st.integers(0, n_labels - 1), min_size=len(fit), max_size=len(fit)))
    measured = draw(st.lists(ids, max_size=8))
    alpha = draw(st.sampled_from([Fraction(1), Fraction(1, 2), Fraction(3)]))
    return fit, labels, measured, n_labels, n_objects, draw(st.sampled_from([1, 2, 5])), alpha, draw(st.booleans())


@settings(max_examples=300, deadline=None)
@given(worlds())
def test_agrees_with_a_loop_in_exact_fractions(world):
    fit, labels, measured, n_labels, n_objects, k, alpha, count_all = world
    options = {"n_labels": n_labels, "k": k, "count_all": count_all}
    model = fit_naive_bayes(crops_of(fit, n_objects), labels=np.array(labels), alpha=float(alpha), **options)
    crops = crops_of(measured, n_objects)
    answers, table = oracle(fit, labels, measured, n_objects=n_objects, alpha=alpha, **options)
    found = model.predict(crops, top=n_labels)
    assert found.labels.tolist() == answers
    np.testing.assert_allclose(found.confidence, table.max(axis=1, initial=0.0), rtol=1e-12)
    entropy = [-sum(p * math.log(p) for p in row if p > 0) for row in table]
    np.testing.assert_allclose(found.entropy, entropy, atol=1e-9)
    assert found.n_without_objects == sum(not ids for ids in measured)


def test_two_labels_and_three_objects_by_hand():
    # Label 0: three records, objects 0 0 1. Label 1: one record, object 2. V = 3, alpha = 1.
    model = fit_naive_bayes(crops_of([[0], [0], [1], [2]], 3), labels=np.array([0, 0, 0, 1]), n_labels=2)
    np.testing.assert_allclose(np.exp(model.log_prior), [3 / 4, 1 / 4])
    np.testing.assert_allclose(np.exp(model.log_likelihood).T, [[3 / 6, 2 / 6, 1 / 6], [1 / 4, 1 / 4, 2 / 4]])
    # Object 2 alone: 3/4 · 1/6 = 1/8 for label 0, 1/4 · 2/4 = 1/8 for label 1: a tie, so label 0.
    # Objects 2 and 1: 1/8 · 2/6 = 1/24 against 1/8 · 1/4 = 1/32. Object 0: 3/8 against 1/16.
    crops = crops_of([[2], [2, 1], [0], []], 3)
    found = model.predict(crops, top=3)
    np.testing.assert_allclose(found.confidence, [1 / 2, 4 / 7, 6 / 7, 3 / 4])
    assert found.ranked.tolist() == [[0, 1, -1]] * 4
    np.testing.assert_allclose(found.entropy[0], math.log(2))
    assert found.n_without_objects == 1


def test_equal_products_go_to_the_lower_label_whatever_the_rounding():
    # Label 1's counts are label 0's backwards, and the crop holds every object: the products are equal, but summed
    # from the first object to the last, label 1's logarithms come out larger by a last bit.
    fit = crops_of([[0], [1], [2], [2], [2], [0], [0], [0], [1], [2]], 3)
    model = fit_naive_bayes(fit, labels=np.repeat([0, 1], 5), n_labels=2, k=3)
    assert model.predict(crops_of([[0, 1, 2], [2, 1, 0]], 3)).ranked[:, 0].tolist() == [0, 0]


def test_only_the_k_most_confident_objects_count():
    fit = crops_of([[0, 1], [1, 0]], 2)
    model = fit_naive_bayes(fit, labels=np.array([0, 1]), n_labels=2, k=1)
    assert model.predict(crops_of([[0, 1], [1, 0]], 2)).labels.tolist() == [0, 1]
    both = fit_naive_bayes(fit, labels=np.array([0, 1]), n_labels=2, k=1, count_all=True)
    assert both.predict(crops_of([[0, 1], [1, 0]], 2)).labels.tolist() == [0, 0]  # the counts no longer tell them apart


def test_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    n, n_labels, n_objects = 400, 7, 30
    lists = [rng.choice(n_objects, rng.integers(0, 6), replace=False).tolist() for _ in range(n)]
    labels = rng.permutation(np.concatenate([np.arange(n_labels), rng.integers(0, n_labels, n - n_labels)]))
    model = fit_naive_bayes(crops_of(lists, n_objects), labels=labels, n_labels=n_labels, k=5, alpha=0.7)
    dense = np.zeros((n, n_objects))
    for row, ids in enumerate(lists):
        dense[row, ids] = 1
    peer = MultinomialNB(alpha=0.7).fit(dense, labels)
    np.testing.assert_allclose(model.log_likelihood.T, peer.feature_log_prob_, rtol=1e-12)
    found, table = model.predict(crops_of(lists, n_objects)), peer.predict_proba(dense)
    np.testing.assert_allclose(found.confidence, table.max(axis=1), rtol=1e-9)
    np.testing.assert_allclose(found.entropy, -(table * np.log(table)).sum(axis=1), rtol=1e-9)
    np.testing.assert_array_equal(found.labels, peer.predict(dense))


def test_order_of_records_and_tiles_change_nothing(monkeypatch):
    rng = np.random.default_rng(1)
    lists = [rng.choice(20, rng.integers(0, 5), replace=False).tolist() for _ in range(90)]
    labels = rng.integers(0, 6, 90)
    order = rng.permutation(90)
    model = fit_naive_bayes(crops_of(lists, 20), labels=labels, n_labels=6)
    moved = fit_naive_bayes(crops_of([lists[row] for row in order], 20), labels=labels[order], n_labels=6)
    np.testing.assert_array_equal(model.log_likelihood, moved.log_likelihood)
    whole = model.predict(crops_of(lists, 20))
    monkeypatch.setattr(naive_bayes, "TILE_SIZE", 7)
    tiled = moved.predict(crops_of([lists[row] for row in order], 20))
    for name in ("ranked", "confidence", "entropy"):
        np.testing.assert_array_equal(getattr(whole, name)[order], getattr(tiled, name))


def test_a_label_without_records_is_never_predicted():
    model = fit_naive_bayes(crops_of([[0], [1]], 3), labels=np.array([1, 3]), n_labels=5)
    crops = crops_of([[2], [1]], 3)
    assert model.predict(crops).ranked.tolist() == [[1, 3, -1, -1, -1], [3, 1, -1, -1, -1]]


def test_no_crops_no_predictions():
    model = fit_naive_bayes(crops_of([[0]], 1), labels=np.array([0]), n_labels=1)
    assert model.predict(crops_of([], 1), top=2).ranked.shape == (0, 2)
    assert model.predict(crops_of([[0]], 1)).entropy.tolist() == [0.0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 0}, "k = 0 objects"),
        ({"alpha": 0.0}, r"alpha = 0\.0"),
        ({"labels": np.array([0])}, "1 or more"),
        ({"labels": np.array([0, 2])}, "label ids from 0 to 2; expected 0 … 1"),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(InputError, match=message):
        fit_naive_bayes(crops_of([[0], [1]], 2), **{"labels": np.array([0, 1]), "n_labels": 2, **options})


def test_wrong_inputs_are_named():
    model = fit_naive_bayes(crops_of([[0]], 1), labels=np.array([0]), n_labels=1)
    with pytest.raises(InputError, match="vocabulary of 2 objects, Naive Bayes over one of 1"):
        model.predict(crops_of([[0]], 2))
    with pytest.raises(InputError, match="twice"):
        crops_of([[0, 0]], 1)
    with pytest.raises(InputError, match="outside the vocabulary of 1"):
        crops_of([[1]], 1)
    with pytest.raises(InputError, match="do not cover"):
        CropObjects(np.array([0, 1]), np.zeros(2, np.int32), 1)
    with pytest.raises(InputError, match="top 0 to keep"):
        rank_labels(np.zeros((1, 2)), label_ids=np.arange(2), top=0)


# The objects in a crop.


def in_crops(crops, objects, boxes, *, labels="abc", **options):
    columns = {
        "objects": pa.array(objects, pa.list_(pa.string())),
        "boxes": pa.array(boxes, BOXES),
        "vocabulary": pa.array(list(labels)),
    }
    found = objects_in_crops(np.array(crops), **columns, **options)
    return [found.ids[start:stop].tolist() for start, stop in zip(found.indptr, found.indptr[1:], strict=False)]


def crops_oracle(crops, objects, boxes, scores, own, *, labels, min_inside):
    """One image, one box after another."""
    result = []
    for (x, y, width, height), names, sides, values, mine in zip(crops, objects, boxes, scores, own, strict=True):
        best = {}
        for place, name in enumerate(names or []):
            box = sides[place] if sides is not None else None
            if box is None or box[2] * box[3] <= 0 or name == mine:
                continue
            across = max(min(x + width, box[0] + box[2]) - max(x, box[0]), 0)
            down = max(min(y + height, box[1] + box[3]) - max(y, box[1]), 0)
            if across * down < min_inside * box[2] * box[3]:
                continue
            score = values[place] if values is not None and values[place] is not None else 1.0
            key = (-score, -across * down, labels.index(name))
            best[name] = min(best.get(name, key), key)
        result.append([labels.index(name) for name in sorted(best, key=best.__getitem__)])
    return result


@st.composite
def pictures(draw):
    side, place = st.integers(0, 6), st.integers(-2, 8)
    names = draw(st.one_of(st.none(), st.lists(st.sampled_from("abcd"), max_size=6)))
    n = len(names or [])
    box = st.one_of(st.none(), st.tuples(place, place, side, side).map(lambda box: [float(each) for each in box]))
    boxes = draw(st.one_of(st.none(), st.lists(box, min_size=n, max_size=n)))
    scores = draw(st.one_of(st.none(), st.lists(st.sampled_from([None, 0.25, 0.5, 1.0]), min_size=n, max_size=n)))
    crop = [draw(place), draw(place), draw(st.integers(1, 6)), draw(st.integers(1, 6))]
    return crop, names, boxes, scores, draw(st.sampled_from([None, *"abcd"]))


@settings(max_examples=300, deadline=None)
@given(st.lists(pictures(), min_size=1, max_size=5), st.sampled_from([0.25, 0.5, 1.0]))
def test_objects_in_crops_agree_with_a_loop(pictures, min_inside):
    crops, objects, boxes, scores, own = map(list, zip(*pictures, strict=True))
    expected = crops_oracle(crops, objects, boxes, scores, own, labels="abcd", min_inside=min_inside)
    columns = {"scores": pa.array(scores, pa.list_(pa.float32())), "own": pa.array(own, pa.string())}
    assert in_crops(crops, objects, boxes, labels="abcd", min_inside=min_inside, **columns) == expected


def test_columns_may_be_slices_of_a_table():
    boxes = pa.array([[[0, 0, 9, 9]], [None, [0, 0, 2, 2]], [[0, 0, 1, 1]]], BOXES)
    objects = pa.array([["c"], ["a", "b"], ["a"]])
    scores = pa.array([[0.1], [0.2, 0.3], None], pa.list_(pa.float32()))
    found = objects_in_crops(
        np.array([[0, 0, 4, 4]] * 2),
        objects=objects.slice(1),
        boxes=boxes.slice(1),
        scores=scores.slice(1),
        vocabulary=pa.array(list("abc")),
    )
    assert (found.indptr.tolist(), found.ids.tolist()) == ([0, 1, 2], [1, 0])


def test_equal_confidence_goes_to_the_larger_area_inside_then_to_the_label_id():
    boxes = [[[0, 0, 2, 2], [0, 0, 2, 2], [0, 0, 3, 3]]]
    assert in_crops([[0, 0, 4, 4]], [["b", "a", "c"]], boxes) == [[2, 0, 1]]
    scores = pa.array([[0.5, 0.9, 0.5]], pa.list_(pa.float32()))
    assert in_crops([[0, 0, 4, 4]], [["b", "a", "c"]], boxes, scores=scores) == [[0, 2, 1]]


def test_the_own_label_is_struck_however_it_is_spelled():
    boxes = [[[0, 0, 2, 2], [0, 0, 1, 1]]]
    labels = ["Fire_Truck", "tree"]
    assert in_crops([[0, 0, 4, 4]], [labels], boxes, labels=labels, own=pa.array(["fire truck"])) == [[1]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"crops": [[0, 0, 0, 4]]}, "without an area"),
        ({"crops": [[0, 0, 4]]}, "shape"),
        ({"boxes": [[[0, 0, 1, 1]] * 3]}, "3 boxes for the 2 objects of row 0"),
        ({"scores": pa.array([[0.5]], pa.list_(pa.float32()))}, "1 scores for the 2 objects of row 0"),
        ({"own": pa.array(["a", "b"])}, "2 rows of own for 1 crops"),
        ({"objects": [["a", "z"]]}, "outside the vocabulary of 3: z"),
        ({"min_inside": 0.0}, "min_inside"),
    ],
)
def test_columns_that_do_not_fit_are_named(change, message):
    call = {"crops": [[0, 0, 4, 4]], "objects": [["a", "b"]], "boxes": [[[0, 0, 1, 1], [0, 0, 2, 2]]]}
    with pytest.raises(InputError, match=message):
        in_crops(**{**call, **change})
