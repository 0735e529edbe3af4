import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import random_sets, sets_of, top_oracle, union_oracle

from memometer.errors import InputError
from memometer.measures.vl_dejavu.scores import score_union, top_objects
from memometer.objects.sets import ObjectSets, object_sets

LABELS = [f"label-{number:02d}" for number in range(15)]


def world(seed, n=12, m=9, k=6):
    rng = np.random.default_rng(seed)
    own, own_sets = random_sets(rng, n, LABELS)
    named, named_sets = random_sets(rng, n, LABELS, most=4)
    public, public_sets = random_sets(rng, m, LABELS)
    neighbors = np.array([rng.permutation(m)[:k] for _ in range(n)])
    return own, named, public, neighbors, {"objects": own_sets, "named": named_sets, "public": public_sets}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_union_scores_equal_the_oracle_for_every_k(seed):
    own, named, public, neighbors, sets = world(seed)
    ks = (1, 2, 6)
    scores = score_union(**sets, neighbors=neighbors, ks=ks, found_k=2)
    for k in ks:
        everything, unmentioned = union_oracle(own, named, public, neighbors, k)
        for over, expected in ((False, everything), (True, unmentioned)):
            np.testing.assert_array_equal(scores.precision(k, unmentioned=over), expected[:, 0])
            np.testing.assert_array_equal(scores.recall(k, unmentioned=over), expected[:, 1])
            np.testing.assert_allclose(scores.f_score(k, unmentioned=over), expected[:, 2], rtol=1e-15)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_top_objects_equal_the_oracle(seed, top):
    own, named, public, neighbors, sets = world(seed)
    for struck_lists, struck in ((named, sets["named"]), ([[]] * len(own), None)):
        found = top_objects(objects=sets["objects"], named=struck, public=sets["public"], neighbors=neighbors, top=top)
        for row, (best, correct) in enumerate(top_oracle(own, struck_lists, public, neighbors, top=top)):
            assert [LABELS[label] for label in found.labels[row] if label >= 0] == best
            assert found.correct[row] == correct
            assert found.n_predicted[row] == len(best)


def test_hand_computed_record():
    # The record holds a, b, c; its caption names a. Two neighbours hold {a, b, d} and {b, e}.
    labels = ["a", "b", "c", "d", "e"]
    scores = score_union(
        objects=sets_of([["a", "b", "c"]], labels),
        named=sets_of([["a"]], labels),
        public=sets_of([["b", "e"], ["a", "b", "d"]], labels),
        neighbors=np.array([[1, 0]]),
        ks=(1, 2),
        found_k=2,
    )
    assert scores.precision(1)[0] == 2 / 3  # a, b of a, b, d
    assert scores.recall(1)[0] == 2 / 3
    assert scores.precision(2)[0] == 2 / 4  # a, b of a, b, d, e
    assert scores.f_score(2)[0] == pytest.approx(4 / 7)
    assert scores.precision(2, unmentioned=True)[0] == 1 / 3  # b of b, d, e
    assert scores.recall(2, unmentioned=True)[0] == 1 / 2  # b of b, c
    assert scores.found.tolist() == [True, True, False]
    assert scores.unmentioned.tolist() == [False, True, True]


def test_undefined_is_nan_and_nothing_predicted_is_zero():
    labels = ["a", "b"]
    scores = score_union(
        objects=sets_of([[], ["a"], ["a"]], labels),
        named=sets_of([[], [], ["a"]], labels),
        public=sets_of([[]], labels),
        neighbors=np.zeros((3, 1), np.int64),
        ks=(1,),
        found_k=1,
    )
    assert np.isnan(scores.precision(1)).tolist() == [True, False, False]
    assert np.isnan(scores.recall(1, unmentioned=True)).tolist() == [True, False, True]
    assert (scores.precision(1)[1], scores.recall(1)[1], scores.f_score(1)[1]) == (0.0, 0.0, 0.0)


def test_ties_in_votes_go_to_the_higher_summed_score_then_to_the_lower_label():
    labels = pa.array(["a", "b", "c"])
    public = object_sets(
        pa.array([["a", "b", "c"]]), labels=labels, scores=pa.array([[0.5, 0.9, 0.5]], pa.list_(pa.float32()))
    )
    found = top_objects(
        objects=sets_of([["b"]], ["a", "b", "c"]),
        named=None,
        public=public,
        neighbors=np.zeros((1, 1), np.int64),
        top=3,
    )
    assert found.labels.tolist() == [[1, 0, 2]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ks": (7,), "found_k": 7}, "expected 1 … 6"),
        ({"neighbors": np.full((12, 6), 9)}, "outside the 9 public rows"),
        ({"neighbors": np.zeros((11, 6), np.int64)}, "expected one each"),
        ({"public": ObjectSets(np.zeros(10, np.int64), np.zeros(0, np.int32), pa.array(["x"]))}, "one vocabulary"),
    ],
)
def test_wrong_input_is_a_sentence(change, words):
    *_, neighbors, sets = world(0)
    call = {**sets, "neighbors": neighbors, "ks": (1,), "found_k": 1, **change}
    with pytest.raises(InputError, match=words):
        score_union(**call)
