"""Tables of results for a terminal."""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import JustifyMethod
from rich.table import Table
from rich.text import Text

from memometer.report.gaps import MEASURES, SCOPES, find_gap, interval_text, is_one_model, n_text
from memometer.report.text import DASH, plain, signed

if TYPE_CHECKING:
    from memometer.audits.schema import VLDejaVuSummary
    from memometer.report.charts.table import HeadTable
    from memometer.runs.schema import Number

__all__ = ["gap_table", "head_tables"]

IN_GROUPS = re.compile(r"^([\d,]+ in) ([\d,]+ groups)$")
"""A number of records with that of their groups: it takes two lines, so that names keep theirs in one."""

DESIGNS = {
    "one-way": "one-way",
    "balanced": "balanced, both ways",
    "controlled": "controlled: less records that no model saw",
}


def gap_table(summary: "VLDejaVuSummary") -> Table:
    """PPG, PRG and AUCG, one-way and balanced, over all and over unmentioned objects, each with its 95 % interval.

    Fits 80 columns. Undefined gaps are dashes.

    Args:
        summary: the ``summary`` of an `Audit`.
    """
    reasons = dict.fromkeys(_reasons(summary))
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
    for design, heading in DESIGNS.items():
        if design == "controlled" and not summary.controlled:
            continue
        if design == "balanced" and summary.controlled and not summary.balanced:
            continue
        table.add_row(f"[bold]{heading}[/bold]")
        for measure, (name, _) in MEASURES.items():
            gaps = [find_gap(summary, design=design, scope=scope, measure=measure) for scope in SCOPES]
            table.add_row(f"  {name}", *(_cell(gap) for gap in gaps))
        counted = [n_text(find_gap(summary, design=design, scope=scope, measure="prg")) for scope in SCOPES]
        table.add_row("  records", *counted, end_section=True)
    return table


def head_tables(name: str, tables: "Sequence[HeadTable]") -> Iterator[Table]:
    """The tables at the head of a report, as a terminal shows them; what stands out is bold.

    Args:
        name: of the measure.
        tables: see `memometer.report.charts.table.HeadTable`.
    """
    for head in tables:
        numbers = head.numbers
        if not numbers.rows:
            continue
        table = Table(
            title=f"{name}: {head.title}",
            title_justify="left",
            box=box.SIMPLE_HEAD,
            pad_edge=False,
            collapse_padding=True,
        )
        for place, heading in enumerate(numbers.header):
            justify: JustifyMethod = "left" if place < numbers.n_text else "right"
            table.add_column(Text(heading), justify=justify, overflow="fold")
        for place, row in enumerate(numbers.rows):
            cells = [Text(IN_GROUPS.sub(r"\1\n\2", plain(cell, limit=60))) for cell in row]
            table.add_row(*cells, style="bold" if place in numbers.strong else None)
        yield table


def _reasons(summary: "VLDejaVuSummary") -> Iterator[str]:
    """Why gaps are dashes."""
    if not summary.balanced and not summary.controlled:
        yield (
            "– balanced: not run; a one-model test is balanced by records the target never saw (--control-role)"
            if is_one_model(summary)
            else "– balanced: not run, it needs the reference's own records (--reference-role)"
        )
    for scope, name in SCOPES.items():
        for measure in MEASURES:
            gap = find_gap(summary, design="one-way", scope=scope, measure=measure)
            if gap.interval is None:
                yield f"– {name.lower()}: {plain(gap.reason or 'undefined', limit=200)}"


def _cell(gap: "Number") -> str:
    if gap.value is None:
        return DASH
    text = f"{signed(gap.value)} \\{interval_text(gap)}" if gap.interval else signed(gap.value)
    return f"[bold]{text}[/bold]" if gap.above_zero else text
