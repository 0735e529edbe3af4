"""Votes of neighbours, outcomes of records, and the whole measure on vectors with planted memorization."""

from collections import Counter

import numpy as np
import pytest
import scipy.stats
import torch
from array_shapes import unchecked
from hypothesis import given, settings
from hypothesis import strategies as st

from memometer.errors import InputError
from memometer.measures.image_dejavu.scores import (
    OUTCOMES,
    label_hits,
    memorization_confidence,
    outcomes,
    undefined_labels,
    vote_labels,
)
from memometer.neighbors import search
from memometer.references.predictions import rank_labels
from memometer.statistics import ConfidentHits, confident_gap

seeds = st.integers(0, 2**32 - 1)


def vote_oracle(neighbors, public_labels, top):
    """Ranked labels and entropy of one record."""
    labels = [int(public_labels[row]) for row in neighbors]
    counts = Counter(labels)
    ranks = {label: sum(place for place, other in enumerate(labels) if other == label) for label in counts}
    ranked = sorted(counts, key=lambda label: (-counts[label], ranks[label], label))[:top]
    return ranked + [-1] * (top - len(ranked)), scipy.stats.entropy(list(counts.values()))


@settings(max_examples=100, deadline=None)
@given(seeds, st.integers(1, 12), st.integers(1, 6), st.integers(1, 7))
def test_votes_equal_the_oracle(seed, k, n_labels, top):
    rng = np.random.default_rng(seed)
    public_labels = rng.integers(0, n_labels, 14).astype(np.int32)
    neighbors = np.array([rng.permutation(14)[:k] for _ in range(9)])
    votes = vote_labels(neighbors, public_labels=public_labels, n_labels=n_labels, top=top)
    expected = [vote_oracle(row, public_labels, top) for row in neighbors]
    assert votes.ranked.tolist() == [ranked for ranked, _ in expected]
    np.testing.assert_allclose(votes.entropy, [entropy for _, entropy in expected], atol=1e-12)
    np.testing.assert_array_equal(votes.confidence, -votes.entropy)
    np.testing.assert_array_equal(votes.labels, votes.ranked[:, 0])


def test_votes_by_hand():
    # Labels of the public rows, and the neighbours of four crops, nearest first.
    public_labels = np.array([0, 0, 1, 1, 2, 2])
    neighbors = np.array([[4, 0, 1, 2], [2, 0, 1, 3], [5, 4, 0, 2], [0, 1, 0, 1]])
    votes = vote_labels(neighbors, public_labels=public_labels, n_labels=3, top=3)
    # 2 0 0 1: label 0 twice; 2 comes before 1.  1 0 0 1: two each, ranks 0 + 3 and 1 + 2 are equal: the lower id.
    # 2 2 0 1: label 2 twice.                    0 0 0 0.
    assert votes.ranked.tolist() == [[0, 2, 1], [0, 1, -1], [2, 0, 1], [0, -1, -1]]
    three = -(0.5 * np.log(0.5) + 2 * 0.25 * np.log(0.25))
    np.testing.assert_allclose(votes.entropy, [three, np.log(2), three, 0.0], atol=1e-12)
    assert not np.signbit(votes.confidence[3])
    first = vote_labels(np.array([[0, 2, 3, 1]]), public_labels=np.array([1, 1, 0, 0]), n_labels=2)
    assert first.labels.tolist() == [0]  # ranks 1 + 2 and 0 + 3: the lower id
    second = vote_labels(np.array([[0, 2, 1, 3]]), public_labels=np.array([1, 1, 0, 0]), n_labels=2)
    assert second.labels.tolist() == [1]  # ranks 0 + 2 before 1 + 3


def test_a_parallel_kernel_leaves_torchs_number_of_threads():
    """So that a training after an audit is as one before it."""
    before = torch.get_num_threads()
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            votes = vote_labels(np.array([[0, 1], [1, 0]]), public_labels=np.zeros(2, int), n_labels=1)
            assert torch.get_num_threads() == threads
            assert votes.labels.tolist() == [0, 0]
    finally:
        torch.set_num_threads(before)


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_equal_counts_have_equal_bits_of_entropy_whatever_the_labels_and_their_order(seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 40, 100)
    renamed = rng.permutation(40)[labels]
    neighbors = np.stack([rng.permutation(100) for _ in range(5)])
    here = vote_labels(neighbors, public_labels=labels, n_labels=40)
    there = vote_labels(neighbors[::-1], public_labels=renamed, n_labels=40)
    assert len({*here.entropy.tolist(), *there.entropy.tolist()}) == 1


def test_equal_entropies_of_other_counts_are_equal_too():
    """5·5·ln 5 + 4·ln 4 + 2·ln 2 = 10·ln 10, but not in the last bit of float64."""
    labels = np.repeat(np.arange(11), [5, 5, 4, 2, 10, 1, 1, 1, 1, 1, 1])
    votes = vote_labels(np.arange(32).reshape(2, 16), public_labels=labels, n_labels=11)
    assert votes.entropy[0] == votes.entropy[1]


def test_a_record_is_undefined_for_the_first_reason_that_holds():
    labels = np.array([0, 1, 2, -1, 3])
    assert undefined_labels(labels, public_labels=np.array([0, 1, 3])).tolist() == [0, 0, 2, 1, 0]
    fitted = np.array([0, 2])
    assert undefined_labels(labels, public_labels=np.array([0, 1, 3]), fitted_labels=fitted).tolist() == [0, 3, 2, 1, 3]


def test_hits_are_undefined_without_a_label_or_an_answer():
    ranked = np.array([[3, 1], [3, 1], [3, -1], [3, 1], [-1, -1]])
    labels = np.array([3, 1, 1, -1, 3])
    np.testing.assert_array_equal(label_hits(ranked, labels), [1, 0, 0, np.nan, np.nan])
    np.testing.assert_array_equal(label_hits(ranked, labels, top=2), [1, 1, 0, np.nan, np.nan])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(*[st.sampled_from([0.0, 1.0, np.nan])] * 2), min_size=1, max_size=30))
def test_every_scored_record_has_one_outcome_and_swapping_swaps_memorized_and_forgotten(pairs):
    target, reference = np.array(pairs).T
    there, back = outcomes(target, reference), outcomes(reference, target)
    scored = ~np.isnan(target + reference)
    assert ((there >= 0) == scored).all()
    swap = np.array([2, 1, 0, 3, -1])
    np.testing.assert_array_equal(swap[there], back)
    counts = np.bincount(there[scored], minlength=4)
    difference = counts[OUTCOMES.index("memorized")] - counts[OUTCOMES.index("forgotten")]
    assert difference == (target - reference)[scored].sum()


def test_memorization_confidence_is_for_memorized_records_alone():
    code = np.array([0, 1, 2, 3, -1, 0], np.int8)
    target, reference = np.arange(6) / 10, np.full(6, 1.0)
    confidence = memorization_confidence(code, target_entropy=target, reference_entropy=reference)
    np.testing.assert_allclose(confidence, [1.0, np.nan, np.nan, np.nan, np.nan, 0.5])


# --- the whole measure on vectors ---

N_LABELS, N, M, DIM, PLANTED = 6, 120, 300, 16, 30


def world(seed):
    """Public images near the middle of their class; crops anywhere, but for the target of the planted records near it.

    Vectors are unnormalised: the norms of the classes differ, so that a search by angle would answer otherwise.
    """
    rng = np.random.default_rng(seed)
    middles = rng.standard_normal((N_LABELS, DIM)) * np.linspace(1, 4, N_LABELS)[:, None]
    public_labels = np.arange(M) % N_LABELS
    public = middles[public_labels] + 0.5 * rng.standard_normal((M, DIM))
    labels = rng.integers(0, N_LABELS, N)
    reference, target = (2 * rng.standard_normal((N, DIM)) for _ in range(2))
    target[:PLANTED] = middles[labels[:PLANTED]] + 0.3 * rng.standard_normal((PLANTED, DIM))
    return public, public_labels, labels, target, reference


def run(public, public_labels, labels, target, reference, *, k=20, top=1):
    votes = {
        name: vote_labels(search(crops, public, k=k, metric="l2").rows, public_labels=public_labels, n_labels=N_LABELS)
        for name, crops in (("target", target), ("reference", reference))
    }
    hits = {name: label_hits(vote.ranked, labels, top=top) for name, vote in votes.items()}
    return votes, ConfidentHits(
        hits["target"],
        votes["target"].confidence,
        hits["reference"],
        votes["reference"].confidence,
        np.arange(len(labels)),
    )


def test_planted_memorization_is_found_and_found_first():
    votes, pair = run(*world(0))
    code = outcomes(pair.target_hits, pair.reference_hits)
    assert np.isin(code[:PLANTED], [0, 1]).mean() > 0.95
    sure = memorization_confidence(
        code, target_entropy=votes["target"].entropy, reference_entropy=votes["reference"].entropy
    )
    first = np.argsort(-np.nan_to_num(sure, nan=-9))[:10]
    assert (first < PLANTED).mean() >= 0.9  # a quarter of all; a guess may be right for others too
    everyone = confident_gap([pair], percent=100, seed=0, name="top-1")
    surest = confident_gap([pair], percent=20, seed=0, name="top-1")
    assert everyone.low > 0
    assert surest.value > everyone.value


def test_without_planting_the_gap_is_not_far_from_zero():
    public, public_labels, labels, _, reference = world(1)
    _, pair = run(public, public_labels, labels, reference[::-1].copy(), reference)
    gap = confident_gap([pair], percent=100, seed=0, name="top-1")
    assert gap.low < 0 < gap.high


def test_predictions_of_a_one_model_reference_score_alike():
    """What a crop classifier says goes the same way as a second model's votes."""
    logits = np.log(np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.3, 0.4, 0.3]]))
    answer = rank_labels(logits, label_ids=np.arange(3), top=3)
    target = vote_labels(np.zeros((3, 4), int), public_labels=np.array([2]), n_labels=3)
    labels = np.array([2, 2, 0])
    code = outcomes(label_hits(target.ranked, labels), label_hits(answer.ranked, labels))
    assert [OUTCOMES[each] for each in code] == ["memorized", "correlated", "unassociated"]
    sure = memorization_confidence(code, target_entropy=target.entropy, reference_entropy=answer.entropy)
    np.testing.assert_allclose(sure, [scipy.stats.entropy([0.7, 0.2, 0.1]), np.nan, np.nan])
    np.testing.assert_allclose(answer.confidence, [0.7, 0.8, 0.4])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"neighbors": np.zeros(3, int)}, r"neighbours of shape \(3,\), top 5; expected \(n, k\)"),
        ({"neighbors": np.zeros((3, 0), int)}, r"shape \(3, 0\)"),
        ({"top": 0}, "top 0"),
        ({"neighbors": np.array([[4]])}, "outside the 4 public rows; search the public set"),
        ({"neighbors": np.array([[-1]])}, "outside the 4 public rows"),
        ({"public_labels": np.array([0, 1, 2, -1])}, "ids from -1 to 2; expected 0 … 2: leave images without a label"),
        ({"public_labels": np.array([0, 1, 2, 3])}, "ids from 0 to 3"),
    ],
)
def test_wrong_input_is_a_sentence(change, words):
    good = {"neighbors": np.array([[0, 1]]), "public_labels": np.array([0, 1, 2, 2]), "n_labels": 3}
    with pytest.raises(InputError, match=words):
        unchecked(vote_labels)(**{**good, **change})
    with pytest.raises(InputError, match=r"shape \(2, 1\) for 2 labels, top 2; expected \(n, t\)"):
        label_hits(np.zeros((2, 1), int), np.zeros(2, int), top=2)
