"""Calibration: planted nothing."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from memometer import audit_vl_dejavu, make_scenes, split_records
from memometer.audits.calibration import null_coverage
from memometer.audits.result import Audit
from memometer.encoders.untrained import untrained
from memometer.report import render
from memometer.runs.schema import Number


def summary_of(value, half):
    return {"gap": Number(value=value, low=value - half, high=value + half, n=1)}


def coverage_of(gaps):
    def audit(seed):
        return Audit(summary=gaps[seed], tables={}, manifest={}, config={})

    return null_coverage(audit, seeds=len(gaps), intervals=lambda summary: summary)


def test_coverage_is_counted_with_its_own_interval():
    (row,) = coverage_of([summary_of(value, 0.1) for value in (0.0, 0.05, -0.05, 0.2)])
    assert (row["interval"], row["n_seeds"], row["n_covered"], row["coverage"]) == ("gap", 4, 3, 0.75)
    assert row["low"] == pytest.approx(0.194, abs=1e-3)  # Clopper and Pearson's for 3 of 4
    assert row["high"] == pytest.approx(0.994, abs=1e-3)
    assert row["mean"] == pytest.approx(0.05)
    assert row["stderr"] == pytest.approx(np.std([0, 0.05, -0.05, 0.2], ddof=1) / 2)


def test_undefined_intervals_do_not_count():
    (row,) = coverage_of([{"gap": Number(value=None, low=None, high=None, n=0)}] * 3)
    assert (row["n_seeds"], row["coverage"], row["mean"]) == (0, None, None)


def test_untrained_models_are_drawn_by_seed_and_name():
    texts = ["a dog", "a red boat on the water"]
    one, again, other, sibling = (
        untrained(seed, name).encode_texts(texts) for seed, name in ((0, "t"), (0, "t"), (1, "t"), (0, "r"))
    )
    assert np.array_equal(one, again)
    assert not np.allclose(one, other)
    assert not np.allclose(one, sibling)
    assert np.ptp(one, axis=0).max() > 0


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    make_scenes(folder, n=150, size=32)
    split_records(folder, "a=50,b=50,public=rest")
    return folder


def searched(folder, *, seed, **more):
    """VL-Déjà-Vu of two untrained models."""
    models = {name: untrained(seed, name) for name in ("target", "reference")}
    options = {"role": "a", "public_role": "public", "k": 3, "sweep": (), "gallery": 0, **more}
    return audit_vl_dejavu(**models, records=folder, public=folder, **options)


def test_an_audit_calibrates_itself_on_untrained_models(scenes, tmp_path):
    audit = searched(scenes, seed=100, reference_role="b", null=20, replicates=200, out=tmp_path / "run")
    rows = {row["interval"]: row for row in audit.summary["null"]}
    assert set(rows) == {
        f"{design}/{over}/{gap}"
        for design in ("balanced", "one-way")
        for over in ("all", "unmentioned")
        for gap in ("ppg", "prg", "aucg")
    }
    for gap in ("ppg", "prg", "aucg"):
        assert rows[f"balanced/all/{gap}"]["n_seeds"] == 20
        assert rows[f"balanced/all/{gap}"]["coverage"] >= 0.75  # 95 % of 20, four standard errors down
    assert list((tmp_path / "run" / "stages").glob("*/00000.npz"))  # the audit's own models alone
    assert len(list((tmp_path / "run" / "stages").glob("neighbors-*"))) == 4


def test_planted_records_are_ranked_beside_the_baselines(tmp_path):
    folder = tmp_path / "scenes"
    make_scenes(folder, n=120, size=32, miscaptioned=20)
    split_records(folder, "a=80,public=rest")
    audit = searched(folder, seed=0)
    by = {row["by"]: row for row in audit.summary["planted"]}
    assert set(by) == {"gap", "gap, unmentioned", "low similarity", "random"}
    assert by["random"]["area"] == 0.5
    planted = set(pq.read_table(folder / "planted.parquet")["record_id"].to_pylist())
    samples = audit.samples.to_pylist()
    scores = [(row["correct_target"] - row["correct_reference"], row["record_id"] in planted) for row in samples]
    pairs = [(mine, other) for mine, is_mine in scores if is_mine for other, is_other in scores if not is_other]
    area = np.mean([(mine > other) + 0.5 * (mine == other) for mine, other in pairs])
    assert by["gap"]["area"] == pytest.approx(area)
    assert by["gap"]["n_positive"] == sum(is_planted for _, is_planted in scores)
    assert "ROC area" in render(audit)
    assert set(audit.tables["roc"]["by"].to_pylist()) == {"gap", "gap, unmentioned", "low similarity"}
