"""``memometer report``: rebuilds the report of a run."""

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from memometer.cli.show import print_json

__all__ = ["command"]


def command(
    run: Annotated[
        Path, typer.Argument(help="The folder that 'memometer audit', 'utility', 'sweep' or 'compare' wrote.")
    ],
    no_images: Annotated[bool, typer.Option("--no-images", help="Leave the gallery's images out.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="The file to write; by default report.html in the run folder.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary and the report's path as JSON.")] = False,
) -> None:
    """Rebuild a one-file HTML report from the files beside it: of an audit, utility, a sweep or a comparison."""
    from memometer.locking import one_writer
    from memometer.progress import notice
    from memometer.report import write_report
    from memometer.runs.loading import load_run

    with one_writer(run) if run.is_dir() else contextlib.nullcontext():
        audit = load_run(run)
        path = write_report(audit, out if out is not None else run / "report.html", images=not no_images)
    notice(f"wrote {path.stat().st_size / 1e6:.1f} MB")
    if as_json:
        print_json({**audit.summary.as_dict(), "report": str(path)})
    else:
        typer.echo(str(path))
