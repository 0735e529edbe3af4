"""``memometer report``: rebuilds the report of a run."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memometer.cli.show import print_json

if TYPE_CHECKING:
    from memometer.runs import Run

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

    with one_writer(run) if run.is_dir() else contextlib.nullcontext():
        audit = _load(run)
        path = write_report(audit, out if out is not None else run / "report.html", images=not no_images)
    notice(f"wrote {path.stat().st_size / 1e6:.1f} MB")
    if as_json:
        print_json({**audit.summary.as_dict(), "report": str(path)})
    else:
        typer.echo(str(path))


def _load(run: Path) -> "Run":
    """What the folder holds."""
    from memometer.catalogue import run_kind
    from memometer.runs.folder import AGAIN
    from memometer.sealing import read_sealed_json

    summary = run / "summary.json"
    measure = read_sealed_json(summary, advice=AGAIN).get("measure") if summary.is_file() else None
    return run_kind(str(measure)).load(run)
