"""``memometer data split``: gives the records their roles."""

from typing import TYPE_CHECKING, Any

import typer

from memometer.cli.functions import command_of
from memometer.cli.show import print_json

if TYPE_CHECKING:
    from memometer.data.splits import SplitSummary

__all__ = ["command"]


@command_of("memometer.data.splits:split_records", called={"folder": "records", "roles": "--roles"})
def command(summary: "SplitSummary", *, as_json: bool, **_: Any) -> None:
    """Give the records disjoint roles, such as two training sets and a public set.

    The split is seeded and does not depend on the order of the records. Exact and near duplicates share a role. Run
    again after records were added, with the same roles and seed, all records keep their roles.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from memometer.progress import warn

    for sentence in summary.notices:
        warn(sentence)
    if as_json:
        print_json(summary.to_dict())
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
