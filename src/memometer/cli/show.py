"""What audits, and measurements of utility, print when they are done."""

import json
from pathlib import Path

import typer
from rich.console import Console

from memometer.audits import Audit
from memometer.progress import notice
from memometer.report import page_of, write_report
from memometer.report.small_sets import small_notes

__all__ = ["show_audit"]


def show_audit(audit: Audit, out: Path | None, *, as_json: bool) -> None:
    """Prints the table, or the summary as JSON; with a run folder also writes ``report.html`` and names it."""
    report = None if out is None else write_report(audit, out / "report.html")
    if as_json:
        typer.echo(json.dumps(audit.summary, indent=2, ensure_ascii=False))
    else:
        page = page_of(audit.summary["measure"])
        Console().print(*page.printed(audit), sep="\n")
        verdict = page.verdict(audit.summary)
        if verdict.kind == "undefined":
            typer.echo(f"{verdict.title}: {verdict.sentence}")
        for note in small_notes(audit.summary):
            typer.echo(note)
    if report is not None:
        notice(f"report: {report}")
