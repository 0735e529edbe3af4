"""``memometer remove``."""

from pathlib import Path
from typing import Annotated

import typer

from memometer.cli.show import print_json
from memometer.locking import writes

__all__ = ["command"]


@writes("out", file=True)
def command(
    scores: Annotated[Path, typer.Option(help="A run folder of 'memometer audit clipmem', or a Parquet of scores.")],
    most: Annotated[int, typer.Option(help="How many records to remove.")],
    out: Annotated[Path, typer.Option(help="The Parquet file of their ids to write.")],
    by: Annotated[
        str,
        typer.Option(
            help="clipmem: the most memorized; similarity: the least similar pairs under the target; random: a control."
        ),
    ] = "clipmem",
    subset: Annotated[str, typer.Option(help="Choose among the records of this subset alone.")] = "candidates",
    seed: Annotated[int, typer.Option(help="Of the random draw.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file OUT.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the chosen records as JSON.")] = False,
) -> None:
    """List the records to leave out of the next training: 'memometer train --without OUT'.

    Example:
    memometer remove --scores runs/clipmem --most 100 --out removed.parquet
    """
    from memometer.data.removal import choose_removals, load_scores
    from memometer.errors import InputError
    from memometer.tables import write_table

    if out.exists() and not overwrite:
        raise InputError(f"{out} exists; give another --out, or --overwrite to replace it")
    chosen = choose_removals(load_scores(scores), most=most, by=by, subset=subset, seed=seed)
    write_table(out, chosen)
    if as_json:
        print_json(chosen.to_pylist())
        return
    first, last = chosen["score"][0].as_py(), chosen["score"][most - 1].as_py()
    typer.echo(f"{most:,} records by {by}, scores {first:.3f} to {last:.3f}: {out}")
    typer.echo(f"next: memometer train --without {out} …")
