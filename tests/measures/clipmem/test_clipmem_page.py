import dataclasses

import pyarrow as pa
import pytest
from pair_worlds import PairWorld
from report_factory import rows
from rich.console import Console

from memometer import audit_clipmem
from memometer.measures.clipmem.schema import ClipMemSummary
from memometer.measures.clipmem.verdict import clipmem_verdict
from memometer.report import html_fragment, page_of, render

PAGE = page_of("clipmem")
HOSTILE = ['<script>alert("1")</script>', '"><img src=x onerror=alert(2)>', "a\x00b\u202ecd", "{{ 7*7 }}", "w" * 5000]


@pytest.fixture(scope="module")
def audit(tmp_path_factory):
    world = PairWorld(
        tmp_path_factory.mktemp("pairs"),
        known=0.5,
        quality=1.0,
        miscaptioned=4,
        n=30,
        dim=32,
        models=("f1", "f2", "g1", "g2"),
    )
    return audit_clipmem(**world.options)


def test_the_means_of_the_chart_are_those_of_the_summary(audit):
    drawn = {row["subset"]: row for row in rows(PAGE.figures[0].draw(audit)) if "subset" in row}
    assert set(drawn) == {"Candidates", "Independent", "Shared", "External"}
    for name, entry in audit.summary["subsets"].items():
        assert drawn[name.capitalize()]["value"] == entry["clipmem"]["value"]
        assert drawn[name.capitalize()]["low"] == entry["clipmem"]["low"]


def test_every_histogram_holds_all_of_its_subset(audit):
    shares = [row["share"] for row in rows(PAGE.figures[1].draw(audit)) if "share" in row]
    assert len(shares) == 4 * 50
    for start in range(0, 200, 50):
        assert sum(shares[start : start + 50]) == pytest.approx(1, abs=1e-4)


def test_planted_records_are_marked_in_the_ranking(audit):
    marked = {row["rank"]: row["score"] for row in rows(PAGE.figures[2].draw(audit)) if "series" in row}
    expected = {row["rank"]: row["clipmem"] for row in audit.samples.to_pylist() if row["planted"] and row["rank"]}
    assert marked == expected
    assert len(marked) == 4


def test_the_page_shows_the_audit(audit):
    page = render(audit)
    for words in (
        "Memorization found",
        "Mean CLIPMem by subset",
        "Candidates less external",
        "Rank correlation over the candidates",
        "Most memorized",
        "Least memorized",
        "miscaptioned",
        "arXiv 2502.07830",
        "30 of 30, role c",
        "Target model 2",
    ):
        assert words in page, words
    assert page.count("<svg") == 8
    assert page.count("<article") == 30


def test_the_terminal_shows_means_tests_and_planted_records(audit, capsys):
    console = Console(width=80)
    console.print(*PAGE.printed(audit), sep="\n")
    printed = capsys.readouterr().out
    mean = audit.summary["subsets"]["candidates"]["clipmem"]
    assert f"[+{mean['low']:.3f}, +{mean['high']:.3f}]" in printed
    assert "Welch" in printed
    assert "miscaptioned" in printed


def with_means(audit, **differences):
    """The summary with other means and tests: subset → (value, low, high) of the mean, or of ``first_second`` tests."""
    changed = audit.summary.as_dict()
    for name, (value, low, high) in differences.items():
        if name in changed["subsets"]:
            changed["subsets"][name]["clipmem"] |= {"value": value, "low": low, "high": high}
            continue
        first, second = name.split("_")
        (test,) = (test for test in changed["tests"] if (test["first"], test["second"]) == (first, second))
        test.update(difference=value, low=low, high=high)
    return changed


ZERO = (0.0, -0.1, 0.1)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"candidates_external": (0.1, 0.05, 0.15)}, "found"),
        ({"candidates_external": (-0.1, -0.15, -0.05)}, "negative"),
        ({"candidates_external": ZERO, "candidates": (0.2, 0.1, 0.3)}, "one-way"),
        ({"candidates_external": ZERO, "candidates": ZERO}, "not-shown"),
        ({"candidates_external": (None, None, None)}, "undefined"),
        ({"candidates": (None, None, None)}, "undefined"),
    ],
)
def test_the_verdict_goes_by_the_difference_from_unseen_pairs(audit, changes, kind):
    assert clipmem_verdict(ClipMemSummary.made(with_means(audit, **changes))).kind == kind


def test_the_verdict_says_what_speaks_against_it(audit):
    summary = with_means(audit, external=(0.2, 0.1, 0.3), external_independent=ZERO)
    summary["duplicates_across_roles"] = {"n": 1, "pairs": [["a", "b"]]}
    cautions = " ".join(clipmem_verdict(ClipMemSummary.made(summary)).cautions)
    assert "Pairs that no model was trained on score +0.200, not 0" in cautions
    assert "may not have been trained alike" in cautions
    assert "more than one subset" in cautions
    clean = with_means(audit, external=ZERO, external_independent=(0.1, 0.05, 0.15))
    assert clipmem_verdict(ClipMemSummary.made(clean)).cautions == ()


def test_an_audit_without_scores_or_plants_still_has_a_page(audit):
    samples = audit.samples
    for name in ("clipmem", "rank", "planted"):
        place = samples.schema.get_field_index(name)
        samples = samples.set_column(place, name, pa.nulls(samples.num_rows, samples.schema.field(name).type))
    summary = audit.summary.as_dict() | {"planted": None, "tests": []}
    for entry in summary["subsets"].values():
        for score in ("clipmem", "clipmem_normalised"):
            entry[score] = {"value": None, "low": None, "high": None, "std": None, "n": 0, "reason": "nothing scored"}
    summary["similarity_correlation"] = {"value": None, "low": None, "high": None, "n": 0, "reason": "none"}
    empty = dataclasses.replace(
        audit,
        summary=ClipMemSummary.made(summary),
        tables={"samples": samples, "gallery": audit.gallery.slice(0, 0), "roc": audit.tables["roc"].slice(0, 0)},
    )
    page = render(empty)
    assert "No verdict" in page
    assert "nothing scored" in page
    assert page.count("There is nothing to draw") == 4
    assert "The run holds no gallery" in page


def test_hostile_text_stays_text(audit):
    summary = audit.summary.as_dict() | {"targets": HOSTILE, "notes": HOSTILE}
    for entry, text in zip(summary["subsets"].values(), HOSTILE, strict=False):
        entry["role"] = text
    for row in summary["planted"]:
        row["kind"] = HOSTILE[0]
    samples, gallery = audit.samples.to_pydict(), audit.gallery.to_pylist()
    samples["planted"] = [kind and HOSTILE[0] for kind in samples["planted"]]
    samples["record_id"] = [HOSTILE[1] + name for name in samples["record_id"]]
    for row, text in zip(gallery, HOSTILE * 6, strict=True):
        row |= {"record_id": text, "captions": [text], "facts": [{"name": text, "number": None, "text": text}]}
    roc = audit.tables["roc"].to_pydict()
    roc["kind"] = [HOSTILE[0]] * len(roc["kind"])
    hostile = dataclasses.replace(
        audit,
        summary=ClipMemSummary.made(summary),
        tables={
            "samples": pa.table(samples, schema=audit.samples.schema),
            "gallery": pa.Table.from_pylist(gallery, schema=audit.gallery.schema),
            "roc": pa.table(roc, schema=audit.tables["roc"].schema),
        },
    )
    for page in (render(hostile), html_fragment(hostile)):
        assert "<script" not in page
        assert "<img" not in page
        assert "&lt;script&gt;" in page
        assert "\x00" not in page
