"""Image-only déjà vu: accuracies on crops without the foreground, and what became of the records."""

from functools import partial

from memometer.measures.image_dejavu.charts import (
    SHARES,
    accuracy_by_confidence,
    accuracy_numbers,
    by_share,
    outcome_numbers,
    outcome_shares,
    score_by_confidence,
    score_numbers,
)
from memometer.measures.image_dejavu.schema import ImageDejaVuSummary
from memometer.report.charts.table import HeadTable, Numbers
from memometer.report.items import item_sections
from memometer.report.measure_page import Figure, GalleryWords, MeasurePage, Reading, scored_in, skipped_in
from memometer.report.references import agreement_rows, gap_cell
from memometer.report.text import Clipped, clip, count, plain, signed
from memometer.report.verdict import Verdict, duplicate_caution, judged, no_verdict
from memometer.runs import Run

__all__ = ["PAGE"]

MAX_TEXT = 200


def _verdict(summary: ImageDejaVuSummary) -> Verdict:
    """Judges the score over all records by its interval: balanced or controlled where there is such, else one way."""
    design, scores = next(iter(summary.designs().items()))
    gap = scores.all_
    if gap.value is None or gap.interval is None:
        return no_verdict("the déjà vu score or its interval is", gap.reason)
    fair = design != "one-way"
    one_way = (
        "This is one direction only: it mixes memorization with plain quality. Audit the reference's own records "
        "(--reference-role), or records that the target never saw (--control-role), to tell them apart."
    )
    return judged(
        gap,
        name=f"the {design} déjà vu score",
        noun="score",
        claim="From a crop without the foreground, the target names the foreground of its training images more often "
        f"than the reference{' does' if fair else ''}",
        fair=fair,
        cautions=(*(() if fair else (one_way,)), *duplicate_caution(summary)),
    )


def _facts(audit: Run[ImageDejaVuSummary]) -> tuple[tuple[str, Clipped], ...]:
    summary = audit.summary
    pairs: list[tuple[str, object]] = [
        ("Target", summary.target),
        ("Reference", summary.reference),
        *scored_in(summary, summary.backward, summary.control),
        ("Public images", count(summary.n_public)),
        ("Labels", count(summary.n_labels)),
        ("Neighbours", f"k = {summary.k}, {summary.metric}, {summary.features}"),
        ("Crop", summary.crop),
    ]
    if summary.test == "naive-bayes":
        pairs.append(("Crops without an object", count(summary.n_without_objects["forward"])))
    return tuple((name, clip(value, limit=MAX_TEXT)) for name, value in pairs)


def _references(summary: ImageDejaVuSummary) -> Numbers:
    rows = []
    for entry in summary.references:
        for design, scores in (("one-way", entry.scores), ("controlled", entry.controlled)):
            if not scores:
                continue
            cells = map(gap_cell, by_share(scores).values())
            rows.append((plain(entry.reference, limit=40), entry.test, design, *cells))
    return Numbers(("Reference", "Test", "Design", *SHARES.values()), tuple(rows), n_text=3)


def _agreement(summary: ImageDejaVuSummary) -> Numbers:
    return agreement_rows(
        (
            entry.references,
            {
                "same predicted label": entry.label,
                "same outcome": entry.outcome,
                "Jaccard of memorized records": entry.memorized,
            },
        )
        for entry in summary.agreement
    )


def _tables(audit: Run[ImageDejaVuSummary]) -> tuple[HeadTable, ...]:
    return (
        HeadTable(
            "Déjà vu score [95 % interval]",
            score_numbers(audit),
            "The top p % are each model's own most confident records, so the two models are compared on different "
            "ones. Scores whose interval lies above 0 are in bold.",
        ),
        HeadTable(
            "Every reference on the same records",
            _references(audit.summary),
            "naive-bayes and crop-classifier know what backgrounds tell about classes, and nothing of the images.",
        ),
        HeadTable("How alike the references are", _agreement(audit.summary)),
    )


PAGE: MeasurePage[ImageDejaVuSummary] = MeasurePage(
    name="Image-only déjà vu",
    lead="Does a crop without the foreground give the foreground of a training image away?",
    reading=(
        Reading(
            "The test",
            "From each record’s image a crop is taken that holds none of the foreground. The model embeds it, and the "
            "labels of the k nearest public images are taken as its guess of the foreground’s class. A model that "
            "learned what goes with what guesses from the background. A model that memorized the image knows.",
        ),
        Reading(
            "The score",
            "Accuracy of the target less accuracy of the reference: over all records, and over each model’s own 20 and "
            "5&nbsp;% most confident ones. Confidence is how much the neighbours agree (their labels’ entropy).",
        ),
        Reading(
            "Four kinds of records",
            "<b>Memorized</b>: only the target is right. <b>Correlated</b>: both are, so the background told. "
            "<b>Forgotten</b>: only the reference is right. <b>Unassociated</b>: neither. Some records land in each by "
            "chance; memorized beyond forgotten is the evidence.",
        ),
        Reading(
            "Balanced, controlled",
            "With two models, the mean of the test and of the test with the roles swapped. With one model, the score "
            "on its training records less the score on records it never saw. Both are 0 in expectation without "
            "memorization, whatever the models’ quality.",
        ),
        Reading(
            "What the interval covers",
            "Which records happened to be tested: 95&nbsp;% bootstrap, the most confident ones selected anew in every "
            "replicate. It does not cover another training of the models, nor wrong labels or boxes.",
        ),
        Reading(
            "Check the crops",
            "The gallery draws the crop (dashed) and the foreground’s boxes over each image. A crop that shows a part "
            "of the foreground makes the test meaningless.",
        ),
    ),
    method=(
        "Meehan and others, “Do SSL Models Have Déjà Vu?”, NeurIPS 2023, "
        '<a href="https://arxiv.org/abs/2304.13850" rel="noreferrer">arXiv 2304.13850</a>; with one model: '
        "Kokhlikyan and others, “Measuring Déjà Vu Memorization Efficiently”, NeurIPS 2024, "
        '<a href="https://arxiv.org/abs/2504.05651" rel="noreferrer">arXiv 2504.05651</a>. The controlled score is '
        "memometer’s own."
    ),
    gallery=GalleryWords(
        "Gallery: memorized records",
        "Records whose class only the target names, the surest first, with the crop and the boxes drawn over the "
        "image, and the public images nearest to the crop under each model. They were chosen for their outcome, so "
        "they show what memorization looks like, not how common it is.",
        "This audit alone does not show memorization, and among many records some are named by chance: these may be "
        "such.",
    ),
    verdict=_verdict,
    skipped=lambda summary: skipped_in(summary, summary.backward, summary.control),
    items=partial(item_sections, formats={"target surer by": lambda value: f"{signed(value, digits=2)} nats"}),
    facts=_facts,
    tables=_tables,
    figures=(
        Figure(
            "scores",
            "Scores",
            "The score by confidence",
            "Each mark is a score, each line its 95\u00a0% interval. Memorization shows most among the records of "
            "which the model is surest.",
            score_by_confidence,
            score_numbers,
        ),
        Figure(
            "accuracy",
            "Accuracy",
            "Accuracy of both models",
            "How often each model names the foreground’s class from the crop. The reference’s accuracy is what the "
            "background tells anyway.",
            accuracy_by_confidence,
            accuracy_numbers,
        ),
        Figure(
            "outcomes",
            "Outcomes",
            "What became of the records",
            "Memorized records are those that only the target names; forgotten ones those that only the reference "
            "names. Without memorization the two are equally many.",
            outcome_shares,
            outcome_numbers,
        ),
    ),
)
