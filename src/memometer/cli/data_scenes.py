"""``memometer data scenes``: the built-in scenes → a folder of records."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from memometer.scenes import ScenesSummary

__all__ = ["command"]


def command(
    out: Annotated[Path, typer.Option(help="Folder to write the records to.")],
    n: Annotated[int, typer.Option("--n", help="Number of scenes.")] = 3000,
    kind: Annotated[
        Literal["objects", "foreground"],
        typer.Option(help="Several objects and captions, or one labelled object before a background that hints at it."),
    ] = "objects",
    seed: Annotated[int, typer.Option(help="Another seed, other scenes.")] = 0,
    size: Annotated[int, typer.Option(help="Width and height of the images in px.")] = 64,
    miscaptioned: Annotated[
        float, typer.Option(help="Records that get the captions of another scene: a number (50) or a share (0.05).")
    ] = 0,
    repeated: Annotated[int, typer.Option(help="Records that occur more than once.")] = 0,
    times: Annotated[int, typer.Option(help="How often each of those occurs, the first included.")] = 8,
    workers: Annotated[int | None, typer.Option(help="Processes that draw; 0 uses none.", show_default="cores")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the records in OUT.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Draw scenes of several known objects each, with captions that name only some of them.

    Nothing is downloaded. Equal options give equal bytes, and the first scenes of a larger set are the same.

    Planted records are listed in OUT/planted.parquet.
    """
    from memometer.engines import default_workers
    from memometer.scenes import make_scenes

    summary = make_scenes(
        out,
        n=n,
        kind=kind,
        seed=seed,
        size=size,
        miscaptioned=miscaptioned,
        repeated=repeated,
        times=times,
        workers=default_workers() if workers is None else workers,
        overwrite=overwrite,
    )
    _print(summary, as_json=as_json)


def _print(summary: "ScenesSummary", *, as_json: bool) -> None:
    import dataclasses
    import json

    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(summary), ensure_ascii=False, indent=2))
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
