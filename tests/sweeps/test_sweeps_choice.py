import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_rel

from memometer.sweeps.choice import best_within, paired_difference, pareto_front, spread

COORDINATE = st.sampled_from([0.0, 0.1, 0.2, 0.3, 0.4])


@given(st.lists(st.tuples(COORDINATE, COORDINATE), max_size=12))
def test_the_front_is_that_of_comparing_all_pairs(points):
    def beaten(one):
        return any(
            other[0] >= one[0] and other[1] <= one[1] and (other[0] > one[0] or other[1] < one[1]) for other in points
        )

    assert pareto_front(points) == [not beaten(point) for point in points]


def test_paired_differences_are_those_of_a_paired_t_test():
    rng = np.random.default_rng(0)
    one, other = ({seed: float(value) for seed, value in enumerate(rng.normal(size=6))} for _ in range(2))
    found = paired_difference(one, other)
    test = ttest_rel(list(one.values()), list(other.values()))
    low, high = test.confidence_interval()
    assert (found.low, found.high, found.n) == (pytest.approx(low), pytest.approx(high), 6)
    assert found.clear == (test.pvalue < 0.05)
    assert found.std == pytest.approx(np.std(np.subtract(list(one.values()), list(other.values())), ddof=1))


def test_seeds_are_paired_by_their_number_not_their_place():
    found = paired_difference({2: 0.5, 7: 0.25}, {7: 0.25, 3: 9.0, 2: 0.25})
    assert (found.value, found.n) == (0.125, 2)


def test_what_seeds_share_drops_out_of_the_difference():
    found = paired_difference({0: 1.0, 1: 2.0, 2: 3.0}, {0: 1.5, 1: 2.5, 2: 3.5})
    assert (found.value, found.std, found.clear) == (-0.5, 0.0, True)


def test_one_seed_or_none_has_no_spread_and_is_never_clear():
    assert spread({}).value is None
    assert (spread({4: 0.5}).value, spread({4: 0.5}).std) == (0.5, None)
    alone = paired_difference({0: 1.0}, {0: 0.0})
    assert (alone.value, alone.low, alone.clear) == (1.0, None, False)
    assert paired_difference({0: 1.0}, {1: 0.0}).value is None


def choose(values, *, max_loss=0.01):
    """``values``: setting → (memorization, utility), one seed each."""
    memorization, utility = ({name: {0: pair[place]} for name, pair in values.items()} for place in (0, 1))
    return best_within(memorization, utility, baseline="default", max_loss=max_loss)


def test_the_best_memorizes_least_within_the_loss():
    values = {"default": (0.10, 0.50), "cheap": (0.06, 0.495), "dear": (0.01, 0.48), "better": (0.07, 0.60)}
    assert choose(values).setting == "cheap"
    assert choose(values).allowed == ("default", "cheap", "better")
    assert choose(values, max_loss=0.02).setting == "dear"  # exactly the loss that is allowed
    assert choose(values, max_loss=0.0).setting == "better"


def test_the_baseline_is_best_where_nothing_beats_it():
    assert choose({"default": (0.10, 0.50), "worse": (0.11, 0.60), "dear": (0.01, 0.10)}).setting == "default"
    assert choose({"same": (0.10, 0.50), "default": (0.10, 0.50)}).setting == "default"


def test_a_setting_is_judged_on_the_seeds_it_shares_with_the_baseline():
    memorization = {"default": {0: 0.2, 1: 0.1}, "late": {0: 0.15}}
    utility = {"default": {0: 0.3, 1: 0.5}, "late": {0: 0.3}}
    assert best_within(memorization, utility, baseline="default", max_loss=0.01).setting == "late"


def test_without_a_baseline_there_is_no_choice():
    assert best_within({"default": {}, "other": {0: 0.1}}, {"other": {0: 0.1}}, baseline="default", max_loss=1) is None
