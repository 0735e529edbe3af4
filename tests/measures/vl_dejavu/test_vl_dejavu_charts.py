import re

import numpy as np
import pyarrow as pa
import pytest
from report_factory import HOSTILE, gap, make_audit, make_samples, make_summary, rows

from memometer.measures.vl_dejavu.charts.by_k import gap_by_k
from memometer.measures.vl_dejavu.charts.leaking import leaking_objects
from memometer.measures.vl_dejavu.charts.recall import _survival, recall_distributions
from memometer.measures.vl_dejavu.charts.top import gap_by_top
from memometer.measures.vl_dejavu.page import FIGURES
from memometer.report.svg import to_svg


@pytest.fixture(scope="module")
def audit():
    return make_audit()


def test_svg_ids_stay_apart(audit, monkeypatch):
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg"><defs><clipPath id="c0"><rect width="1" height="1"/></clipPath></defs>'
        '<g clip-path="url(#c0)"><path d="M0,0" fill="#009e73"/></g></svg>'
    )
    monkeypatch.setattr("vl_convert.vegalite_to_svg", lambda _: drawing)
    svg = to_svg(leaking_objects(audit), key="one", label="x")
    assert re.findall(r' id="([^"]+)"', svg) == ["one-c0"]
    assert 'clip-path="url(#one-c0)"' in svg


def test_hostile_labels_stay_text_in_a_drawing():
    svg = to_svg(leaking_objects(make_audit(labels=HOSTILE)), key="x", label="x")
    assert not re.findall(r"<(?:script|img|image|a|foreignObject|style)\b", svg)
    assert "&lt;script&gt;" in svg
    assert "\x00" not in svg
    assert "\u202e" not in svg


@pytest.mark.parametrize(
    "element",
    ["<a/>", "<image/>", "<script/>", '<g onload="x"/>', '<g xmlns:x="http://www.w3.org/1999/xlink" x:href="x"/>'],
)
def test_a_drawing_that_is_more_than_a_drawing_is_refused(audit, monkeypatch, element):
    drawing = f'<svg xmlns="http://www.w3.org/2000/svg"><g>{element}</g></svg>'
    monkeypatch.setattr("vl_convert.vegalite_to_svg", lambda _: drawing)
    with pytest.raises(ValueError, match="no plain drawing"):
        to_svg(recall_distributions(audit), key="x", label="x")


def test_survival_matches_a_plain_count():
    samples = make_samples(n=400)
    curve = _survival(samples, "recall_target")
    expected = []
    for step in range(101):
        shares = []
        for direction in ("forward", "backward"):
            recalls = [
                recall
                for recall, where in zip(
                    samples["recall_target"].to_pylist(), samples["direction"].to_pylist(), strict=True
                )
                if where == direction and recall is not None
            ]
            shares.append(sum(recall > step / 100 + 1e-9 for recall in recalls) / len(recalls))
        expected.append(sum(shares) / 2)
    np.testing.assert_allclose(curve, expected, atol=1e-12)


def test_area_between_the_curves_is_the_balanced_aucg():
    samples = make_samples(n=2000, lift=0.1)
    area = (_survival(samples, "recall_target") - _survival(samples, "recall_reference"))[:-1].mean()
    exact = []
    for direction in ("forward", "backward"):
        part = samples.filter(pa.compute.equal(samples["direction"], direction))
        exact.append(np.nanmean(part["recall_target"].to_numpy()) - np.nanmean(part["recall_reference"].to_numpy()))
    assert area == pytest.approx(np.mean(exact), abs=0.005)


def test_a_chart_of_many_records_is_no_larger():
    small = recall_distributions(make_audit(samples=make_samples(n=100)))
    large = recall_distributions(make_audit(samples=make_samples(n=100_000)))
    assert len(rows(large)) == len(rows(small))


def test_recall_without_scored_records_is_empty():
    samples = make_samples(n=3)  # all of them skipped
    figure = next(figure for figure in FIGURES if figure.key == "recall")
    assert figure.numbers(make_audit(samples=samples)).rows == ()


def test_gap_by_top_is_the_mean_of_both_directions():
    summary = make_summary()
    for entry in summary["sample_level"]:
        entry["recall_gap"] = 0.3 if entry["direction"] == "forward" else 0.1
        entry["recall_gap_low"], entry["recall_gap_high"] = entry["recall_gap"] - 0.06, entry["recall_gap"] + 0.06
    points = [row for row in rows(gap_by_top(make_audit(summary=summary))) if row.get("series") == "Recall gap"]
    assert {round(row["value"], 6) for row in points} == {0.2}
    assert {round(row["high"] - row["value"], 4) for row in points} == {round(0.06 / 2**0.5, 4)}
    assert any(row["series"].startswith("Control") for row in rows(gap_by_top(make_audit())) if "series" in row)


def test_gap_by_top_leaves_out_sizes_that_one_direction_lacks():
    summary = make_summary()
    summary["sample_level"] = [
        entry for entry in summary["sample_level"] if entry["top"] != 1000 or entry["direction"] == "forward"
    ]
    assert 1000 not in {row.get("top") for row in rows(gap_by_top(make_audit(summary=summary)))}


def test_leaking_objects_rank_by_the_lower_end():
    table = pa.table(
        {
            "label": ["rare", "common", "unknown"],
            "n": [1, 900, 3],
            "recall_target": [1.0, 0.5, 0.5],
            "recall_reference": [0.0, 0.4, 0.5],
            "gap": [1.0, 0.1, 0.0],
            "low": [-0.2, 0.07, None],
            "high": [1.0, 0.13, None],
        }
    )
    shown = [row for row in rows(leaking_objects(make_audit(tables={"objects": table}))) if "label" in row]
    assert list(dict.fromkeys(row["label"] for row in shown)) == ["common", "rare"]
    assert {row["label"]: row["sure"] for row in shown} == {"common": True, "rare": False}


def test_gap_by_k_is_balanced_where_it_can_be():
    def prg(both_ways):
        summary = make_summary(both_ways=both_ways)
        for entry in summary["by_k"].values():
            entry["all"]["prg"] = gap(0.5)
        chart = gap_by_k(make_audit(summary=summary))
        return {row["value"] for row in rows(chart) if row.get("series") == "PRG"}

    assert 0.5 not in prg(both_ways=True)
    assert 0.5 in prg(both_ways=False)


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.key)
def test_charts_of_an_audit_without_numbers_do_not_fail(figure):
    undefined = {name: gap(None) for name in ("ppg", "prg", "aucg")}
    nothing = {"all": undefined, "unmentioned": undefined}
    summary = make_summary(both_ways=False) | {"gaps": nothing, "by_k": {"10": nothing | {"balanced": None}}}
    summary["sample_level"] = []
    audit = make_audit(summary=summary, samples=make_samples(n=3), labels=[])
    if figure.numbers(audit).rows:
        to_svg(figure.draw(audit), key="x", label="x")
