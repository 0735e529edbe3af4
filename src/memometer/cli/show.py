"""What audits, and measurements of utility, print when they are done."""

import json
from pathlib import Path

import typer
from rich.console import Console

from memometer.audits import Audit
from memometer.progress import notice
from memometer.report import page_of, write_report

__all__ = ["show_audit"]


def show_audit(audit: Audit, out: Path | None, *, as_json: bool) -> None:
    """Prints the table, or the summary as JSON; with a run folder also writes ``report.html`` and names it."""
    report = None if out is None else write_report(audit, out / "report.html")
    if as_json:
        typer.echo(json.dumps(audit.summary, indent=2, ensure_ascii=False))
    else:
        Console().print(*page_of(audit.summary["measure"]).printed(audit), sep="\n")
    if report is not None:
        notice(f"report: {report}")
