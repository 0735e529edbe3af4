"""Average precision against scikit-learn, by hand, and under resampling against a plain loop."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from memometer.seeds import rng_for
from memometer.statistics import average_precision, clustered_mean, mean_average_precision


@pytest.mark.parametrize("levels", [3, 1000])
def test_the_compiled_loop_gives_scikit_learns_number_of_each_class_with_and_without_ties(levels):
    rng = np.random.default_rng(levels)
    for _ in range(40):
        n = int(rng.integers(1, 40))
        scores, positive = rng.integers(0, levels, n).astype(float), rng.random(n) < 0.4
        found = mean_average_precision(scores[:, None], positive[:, None], seed=0, name="x", replicates=1).classes[0]
        assert found == pytest.approx(average_precision(scores, positive), abs=1e-12, nan_ok=True)
        assert np.isnan(found) == (not positive.any())


def test_average_precision_by_hand():
    scores = np.array([4.0, 3.0, 3.0, 1.0])
    # Alone at the top: 1 · ½; the two at 3 come together, precision 2/3 at recall 1: ½ · 2/3.
    assert average_precision(scores, np.array([True, False, True, False])) == pytest.approx(1 / 2 + 1 / 3)
    assert average_precision(scores, np.array([False, False, False, True])) == pytest.approx(1 / 4)
    assert average_precision(np.zeros(4), np.array([True, False, False, False])) == pytest.approx(1 / 4)


def world(seed=0, n=60, c=4):
    rng = np.random.default_rng(seed)
    positive = rng.random((n, c)) < [0.3, 0.1, 0.5, 0.0]
    return np.round(rng.standard_normal((n, c)) + positive, 1), positive


def test_macro_and_micro_are_scikit_learns_and_a_class_without_positives_does_not_count():
    scores, positive = world()
    found = mean_average_precision(scores, positive, seed=0, name="x", replicates=20, micro=True)
    assert np.isnan(found.classes[3])
    kept = slice(0, 3)
    assert found.macro.value == pytest.approx(average_precision_score(positive[:, kept], scores[:, kept]))
    assert found.micro.value == pytest.approx(average_precision_score(positive, scores, average="micro"))
    assert found.macro.n == found.micro.n == 60


def test_interval_is_that_of_a_plain_loop_over_resampled_records():
    scores, positive = world(1)
    found = mean_average_precision(scores, positive, seed=3, name="x", replicates=40, micro=True)
    for which in ("macro", "micro"):
        values = []
        for replicate in range(40):
            rows = rng_for(3, "x/bootstrap", replicate).integers(60, size=60)
            y, s = positive[rows], scores[rows]
            columns = y.any(axis=0)
            values.append(
                average_precision_score(y[:, columns], s[:, columns])
                if which == "macro"
                else average_precision_score(y, s, average="micro")
            )
        gap = getattr(found, which)
        shift = gap.value - np.mean(values)
        np.testing.assert_allclose([gap.low, gap.high], np.quantile(values, [0.025, 0.975]) + shift, atol=1e-12)
        assert gap.std > 0


def test_blocks_of_replicates_change_nothing(monkeypatch):
    scores, positive = world(2)
    whole = mean_average_precision(scores, positive, seed=0, name="x", replicates=30)
    monkeypatch.setattr("memometer.statistics.precision.BLOCK", 2 * 60 * 7)
    assert mean_average_precision(scores, positive, seed=0, name="x", replicates=30).macro == whole.macro


def test_perfect_scores_random_scores_and_nothing_to_find():
    positive = np.arange(40) % 4 == 0
    perfect = mean_average_precision(positive[:, None] * 1.0, positive[:, None], seed=0, name="x", replicates=50)
    assert (perfect.macro.value, perfect.macro.low, perfect.macro.high) == (1.0, 1.0, 1.0)
    nothing = mean_average_precision(np.ones((5, 2)), np.zeros((5, 2), bool), seed=0, name="x", micro=True)
    assert nothing.macro.value is None
    assert nothing.macro.reason == "no class has a positive record"
    assert nothing.micro == nothing.macro


def test_interval_covers_the_expectation():
    def draw(rng):
        positive = rng.random((150, 3)) < 0.1
        return rng.standard_normal((150, 3)) + 0.5 * positive, positive

    rng = np.random.default_rng(0)
    many = [draw(rng) for _ in range(300)]
    truth = np.mean([np.nanmean([average_precision(s[:, j], y[:, j]) for j in range(3)]) for s, y in many])
    gaps = [mean_average_precision(*draw(rng), seed=each, name="x", replicates=200).macro for each in range(120)]
    covered = sum(gap.low <= truth <= gap.high for gap in gaps)
    assert covered >= 105  # 95 % of 120 are 114; 105 is four standard errors below


def test_clustered_mean_by_hand():
    gap = clustered_mean(np.array([2, 0, 1]), np.array([2, 2, 1]), seed=0, name="x")
    assert gap.value == pytest.approx(3 / 5)
    assert gap.n == 5
    assert clustered_mean(np.array([0]), np.array([0]), seed=0, name="x").reason == "no item is scored"
    assert clustered_mean(np.array([1]), np.array([2]), seed=0, name="x").low is None


def test_clustered_interval_is_wider_than_that_of_single_items_and_blind_to_order():
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 6, 200)
    totals = sizes * (rng.random(200) < 0.4)  # the items of a cluster agree
    gap = clustered_mean(totals, sizes, seed=0, name="x")
    order = rng.permutation(200)
    assert clustered_mean(totals[order], sizes[order], seed=0, name="x") == gap
    value = totals.sum() / sizes.sum()
    residual = totals - value * sizes
    error = np.sqrt((residual**2).sum()) / sizes.sum()  # of a ratio of sums, by the delta method
    assert (gap.high - gap.low) / (2 * 1.96) == pytest.approx(error, rel=0.1)
    assert error > 1.4 * np.sqrt(value * (1 - value) / sizes.sum())
