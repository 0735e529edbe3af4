"""What commands print when they are done."""

import json
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from memometer.runs import Run

__all__ = ["print_json", "show_run"]


def print_json(values: Any) -> None:
    """What a command found, for programs."""
    typer.echo(json.dumps(values, indent=2, ensure_ascii=False))


def show_run(run: "Run", *, as_json: bool, draw: bool = True) -> None:
    """Prints the tables of a run, or its summary as JSON; with a run folder also writes ``report.html`` and names it.

    Args:
        run: what to print.
        as_json: print the summary.
        draw: False where the report is there already.
    """
    from rich.console import Console

    from memometer.progress import notice
    from memometer.report import page_of, write_report

    report = None if run.folder is None else run.folder / "report.html"
    if report is not None and draw:
        write_report(run, report)
    if as_json:
        print_json(run.summary.as_dict())
    else:
        page = page_of(run.summary.measure)
        Console().print(*page.printed(run), sep="\n")
        for line in page.said(run.summary):
            typer.echo(line)
    if report is not None:
        notice(f"report: {report}")
