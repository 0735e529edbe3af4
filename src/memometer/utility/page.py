"""Utility: every number with its interval, the classes, the prompts and how the probe was chosen."""

from collections.abc import Iterator

from memometer.report.charts.table import HeadTable, Numbers
from memometer.report.measure_page import Figure, MeasurePage, Reading
from memometer.report.terminal import head_tables
from memometer.report.text import Clipped, clip, count, plain, unsigned
from memometer.runs import Run
from memometer.utility.charts import MAX_CLASSES, class_dots, class_numbers, share_intervals, share_numbers
from memometer.utility.schema import Classification, LinearProbe, UtilitySummary
from memometer.utility.shares import shares
from memometer.utility.verdict import utility_verdict

__all__ = ["PAGE"]

TASKS = {"single-label": "one label each", "multi-label": "several objects each"}

FIGURES: tuple[Figure[UtilitySummary], ...] = (
    Figure(
        "intervals",
        "Intervals",
        "Every number with its interval",
        "Marks are values, lines their 95\u00a0% intervals over images. All are on one scale, but they are shares of "
        "different things: compare a number with the same of another model, not with the others here.",
        share_intervals,
        share_numbers,
    ),
    Figure(
        "classes",
        "Classes",
        "Which classes it tells apart",
        "A mark per class: the share of its images that are right where an image has one label, its average precision "
        f"where images have several objects. Of more than {MAX_CLASSES} classes, the {MAX_CLASSES // 2} best and the "
        f"{MAX_CLASSES // 2} worst are drawn. A class of few images has a rough value.",
        class_dots,
        class_numbers,
        wanted=lambda audit: audit.tables["classes"].num_rows > 0,
    ),
)


def _facts(audit: Run[UtilitySummary]) -> tuple[tuple[str, Clipped], ...]:
    summary = audit.summary
    role = "" if summary.role is None else f", role {summary.role}"
    facts: list[tuple[str, object]] = [
        ("Model", summary.model),
        ("Records under test", f"{count(summary.n_records)}{role}"),
        *_classified(summary),
    ]
    if retrieval := summary.retrieval:
        facts += [
            ("Images retrieved", count(retrieval.n_images)),
            ("Captions retrieved", f"{count(retrieval.n_captions)}, up to {retrieval.captions} per image"),
            ("Captions that several images share", count(retrieval.n_shared_captions)),
        ]
    return tuple((name, clip(value, limit=600)) for name, value in facts)


def _classified(summary: UtilitySummary) -> list[tuple[str, object]]:
    zero_shot, probe = summary.zero_shot, summary.linear_probe
    facts: list[tuple[str, object]] = []
    if classified := zero_shot or probe:
        facts += [("Images have", TASKS[classified.task])]
    if zero_shot:
        templates = zero_shot.templates
        said = f"“{templates[0]}”" if len(templates) == 1 else f"{len(templates)} templates, see Provenance"
        facts += [("Zero-shot classes", _classes(zero_shot)), ("Prompts", said)]
    if probe:
        facts += [
            ("Classes of the probe", _classes(probe, rare=len(probe.classes_too_rare))),
            ("The probe’s training records", count(probe.n_train)),
        ]
        facts += [("Features", probe.features)] if probe.features else []
    return facts


def _classes(part: Classification, *, rare: int = 0) -> str:
    absent = len(part.classes_without_positives)
    return (
        f"{count(part.n_classes)}"
        + (f", {count(absent)} without an image" if absent else "")
        + (f"; {count(rare)} more are too rare" if rare else "")
    )


def _tables(audit: Run[UtilitySummary]) -> tuple[HeadTable, ...]:
    probe = audit.summary.linear_probe
    counts = (probe.n_held_out, probe.n_train) if probe else (0, 0)
    return (
        HeadTable(
            "Numbers",
            share_numbers(audit),
            "n: images; captions for text → image. std: spread over 100 draws of 10\u00a0% of the images; it describes "
            "a tenth of them, so it is wider than the interval.",
        ),
        HeadTable("Why numbers are undefined", _reasons(audit)),
        HeadTable(
            "How strongly the probe is penalised",
            _held_out(probe),
            f"C is the inverse strength. The one in bold was best on {count(counts[0])} of the {count(counts[1])} "
            "training records, of equal ones the strongest penalty; the probe was then fitted on all of them.",
        ),
    )


def _reasons(audit: Run[UtilitySummary]) -> Numbers:
    rows = [
        (share.part, share.name, plain(share.number.reason, limit=200))
        for share in shares(audit.summary)
        if share.number.reason
    ]
    return Numbers(("Part", "Number", "Reason"), tuple(rows), n_text=3)


def _held_out(probe: LinearProbe | None) -> Numbers:
    if probe is None:
        return Numbers((), ())
    name = "accuracy" if probe.task == "single-label" else "mean AP"
    rows = [(f"{float(c):g}", unsigned(value)) for c, value in probe.held_out.items()]
    chosen = frozenset(place for place, c in enumerate(probe.held_out) if float(c) == probe.c)
    return Numbers(("C", f"Held-out {name}"), tuple(rows), strong=chosen)


READING = (
    Reading(
        "Zero-shot classification",
        "Every class is a prompt, or the mean of several; an image is of the class whose prompt lies nearest. Nothing "
        "is trained. With several objects per image, average precision tells how far up the images with a class stand "
        "when all are ordered by their similarity to it; the mean is over classes.",
    ),
    Reading(
        "Linear probe",
        "A logistic regression on frozen image features, fitted on records that are not under test: what the features "
        "hold, whether or not prompts find it.",
    ),
    Reading(
        "Retrieval",
        "<b>recall@k</b> is the share of images with one of their captions among the k nearest captions, and the share "
        "of captions whose image is among the k nearest images. It falls as the gallery grows, and captions that fit "
        "several images count as wrong for all but one.",
    ),
    Reading(
        "What this does not say",
        "On records that the model was trained on, these numbers measure memorization as well; see Warnings. The "
        "intervals are over images: how far another training would change the numbers is a matter of seeds.",
    ),
)


def _skipped(summary: UtilitySummary) -> Iterator[tuple[str, dict[str, int]]]:
    parts = {"zero-shot": summary.zero_shot, "linear probe": summary.linear_probe, "retrieval": summary.retrieval}
    return ((where, part.n_skipped) for where, part in parts.items() if part)


PAGE: MeasurePage[UtilitySummary] = MeasurePage(
    name="Utility",
    kind="measurement",
    lead="What is the model good for, on records that it was not trained on?",
    reading=READING,
    method=(
        "prompts and linear probe after Radford and others, “Learning Transferable Visual Models From Natural Language "
        'Supervision”, ICML 2021, <a href="https://arxiv.org/abs/2103.00020" rel="noreferrer">arXiv 2103.00020</a>. '
        "Intervals are percentile bootstraps over images, each with all its captions; those of average precision are "
        "moved back by the bias of resampling."
    ),
    gallery=None,
    verdict=utility_verdict,
    facts=_facts,
    tables=_tables,
    figures=FIGURES,
    skipped=_skipped,
    items=lambda *_: (),
    terminal=lambda audit: head_tables("Utility", _tables(audit)[:2]),
)
