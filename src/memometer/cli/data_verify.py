"""``memometer data verify``: whether the images and files of a folder of records are those of the import."""

from typing import TYPE_CHECKING, Any

import typer

from memometer.cli.functions import command_of
from memometer.cli.options import CORES
from memometer.cli.show import print_json

if TYPE_CHECKING:
    from memometer.data.checking import Verification

__all__ = ["command"]

SHOWN = 5
"""Records of each kind on the screen; --json has all."""


@command_of("memometer.data.checking:verify_records", called={"folder": "records"}, own=[CORES])
def command(found: "Verification", *, as_json: bool, **_: Any) -> None:
    """Read every image and file of a folder of records and compare it with what it was when it was imported.

    Nothing is written. The exit code is 1 where something differs: an image that has changed since, is missing or
    cannot be read, or a file whose bytes are not those that were written.
    """
    if as_json:
        print_json(found.to_json())
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
