"""What commands print when they are done."""

import json
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from memometer.runs import Run

__all__ = ["print_json", "show_records", "show_run"]


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


def show_records(summary: Any, table: "Table") -> None:
    """Prints what a command says of the records that it wrote, and where they and the rejects are.

    Args:
        summary: has ``folder`` and ``n_rejected``.
        table: of what is said.
    """
    from rich.console import Console

    console = Console(highlight=False)
    console.print(table)
    console.print(f"records: {summary.folder}/records.parquet", markup=False, soft_wrap=True)
    if summary.n_rejected:
        console.print(f"rejects: {summary.folder}/rejects.parquet", markup=False, soft_wrap=True)
