"""What every audit prints when it is done."""

import json
from pathlib import Path

import typer
from rich.console import Console

from memometer.audits import Audit
from memometer.progress import notice
from memometer.report import page_of, write_report

__all__ = ["show_audit"]


def show_audit(audit: Audit, out: Path, *, as_json: bool) -> None:
    """Writes ``report.html`` and prints the table (or the summary as JSON), then the report's path."""
    report = out / "report.html"
    write_report(audit, report)
    if as_json:
        typer.echo(json.dumps(audit.summary, indent=2, ensure_ascii=False))
    else:
        Console().print(*page_of(audit.summary["measure"]).printed(audit), sep="\n")
    notice(f"report: {report}")
