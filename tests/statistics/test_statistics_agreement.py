"""How alike two references are: against scikit-learn, and within the range of the index."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import jaccard_score

from memometer.statistics import jaccard_of_found


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(20, 60), st.sampled_from([0.02, 0.5, 0.98]))
def test_the_jaccard_index_is_scikit_learns_and_its_interval_stays_within_the_range(seed, n, share):
    rng = np.random.default_rng(seed)
    indptr = np.concatenate([[0], np.cumsum(rng.integers(0, 5, n))])
    one, other = rng.random((2, indptr[-1])) < share
    objects = [slice(*ends) for ends in itertools.pairwise(indptr)]
    wanted = [jaccard_score(one[each], other[each]) for each in objects if (one[each] | other[each]).any()]
    found = jaccard_of_found(indptr, one, other)
    assert (found.n, found.n_undefined) == (len(wanted), n - len(wanted))
    if wanted:
        assert found.value == pytest.approx(np.mean(wanted))
    if found.low is not None:
        assert 0 <= found.low <= found.value <= found.high <= 1
