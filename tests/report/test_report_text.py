import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_factory import gap, gaps, make_summary
from rich.console import Console

from memometer.measures.vl_dejavu.schema import VLDejaVuSummary
from memometer.measures.vl_dejavu.tables import gap_table
from memometer.measures.vl_dejavu.verdict import verdict
from memometer.report.text import UNPRINTABLE, clip, count, plain, signed

ANY_TEXT = st.text(st.characters(), max_size=300)  # lone surrogates and controls included


@given(ANY_TEXT, st.integers(1, 50))
def test_clipped_text_fits_and_can_be_written(text, limit):
    shown = clip(text, limit=limit)
    assert len(shown.text) <= limit + 1
    assert shown.clipped == (len(text) > limit)
    assert shown.n_characters == len(text)
    assert not UNPRINTABLE.search(shown.text)
    shown.text.encode("utf-8")


@given(ANY_TEXT)
def test_plain_text_is_one_line_without_direction_controls(text):
    shown = plain(text)
    assert "\n" not in shown
    assert not set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f") & set(shown)


def test_short_text_stays_as_it_is():
    assert clip("Ein Hund – 犬 🐕", limit=100).text == "Ein Hund – 犬 🐕"


@pytest.mark.parametrize(
    ("value", "shown"), [(0.0504, "+0.050"), (-0.0506, "−0.051"), (0.0, "0.000"), (-0.0004, "0.000"), (None, "–")]
)
def test_signed_numbers(value, shown):
    assert signed(value) == shown


def test_undefined_counts_are_dashes():
    assert count(None) == "–"
    assert count(12345) == "12,345"


def verdict_of(values):
    return verdict(VLDejaVuSummary.made(values))


def test_verdict_finds_memorization_by_the_balanced_unmentioned_recall_gap():
    found = verdict_of(make_summary(size=0.12, half=0.02))
    assert found.kind == "found"
    assert found.title == "Memorization found"
    assert "balanced recall gap (PRG) over unmentioned objects is +0.096" in found.sentence
    assert "6,000 records" in found.sentence


def test_verdict_bounds_a_gap_that_covers_zero():
    found = verdict_of(make_summary(size=0.005, half=0.02) | {"duplicates_across_roles": {"n": 0, "pairs": []}})
    assert found.kind == "not-shown"
    assert "No memorization shown at this sample size" in found.title
    assert "covers 0" in found.sentence
    assert "up to +0.019 remains possible" in found.sentence
    assert found.cautions == ()


def test_verdict_mentions_other_gaps_that_disagree():
    summary = make_summary(size=0.005, half=0.02)
    summary["balanced"]["all"]["ppg"] = gap(0.1)
    found = verdict_of(summary)
    assert found.kind == "not-shown"
    assert any("PPG over all objects" in caution for caution in found.cautions)


def test_verdict_of_one_way_warns_of_model_quality():
    found = verdict_of(make_summary(both_ways=False))
    assert found.kind == "one-way"
    assert "Memorization found" not in found.title
    assert any("mixes memorization with plain model quality" in caution for caution in found.cautions)


def test_verdict_of_a_gap_below_zero():
    found = verdict_of(make_summary(size=-0.2, half=0.02))
    assert found.kind == "negative"
    assert "exchanged" in found.sentence


def test_verdict_falls_back_to_all_objects():
    summary = make_summary()
    for design in ("gaps", "balanced"):
        summary[design]["unmentioned"] = {name: gap(None) for name in ("ppg", "prg", "aucg")}
    found = verdict_of(summary)
    assert "over all objects is +0.108" in found.sentence
    assert any("weaker evidence" in caution for caution in found.cautions)


def test_verdict_of_nothing_is_no_verdict():
    undefined = {name: gap(None, reason="no record has an object") for name in ("ppg", "prg", "aucg")}
    nothing = {"all": undefined, "unmentioned": undefined}
    found = verdict_of(make_summary(both_ways=False) | {"gaps": nothing})
    assert found.kind == "undefined"
    assert "no record has an object" in found.sentence


def test_verdict_points_to_duplicates():
    assert any("see Warnings" in caution for caution in verdict_of(make_summary()).cautions)


def printed(summary):
    console = Console(width=80, record=True, file=None, quiet=False, stderr=False)
    with console.capture() as capture:
        console.print(gap_table(VLDejaVuSummary.made(summary)))
    return capture.get()


def test_terminal_table_fits_80_columns_and_shows_every_gap():
    text = printed(make_summary())
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    assert "…" not in text
    for words in ("one-way", "balanced", "PPG", "PRG", "AUCG", "all objects", "unmentioned objects"):
        assert words in text
    assert "+0.120 [+0.106, +0.134]" in text
    assert "−" in printed(make_summary(size=-0.9))


def test_terminal_table_says_why_a_gap_is_undefined():
    summary = make_summary(both_ways=False)
    summary["gaps"]["unmentioned"]["ppg"] = gap(None, reason="every [bold]object[/bold] is named")
    text = printed(summary)
    assert "0.000" not in text
    assert "every [bold]object[/bold] is named" in text
    assert "--reference-role" in text


def test_terminal_table_of_wide_gaps_still_fits():
    text = printed(make_summary() | {"gaps": gaps(-1.0, half=0.0001)})
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
