"""``memometer data verify``: whether the images and files of a folder of records are those of the import."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from memometer.data.checking import Verification

__all__ = ["command"]

SHOWN = 5
"""Records of each kind on the screen; --json has all."""


def command(
    records: Annotated[Path, typer.Argument(help="Folder of records, as 'memometer data import' writes it.")],
    workers: Annotated[int | None, typer.Option(help="Processes that read; 0 uses none.", show_default="cores")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print counts and all that differs as JSON.")] = False,
) -> None:
    """Read every image and file of a folder of records and compare it with what it was when it was imported.

    Nothing is written. The exit code is 1 where something differs: an image that has changed since, is missing or
    cannot be read, or a file whose bytes are not those that were written.
    """
    import json

    from memometer.data.checking import verify_records
    from memometer.engines import default_workers

    found = verify_records(records, workers=default_workers() if workers is None else workers)
    if as_json:
        typer.echo(json.dumps(found.to_json(), ensure_ascii=False, indent=2))
    else:
        _print(found)
    if found.differs:
        raise typer.Exit(1)


def _print(found: "Verification") -> None:
    for name, state in found.files.items():
        typer.echo(f"{name}: {state}")
    for kind, count in found.images.items():
        typer.echo(f"images {kind}: {count:,}")
        reasons = [(record_id, reason) for record_id, its, reason in found.differing if its == kind]
        for record_id, reason in reasons[:SHOWN]:
            typer.echo(f"  {record_id}: {reason}")
        if len(reasons) > SHOWN:
            typer.echo(f"  … and {len(reasons) - SHOWN:,} more; list all with --json")
    if found.differs:
        typer.echo("these records are not what was imported: restore what differs from a copy, or import again")
    else:
        typer.echo(f"all {found.n_records:,} records are as they were written")
