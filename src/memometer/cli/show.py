"""What audits, and measurements of utility, print when they are done."""

import json
from pathlib import Path

import typer
from rich.console import Console

from memometer.progress import notice
from memometer.report import page_of, write_report
from memometer.runs import Run
from memometer.statistics.small_sets import is_small_warning

__all__ = ["show_audit"]


def show_audit(audit: Run, out: Path | None, *, as_json: bool, draw: bool = True) -> None:
    """Prints the table, or the summary as JSON; with a run folder also writes ``report.html`` and names it.

    Args:
        audit: what to print.
        out: its run folder.
        as_json: print the summary.
        draw: False where the report is there already.
    """
    report = None if out is None else out / "report.html"
    if report is not None and draw:
        write_report(audit, report)
    if as_json:
        typer.echo(json.dumps(audit.summary.as_dict(), indent=2, ensure_ascii=False))
    else:
        page = page_of(audit.summary.measure)
        Console().print(*page.printed(audit), sep="\n")
        verdict = page.verdict(audit.summary)
        if verdict.kind == "undefined":
            typer.echo(f"{verdict.title}: {verdict.sentence}")
        for note in filter(is_small_warning, audit.summary.notes):
            typer.echo(note)
    if report is not None:
        notice(f"report: {report}")
