import re

import pytest
from model_factory import write_records
from report_factory import rows
from sweep_factory import RECALL, sweep

from memometer.errors import InputError
from memometer.report import render
from memometer.report.svg import to_svg
from memometer.sweeps.charts import utility_frontier
from memometer.sweeps.collecting import Question
from memometer.sweeps.verdict import sweep_verdict

HOSTILE = "<script>alert(1)</script> \u202e x"
VALUES = {
    "default": [(0.10, 0.50), (0.12, 0.52), (0.11, 0.51)],
    "masked": [(0.05, 0.497), (0.07, 0.518), (0.06, 0.509)],
    "dear": [(0.01, 0.40), (0.02, 0.41), (0.03, 0.42)],
    "noisy": [(0.02, 0.30), (0.30, 0.30), (0.10, 0.30)],
    HOSTILE: [(0.20, 0.60), (0.21, 0.61), (0.22, 0.62)],
}


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return write_records(tmp_path_factory.mktemp("records") / "records", n=9, roles=("a", "b", "public"))


@pytest.fixture(scope="module")
def found(tmp_path_factory, records):
    return sweep(tmp_path_factory.mktemp("found"), records, VALUES)


def verdict(tmp_path, records, values, **options):
    return sweep_verdict(sweep(tmp_path, records, values, **options).summary)


def test_the_summary_holds_means_spreads_and_paired_differences(found):
    settings = {entry["name"]: entry for entry in found.summary["settings"]}
    masked = settings["masked"]["metrics"]["prg/unmentioned"]
    assert masked["value"] == pytest.approx(0.06)
    assert masked["std"] == pytest.approx(0.01)
    assert masked["std_tenth"] == pytest.approx(0.03)
    assert masked["difference"]["value"] == pytest.approx(-0.05)
    assert masked["difference"]["clear"]
    assert [entry["front"] for entry in found.summary["settings"]] == [True, True, True, False, True]
    assert found.summary["cells"]["n_finished"] == 15
    assert found.summary["notes"] == ["same note (in 15 cells)"]


def test_the_verdict_names_the_best_setting_and_its_cost(found):
    said = sweep_verdict(found.summary)
    assert (said.kind, said.title) == ("better", "Best: masked")
    assert (
        "'masked' memorizes least: PRG, unmentioned objects +0.060 ± 0.010 (mean and std over 3 seeds)" in said.sentence
    )
    assert "against +0.110 ± 0.010 of 'default'" in said.sentence
    assert "clear of the noise between 3 seeds" in said.sentence
    assert "from 0.510 to 0.508" in said.sentence


DEFAULT, MASKED, DEAR = (VALUES[name] for name in ("default", "masked", "dear"))
NOISY = {"default": DEFAULT, "noisy": [(0.02, 0.5), (0.20, 0.52), (0.05, 0.51)]}
LOSING = {"default": DEFAULT, "masked": [(0.05, 0.45), (0.07, 0.55), (0.06, 0.53)]}
ONE_SEED = {name: cells[:1] for name, cells in VALUES.items()}
WORSE = {"default": DEFAULT, "dear": DEAR}
NOT_CLEAR = "Best so far, but not clear of noise:"


@pytest.mark.parametrize(
    ("values", "options", "expected"),
    [
        (NOISY, {}, ("undefined", f"{NOT_CLEAR} noisy\n.*not clear of the noise between 3 seeds")),
        (NOISY, {}, ("undefined", "\nIn memorization, these seeds do not tell it apart from 'default'")),
        (LOSING, {}, ("better", "a larger one cannot be ruled out")),
        (ONE_SEED, {}, ("undefined", f"{NOT_CLEAR} masked\n.*of a single seed, so nothing is known of its noise")),
        (WORSE, {}, ("undefined", "^No setting is better than the baseline\n")),
        (WORSE, {"question": Question(max_utility_loss=0.2)}, ("better", "dear")),
    ],
)
def test_the_verdict_knows_the_noise(tmp_path, records, values, options, expected):
    kind, words = expected
    said = verdict(tmp_path, records, values, **options)
    assert said.kind == kind
    assert re.search(words, "\n".join((said.title, said.sentence, *said.cautions)))


def test_unfinished_cells_and_a_missing_baseline_are_said(tmp_path, records):
    said = verdict(tmp_path / "one", records, VALUES, leave_out=[("default", 1)])
    assert "Only 14 of 15 cells are finished" in said.cautions[-1]
    gone = [("default", seed) for seed in range(3)]
    said = verdict(tmp_path / "two", records, VALUES, leave_out=gone)
    assert said.title == "No best setting yet"
    with pytest.raises(InputError, match=r"no cell of the sweep in .* is finished"):
        sweep(tmp_path / "three", records, {"default": VALUES["default"]}, leave_out=gone)


def test_without_utility_there_is_a_page_and_no_verdict(tmp_path, records):
    values = {name: [(memorization, None) for memorization, _ in cells] for name, cells in VALUES.items()}
    bare = sweep(tmp_path, records, values)
    assert sweep_verdict(bare.summary).title == "No best setting"
    page = render(bare)
    assert page.count("There is nothing to draw") == 1


def test_another_metric_may_be_named(tmp_path, records):
    question = Question(utility_metric="text_to_image/recall@1", memorization_metric="aucg/all")
    summary = sweep(tmp_path, records, VALUES, question=question).summary
    assert (summary["utility_metric"], summary["memorization_metric"]) == (
        "retrieval/text_to_image/recall@1",
        "aucg/all",
    )


def test_names_of_settings_stay_text(found):
    page = render(found)
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert 'id="gallery"' not in page
    assert "It contains training images" not in page
    assert "<h1>Training sweep</h1>" in page
    svg = to_svg(utility_frontier(found), key="x", label="x")
    assert not re.findall(r"<(?:script|img|image|a|foreignObject)\b", svg)
    assert "\u202e" not in svg


def test_the_frontier_marks_what_no_other_beats(found):
    drawn = {row["name"]: row for row in rows(utility_frontier(found))}
    beaten = {name for name, row in drawn.items() if not row["front"]}
    assert beaten == {entry["name"] for entry in found.summary["settings"] if not entry["front"]} == {"noisy"}
    assert drawn["masked"]["utility"] == pytest.approx(found.summary["settings"][1]["metrics"][RECALL]["value"])
