"""How the gaps move when the labeller errs more."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from worlds import VectorWorld, union_oracle

from memometer import audit_vl_dejavu
from memometer.measures.vl_dejavu import sensitivity
from memometer.measures.vl_dejavu.charts.label_errors import label_error_numbers
from memometer.objects.disturbed import with_dropped
from memometer.objects.nouns import mentioned
from memometer.objects.sets import label_union, object_sets
from memometer.seeds import rng_for

GAPS = ("ppg", "prg", "aucg")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return VectorWorld(tmp_path_factory.mktemp("world"), seed=2, n=120, m=150, plant=1.5)


@pytest.fixture(scope="module")
def audit(world):
    return audit_vl_dejavu(**world.options, k=3, sweep=(), images=False)


def as_it_is(audit, over):
    return np.array([audit.summary["balanced"][over][gap]["value"] for gap in GAPS])


def moved(audit, kind, rate, over):
    (row,) = [row for row in audit.summary["label_errors"] if (row["labels"], row["rate"]) == (kind, rate)]
    return np.array([row[over][gap]["value"] for gap in GAPS])


def test_each_draw_is_what_an_oracle_finds_with_the_disturbed_labels(world, audit):
    """One draw of one kind and rate, labels disturbed one set after another in the order of ids, scored in sets."""
    parts = pq.read_table(world.folder / "records" / "records.parquet")
    labels = label_union([parts["objects"]])
    expected = []
    for draw in range(5):
        gaps = []
        disturbed = {}
        for role in ("a", "b", "public"):
            part = parts.filter(pa.compute.equal(parts["role"], role)).sort_by("record_id")
            rng = rng_for(0, "dropped labels", "0.2", draw, part["record_id"][0].as_py())
            sets = with_dropped(object_sets(part["objects"], labels=labels), rate=0.2, rng=rng)
            disturbed[role] = [sets.of(row) for row in range(len(sets))]
        for role, other in (("a", "b"), ("b", "a")):
            part = parts.filter(pa.compute.equal(parts["role"], role))
            named = mentioned(pa.compute.list_element(part["captions"], 0), labels=labels)
            spoken = [named.of(row) for row in range(len(named))]
            sides = [
                union_oracle(disturbed[role], spoken, disturbed["public"], world.nearest(model, role, k=3), 3)
                for model in (role, other)
            ]
            gaps.append([gaps_of(sides[0][place], sides[1][place]) for place in (0, 1)])
        expected.append(np.mean(gaps, axis=0))
    for place, over in enumerate(("all", "unmentioned")):
        np.testing.assert_allclose(moved(audit, "dropped", 0.2, over), np.mean(expected, axis=0)[place], atol=1e-12)


def gaps_of(target, reference):
    kept = ~np.isnan(target[:, 1])
    target, reference = target[kept], reference[kept]
    signs = np.sign(target[:, :2] - reference[:, :2]).mean(axis=0)
    return [*signs, target[:, 1].mean() - reference[:, 1].mean()]


def test_more_errors_blur_a_gap_that_is_there(audit):
    gaps = [moved(audit, "dropped", rate, "all")[2] for rate in (0.05, 0.1, 0.2)]
    assert as_it_is(audit, "all")[2] > gaps[0] > gaps[2] > 0.1
    assert all(row["draws"] == 5 for row in audit.summary["label_errors"])
    for row in audit.summary["label_errors"]:
        for over in ("all", "unmentioned"):
            for gap in GAPS:
                found = row[over][gap]
                assert found["lowest"] <= found["value"] <= found["highest"]


def test_errors_make_no_balanced_gap_where_models_differ_in_quality_alone(tmp_path):
    """Both models know all records alike, one better than the other: over many worlds the mean stays at 0."""
    found = []
    for seed in range(12):
        world = VectorWorld(tmp_path / str(seed), seed=seed, n=60, m=80, plant=0.0)
        found.append([moved(audit_of(world), kind, 0.2, "all") for kind in ("dropped", "added")])
    found = np.array(found)
    error = found.std(axis=0, ddof=1) / np.sqrt(len(found))
    assert np.all(np.abs(found.mean(axis=0)) < 4 * error + 1e-9)


def audit_of(world):
    return audit_vl_dejavu(**world.options, k=3, sweep=(), images=False, replicates=20)


def test_the_order_of_records_changes_nothing(world, audit, tmp_path):
    table = pq.read_table(world.folder / "records" / "records.parquet")
    (tmp_path / "records").mkdir()
    order = np.random.default_rng(0).permutation(table.num_rows)
    pq.write_table(table.take(pa.array(order)), tmp_path / "records" / "records.parquet")
    options = {**world.options, "records": tmp_path / "records", "public": tmp_path / "records"}
    again = audit_vl_dejavu(**options, k=3, sweep=(), images=False)
    assert again.summary["label_errors"] == audit.summary["label_errors"]


def test_one_draw_does_for_many_records(world, monkeypatch):
    monkeypatch.setattr(sensitivity, "MANY", 10)
    assert {row.draws for row in audit_of(world).summary.label_errors} == {1}


def test_it_is_drawn_with_its_numbers(audit):
    assert "If the labeller erred more" in audit._repr_html_()
    assert audit.charts["gap_by_label_errors"].to_dict()
    numbers = label_error_numbers(audit)
    assert [row[:2] for row in numbers.rows[:3]] == [
        ("as they are", "–"),
        ("labels dropped", "5%"),
        ("labels dropped", "10%"),
    ]
    assert len(numbers.rows) == 7
