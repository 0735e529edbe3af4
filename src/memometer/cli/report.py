"""``memometer report``: rebuilds the report of a run."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["command"]


def command(
    run: Annotated[Path, typer.Argument(help="The run folder that 'memometer audit … --out' wrote.")],
    no_images: Annotated[bool, typer.Option("--no-images", help="Leave the gallery's images out.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="The file to write; by default report.html in the run folder.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary and the report's path as JSON.")] = False,
) -> None:
    """Rebuild the one-file HTML report of an audit from the run's files."""
    import json

    from memometer.audits.result import load_audit
    from memometer.progress import notice
    from memometer.report import write_report

    audit = load_audit(run)
    path = write_report(audit, out if out is not None else run / "report.html", images=not no_images)
    notice(f"wrote {path.stat().st_size / 1e6:.1f} MB")
    if as_json:
        typer.echo(json.dumps({**audit.summary, "report": str(path)}, indent=2, ensure_ascii=False))
    else:
        typer.echo(str(path))
