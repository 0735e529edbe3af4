"""What the command line adds to the options of runs and trainings."""

from pathlib import Path
from typing import Annotated

import typer

from memometer.cli.generated import parameter

__all__ = ["RUN", "TRAINING"]

_Workers = Annotated[
    int | None,
    typer.Option(
        help="Processes that decode images. Default: none on a CPU, one per core beside a GPU. With 0, a library that "
        "crashes on an image ends the command without a word; with 1 or more it ends with the images' names."
    ),
]
_Json = Annotated[bool, typer.Option("--json", help="Print summary.json instead of a table.")]
_Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace another model in the folder.")]
_Manifest = Annotated[bool, typer.Option("--json", help="Print the model's manifest as JSON.")]

RUN = {
    "out": parameter("out", Annotated[Path, typer.Option(help="The run folder to write.")]),
    "workers": parameter("workers", _Workers, default=None),
    "as_json": parameter("as_json", _Json, default=False),
}
"""In place of the options of an audit, which a command line must write to a folder."""

TRAINING = {
    "overwrite": parameter("overwrite", _Overwrite, default=False),
    "as_json": parameter("as_json", _Manifest, default=False),
}
"""Beside the options of a training."""
