import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from memometer.statistics import roc_area, roc_curve


def world(seed, n=40, levels=9):
    """Scores with many ties, and which records are positive; both kinds occur."""
    rng = np.random.default_rng(seed)
    positives = rng.random(n) < 0.3
    positives[:2] = [True, False]
    return rng.integers(0, levels, n) / 7 + 0.4 * positives, positives


def oracle(scores, positives):
    """The share of pairs in which the positive record scores higher, a tie counting one half."""
    wins = [
        (high > low) + 0.5 * (high == low) for high in scores[positives].tolist() for low in scores[~positives].tolist()
    ]
    return sum(wins) / len(wins)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_the_area_equals_the_pairs_and_scikit_learn(seed, levels):
    scores, positives = world(seed, levels=levels)
    found = roc_area(scores, positives)
    assert found.area == pytest.approx(oracle(scores, positives), abs=1e-12)
    assert found.area == pytest.approx(roc_auc_score(positives, scores), abs=1e-12)
    assert 0 <= found.low <= found.area <= found.high <= 1
    assert (found.n_positive, found.n_negative) == (positives.sum(), (~positives).sum())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_the_curve_is_that_of_every_threshold_without_the_points_on_straight_lines(seed, levels):
    scores, positives = world(seed, levels=levels)
    x, y = roc_curve(scores, positives)
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(y, x) == pytest.approx(roc_area(scores, positives).area, abs=1e-12)
    thresholds = np.unique(scores)[::-1]
    for threshold in thresholds:
        fpr, tpr = ((scores[kind] >= threshold).mean() for kind in (~positives, positives))
        gaps = np.abs(np.diff(x) * (tpr - y[:-1]) - np.diff(y) * (fpr - x[:-1]))
        within = (x[:-1] - 1e-12 <= fpr) & (fpr <= x[1:] + 1e-12) & (y[:-1] - 1e-12 <= tpr) & (tpr <= y[1:] + 1e-12)
        assert np.any(within & (gaps < 1e-12))
    turns = np.diff(x)[:-1] * np.diff(y)[1:] - np.diff(x)[1:] * np.diff(y)[:-1]
    assert np.all(np.abs(turns) > 1e-9)
    assert len(x) <= len(thresholds) + 1


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_order_and_increasing_maps_change_nothing_and_the_negated_score_mirrors(seed):
    scores, positives = world(seed)
    found = roc_area(scores, positives)
    order = np.random.default_rng(seed).permutation(len(scores))
    assert roc_area(scores[order], positives[order]) == found
    assert roc_area(np.exp(scores), positives) == found
    mirrored = roc_area(-scores, positives)
    assert mirrored.area == pytest.approx(1 - found.area)
    assert (mirrored.low, mirrored.high) == (pytest.approx(1 - found.high), pytest.approx(1 - found.low))


def test_newcombes_interval_by_hand():
    # Ends solve (A − θ)² = z² θ(1 − θ)(1 + h (1 − θ)/(2 − θ) + h θ/(1 + θ))/(m n), with h = (m + n)/2 − 1.
    found = roc_area(np.array([1.0, 2.0, 3.0, 4.0, 5.0]), np.array([False, True, False, True, True]))
    assert found.area == 5 / 6
    for theta in (found.low, found.high):
        spread = 1 + 1.5 * (1 - theta) / (2 - theta) + 1.5 * theta / (1 + theta)
        assert (5 / 6 - theta) ** 2 == pytest.approx(1.959964**2 * theta * (1 - theta) * spread / 6, rel=1e-5)


def test_a_perfect_score_of_few_positives_keeps_its_doubt():
    few = roc_area(np.arange(103.0), np.arange(103) >= 100)
    many = roc_area(np.arange(200.0), np.arange(200) >= 100)
    assert few.area == few.high == many.area == 1
    assert few.low < 0.8 < many.low
    assert roc_area(-np.arange(103.0), np.arange(103) >= 100).low == 0


def test_groups_are_counted_on_either_side_of_those_that_have_a_score():
    scores = np.array([0.5, 0.9, 0.8, 0.1, 0.2, np.nan, 0.3])
    positives = np.array([True, True, True, False, False, False, False])
    assert roc_area(scores, positives).n_groups_positive is None
    found = roc_area(scores, positives, groups=np.array([0, 0, 1, 1, 2, 3, 4])).as_dict()
    assert (found["n_positive"], found["n_groups_positive"]) == (3, 2)
    assert (found["n_negative"], found["n_groups_negative"]) == (3, 3)


def test_undefined_is_null_with_a_reason():
    scores = np.array([0.2, np.nan, 0.1])
    none = roc_area(scores, np.array([False, True, False]))
    assert none.as_dict() == {
        "area": None, "low": None, "high": None, "n_positive": 0, "n_negative": 2,
        "reason": "no positive record has a score",
    }  # fmt: skip
    assert roc_area(scores, np.array([True, False, True])).reason == "no negative record has a score"
    assert roc_area(scores, np.array([True, True, False])).as_dict()["area"] == 1
