"""A sweep: the best setting within an allowed loss, the frontier, bars of every setting, the full table."""

from collections.abc import Iterator
from typing import Any

from memometer.report.charts.table import HeadTable, Numbers
from memometer.report.measure_page import Figure, MeasurePage, Reading
from memometer.report.terminal import head_tables
from memometer.report.text import Clipped, clip, count
from memometer.runs import Run
from memometer.sweeps.charts import frontier_numbers, setting_bars, setting_numbers, utility_frontier
from memometer.sweeps.schema import SweepSummary
from memometer.sweeps.settings import SCOPES, metric_name, shown_settings
from memometer.sweeps.verdict import sweep_verdict

__all__ = ["PAGE"]

FIGURES: tuple[Figure[SweepSummary], ...] = (
    Figure(
        "frontier",
        "Trade-off",
        "Utility against memorization",
        "A point per setting: its mean over seeds, with the standard deviation over seeds as a cross. Right is more "
        "useful, low is less memorization. Filled and named are the settings that no other beats: none is at least as "
        "good in both and better in one. The others bear their numbers in the table above.",
        utility_frontier,
        frontier_numbers,
    ),
    Figure(
        "settings",
        "Settings",
        "Utility and balanced gaps of every setting",
        "Bars are means over seeds, of both models and both ways. The thick line is the standard deviation over "
        "seeds: another training. The thin one with ends is the paper’s spread: 100 draws of 10\u00a0% of the records, "
        "for the same models.",
        setting_bars,
        setting_numbers,
    ),
)


def _facts(audit: Run[SweepSummary]) -> tuple[tuple[str, Clipped], ...]:
    summary, records = audit.summary, audit.manifest.get("records") or {}
    cells = summary.cells
    pairs = [
        ("Settings", count(len(summary.settings))),
        ("Seeds", ", ".join(map(str, summary.seeds))),
        ("Cells finished", f"{count(cells.n_finished)} of {count(cells.n)}"),
        ("Baseline", summary.baseline),
        ("Trained on, A and B", f"{count(records.get('n_a'))} and {count(records.get('n_b'))} records"),
        ("Public images", count(records.get("n_public"))),
        ("Memorization", f"{metric_name(summary.memorization_metric)}, balanced"),
        ("Utility", metric_name(summary.utility_metric)),
        ("Time of all cells", f"{(cells.seconds.training + cells.seconds.rest) / 3600:.1f} h"),
    ]
    return tuple((name, clip(value, limit=200)) for name, value in pairs)


def _tables(audit: Run[SweepSummary]) -> tuple[HeadTable, ...]:
    summary = audit.summary
    utility, memorization = summary.utility_metric, summary.memorization_metric
    return (
        HeadTable(
            "Settings against the baseline",
            _against(summary, [memorization, *([] if utility is None else [utility])]),
            "Mean ± standard deviation over seeds; differences to the baseline are paired by seed, with 95\u00a0% "
            "intervals by Student’s t over seeds. Settings that no other beats are in bold.",
        ),
    )


def _against(summary: SweepSummary, metrics: list[str]) -> Numbers:
    settings = shown_settings(summary)
    uneven = len({setting.n_seeds for setting in settings}) > 1  # else the facts say it
    header = ["Setting"]
    for metric in metrics:
        header += [metric_name(metric), "less the baseline"]
    rows = []
    for setting in settings:
        cells = [setting.numbered]
        for metric in metrics:
            cells += [setting.mean_text(metric, sign="/" in metric and metric.split("/")[-1] in SCOPES)]
            cells += ["baseline" if _is_baseline(summary, setting.number) else setting.difference_text(metric)]
        rows.append((*cells, *([count(setting.n_seeds)] if uneven else [])))
    strong = frozenset(place for place, setting in enumerate(settings) if setting.front)
    return Numbers((*header, *(["Seeds"] if uneven else [])), tuple(rows), strong=strong)


def _is_baseline(summary: SweepSummary, number: int) -> bool:
    return summary.settings[number - 1].name == summary.baseline


def _terminal(audit: Run[SweepSummary]) -> Iterator[Any]:
    verdict = sweep_verdict(audit.summary)
    yield from head_tables("Sweep", _tables(audit))
    yield "\n".join((verdict.title, verdict.sentence, *verdict.cautions))


READING = (
    Reading(
        "A cell",
        "One setting of the training recipe with one seed: two models, A and B, are trained alike on records that do "
        "not overlap, audited both ways, and measured for what they are good for.",
    ),
    Reading(
        "Memorization",
        "The balanced gap of VL-Déjà-Vu: how much better the model trained on a record guesses its objects than the "
        "one that never saw it, averaged over both ways. <b>PPG</b> and <b>PRG</b> count the records on which "
        "precision and recall are higher, less those on which they are lower; <b>AUCG</b> is the difference of mean "
        "recall. Without memorization each is 0 in expectation, whatever the models’ quality.",
    ),
    Reading(
        "Noise",
        "Two trainings that differ in nothing but their seed differ in every number. So settings are compared seed by "
        "seed, and a difference is called clear only where its 95&nbsp;% interval over seeds leaves out 0. With two or "
        "three seeds these intervals are wide; a difference that is not clear may still be real.",
    ),
    Reading(
        "What this does not say",
        "The trade-off is that of these records and this model. A setting that is best here may not be so for a larger "
        "model, more records or another public set.",
    ),
)

PAGE: MeasurePage[SweepSummary] = MeasurePage(
    name="Training",
    kind="sweep",
    lead="Which setting of the training recipe leaks least, and at which cost?",
    reading=READING,
    method=(
        "Jayaraman, Guo and Chaudhuri, “Déjà Vu Memorization in Vision–Language Models”, NeurIPS 2024, Section 5, "
        '<a href="https://arxiv.org/abs/2402.02103" rel="noreferrer">arXiv 2402.02103</a>. The balanced and '
        "unmentioned gaps, and the pairing by seed, are memometer’s own."
    ),
    gallery=None,
    verdict=sweep_verdict,
    facts=_facts,
    tables=_tables,
    figures=FIGURES,
    items=lambda *_: (),
    terminal=_terminal,
    spoken=lambda _: (),
)
