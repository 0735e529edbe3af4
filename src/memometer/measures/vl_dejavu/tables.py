"""A VL-Déjà-Vu audit in rows of text, for the report and for a terminal."""

import dataclasses
from collections.abc import Iterator

from rich import box
from rich.table import Table
from rich.text import Text

from memometer.measures.vl_dejavu.schema import VLDejaVuSummary
from memometer.report.charts.table import Numbers
from memometer.report.gaps import DESIGNS, MEASURES, SCOPES, interval_text, n_text
from memometer.report.measure_page import scored_in
from memometer.report.provenance import MAX_TEXT
from memometer.report.references import agreement_rows, gap_cell
from memometer.report.text import DASH, Clipped, clip, count, plain, signed
from memometer.runs import Run
from memometer.runs.schema import Number

__all__ = ["GapRow", "agreement_numbers", "facts", "gap_groups", "gap_table", "means", "reasons", "reference_numbers"]


@dataclasses.dataclass(frozen=True)
class GapRow:
    """One line of the table of gaps: a measure over all and over unmentioned objects."""

    name: str
    meaning: str
    gaps: tuple[Number, ...]


def gap_groups(summary: VLDejaVuSummary) -> tuple[tuple[str, tuple[GapRow, ...]], ...]:
    """The table of gaps: (design, its rows)."""
    return tuple(
        (
            DESIGNS[design],
            tuple(
                GapRow(name, meaning, tuple(gaps.gap(scope, measure) for scope in SCOPES))
                for measure, (name, meaning) in MEASURES.items()
            ),
        )
        for design, gaps in summary.designs().items()
    )


def reasons(summary: VLDejaVuSummary) -> tuple[str, ...]:
    """Why gaps of the table are undefined, each reason once."""
    found = {
        gap.reason: None
        for _, rows in gap_groups(summary)
        for row in rows
        for gap in row.gaps
        if gap.value is None and gap.reason
    }
    return tuple(clip(reason, limit=MAX_TEXT).text for reason in found)


def facts(audit: Run[VLDejaVuSummary]) -> tuple[tuple[str, Clipped], ...]:
    """What was tested, in a few words each."""
    summary = audit.summary
    pairs: list[tuple[str, object]] = [
        ("Target", summary.target),
        ("Reference", summary.reference),
        *scored_in(summary, summary.backward, summary.control),
        ("Public images", count(summary.n_public)),
        *(
            (f"{model.capitalize()} searches", f"public {side}")
            for model, side in summary.searched.items()
            if side != "images"
        ),
        ("Neighbours", f"k = {summary.k}"),
        ("Query", summary.query),
    ]
    return tuple((name, clip(value, limit=MAX_TEXT)) for name, value in pairs)


def means(summary: VLDejaVuSummary) -> Numbers:
    """The mean scores behind the gaps."""
    rows = []
    names = {"forward": "Target's records", "backward": "Reference's records", "control": "Control records"}
    for direction, scopes in summary.means.items():
        for scope_name, found in zip(SCOPES.values(), (scopes.all, scopes.unmentioned), strict=True):
            trained = "target, never saw them" if direction == "control" else "trained on them"
            untrained = "reference" if direction == "control" else "never saw them"
            for model_name, scores in (
                (trained, (found.precision_target, found.recall_target, found.f_target)),
                (untrained, (found.precision_reference, found.recall_reference, found.f_reference)),
            ):
                if any(score is not None for score in scores):
                    cells = (DASH if score is None else f"{score:.3f}" for score in scores)
                    rows.append((names[direction], scope_name, model_name, *cells))
    return Numbers(("Records", "Objects", "Model", "Precision", "Recall", "F"), tuple(rows), n_text=3)


def reference_numbers(summary: VLDejaVuSummary) -> Numbers:
    """One row per reference, design and scope; without rows where there is one reference."""
    rows = []
    for entry in summary.references:
        kind = "one model" if entry.searched == "captions" else "two models"
        for design, gaps in (("one-way", entry.gaps), ("controlled", entry.controlled)):
            if gaps is None:
                continue
            for scope, name in SCOPES.items():
                found = [gaps.gap(scope, measure) for measure in MEASURES]
                cells = (gap_cell(gap) for gap in found)
                rows.append((plain(entry.reference, limit=40), kind, design, name.lower(), *cells, n_text(found[0])))
    header = ("Reference", "Test", "Design", "Objects", *(name for name, _ in MEASURES.values()), "n")
    return Numbers(header, tuple(rows), n_text=4)


def agreement_numbers(summary: VLDejaVuSummary) -> Numbers:
    """One row per pair of references and measure of agreement of VL-Déjà-Vu."""
    return agreement_rows(
        (
            entry.references,
            {
                "Jaccard of correct objects": entry.jaccard,
                "correlation of recall": entry.recall_correlation,
                "correlation of the recall gap": entry.gap_correlation,
            },
        )
        for entry in summary.agreement
    )


PRINTED = {
    "one-way": "one-way",
    "balanced": "balanced, both ways",
    "controlled": "controlled: less records that no model saw",
}


def gap_table(summary: VLDejaVuSummary) -> Table:
    """PPG, PRG and AUCG, one-way and balanced, over all and over unmentioned objects, each with its 95 % interval.

    Fits 80 columns. Undefined gaps are dashes.

    Args:
        summary: the ``summary`` of an `Audit`.
    """
    reasons = dict.fromkeys(_printed_reasons(summary))
    table = Table(
        caption=Text("\n".join(reasons)) if reasons else None,
        caption_justify="left",
        title=f"VL-Déjà-Vu, k = {summary.k}: gap [95 % interval]",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("")
    for name in SCOPES.values():
        table.add_column(name.lower(), justify="right", no_wrap=True)
    for design, heading in PRINTED.items():
        if design == "controlled" and not summary.controlled:
            continue
        if design == "balanced" and summary.controlled and not summary.balanced:
            continue
        table.add_row(f"[bold]{heading}[/bold]")
        for measure, (name, _) in MEASURES.items():
            gaps = [summary.gap(design, scope, measure) for scope in SCOPES]
            table.add_row(f"  {name}", *(_cell(gap) for gap in gaps))
        counted = [n_text(summary.gap(design, scope, "prg")) for scope in SCOPES]
        table.add_row("  records", *counted, end_section=True)
    return table


def _printed_reasons(summary: VLDejaVuSummary) -> Iterator[str]:
    """Why gaps are dashes."""
    if not summary.balanced and not summary.controlled:
        yield (
            "– balanced: not run; a one-model test is balanced by records the target never saw (--control-role)"
            if summary.is_one_model
            else "– balanced: not run, it needs the reference's own records (--reference-role)"
        )
    for scope, name in SCOPES.items():
        for measure in MEASURES:
            gap = summary.gap("one-way", scope, measure)
            if gap.interval is None:
                yield f"– {name.lower()}: {plain(gap.reason or 'undefined', limit=200)}"


def _cell(gap: Number) -> str:
    if gap.value is None:
        return DASH
    text = f"{signed(gap.value)} \\{interval_text(gap)}" if gap.interval else signed(gap.value)
    return f"[bold]{text}[/bold]" if gap.above_zero else text
