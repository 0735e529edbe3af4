"""Agreement of two labellers, beside sklearn's numbers and slow bootstraps."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.metrics import cohen_kappa_score, f1_score, jaccard_score

from memometer.statistics.label_sets import per_label, set_agreement


def drawn(seed, n=200, v=7, *, noise=0.1):
    """Two labellers' cells: the second errs."""
    rng = np.random.default_rng(seed)
    one = rng.random((n, v)) < rng.uniform(0.05, 0.6, v)
    return one, one ^ (rng.random((n, v)) < noise)


def found(one, other, **options):
    return set_agreement(csr_array(one), csr_array(other), **{"seed": 0, "name": "test", "replicates": 400, **options})


@pytest.mark.parametrize("seed", range(3))
def test_each_label_is_as_sklearn_has_it(seed):
    one, other = drawn(seed)
    labels = per_label(csr_array(one), csr_array(other))
    for place in range(one.shape[1]):
        both = one[:, place], other[:, place]
        assert labels.kappa[place] == pytest.approx(cohen_kappa_score(*both))
        assert labels.f1[place] == pytest.approx(f1_score(*both))
        assert labels.jaccard[place] == pytest.approx(jaccard_score(*both))
        assert labels.both[place] == (both[0] & both[1]).sum()


@pytest.mark.parametrize("seed", range(3))
def test_all_labels_are_an_obvious_oracle(seed):
    one, other = drawn(seed)
    one[:5] = other[:5] = False  # records without a label have no index
    whole = found(one, other)
    either, both = (one | other).sum(1), (one & other).sum(1)
    assert whole.jaccard.value == pytest.approx(np.mean(both[either > 0] / either[either > 0]))
    assert whole.jaccard.n == (either > 0).sum()
    assert whole.f1.value == pytest.approx(f1_score(one.ravel(), other.ravel()))
    said = (one == other).mean(0)
    chance = one.mean(0) * other.mean(0) + (1 - one.mean(0)) * (1 - other.mean(0))
    assert whole.kappa.value == pytest.approx((said.sum() - chance.sum()) / (len(said) - chance.sum()))
    kappas = per_label(csr_array(one), csr_array(other)).kappa
    assert whole.kappa.value == pytest.approx(np.average(kappas, weights=1 - chance))


def test_intervals_are_those_of_a_slow_bootstrap():
    one, other = drawn(1, n=120)
    whole = found(one, other, replicates=4000)
    rng = np.random.default_rng(5)
    values = []
    for _ in range(2000):
        rows = rng.integers(120, size=120)
        again = found(one[rows], other[rows], replicates=1)
        values.append((again.f1.value, again.kappa.value))
    for gap, ends in zip((whole.f1, whole.kappa), np.quantile(values, [0.025, 0.975], axis=0).T, strict=True):
        assert (gap.low, gap.high) == pytest.approx(ends, abs=0.008)
        assert gap.low < gap.value < gap.high


def test_blocks_change_nothing(monkeypatch):
    one, other = drawn(2)
    whole = found(one, other)
    monkeypatch.setattr("memometer.statistics.label_sets.CELLS", 1000)
    assert found(one, other) == whole


def test_groups_are_drawn_as_wholes():
    one, other = drawn(3, n=60)
    fivefold, groups = [np.repeat(each, 5, axis=0) for each in (one, other)], np.repeat(np.arange(60), 5)
    together, alone, single = found(*fivefold, groups=groups), found(*fivefold), found(one, other)
    for name in ("jaccard", "f1", "kappa"):
        wide, narrow, small = (getattr(each, name) for each in (together, alone, single))
        assert wide.value == pytest.approx(small.value)
        assert (wide.n, wide.n_groups) == (5 * small.n, small.n_groups)
        assert wide.high - wide.low == pytest.approx(small.high - small.low, rel=0.2)
        assert narrow.high - narrow.low < 0.6 * (wide.high - wide.low)


def test_equal_labellers_and_labellers_who_guess():
    one, _ = drawn(4)
    assert {found(one, one).kappa.value, found(one, one).f1.value} == {1.0}
    rng = np.random.default_rng(0)
    guess = found(rng.random((2000, 5)) < 0.3, rng.random((2000, 5)) < 0.3)
    assert guess.kappa.low < 0 < guess.kappa.high


def test_swapping_the_labellers_changes_nothing():
    one, other = drawn(5)
    assert found(one, other) == found(other, one)


def test_what_is_undefined_has_a_reason():
    nothing = np.zeros((30, 3), bool)
    whole = found(nothing, nothing)
    assert [gap.value for gap in (whole.jaccard, whole.f1, whole.kappa)] == [None] * 3
    assert whole.f1.reason == "no record has a label"
    everything = found(~nothing, ~nothing)
    assert (everything.f1.value, everything.kappa.value) == (1.0, None)
    assert everything.kappa.reason == "chance leaves nothing to agree on"
    few = found(*drawn(6, n=12))
    assert few.kappa.value is not None
    assert few.kappa.low is None
    assert "fewer than the 20" in few.kappa.reason
    with np.errstate(all="raise"):
        assert np.isnan(per_label(csr_array(nothing), csr_array(nothing)).f1).all()
