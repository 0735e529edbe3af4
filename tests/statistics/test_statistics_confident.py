"""Accuracy among the most confident, its gap, and the bootstrap that selects anew."""

import dataclasses

import numpy as np
import pytest
from confident_oracle import draw, score_oracle
from hypothesis import given, settings
from hypothesis import strategies as st

from memometer.seeds import rng_for
from memometer.statistics import ConfidentHits, confident_accuracy, confident_gap, most_confident, share_equal

seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=40, deadline=None)
@given(seeds, st.sampled_from([5, 20, 33.3, 99]), st.integers(1, 2))
def test_score_interval_and_spread_equal_the_oracle(seed, percent, n_directions):
    rng = np.random.default_rng(seed)
    pairs = [draw(rng, int(rng.integers(40, 600)), undefined=0.1) for _ in range(n_directions)]
    gap = confident_gap(pairs, percent=percent, seed=7, name="x", replicates=20)
    scored = [np.flatnonzero(pair.scored).tolist() for pair in pairs]
    sizes = [int(len(rows) * percent / 100) for rows in scored]
    assert gap.n == sum(sizes)
    if min(sizes) == 0:
        assert gap.value is None
        return
    value = np.mean([score_oracle(*each) for each in zip(pairs, scored, sizes, strict=True)])
    assert gap.value == pytest.approx(value, abs=1e-14)
    if min(sizes) < 20:
        assert gap.low is gap.high is gap.std is None
        return
    for share, replicates, use in ((1.0, 20, "bootstrap"), (0.1, 100, "tenth")):
        found = np.zeros(replicates)
        for index, (pair, rows) in enumerate(zip(pairs, scored, strict=True)):
            by_id = sorted(rows, key=lambda row: pair.id_rank[row])
            generator = rng_for(7, f"x/{use}", index)
            drawn = max(1, round(share * len(rows)))
            size = int(drawn * percent / 100)
            for replicate in range(replicates if size else 0):
                chosen = [by_id[place] for place in generator.integers(0, len(rows), drawn)]
                found[replicate] += score_oracle(pair, chosen, size) / len(pairs)
        if use == "bootstrap":
            assert (gap.low, gap.high) == pytest.approx(tuple(np.quantile(found, [0.025, 0.975])), abs=1e-14)
        elif size:
            assert gap.std == pytest.approx(np.std(found, ddof=1), abs=1e-14)
        else:
            assert gap.std is None


def test_by_hand():
    pair = ConfidentHits(
        target_hits=np.array([1.0, 0.0, 1.0, 0.0, 1.0]),
        target_confidence=np.array([0.9, 0.9, 0.5, 0.4, 0.1]),
        reference_hits=np.array([0.0, 1.0, 1.0, 0.0, np.nan]),
        reference_confidence=np.array([0.1, 0.2, 0.2, 0.3, 0.9]),
        id_rank=np.array([4, 3, 2, 1, 0]),
    )
    # The last record is not scored. Half of four: the target's 1 and 0 (equal, by id), the reference's 3 and 2.
    gap = confident_gap([pair], percent=50, seed=0, name="x")
    assert (gap.value, gap.n) == (0.5 - 0.5, 2)
    gap = confident_gap([pair], percent=25, seed=0, name="x")  # the target's 1, the reference's 3
    assert (gap.value, gap.n) == (0.0, 1)
    gap = confident_gap([pair], percent=75, seed=0, name="x")  # 1, 0, 2 and 3, 2, 1
    assert gap.value == pytest.approx(2 / 3 - 2 / 3)
    assert confident_gap([pair], percent=100, seed=0, name="x").value == pytest.approx((2 - 2) / 4)
    swapped = dataclasses.replace(pair, id_rank=np.array([3, 4, 2, 1, 0]))
    assert confident_gap([swapped], percent=25, seed=0, name="x").value == 1.0  # now the target's 0


def test_accuracy_among_the_most_confident_by_hand():
    hits, confidence = np.array([1.0, np.nan, 0.0, 1.0]), np.array([0.1, 0.9, 0.5, 0.5])
    options = {"id_rank": np.array([0, 1, 2, 3])}
    assert confident_accuracy(hits, confidence, **options, percent=34) == 0.0
    assert confident_accuracy(hits, confidence, **options, percent=67) == 0.5
    assert confident_accuracy(hits, confidence, **options, percent=100) == pytest.approx(2 / 3)
    assert confident_accuracy(hits, confidence, **options, percent=33) is None
    assert most_confident(confidence, **options, percent=50).tolist() == [1, 2]
    assert most_confident(confidence, id_rank=np.array([3, 2, 1, 0]), percent=75).tolist() == [1, 3, 2]


def test_sizes_are_whole_parts_of_exact_products():
    for n in range(1, 2000):
        for percent, denominator in ((20, 5), (5, 20), (100, 1)):
            found = most_confident(np.zeros(n), id_rank=np.arange(n), percent=percent)
            assert len(found) == n // denominator


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_order_changes_nothing_and_swapping_negates(seed):
    rng = np.random.default_rng(seed)
    pair = draw(rng, 150, undefined=0.1)
    order = rng.permutation(150)
    pair = dataclasses.replace(pair, groups=rng.integers(0, 60, 150))
    moved = pair.where(order)
    back = ConfidentHits(
        pair.reference_hits,
        pair.reference_confidence,
        pair.target_hits,
        pair.target_confidence,
        pair.id_rank,
        pair.groups,
    )
    for percent in (20, 100):
        there = confident_gap([pair], percent=percent, seed=1, name="x", replicates=50)
        assert confident_gap([moved], percent=percent, seed=1, name="x", replicates=50) == there
        swapped = confident_gap([back], percent=percent, seed=1, name="x", replicates=50)
        assert swapped.value == -there.value
        if percent != 100 and there.low is not None:
            assert (swapped.low, swapped.high) == pytest.approx((-there.high, -there.low), abs=1e-15)
        same = ConfidentHits(*(pair.target_hits, pair.target_confidence) * 2, pair.id_rank)
        gap = confident_gap([same], percent=percent, seed=1, name="x", replicates=50)
        assert (gap.value, gap.low, gap.high, gap.std) == (0.0, 0.0, 0.0, 0.0)


def test_the_interval_covers_the_truth_95_times_in_100():
    """The truth is the score in 300,000 records of the same kind, known to 0.003."""
    truth = confident_gap(
        [draw(np.random.default_rng(1), 300_000, levels=1000)], percent=20, seed=0, name="x", replicates=2
    )
    covered = 0
    for seed in range(300):
        pair = draw(np.random.default_rng(10_000 + seed), 400, levels=1000)
        gap = confident_gap([pair], percent=20, seed=seed, name="x", replicates=200)
        covered += gap.low <= truth.value <= gap.high
    assert 0.915 <= covered / 300 <= 0.985


def test_nothing_selected_is_null_with_a_reason():
    nobody = ConfidentHits(*[np.full(3, np.nan)] * 4, np.arange(3))
    gap = confident_gap([nobody], percent=20, seed=0, name="x")
    assert (gap.value, gap.n, gap.reason) == (None, 0, "no record is scored")
    few = draw(np.random.default_rng(0), 15)
    gap = confident_gap([few], percent=5, seed=0, name="x")
    assert (gap.value, gap.n, gap.reason) == (None, 0, "5 % of the scored records are none")
    everyone = confident_gap([few], percent=100, seed=0, name="x")
    assert (everyone.n, everyone.low, everyone.value is None) == (15, None, False)
    assert "15 scored records" in everyone.reason
    selected = confident_gap([draw(np.random.default_rng(0), 95)], percent=20, seed=0, name="x")
    assert selected.low is None
    assert "19 of the most confident records" in selected.reason


def test_records_alone_have_the_same_numbers_with_and_without_groups():
    pair = draw(np.random.default_rng(0), 150)
    alone = dataclasses.replace(pair, groups=np.arange(150)[::-1].copy())
    for percent in (20, 100):
        plain = confident_gap([pair], percent=percent, seed=0, name="x", replicates=50)
        assert confident_gap([alone], percent=percent, seed=0, name="x", replicates=50) == plain


def test_groups_widen_the_interval_of_a_score():
    pair = draw(np.random.default_rng(0), 200)
    tenfold = dataclasses.replace(
        pair.where(np.repeat(np.arange(200), 10)), id_rank=np.arange(2000), groups=np.repeat(np.arange(200), 10)
    )
    plain, found = (
        confident_gap([each], percent=20, seed=0, name="x", replicates=300)
        for each in (dataclasses.replace(tenfold, groups=None), tenfold)
    )
    assert (found.n_groups, plain.n_groups) == (200, 2000)
    assert found.high - found.low > 2 * (plain.high - plain.low)


def test_shares_of_equal_codes():
    assert share_equal(np.array([-1]), np.array([2])).reason == "no record of which both references say anything"
    few = share_equal(np.array([1, 2, 3, 4, -1]), np.array([1, 2, 4, 4, 1]))
    assert (few.value, few.n, few.n_undefined, few.low) == (0.75, 4, 1, None)
    one, other = np.array([*([1, 2, 3, 4] * 6), -1]), np.array([*([1, 2, 4, 4] * 6), 1])
    found = share_equal(one, other)
    assert (found.value, found.n, found.n_undefined, found.n_groups) == (0.75, 24, 1, 24)
    # Wilson: (p + z²/2n ± z √(p(1 − p)/n + z²/4n²)) / (1 + z²/n)
    z, n, p = 1.959964, 24, 0.75
    middle, half = p + z**2 / (2 * n), z * (p * (1 - p) / n + z**2 / (4 * n**2)) ** 0.5
    assert found.low == pytest.approx((middle - half) / (1 + z**2 / n), abs=1e-6)
    assert found.high == pytest.approx((middle + half) / (1 + z**2 / n), abs=1e-6)
    # Pairs of equal records say as much as single ones.
    twice = share_equal(np.repeat(one, 2), np.repeat(other, 2), groups=np.repeat(np.arange(25), 2))
    assert (twice.n, twice.n_groups) == (48, 24)
    assert (twice.low, twice.high) == (pytest.approx(found.low, abs=0.01), pytest.approx(found.high, abs=0.01))
