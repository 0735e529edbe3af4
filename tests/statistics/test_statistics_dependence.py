"""Groups of records numbered by a table or by sorting, and label tables made label by label: the same bytes."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memometer.statistics import label_table, labels
from memometer.statistics.dependence import DENSE, group_codes

codes = st.one_of(st.integers(0, 8), st.sampled_from([-(2**40), -1, 3 * DENSE * 9, 2**40]))


@given(st.lists(st.tuples(codes, st.booleans()), max_size=12))
def test_codes_are_those_of_a_sort(pairs):
    groups = np.array([group for group, _ in pairs], np.int64)
    kept = np.array([each for _, each in pairs], np.bool_)
    distinct, expected = np.unique(groups[kept], return_inverse=True)
    found = group_codes(groups, kept)
    if len(distinct) == kept.sum():
        assert found is None
    else:
        assert found.dtype == np.int64
        assert np.array_equal(found, expected)


def drawn(rng, n=400, v=9):
    return {
        "labels": pa.array([f"label{place}" for place in range(v)]),
        "label_ids": rng.integers(v, size=n).astype(np.int32),
        "found_target": rng.random(n) < 0.6,
        "found_reference": rng.random(n) < 0.4,
    }


@pytest.mark.parametrize("pairs", [1, 7, 100, 1000])
@pytest.mark.parametrize("n_groups", [1, 30, 10**6, None])
def test_a_label_table_of_few_pairs_at_a_time_is_the_same(monkeypatch, pairs, n_groups):
    rng = np.random.default_rng(3)
    given = drawn(rng)
    groups = None if n_groups is None else rng.integers(n_groups, size=400)
    whole = label_table(**given, groups=groups)
    monkeypatch.setattr(labels, "PAIRS", pairs)
    assert label_table(**given, groups=groups).equals(whole)


def test_records_that_are_all_alone_need_no_groups():
    given = drawn(np.random.default_rng(4))
    assert label_table(**given, groups=np.arange(400)).equals(label_table(**given))
