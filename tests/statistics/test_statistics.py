import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memometer.statistics import (
    gap_of,
    label_table,
    population_contributions,
    recall_area_by_histogram,
    top_counts,
    top_gaps,
)

scores = st.lists(st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 1.0, np.nan]), min_size=2, max_size=40)


def contributions(target, reference):
    return population_contributions(
        precision_target=target, precision_reference=reference, recall_target=target, recall_reference=reference
    )


def test_the_three_gaps_by_hand():
    added = population_contributions(
        precision_target=np.array([0.5, 0.2, 0.3, np.nan]),
        precision_reference=np.array([0.1, 0.4, 0.3, np.nan]),
        recall_target=np.array([1.0, 0.5, 0.5, np.nan]),
        recall_reference=np.array([0.5, 0.5, 0.25, np.nan]),
    )
    value = {name: gap_of([array], seed=0, name=name).value for name, array in added.items()}
    assert value["ppg"] == 0.0  # one better, one worse, one equal
    assert value["prg"] == pytest.approx(2 / 3)
    assert value["aucg"] == pytest.approx(0.25)


@settings(max_examples=50, deadline=None)
@given(scores, st.randoms(use_true_random=False))
def test_swapping_the_models_negates_and_order_changes_nothing(values, shuffle):
    target = np.array(values)
    reference = np.array(values)
    shuffle.shuffle(reference)
    reference[np.isnan(target)] = np.nan
    target[np.isnan(reference)] = np.nan
    order = np.random.default_rng(0).permutation(len(target))
    there, back = contributions(target, reference), contributions(reference, target)
    for name in there:
        forward = gap_of([there[name]], seed=3, name=name, replicates=50)
        backward = gap_of([back[name]], seed=3, name=name, replicates=50)
        assert forward == gap_of([there[name][order]], seed=3, name=name, replicates=50)
        assert (forward.value is None) == (backward.value is None)
        if forward.value is not None:
            assert forward.value == pytest.approx(-backward.value, abs=1e-15)


def test_no_record_is_null_with_a_reason_and_one_record_has_no_interval():
    nothing = gap_of([np.array([np.nan])], seed=0, name="prg", reason="no record has an object")
    assert (nothing.value, nothing.low, nothing.n, nothing.reason) == (None, None, 0, "no record has an object")
    single = gap_of([np.array([1.0])], seed=0, name="prg")
    assert (single.value, single.low, single.std, single.n) == (1.0, None, None, 1)
    assert "1 scored records" in single.as_dict()["reason"]


def test_fewer_than_20_records_of_a_direction_have_no_interval():
    many, few = np.arange(30.0), np.arange(19.0)
    gap = gap_of([many, few], seed=0, name="prg")
    assert (gap.low, gap.high, gap.n, gap.n_groups) == (None, None, 49, 49)
    assert gap.reason.startswith("19 scored records or groups of them, fewer than the 20")
    assert gap_of([many, np.arange(20.0)], seed=0, name="prg").reason is None
    pairs = np.arange(30) // 2
    assert gap_of([many], seed=0, name="prg", groups=[pairs]).reason.startswith("15 scored records or groups")


def test_the_bootstrap_has_the_standard_error_of_the_mean():
    rng = np.random.default_rng(1)
    values = rng.choice([-1.0, 0.0, 1.0], 2000, p=[0.2, 0.5, 0.3])
    gap = gap_of([values], seed=0, name="ppg", replicates=4000)
    standard_error = values.std() / 2000**0.5
    assert (gap.high - gap.low) / (2 * 1.96) == pytest.approx(standard_error, rel=0.05)
    assert gap.std == pytest.approx(values.std() / 200**0.5, rel=0.2)  # 100 draws of a tenth


def test_balanced_is_the_mean_of_the_two_directions_whatever_their_sizes():
    gap = gap_of([np.array([1.0, 1.0, 1.0, 0.0]), np.array([0.0, -1.0])], seed=0, name="prg")
    assert gap.value == pytest.approx((0.75 - 0.5) / 2)
    assert gap.n == 6


def test_the_area_by_histogram_is_within_half_a_bin_of_the_mean():
    recall = np.random.default_rng(0).beta(2, 3, 5000)
    area = recall_area_by_histogram(recall)
    assert area == pytest.approx(recall.mean() + 0.5 * (recall.max() - recall.min()) / 100, abs=1e-3)
    assert recall_area_by_histogram(np.array([0.25, 0.25])) == 0.25


def test_top_counts():
    assert list(top_counts(3000)) == [
        (1, "1"), (3, "0.1 %"), (10, "10"), (30, "1 %"), (100, "100"), (300, "10 %"), (1000, "1,000"),
    ]  # fmt: skip
    assert list(top_counts(0)) == []


def test_top_gaps_by_hand():
    target = {name: np.array([0.5, 1.0, 0.0]) for name in ("precision", "recall", "f")}
    reference = {name: np.array([0.0, 0.5, 0.25]) for name in ("precision", "recall", "f")}
    target |= {"correct": np.array([2.0, 3.0, 0.0]), "distance": np.array([0.3, 0.2, 0.1])}
    reference |= {"correct": np.array([0.0, 2.0, 1.0]), "distance": np.array([0.3, 0.2, 0.1])}
    rows = {
        (row["sort"], row["top"]): row
        for row in top_gaps(target=target, reference=reference, id_rank=np.array([0, 1, 2]))
    }
    assert rows["gap", 1]["recall_gap"] == 0.5  # the first record: 2 against 0
    assert rows["correct", 1]["recall_gap"] == 0.5  # the second: 3
    assert rows["distance", 1]["recall_gap"] == -0.25  # the third: nearest
    assert rows["gap", 1]["control_recall_gap"] == 0.25  # swapped roles pick the third


def test_top_gaps_of_equal_models_are_zero_and_ties_follow_the_ids():
    same = {name: np.array([0.5, 1.0]) for name in ("precision", "recall", "f", "correct", "distance")}
    same["distance"] = np.array([0.5, 0.5])
    same["correct"] = np.array([1.0, 1.0])
    for row in top_gaps(target=same, reference=same, id_rank=np.array([1, 0])):
        assert row["recall_gap"] == row["control_recall_gap"] == 0.0
    other = {**same, "recall": np.array([0.25, 0.5])}
    first = top_gaps(target=same, reference=other, id_rank=np.array([1, 0]))[0]
    assert first["recall_gap"] == 0.5


def test_label_table_by_hand():
    table = label_table(
        labels=pa.array(["ant", "bee", "cow"]),
        label_ids=np.array([0, 0, 0, 0, 2], np.int32),
        found_target=np.array([1, 1, 1, 0, 0], bool),
        found_reference=np.array([0, 0, 1, 0, 0], bool),
    )
    rows = {row["label"]: row for row in table.to_pylist()}
    assert set(rows) == {"ant", "cow"}
    assert (rows["ant"]["n"], rows["ant"]["recall_target"], rows["ant"]["recall_reference"]) == (4, 0.75, 0.25)
    assert rows["ant"]["gap"] == 0.5
    # Agresti and Min: (b − c)/(n + 2) ± 1.96 √(b + c + 1 − (b − c)²/(n + 2))/(n + 2) with b = 2, c = 0, n = 4
    half = 1.96 * (3 - 4 / 6) ** 0.5 / 6
    assert (rows["ant"]["n_groups"], rows["cow"]["n_groups"]) == (4, 1)
    assert rows["ant"]["low"] == pytest.approx(2 / 6 - half)
    assert rows["ant"]["high"] == pytest.approx(2 / 6 + half)
    assert table["label"][0].as_py() == "ant"


def test_label_table_counts_the_groups_of_each_label():
    table = label_table(
        labels=pa.array(["ant", "bee"]),
        label_ids=np.array([0, 1, 0, 0, 1], np.int32),
        found_target=np.ones(5, bool),
        found_reference=np.zeros(5, bool),
        groups=np.array([7, 7, 2, 7, 3]),
    )
    rows = {row["label"]: (row["n"], row["n_groups"]) for row in table.to_pylist()}
    assert rows == {"ant": (3, 2), "bee": (2, 2)}
