"""``memometer data split``: gives the records their roles."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from memometer.data.splits import SplitSummary

__all__ = ["command"]


def command(
    records: Annotated[Path, typer.Argument(help="Folder of records, as 'memometer data import' writes it.")],
    roles: Annotated[
        str,
        typer.Option(help="How many records each role gets: a number, a fraction, or rest: a=3000,b=0.25,public=rest."),
    ],
    seed: Annotated[int, typer.Option(help="Another seed, another split.")] = 0,
    by_group: Annotated[
        bool | None,
        typer.Option(
            "--by-group/--no-by-group",
            help="Keep the records of one group together. Default: where the records have groups.",
            show_default=False,
        ),
    ] = None,
    group_column: Annotated[
        str | None,
        typer.Option(
            help="A column of records.parquet that says which records belong together, such as label; it becomes their "
            "group, which audits draw as a whole.",
            show_default=False,
        ),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(help="Another folder of records: records of the same id take the role they have there."),
    ] = None,
    reassign: Annotated[
        bool, typer.Option("--reassign", help="Assign all afresh; else records keep their roles.")
    ] = False,
    max_distance: Annotated[
        int | None,
        typer.Option(help="Differing bits of perceptual hashes up to which images are near duplicates. Default: 6."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Give the records disjoint roles, such as two training sets and a public set.

    The split is seeded and does not depend on the order of the records. Exact and near duplicates share a role. Run
    again after records were added, with the same roles and seed, all records keep their roles.
    """
    from memometer.data.duplicates import NEAR_DISTANCE
    from memometer.data.splits import split_records
    from memometer.progress import warn

    summary = split_records(
        records,
        roles,
        seed=seed,
        by_group=by_group,
        group_column=group_column,
        keep=keep,
        reassign=reassign,
        max_distance=NEAR_DISTANCE if max_distance is None else max_distance,
    )
    for sentence in summary.notices:
        warn(sentence)
    _print(summary, as_json=as_json)


def _print(summary: "SplitSummary", *, as_json: bool) -> None:
    import json

    from rich import box
    from rich.console import Console
    from rich.table import Table

    if as_json:
        typer.echo(json.dumps(summary.to_dict(), ensure_ascii=False, indent=2))
        return
    table = Table("role", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("asked for", "records"):
        table.add_column(name, justify="right")
    for name, share in summary.roles.items():
        table.add_row(name, f"{share:,}" if isinstance(share, int) else str(share), f"{summary.counts[name]:,}")
    if summary.n_unassigned:
        table.add_row("no role", "", f"{summary.n_unassigned:,}")
    Console(highlight=False).print(table)
    typer.echo(
        f"kept together: {summary.n_exact:,} exact duplicates, {summary.n_near:,} near duplicates, "
        f"{summary.n_grouped:,} more of a group"
    )
    if summary.n_kept:
        typer.echo(f"{summary.n_kept:,} of {summary.n_records:,} records kept the role they had")
    first = next(iter(summary.roles))
    typer.echo(f"next: memometer train --records {summary.folder} --role {first} --out models/{first}")
