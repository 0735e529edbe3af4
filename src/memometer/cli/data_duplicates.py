"""``memometer data duplicates``: lists records that show the same picture."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memometer.cli.show import print_json
from memometer.locking import writes

if TYPE_CHECKING:
    from memometer.data.duplicates import Duplicates

__all__ = ["command"]

SHOWN = 20
"""Pairs on the screen; --out has all."""


@writes("out", file=True)
def command(
    records: Annotated[Path, typer.Argument(help="Folder of records, as 'memometer data import' writes it.")],
    public: Annotated[
        Path | None, typer.Option(help="Another folder of records, e.g. the public set, to compare with.")
    ] = None,
    role: Annotated[str | None, typer.Option(help="Look through the records of this role alone.")] = None,
    public_role: Annotated[
        str | None, typer.Option(help="Compare with the records of this role of --public alone.")
    ] = None,
    max_distance: Annotated[
        int | None,
        typer.Option(help="Differing bits of perceptual hashes up to which images are near duplicates. Default: 6."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write all pairs to this Parquet file.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file OUT.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print counts, and the pairs across roles, as JSON.")] = False,
) -> None:
    """List exact and near duplicates, and which of them stand in two roles.

    A duplicate across roles biases every number of an audit: the reference, or the public set, then holds what the
    target was trained on. 'memometer data split' makes roles that share none.
    """
    from memometer.data.duplicates import NEAR_DISTANCE, find_duplicates
    from memometer.data.records import load_records
    from memometer.errors import InputError
    from memometer.tables import write_table

    if public is None and public_role is not None:
        raise InputError("--public-role is of the folder --public, which is not given; give --public FOLDER too")
    if out is not None and out.exists() and not overwrite:
        raise InputError(f"{out} exists; give another --out, or --overwrite to replace it")
    found = find_duplicates(
        load_records(records, role=role),
        None if public is None else load_records(public, role=public_role),
        max_distance=NEAR_DISTANCE if max_distance is None else max_distance,
    )
    if out is not None:
        write_table(out, found.table)
    if as_json:
        print_json(found.to_dict())
    else:
        _print(found, out=out)


def _print(found: "Duplicates", *, out: Path | None) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    counts = found.to_dict()
    typer.echo(
        f"{counts['n_exact']:,} exact and {counts['n_near']:,} near pairs among {found.n_records:,} records, "
        f"{counts['n_across_roles']:,} of them across roles"
    )
    if found.n_unhashed:
        typer.echo(f"{found.n_unhashed:,} records have no image hash and were not compared")
    # pairs across roles first: they are the ones that do harm
    pairs = found.table.sort_by([("across", "descending")]).slice(0, SHOWN).to_pylist()
    if pairs:
        table = Table("record", "role", "record", "role", "kind", "bits", box=box.SIMPLE_HEAD, pad_edge=False)
        for pair in pairs:
            cells = [pair[name] for name in ("record_id_1", "role_1", "record_id_2", "role_2", "kind", "distance")]
            table.add_row(
                *(Text("–" if cell is None else str(cell)) for cell in cells),
                style="yellow" if pair["across"] else None,
            )
        Console(highlight=False).print(table)
    if len(found) > SHOWN:
        typer.echo(f"… and {len(found) - SHOWN:,} more pairs" + ("" if out else "; list all with --out pairs.parquet"))
    if out is not None:
        typer.echo(f"pairs: {out}")
