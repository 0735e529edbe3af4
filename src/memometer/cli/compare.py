"""``memometer compare``."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["command"]


def command(
    runs: Annotated[
        list[Path], typer.Argument(help="Run folders of audits of one measure; the first is the baseline.")
    ],
    baseline: Annotated[
        Path | None, typer.Option(help="The run folder that the others are compared with; may be one of them.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the report and the tables to write; without it nothing is written.")
    ] = None,
    records: Annotated[
        Path | None,
        typer.Option(help="Folder of the records: shows captions, objects and pictures of those that moved."),
    ] = None,
    gallery: Annotated[
        int, typer.Option(help="How many of the records that moved the most the report shows, each way.")
    ] = 5,
    no_images: Annotated[bool, typer.Option("--no-images", help="Keep pictures out of the report.")] = False,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace another comparison in OUT.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print summary.json instead of a table.")] = False,
) -> None:
    """Compare audits of the same records: the difference of each number, with a paired interval.

    Example:
    memometer compare runs/default runs/masked --out runs/comparison
    """
    import json

    from rich.console import Console

    from memometer.comparison import compare_audits
    from memometer.progress import notice
    from memometer.report import page_of

    compared = compare_audits(
        runs,
        baseline=baseline,
        records=records,
        gallery=gallery,
        images=not no_images,
        out=out,
        seed=seed,
        overwrite=overwrite,
    )
    page = page_of("compare")
    if as_json:
        typer.echo(json.dumps(compared.summary.as_dict(), indent=2, ensure_ascii=False))
    else:
        Console().print(*page.printed(compared), sep="\n")
        typer.echo(page.verdict(compared.summary).title)
    if out is not None:
        notice(f"report: {out / 'report.html'}")
