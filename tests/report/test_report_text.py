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


UNDEFINED = {name: gap(None, reason="no record has an object") for name in ("ppg", "prg", "aucg")}
NOTHING = {"all": UNDEFINED, "unmentioned": UNDEFINED}
NO_DUPLICATES = {"duplicates_across_roles": {"n": 0, "pairs": []}}
FOUND, FLAT, ONE_WAY = make_summary(size=0.12), make_summary(size=0.005), make_summary(both_ways=False)
BY_ALL = {design: FOUND[design] | {"unmentioned": UNDEFINED} for design in ("gaps", "balanced")}
DISAGREES = {"balanced": FLAT["balanced"] | {"all": FLAT["balanced"]["all"] | {"ppg": gap(0.1)}}}


@pytest.mark.parametrize(
    ("values", "kind", "title", "sentence", "caution"),
    [
        (
            FOUND,
            "found",
            "Memorization found",
            "balanced recall gap (PRG) over unmentioned objects is +0.096",
            "Warnings",
        ),
        (FOUND, "found", "", "balanced", ""),
        (FOUND, "found", "", "6,000 records", ""),
        (FLAT | NO_DUPLICATES, "not-shown", "No memorization shown at this sample size", "covers 0", None),
        (FLAT | NO_DUPLICATES, "not-shown", "", "up to +0.019 remains possible", None),
        (FLAT | DISAGREES, "not-shown", "", "", "PPG over all objects"),
        (ONE_WAY, "one-way", "", "", "mixes memorization with plain model quality"),
        (make_summary(size=-0.2), "negative", "", "exchanged", ""),
        (FOUND | BY_ALL, "found", "", "over all objects is +0.108", "weaker evidence"),
        (ONE_WAY | {"gaps": NOTHING}, "undefined", "", "no record has an object", ""),
    ],
)
def test_the_verdict_goes_by_the_balanced_recall_gap_over_unmentioned_objects(values, kind, title, sentence, caution):
    found = verdict(VLDejaVuSummary.made(values))
    assert (found.kind, found.title == "Memorization found") == (kind, kind == "found")
    assert title in found.title
    assert sentence in found.sentence
    assert any(caution in each for each in found.cautions) if caution else caution == "" or found.cautions == ()


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
