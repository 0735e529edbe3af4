import numpy as np
import pyarrow as pa
from scipy import stats

from memometer.statistics import equal_groups, group_gap


def names(letter, n):
    return pa.array([f"{letter}{number}" for number in range(n)])


def test_groups_are_of_one_size_and_leave_as_few_out_as_can_be():
    dealt, size = equal_groups({"one": names("x", 47), "other": names("y", 61)}, groups=5, seed=0)
    assert size == 9
    for groups in dealt.values():
        assert np.bincount(groups[groups >= 0]).tolist() == [9] * 5
    assert [(groups < 0).sum() for groups in dealt.values()] == [2, 16]


def test_a_record_goes_where_its_id_says_whatever_the_order():
    ids = names("x", 40)
    order = np.random.default_rng(0).permutation(40)
    there, _ = equal_groups({"one": ids}, groups=4, seed=3)
    back, _ = equal_groups({"one": ids.take(pa.array(order))}, groups=4, seed=3)
    np.testing.assert_array_equal(there["one"][order], back["one"])
    other, _ = equal_groups({"one": ids}, groups=4, seed=4)
    assert not np.array_equal(there["one"], other["one"])


def test_too_few_records_leave_empty_groups():
    dealt, size = equal_groups({"one": names("x", 3), "other": names("y", 100)}, groups=5, seed=0)
    assert size == 0
    assert all((groups == -1).all() for groups in dealt.values())


def test_the_gap_is_scipys_t_interval():
    rng = np.random.default_rng(1)
    trained, control = rng.random(20), rng.random(20)
    trained[3] = np.nan
    gap = group_gap(trained, control)
    differences = (trained - control)[~np.isnan(trained)]
    low, high = stats.t.interval(0.95, 18, loc=differences.mean(), scale=stats.sem(differences))
    assert gap.n == 19
    np.testing.assert_allclose([gap.value, gap.low, gap.high], [differences.mean(), low, high], rtol=1e-12)


def test_nothing_is_undefined_and_one_pair_has_no_interval():
    assert group_gap(np.array([np.nan]), np.array([1.0])).reason == "no pair of groups is defined"
    one = group_gap(np.array([2.0]), np.array([1.0]))
    assert (one.value, one.low, one.n) == (1.0, None, 1)
