"""SSLMem and LayerMem: how much closer a model holds the views of its own records, at every layer of a tower."""

from functools import partial

from memometer.measures.sslmem.charts import DESIGNS, delta_layermem, delta_numbers, layermem, layermem_numbers
from memometer.measures.sslmem.schema import SslMemSummary
from memometer.measures.sslmem.verdict import sslmem_verdict
from memometer.report.calibration import calibration_tables
from memometer.report.charts.roc import planted_curves, planted_numbers
from memometer.report.charts.table import HeadTable, Numbers
from memometer.report.gaps import interval_text, n_text
from memometer.report.items import item_sections
from memometer.report.measure_page import Figure, GalleryWords, MeasurePage, Reading, skipped_in
from memometer.report.text import Clipped, clip, count, signed, unsigned, whole
from memometer.report.tower_words import views_of
from memometer.runs import Run
from memometer.runs.schema import Number

__all__ = ["PAGE"]

FIGURES: tuple[Figure[SslMemSummary], ...] = (
    Figure(
        "layers",
        "By layer",
        "LayerMem from layer to layer",
        "Each mark is the mean over records of SSLMem' at one layer, each line its 95\u00a0% interval. The two "
        "directions by themselves show how far apart the models are in plain quality; their mean, balanced, is free "
        "of it.",
        layermem,
        layermem_numbers,
    ),
    Figure(
        "deltas",
        "Changes",
        "What each layer adds",
        "ΔLayerMem: LayerMem at a layer less LayerMem at the layer before, record by record. Where it lies above 0, "
        "that layer adds memorization of its own.",
        delta_layermem,
        delta_numbers,
    ),
    Figure(
        "planted",
        "Planted",
        "How well planted records are found",
        "Going down the ranking by SSLMem at the output: the share of planted records that were passed against the "
        "share of others. The grey diagonal is a random order.",
        planted_curves,
        planted_numbers,
    ),
)


def _facts(audit: Run[SslMemSummary]) -> tuple[tuple[str, Clipped], ...]:
    summary = audit.summary
    pairs: list[tuple[str, object]] = [("Target", summary.target), ("Reference", summary.reference)]
    for tower, entry in summary.towers.items():
        scored = f"{count(entry.n_scored)} of {count(summary.n_records)}"
        pairs.append((f"Records scored, {tower} tower", scored))
        if summary.backward:
            swapped = f"{count(entry.n_scored_backward)} of {count(summary.backward.n_records)}"
            pairs.append((f"Records scored, {tower} tower, roles swapped", swapped))
    pairs += views_of(summary.towers, draws=summary.draws, augment=summary.augment)
    pairs.append(("Tokens of a layer", "their mean" if summary.pool == "mean" else "the class token"))
    return tuple((name, clip(value, limit=600)) for name, value in pairs)


def _tables(audit: Run[SslMemSummary]) -> tuple[HeadTable, ...]:
    summary = audit.summary
    tables = [
        HeadTable(
            "SSLMem at the output",
            _outputs(summary, relative=False),
            "The distance between a record's views under the model that never saw it, less that under the model "
            "trained on it. Scores whose 95\u00a0% interval is clear of 0 are in bold.",
        ),
        HeadTable(
            "SSLMem' at the output",
            _outputs(summary, relative=True),
            "The same over the sum of the two distances, so that towers and layers can be set side by side.",
        ),
        HeadTable("Mean distance between a record's views, at the output", _distances(summary)),
    ]
    return (*tables, *calibration_tables(summary))


def _outputs(summary: SslMemSummary, *, relative: bool) -> Numbers:
    found: list[tuple[str, str, Number]] = [
        (tower, DESIGNS[design], scores.relative if relative else scores.sslmem)
        for tower, entry in summary.towers.items()
        for design, scores in (("balanced", entry.balanced), ("forward", entry.forward), ("backward", entry.backward))
        if scores
    ]
    if relative and summary.text_less_image:
        found.append(("text less image", found[0][1], summary.text_less_image))
    rows = (
        (gap.clear, (tower, design, signed(gap.value), interval_text(gap), n_text(gap))) for tower, design, gap in found
    )
    return Numbers.marked(("Tower", "Records", "Mean", "95 % interval", "n"), rows, n_text=2)


def _distances(summary: SslMemSummary) -> Numbers:
    rows = tuple(
        (tower, DESIGNS[direction], unsigned(sides.target), unsigned(sides.reference))
        for tower, entry in summary.towers.items()
        for direction, sides in entry.means.items()
    )
    return Numbers(("Tower", "Records", "Trained on them", "Never saw them"), rows, n_text=2)


READING = (
    Reading(
        "The test",
        "Each record is shown to both models in several views: random crops and colours of its image, or its different "
        "captions. A model’s representations of them lie apart by some distance. <b>SSLMem</b> is that distance under "
        "the model that never saw the record, less that under the model trained on it: training on a record draws its "
        "views together.",
    ),
    Reading(
        "Relative",
        "Distances differ from layer to layer and from tower to tower, so <b>SSLMem′</b> divides the difference by the "
        "sum of the two distances: from −1 to 1. <b>LayerMem</b> is its mean over records at one layer, "
        "<b>ΔLayerMem</b> what a layer adds to the one before.",
    ),
    Reading(
        "Balanced",
        "A better model may hold all views closer together, memorized or not. The balanced score is the mean of the "
        "test on the target’s records and of the test on the reference’s records with the models’ roles swapped. "
        "Without memorization its expectation is 0, whatever the models’ quality.",
    ),
    Reading(
        "Which tower",
        "“Text less image” compares SSLMem′ of both towers record by record. The views of a text are its captions and "
        "those of an image are random crops, so part of a difference may lie in the views and not in the towers.",
    ),
    Reading(
        "What the interval covers",
        "Which records happened to be tested, for these two models: 95&nbsp;% bootstrap over records. It does not "
        "cover another training of the same models.",
    ),
    Reading(
        "What this does not say",
        "A record whose views lie close together need not be memorized in its details: the score tells that training "
        "on it left a trace, not what could be read out of the model.",
    ),
)


PAGE: MeasurePage[SslMemSummary] = MeasurePage(
    name="SSLMem",
    lead="Which towers and layers remember the records that the model was trained on?",
    reading=READING,
    method=(
        "SSLMem: Wang and others, “Memorization in Self-Supervised Learning Improves Downstream Generalization”, ICLR "
        '2024, <a href="https://arxiv.org/abs/2401.12233" rel="noreferrer">arXiv 2401.12233</a>; LayerMem: Wang and '
        "others, “Localizing Memorization in SSL Vision Encoders”, NeurIPS 2024, "
        '<a href="https://arxiv.org/abs/2409.19069" rel="noreferrer">arXiv 2409.19069</a>. The balance of both ways is '
        "memometer’s own."
    ),
    gallery=GalleryWords(
        "Gallery: the records with the highest SSLMem",
        "The records whose views the model trained on them draws together the most, compared with the model that never "
        "saw them. They were chosen for their score, so they show what memorization looks like, not how common it is.",
        "This audit alone does not show memorization, and among many records some stand out by chance: these may be "
        "such.",
    ),
    verdict=sslmem_verdict,
    facts=_facts,
    tables=_tables,
    figures=FIGURES,
    items=partial(
        item_sections,
        formats={
            "distance of its views, trained on it": unsigned,
            "distance of its views, never saw it": unsigned,
            "views": whole,
        },
    ),
    skipped=lambda summary: skipped_in(summary, summary.backward),
)
