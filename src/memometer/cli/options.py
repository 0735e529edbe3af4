"""The options that commands share: the same names, the same words."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "BatchSize",
    "Device",
    "Json",
    "NoImages",
    "Null",
    "Out",
    "Overwrite",
    "PublicRole",
    "Role",
    "Store",
    "Workers",
]

Role = Annotated[str | None, typer.Option(help="Test the records of this role alone.")]
PublicRole = Annotated[str | None, typer.Option(help="The public set is this role of --public.")]
Out = Annotated[Path, typer.Option(help="The run folder to write.")]
Store = Annotated[
    Path | None, typer.Option(help="Where embeddings and sums are kept for the next audit; by default OUT/stages.")
]
Workers = Annotated[
    int | None, typer.Option(help="Processes that decode images. Default: none on a CPU, one per core beside a GPU.")
]
Device = Annotated[str, typer.Option(help="cpu or cuda.")]
BatchSize = Annotated[int, typer.Option(help="Images, or views of them, per forward pass.")]
NoImages = Annotated[bool, typer.Option("--no-images", help="Keep pictures out of the run and the report.")]
Null = Annotated[
    int, typer.Option(help="Also audit so many untrained models: how often the intervals cover 0. 0: none.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what OUT holds of other options.")]
Json = Annotated[bool, typer.Option("--json", help="Print summary.json instead of a table.")]
