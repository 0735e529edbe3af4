"""The reports of SSLMem and UnitMem."""

import dataclasses

import pyarrow as pa
import pytest
from golden_runs import SUMMARIES
from report_factory import rows
from tower_world import change_column, encoder, records_folder

from memometer import audit_sslmem
from memometer.measures.sslmem.schema import SslMemSummary
from memometer.measures.unitmem.schema import UnitMemSummary
from memometer.report import page_of, render

HOSTILE = '<script>alert("1")</script>'


def test_the_charts_show_every_layer_of_both_towers(runs):
    layers = runs["sslmem"].tables["layers"].to_pylist()
    drawn = [row for row in rows(page_of("sslmem").figures[0].draw(runs["sslmem"])) if "series" in row]
    assert sorted(row["value"] for row in drawn) == sorted(row["layermem"] for row in layers)
    units = runs["unitmem"].tables["layers"].to_pylist()
    drawn = [row for row in rows(page_of("unitmem").figures[1].draw(runs["unitmem"])) if "value" in row]
    assert sorted(row["value"] for row in drawn) == sorted(row["difference"] for row in units)


def test_planted_records_are_looked_for_by_the_units_of_both_towers(runs):
    planted = runs["unitmem"].summary["planted"]
    assert [row["by"] for row in planted] == ["sum of UnitMem, image tower", "sum of UnitMem, text tower", "random"]
    assert planted[0]["n_positive"] == 2


@pytest.mark.parametrize(("name", "n"), [("sslmem", 21), ("unitmem", 65)])
def test_the_page_shows_the_audit(runs, name, n):
    page = render(runs[name])
    words = {
        "sslmem": ("SSLMem&#39; at the output", "text less image", "LayerMem from layer to layer", "arXiv 2401.12233"),
        "unitmem": ("UnitMem over all units", "20 × 3", "Beyond records that the model never saw", "arXiv 2409.19069"),
    }[name]
    for word in (*words, "Image tower", "Text tower", "Planted records", f"{n} of {n}", "transformer.resblocks.0"):
        assert word in page, word
    assert page.count("<svg") == 6
    assert page.count("<article") == 6
    assert page.count("<img") == 6


@pytest.mark.parametrize("name", ["sslmem", "unitmem"])
def test_hostile_text_stays_text(runs, name):
    audit = runs[name]
    summary = audit.summary.as_dict() | {"target": HOSTILE, "notes": [HOSTILE]}
    layers = audit.tables["layers"].to_pandas().assign(layer=HOSTILE)
    tables = {**audit.tables, "layers": pa.Table.from_pandas(layers, schema=audit.tables["layers"].schema)}
    page = render(dataclasses.replace(audit, summary=type(audit.summary).made(summary), tables=tables))
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def gap(value, low, high, n=100, **more):
    return {"value": value, "low": low, "high": high, "std": 0.1, "n": n, **more}


UP, FLAT, DOWN = gap(0.1, 0.05, 0.15), gap(0.01, -0.02, 0.04), gap(-0.1, -0.2, -0.05)
NOTHING = gap(None, None, None, 0, reason="no record has two views")


def duplicates(n):
    return {"duplicates_across_roles": {"n": n, "pairs": []}}


FORWARD = {"sslmem": NOTHING, "relative": NOTHING}


def sslmem_summary(*, both_ways=True, between=None, n_duplicates=0, **scores):
    design = "balanced" if both_ways else "forward"
    unscored = {"layers": [], "n_scored": 0, "n_scored_backward": None, "means": {}, "forward": FORWARD}
    unscored |= {"backward": None, "balanced": None}
    towers = {tower: {**unscored, design: {"sslmem": score, "relative": score}} for tower, score in scores.items()}
    backward = SUMMARIES["sslmem"]["backward"] if both_ways else None
    told = {"towers": towers, "text_less_image": between, "backward": backward}
    return SslMemSummary.made(SUMMARIES["sslmem"] | told | duplicates(n_duplicates))


def unitmem_summary(*, n_duplicates=0, **controls):
    def tower(control):
        compared = control and {"difference": control, "trained": 0.5, "control": 0.4, "group_size": 9}
        quantiles = dict.fromkeys(("low", "high", "q25", "median", "q75", "q95", "classmem"))
        counts = {"layers": [], "n_scored": 100, "n_units": 9, "n_undefined": 1}
        return {**counts, **quantiles, "mean": 0.4, "share_above_half": 0.25, "control": compared}

    towers = {name: tower(control) for name, control in controls.items()}
    return UnitMemSummary.made(SUMMARIES["unitmem"] | {"towers": towers} | duplicates(n_duplicates))


@pytest.mark.parametrize(
    ("summary", "kind", "words"),
    [
        (
            sslmem_summary(image=UP),
            "found",
            "image tower +0.100, 95\u00a0% interval +0.050 to +0.150, from 100 records",
        ),
        (sslmem_summary(image=FLAT, text=UP, between=UP), "found", "The text tower memorizes more"),
        (sslmem_summary(image=UP, text=FLAT, between=DOWN), "found", "The image tower memorizes more"),
        (sslmem_summary(image=UP, text=UP, between=FLAT), "found", "Which tower memorizes more is not shown"),
        (sslmem_summary(image=UP, both_ways=False), "one-way", "One-way SSLMem"),
        (
            sslmem_summary(image=FLAT, text=UP, between=UP, both_ways=False),
            "one-way",
            "The text tower has the larger one-way score",
        ),
        (sslmem_summary(image=FLAT), "not-shown", "SSLMem of up to +0.040 (image tower) remains possible"),
        (sslmem_summary(image=DOWN), "negative", "not exchanged"),
        (sslmem_summary(text=NOTHING), "undefined", "no record has two views"),
        (sslmem_summary(image=UP, n_duplicates=2), "found", ""),
        (unitmem_summary(image=UP, text=FLAT), "found", "from 100 pairs of groups; text tower +0.010"),
        (unitmem_summary(image=FLAT), "not-shown", "beyond the control of up to +0.040"),
        (unitmem_summary(image=DOWN), "negative", "were not exchanged"),
        (unitmem_summary(image=NOTHING), "undefined", "no record has two views"),
        (unitmem_summary(image=None), "one-way", "mean UnitMem 0.400 over 8 units, 25% of them above 0.5"),
        (unitmem_summary(image=UP, n_duplicates=2), "found", ""),
    ],
)
def test_the_verdict(summary, kind, words):
    found = page_of(summary.measure).verdict(summary)
    assert found.kind == kind
    assert words in found.sentence
    one_way = summary.measure == "sslmem" and summary.backward is None
    assert any("one direction only" in caution for caution in found.cautions) == one_way
    repeated = summary.duplicates_across_roles.n > 0
    assert any("more than one role" in caution for caution in found.cautions) == repeated


def test_an_audit_without_scores_still_has_a_page(tmp_path):
    folder = records_folder(tmp_path / "records", n=4)
    change_column(folder, "captions", lambda lists: [["alone"]] * len(lists))
    audit = audit_sslmem(target=encoder(1), reference=encoder(2), records=folder, role="a", tower="text")
    page = render(audit)
    assert "No verdict" in page
    assert page.count("There is nothing to draw") == 3
