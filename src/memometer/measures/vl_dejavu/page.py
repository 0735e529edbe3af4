"""VL-Déjà-Vu: gaps over all and over unmentioned objects, one way and balanced."""

from typing import TYPE_CHECKING, Any

from memometer.measures.vl_dejavu.charts.by_k import gap_by_k, sweep_numbers
from memometer.measures.vl_dejavu.charts.headline import headline_gaps, headline_numbers
from memometer.measures.vl_dejavu.charts.label_errors import gap_by_label_errors, label_error_numbers
from memometer.measures.vl_dejavu.charts.leaking import leaking_numbers, leaking_objects
from memometer.measures.vl_dejavu.charts.recall import recall_distributions, recall_numbers
from memometer.measures.vl_dejavu.charts.top import gap_by_top, top_numbers
from memometer.measures.vl_dejavu.schema import VLDejaVuSummary
from memometer.measures.vl_dejavu.shown import GalleryRecord, gallery_records
from memometer.measures.vl_dejavu.tables import (
    agreement_numbers,
    facts,
    gap_groups,
    gap_table,
    means,
    reasons,
    reference_numbers,
)
from memometer.measures.vl_dejavu.verdict import verdict
from memometer.report.gaps import SCOPES
from memometer.report.measure_page import Figure, GalleryWords, HeadTable, MeasurePage, Reading, skipped_in
from memometer.report.pictures import Pictures
from memometer.report.terminal import head_tables
from memometer.report.text import clip
from memometer.runs import Run

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["PAGE"]

FIGURES: tuple[Figure[VLDejaVuSummary], ...] = (
    Figure(
        "gaps",
        "Gaps",
        "Gaps and their intervals",
        "Each mark is a gap, each line its 95\u00a0% interval. An interval that stays clear of 0 shows a difference "
        "between the models that these records did not make by chance.",
        headline_gaps,
        headline_numbers,
    ),
    Figure(
        "recall",
        "Recall",
        "Recall of both models",
        "The share of records whose recall exceeds x. Where the model trained on the records lies above the other, "
        "it recovers more of their objects; the shaded area is the AUCG, drawn again below by itself.",
        recall_distributions,
        recall_numbers,
    ),
    Figure(
        "top",
        "Most exposed",
        "The most exposed records",
        "The gap among the first L records of three sortings. Sorting by a result picks winners by construction, so "
        "the dashed control shows the same procedure with the models' roles swapped: only what exceeds it is evidence.",
        gap_by_top,
        top_numbers,
    ),
    Figure(
        "objects",
        "Objects",
        "Objects that leak most",
        "How much more often the model trained on a record recovers an object that the caption does not name (in "
        "brackets: the records that hold it). Ranked by the low end of the 95\u00a0% interval; grey where it meets 0. "
        "Among many objects, a few stand out by chance.",
        leaking_objects,
        leaking_numbers,
    ),
    Figure(
        "labels",
        "Labels",
        "If the labeller erred more",
        "The recall gap (PRG) once a share of all labels is dropped at random, or as many are added that are not "
        "there: the mean of the draws, and the range between their extremes. Nothing was searched again. Labels that "
        "err at random blur the gap; a steep fall says that it leans on the labeller.",
        gap_by_label_errors,
        label_error_numbers,
    ),
    Figure(
        "k",
        "By k",
        "Gap by number of neighbours",
        "The same test with other numbers k of public neighbours per record. A finding that holds for one k alone "
        "is a weak one.",
        gap_by_k,
        sweep_numbers,
    ),
)


def _head(audit: Run[VLDejaVuSummary]) -> dict[str, Any]:
    summary = audit.summary
    return {
        "groups": gap_groups(summary),
        "reasons": reasons(summary),
        "scopes": SCOPES,
        "models": {
            role: clip(name, limit=200) for role, name in (("target", summary.target), ("reference", summary.reference))
        },
    }


def _tables(audit: Run[VLDejaVuSummary]) -> tuple[HeadTable, ...]:
    summary = audit.summary
    return (
        HeadTable("The mean scores behind the gaps", means(summary)),
        HeadTable(
            "Every reference on the same records",
            reference_numbers(summary),
            "A reference that searches captions is a text encoder that never saw an image: the one-model test. It is "
            "known to overestimate the two-model gap slightly.",
        ),
        HeadTable("How alike the references are", agreement_numbers(summary)),
    )


def _items(audit: Run[VLDejaVuSummary], pictures: Pictures) -> tuple[GalleryRecord, ...]:
    return gallery_records(audit.gallery, pictures=pictures)


def _terminal(audit: Run[VLDejaVuSummary]) -> "list[Table]":
    several = [table for table in _tables(audit)[1:] if table.numbers.rows]
    return [gap_table(audit.summary), *head_tables("VL-Déjà-Vu", several)]


READING = (
    Reading(
        "The test",
        "Each record’s caption is looked up among public images that neither model was trained on. The objects in its "
        "k nearest images are taken as a guess of what the record’s own image shows. A model that understands "
        "language guesses what the caption says and what usually goes with it. A model that memorized the record "
        "guesses what else was in that very image.",
    ),
    Reading(
        "A gap",
        "How much better the model trained on the records guesses than one that never saw them. <b>PPG</b>: the share "
        "of records on which its precision is higher, less the share on which it is lower. <b>PRG</b>: the same with "
        "recall. <b>AUCG</b>: the difference in mean recall, which is the area between the two recall distributions. "
        "0 is no advantage, 1 an advantage on every record.",
    ),
    Reading(
        "Unmentioned objects",
        "Any working model recovers an object that the caption names. So every gap is given twice: over all objects, "
        "as in the paper, and over those alone that the query caption does not name. The second isolates memorization.",
    ),
    Reading(
        "Balanced",
        "One direction mixes memorization with quality: a better model beats a worse one on anyone’s records. The "
        "balanced gap is the mean of the test on the target’s records and of the test on the reference’s records with "
        "the models’ roles swapped. Without memorization its expectation is 0, whatever the models’ quality.",
    ),
    Reading(
        "With one model",
        "Where nobody will train a second model, a text encoder that never saw an image takes its place: it looks the "
        "caption up among public captions, and the objects of their images are its guess. The gap then mixes "
        "memorization with how good either model is at retrieval. The <b>controlled</b> gap takes that out: it is the "
        "gap on the target’s records less the gap on records that the target never saw.",
    ),
    Reading(
        "What the interval covers",
        "Which records happened to be tested, for these two models and this public set: 95&nbsp;% bootstrap over "
        "records. It does not cover another training of the same models with other seeds, nor wrong or missing object "
        "labels.",
    ),
    Reading(
        "What this does not say",
        "A gap above 0 does not mean that images can be reconstructed from the model. An interval that covers 0 does "
        "not prove that nothing was memorized: it bounds how much this test would have seen.",
    ),
)

PAGE: MeasurePage[VLDejaVuSummary] = MeasurePage(
    name="VL-Déjà-Vu",
    lead="Does the target model remember the very images it was trained on?",
    reading=READING,
    method=(
        "Jayaraman, Guo and Chaudhuri, “Déjà Vu Memorization in Vision–Language Models”, NeurIPS 2024, "
        '<a href="https://arxiv.org/abs/2402.02103" rel="noreferrer">arXiv 2402.02103</a>; with one model: Kokhlikyan '
        "and others, “Measuring Déjà Vu Memorization Efficiently”, NeurIPS 2024, "
        '<a href="https://arxiv.org/abs/2504.05651" rel="noreferrer">arXiv 2504.05651</a>. The unmentioned, balanced '
        "and controlled gaps are memometer’s own."
    ),
    gallery=GalleryWords(
        "Gallery: the records with the largest gap",
        "Each record with its caption, and the public images that each model places nearest to that caption. The "
        "number beside a public image is its cosine similarity to the caption. These records were chosen for their "
        "gap, so they show what memorization looks like, not how common it is.",
        "This audit alone does not show memorization, and among many records some stand out by chance: these may be "
        "such.",
    ),
    verdict=verdict,
    facts=facts,
    tables=_tables,
    figures=FIGURES,
    skipped=lambda summary: skipped_in(summary, summary.backward, summary.control),
    head=_head,
    items=_items,
    gallery_template="records.html.jinja",
    terminal=_terminal,
)
