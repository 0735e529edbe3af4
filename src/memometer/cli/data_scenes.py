"""``memometer data scenes``: the built-in scenes → a folder of records."""

import dataclasses
from typing import TYPE_CHECKING, Any

import typer

from memometer.cli.functions import command_of
from memometer.cli.options import CORES
from memometer.cli.show import print_json

if TYPE_CHECKING:
    from memometer.scenes import ScenesSummary

__all__ = ["command"]


@command_of("memometer.scenes:make_scenes", own=[CORES])
def command(summary: "ScenesSummary", *, as_json: bool, **_: Any) -> None:
    """Draw scenes of several known objects each, with captions that name only some of them.

    Nothing is downloaded. Equal options give equal bytes, and the first scenes of a larger set are the same.

    Planted records are listed in OUT/planted.parquet.
    """
    if as_json:
        print_json(dataclasses.asdict(summary))
        return
    rows = [
        ("records", f"{summary.n_records:,}"),
        ("captions", f"{summary.n_captions:,}, {summary.n_captions / summary.n_records:.1f} per record"),
        (
            "objects",
            f"{summary.n_objects:,} of {summary.n_kinds} kinds, {summary.n_objects / summary.n_records:.1f} per record",
        ),
        ("image size", f"{summary.size} × {summary.size} px"),
    ]
    if summary.n_miscaptioned:
        rows.append(("miscaptioned", f"{summary.n_miscaptioned:,}"))
    if summary.n_repeated:
        rows.append(("repeated", f"{summary.n_repeated:,}, with {summary.n_copies:,} copies"))
    for name, value in rows:
        typer.echo(f"{name:<13} {value}")
    typer.echo(f"records: {summary.folder}/records.parquet")
    if summary.n_miscaptioned or summary.n_repeated:
        typer.echo(f"planted: {summary.folder}/planted.parquet")
    typer.echo(f"next:    memometer data split {summary.folder} --roles a=0.4,b=0.4,public=rest")
