"""CLIPMem: mean scores of the four subsets, tests between them, the ranking of the candidates."""

from functools import partial
from typing import TYPE_CHECKING

from memometer.measures.clipmem.charts.ranking import ranked_scores, ranking_numbers
from memometer.measures.clipmem.charts.subsets import (
    drawn_means,
    histogram_numbers,
    mean_numbers,
    score_histograms,
    subset_means,
)
from memometer.measures.clipmem.schema import ClipMemSummary
from memometer.measures.clipmem.subsets import NAMES, shown_subsets
from memometer.measures.clipmem.verdict import clipmem_verdict
from memometer.report.calibration import calibration_tables
from memometer.report.charts.roc import planted_curves, planted_numbers
from memometer.report.charts.table import HeadTable, Numbers
from memometer.report.gaps import interval_text, n_text
from memometer.report.items import item_sections
from memometer.report.measure_page import Figure, GalleryWords, MeasurePage, Reading
from memometer.report.terminal import head_tables
from memometer.report.text import DASH, Clipped, clip, count, signed, unsigned, whole
from memometer.runs import Run

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["PAGE"]

FIGURES: tuple[Figure[ClipMemSummary], ...] = (
    Figure(
        "means",
        "Means",
        "Mean score of each subset",
        "Each mark is the mean of the raw scores, each line its 95\u00a0% interval. Memorization lifts the candidates "
        "above the external pairs and pushes the independent ones, which the references know, below them. Shared and "
        "external pairs are on a par where targets and references are of one quality.",
        subset_means,
        drawn_means,
    ),
    Figure(
        "scores",
        "Spread",
        "How the scores spread",
        "The share of each subset's pairs by their score. A mean may come from all pairs alike, or from a tail of a "
        "few that are memorized much more than the rest.",
        score_histograms,
        histogram_numbers,
    ),
    Figure(
        "ranking",
        "Ranking",
        "From the most to the least memorized candidate",
        "The score of every candidate by its rank; planted candidates are marked where there are such. With one "
        "training each, a part of a single score is the chance of that training.",
        ranked_scores,
        ranking_numbers,
    ),
    Figure(
        "planted",
        "Planted",
        "How well planted candidates are found",
        "Going down each ranking: the share of planted candidates that were passed against the share of others. The "
        "grey diagonal is a random order. 'similarity' is what needs no reference: low cosine under the targets first.",
        planted_curves,
        planted_numbers,
    ),
)


def _facts(audit: Run[ClipMemSummary]) -> tuple[tuple[str, Clipped], ...]:
    summary = audit.summary
    views = f"{count(summary.n_aug)} per image, drawn by '{summary.augment}'"
    pairs: list[tuple[str, object]] = [
        ("Targets" if len(summary.targets) > 1 else "Target", ", ".join(summary.targets)),
        ("References" if len(summary.references) > 1 else "Reference", ", ".join(summary.references)),
    ]
    for name in shown_subsets(summary):
        entry = summary.subsets[name]
        scored = f"{count(entry.clipmem.n)} of {count(entry.n_records)}, role {entry.role}"
        pairs.append((f"{NAMES[name]} scored", scored))
    held = f"{count(summary.n_negatives)} pairs, role {summary.negatives_role}"
    pairs += [
        ("Views", views),
        ("Captions", f"up to {count(summary.captions)} per record"),
        ("Negatives", held if summary.n_negatives else "none"),
    ]
    return tuple((name, clip(value, limit=600)) for name, value in pairs)


def _tables(audit: Run[ClipMemSummary]) -> tuple[HeadTable, ...]:
    return (
        HeadTable(
            "Mean CLIPMem by subset",
            mean_numbers(audit),
            "Subsets whose interval is clear of 0 are in bold. std: over records. se, trainings: standard error of the "
            "mean over trainings, where there are several of both. Normalised: over the range of all scores.",
        ),
        HeadTable(
            "Differences between subsets (Welch's t-test)",
            _tests(audit.summary),
            "Differences whose 95\u00a0% interval is clear of 0 are in bold. p is two-sided and not corrected for the "
            "number of tests.",
        ),
        HeadTable("CLIPMem against low similarity under the targets", _correlation(audit.summary)),
    )


def _tests(summary: ClipMemSummary) -> Numbers:
    rows = []
    for test in summary.tests:
        gap = test.number
        names = f"{NAMES[test.first]} less {NAMES[test.second].lower()}"
        numbers = (signed(test.t, digits=2), DASH if test.df is None else f"{test.df:,.0f}", _p(test.p))
        rows.append((gap.clear, (names, signed(gap.value), interval_text(gap), *numbers)))
    return Numbers.marked(("Subsets", "Difference", "95 % interval", "t", "df", "p"), rows)


def _correlation(summary: ClipMemSummary) -> Numbers:
    found = summary.similarity_correlation
    if found.value is None:
        return Numbers((), ())
    cells = ("Rank correlation over the candidates", signed(found.value), interval_text(found), n_text(found))
    return Numbers(("", "Value", "95 % interval", "n"), (cells,))


def _p(value: float | None) -> str:
    if value is None:
        return DASH
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"


def _terminal(audit: Run[ClipMemSummary]) -> "list[Table]":
    means, *others = _tables(audit)
    # Subset, mean, normalised mean and n: what fits 80 columns; the report has the rest.
    rows = tuple((row[0], *row[2:4], *row[5:7], row[8]) for row in means.numbers.rows)
    header = ("Subset", "Mean", "95 % interval", "Normalised", "95 % interval", "n")
    brief = HeadTable(means.title, Numbers(header, rows, strong=means.numbers.strong))
    tables = (brief, *others, *calibration_tables(audit.summary))
    return list(head_tables(PAGE.name, [table for table in tables if table.numbers.rows]))


READING = (
    Reading(
        "The test",
        "Both kinds of models embed each image and its caption. Alignment is the cosine of the two, less what the "
        "image has in common with other captions and the caption with other images. <b>CLIPMem</b> is the alignment "
        "under models that were trained on the pair less that under models that were trained alike but never saw it.",
    ),
    Reading(
        "The four subsets",
        "<b>Candidates</b>: the targets alone were trained on them; the pairs under test. <b>Independent</b>: the "
        "references alone; the mirror image. <b>Shared</b>: both. <b>External</b>: neither. With memorization, "
        "candidates score above external pairs and independent ones below.",
    ),
    Reading(
        "Differences before means",
        "Models place all pairs at cosines of their own, memorized or not, and this moves every mean alike. The "
        "difference between candidates and external pairs is free of it, so the verdict goes by the difference.",
    ),
    Reading(
        "Raw and normalised",
        "The normalised score is the raw one over the range of all scores, so that audits of different models can be "
        "set side by side: 0 stays 0, and scores lie within −1 and 1. One extreme pair stretches the range and shrinks "
        "all others; ranks and tests are of the raw scores.",
    ),
    Reading(
        "What the intervals cover",
        "Which pairs happened to be tested: 95&nbsp;% bootstrap over records. How scores differ between trainings is "
        "in the column “se, trainings”, where several targets and references were given.",
    ),
    Reading(
        "What this does not say",
        "A high score may mean a wrong caption that was learned by heart, or a rare but right one. Removing the "
        "highest helped the paper’s models when it took out wrong captions, and hurt when it went on to the rare ones: "
        "look at the gallery.",
    ),
)

PAGE: MeasurePage[ClipMemSummary] = MeasurePage(
    name="CLIPMem",
    lead="Which image-caption pairs did the model memorize?",
    reading=READING,
    method=(
        "Wang, Dziedzic, Kim, Backes and Boenisch, “Captured by Captions: On Memorization and its Mitigation in CLIP "
        'Models”, ICLR 2025, <a href="https://arxiv.org/abs/2502.07830" rel="noreferrer">arXiv 2502.07830</a>. The '
        "verdict by differences between subsets is memometer’s own."
    ),
    gallery=GalleryWords(
        "Gallery: the most and the least memorized candidates",
        "Candidates at both ends of the ranking, with their scores. They were chosen for their scores, so they show "
        "what memorization looks like, not how common it is.",
        "This audit alone does not show memorization, and among many pairs some stand out by chance: these may be "
        "such.",
    ),
    verdict=clipmem_verdict,
    facts=_facts,
    tables=_tables,
    figures=FIGURES,
    items=partial(item_sections, formats={"standard error over trainings": unsigned, "rank": whole}),
    terminal=_terminal,
)
