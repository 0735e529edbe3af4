"""The report of a measurement of utility."""

import re

from report_factory import rows
from utility_factory import make_utility, number

from memometer.report import render
from memometer.report.svg import to_svg
from memometer.utility.charts import MAX_CLASSES, class_dots, share_intervals
from memometer.utility.page import FIGURES
from memometer.utility.schema import UtilitySummary
from memometer.utility.verdict import utility_verdict

HOSTILE = "<script>alert(1)</script> \u202e x"


def test_the_page_has_every_number_with_its_interval_and_why_one_is_undefined():
    page = render(make_utility(several=False))
    assert "<h1>Utility measurement</h1>" in page
    for cells in (("Zero-shot", "accuracy", "0.410", "[0.380, 0.440]", "0.070", "400"),
                  ("Text → image", "recall@5", "0.300", "[0.270, 0.330]", "0.070", "1,990"),
                  ("Linear probe", "accuracy@5", "–", "–", "–", "400"),
                  ("Linear probe", "accuracy@5", "there are 3 classes, fewer than 5")):  # fmt: skip
        row = "".join(f"<td[^>]*><bdi>{re.escape(cell)}</bdi></td>" for cell in cells)
        assert re.search(row, page), cells
    assert re.search(r'<tr class="above"><td class="text"><bdi>0.01</bdi></td><td><bdi>0.610</bdi>', page)
    assert "best on 61 of the 300 training records" in page
    for words in (
        "Records under test",
        "Prompt templates",
        "Model",
        "cannot be decoded",
        "1 pair of duplicate images across roles may flatter the probe",
    ):
        assert words in page
    assert "It contains training images" not in page


def test_the_verdict_has_the_first_number_of_each_part():
    said = utility_verdict(make_utility().summary)
    assert said.kind == "measured"
    assert (
        said.title.replace("\u00a0", " ")
        == "Zero-shot 0.410, linear probe 0.630, image → text 0.200, text → image 0.150"
    )
    assert "mean average precision 0.410, 95\u00a0% interval 0.380 to 0.440, n = 400 images." in said.sentence
    assert "n = 1,990 captions." in said.sentence
    few = make_utility(parts=("retrieval",)).summary.as_dict()
    for way in ("image_to_text", "text_to_image"):
        few["retrieval"][way] = {f"recall@{k}": number(None, reason="too few") for k in (1, 5, 10)}
    assert utility_verdict(UtilitySummary.made(few)).title == "No utility"
    page = render(make_utility(parts=("retrieval",)))
    assert 'id="classes"' not in page
    assert "Images have" not in page


def test_names_of_classes_and_templates_stay_text():
    audit = make_utility(classes=[HOSTILE, "tree", "none"], templates=[f"{HOSTILE} {{}}"])
    page = render(audit)
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 4
    assert "\u202e" not in to_svg(class_dots(audit), key="x", label="x")


def test_charts_show_the_numbers_of_the_summary():
    utility = make_utility(parts=("linear_probe", "retrieval"))
    drawn = rows(share_intervals(utility))
    assert (len(drawn), drawn[0]["value"], drawn[0]["low"]) == (7, 0.63, 0.6)
    assert {row["class"] for row in rows(class_dots(utility))} == {"tree", "small dog"}


def test_of_many_classes_the_best_and_the_worst_are_drawn():
    n = MAX_CLASSES + 11
    audit = make_utility(classes=[f"class {place}" for place in range(n)])  # best first, the last undefined
    half = MAX_CLASSES // 2
    expected = {f"class {place}" for place in (*range(half), *range(n - 1 - half, n - 1))}
    assert {row["class"] for row in rows(class_dots(audit))} == expected
    assert len(FIGURES[1].numbers(audit).rows) == 2 * n
