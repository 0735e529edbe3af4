import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from memometer.statistics import rank_correlation, welch_test


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(20, 50), st.integers(20, 50))
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
    # Means 0 and 2; sums of squares 20 and 40; variances over n: 20/19/20 = 1/19 and 40/39/40 = 1/39.
    found = welch_test(np.array([*([1.0, -1.0] * 10), np.nan]), np.array([3.0, 1.0] * 20))
    assert found.difference == -2
    assert found.t == pytest.approx(-2 / np.sqrt(1 / 19 + 1 / 39))
    assert found.df == pytest.approx((1 / 19 + 1 / 39) ** 2 / ((1 / 19) ** 2 / 19 + (1 / 39) ** 2 / 39))


def test_welch_of_groups_by_hand():
    # 20 groups of two equal records: the mean has the variance of 20 records, and 19 degrees of freedom.
    values, groups = np.repeat(np.arange(20.0), 2), np.repeat(np.arange(20), 2)
    single = np.arange(40.0) / 3
    found, once = welch_test(values, single, groups=(groups, None)), welch_test(np.arange(20.0), single)
    assert (found.low, found.p, found.df) == (pytest.approx(once.low), pytest.approx(once.p), pytest.approx(once.df))
    assert (found.n_first, found.n_groups_first, found.n_groups_second) == (40, 20, 40)
    assert welch_test(values, single, groups=(np.arange(40), None)) == welch_test(values, single)


def test_groups_widen_the_interval_of_a_rank_correlation():
    rng = np.random.default_rng(0)
    first, noise = rng.standard_normal((2, 40))
    second = first + noise
    once = rank_correlation(first, second)
    twice = rank_correlation(np.repeat(first, 2), np.repeat(second, 2), groups=np.repeat(np.arange(40), 2))
    assert (twice.n, twice.n_groups) == (80, 40)
    assert twice.high - twice.low == pytest.approx(once.high - once.low, rel=0.05)


def test_order_changes_nothing_and_swapping_negates():
    rng = np.random.default_rng(0)
    first, second = rng.standard_normal(50), rng.standard_normal(30)
    found, back = welch_test(first, second), welch_test(second, first)
    assert welch_test(first[::-1], rng.permutation(second)) == found
    assert (back.difference, back.low, back.t, back.p) == (-found.difference, -found.high, -found.t, found.p)


def test_tiny_variances_do_not_underflow():
    found = welch_test(np.arange(20) * 1e-90, np.arange(20) * 2e-90)
    assert found.df == pytest.approx(stats.ttest_ind(np.arange(20), np.arange(20) * 2, equal_var=False).df)


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [([1.0] * 19, [1.0, 2.0] * 20, "19 scored records or groups"), ([1.0] * 20, [2.0] * 20, "the same score")],
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


def test_no_rank_correlation_is_null_with_a_reason():
    assert "expected two or more" in rank_correlation(np.array([1.0, np.nan]), np.array([1.0, 2.0])).reason
    assert "the same score" in rank_correlation(np.ones(3), np.arange(3.0)).as_dict()["reason"]
    few = rank_correlation(np.arange(4.0), np.array([1.0, 0.0, 2.0, 3.0]))
    assert "4 scored records" in few.reason
    assert few.as_dict() == {
        "value": pytest.approx(0.8),
        "low": None,
        "high": None,
        "n": 4,
        "reason": few.reason,
        "n_groups": 4,
    }
