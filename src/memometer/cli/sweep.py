"""``memometer sweep``."""

from pathlib import Path
from typing import Annotated, Literal

import typer

__all__ = ["command"]


def command(
    sweep: Annotated[Path, typer.Argument(help="The sweep file, in TOML: settings, seeds, data, audit, utility.")],
    out: Annotated[Path, typer.Option(help="The folder of the sweep; a second run goes on where the first was.")],
    shard: Annotated[
        str | None,
        typer.Option(
            help="i/n, i from 0 to n - 1: compute this share of the cells alone; n such commands run at once."
        ),
    ] = None,
    max_utility_loss: Annotated[
        float, typer.Option(help="How much utility the best setting may lose, in the metric's own unit.")
    ] = 0.01,
    utility_metric: Annotated[
        str | None,
        typer.Option(
            help="What counts as utility, e.g. retrieval/image_to_text/recall@1. Default: zero-shot classification "
            "where it is measured, else retrieval.",
            show_default=False,
        ),
    ] = None,
    memorization_metric: Annotated[
        str, typer.Option(help="The balanced gap that is weighed against it: ppg, prg or aucg, /all or /unmentioned.")
    ] = "prg/unmentioned",
    device: Annotated[str, typer.Option(help="cpu, cuda, or auto.")] = "auto",
    workers: Annotated[
        int | None,
        typer.Option(help="Processes that decode images. Default: none on a CPU, several beside a GPU."),
    ] = None,
    keep: Annotated[
        Literal["models", "none"], typer.Option(help="none removes the weights of every cell that is finished.")
    ] = "models",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Compute cells anew that OUT holds with other options or records.")
    ] = False,
    finished_only: Annotated[
        bool,
        typer.Option("--finished-only", help="Compute nothing; collect and draw the cells that are finished so far."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print summary.json instead of a table.")] = False,
) -> None:
    """Settings of a training recipe × seeds: train, audit both ways, measure utility, draw the trade-off.

    A sweep that was stopped goes on where it was when the same command is run again; no finished cell is lost.
    """
    import json

    from memometer.progress import notice
    from memometer.sweeps import run_sweep

    found = run_sweep(
        sweep,
        out=out,
        shard=shard,
        max_utility_loss=max_utility_loss,
        utility_metric=utility_metric,
        memorization_metric=memorization_metric,
        device=device,
        workers=workers,
        keep=keep,
        overwrite=overwrite,
        finished_only=finished_only,
    )
    if found is None:
        notice("this shard's cells are done; the command without --shard draws the report when all are")
    elif as_json:
        typer.echo(json.dumps(found.summary.as_dict(), indent=2, ensure_ascii=False))
    else:
        from rich.console import Console

        Console().print(*found.printed(), sep="\n")
        notice(f"report: {found.report}")
