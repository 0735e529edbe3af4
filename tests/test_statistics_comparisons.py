import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from memometer.statistics import rank_correlation, welch_test


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 30), st.integers(2, 30))
def test_welch_equals_scipy(seed, n_first, n_second):
    rng = np.random.default_rng(seed)
    first, second = rng.normal(0.3, 2.0, n_first), rng.normal(0.0, 0.5, n_second)
    found = welch_test(first, second)
    expected = stats.ttest_ind(first, second, equal_var=False)
    interval = expected.confidence_interval()
    assert (found.t, found.df, found.p) == tuple(
        pytest.approx(value, rel=1e-9) for value in (expected.statistic, expected.df, expected.pvalue)
    )
    assert (found.low, found.high) == (pytest.approx(interval.low, rel=1e-9), pytest.approx(interval.high, rel=1e-9))
    assert (found.n_first, found.n_second) == (n_first, n_second)


def test_welch_by_hand():
    # Means 2 and 4; variances over n: 1/3 and (10/3)/4; df = (7/6)² / ((1/3)²/2 + (5/6)²/3).
    found = welch_test(np.array([3.0, np.nan, 1.0, 2.0]), np.array([2.0, 6.0, 5.0, 3.0]))
    assert found.difference == -2
    assert found.t == pytest.approx(-2 / np.sqrt(7 / 6))
    assert found.df == pytest.approx((7 / 6) ** 2 / ((1 / 3) ** 2 / 2 + (5 / 6) ** 2 / 3))


def test_order_changes_nothing_and_swapping_negates():
    rng = np.random.default_rng(0)
    first, second = rng.standard_normal(50), rng.standard_normal(30)
    found, back = welch_test(first, second), welch_test(second, first)
    assert welch_test(first[::-1], rng.permutation(second)) == found
    assert (back.difference, back.low, back.t, back.p) == (-found.difference, -found.high, -found.t, found.p)


def test_tiny_variances_do_not_underflow():
    found = welch_test(np.array([0.0, 1e-90, 2e-90]), np.array([0.0, 2e-90, 4e-90]))
    assert found.df == pytest.approx(stats.ttest_ind([0, 1, 2], [0, 2, 4], equal_var=False).df)


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [([1.0], [1.0, 2.0], "1 and 2 records; a test needs two of each"), ([1.0, 1.0], [2.0, 2.0], "the same score")],
)
def test_no_test_is_null_with_a_reason(first, second, words):
    found = welch_test(np.array(first), np.array(second)).as_dict()
    assert found["p"] is None
    assert words in found["reason"]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_rank_correlation_equals_scipy_with_ties_and_order_changes_nothing(seed):
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 6, 25).astype(float), rng.integers(0, 6, 25).astype(float)
    first[0], second[0], first[1], second[1] = 0, 0, 9, 1
    found = rank_correlation(first, second)
    assert found.value == pytest.approx(stats.spearmanr(first, second).statistic, abs=1e-12)
    assert found.low < found.value < found.high
    order = rng.permutation(25)
    assert rank_correlation(first[order], second[order]) == found


def test_the_interval_of_a_rank_correlation_covers_it_95_times_in_100():
    rng = np.random.default_rng(0)
    true = 6 / np.pi * np.arcsin(0.5 / 2)  # of a bivariate normal of correlation ½
    covered = []
    for _ in range(400):
        first, noise = rng.standard_normal((2, 60))
        found = rank_correlation(first, 0.5 * first + np.sqrt(0.75) * noise)
        covered.append(found.low <= true <= found.high)
    assert 0.92 <= np.mean(covered) <= 0.98


def test_no_rank_correlation_is_null_with_a_reason():
    assert "expected two or more" in rank_correlation(np.array([1.0, np.nan]), np.array([1.0, 2.0])).reason
    assert "the same score" in rank_correlation(np.ones(3), np.arange(3.0)).as_dict()["reason"]
    few = rank_correlation(np.arange(4.0), np.array([1.0, 0.0, 2.0, 3.0]))
    assert few.as_dict() == {"value": pytest.approx(0.8), "low": None, "high": None, "n": 4}
