"""What the command line has beside the arguments of functions, and the options of runs and trainings."""

import inspect
from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["CORES", "JSON", "LOG_TO", "RUN", "TRAINING", "parameter"]


def parameter(name: str, annotation: Any, *, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    """An option of a command."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _cores() -> int:
    from memometer.engines import default_workers

    return default_workers()


def _known(places: list[str] | None) -> list[str] | None:
    """Says at once what is wrong with them, not after hours of work."""
    if places:
        from memometer.loggers.trackers import place_named

        for each in places:
            place_named(each)
    return places


_Workers = Annotated[
    int | None,
    typer.Option(
        help="Processes that decode images. Default: none on a CPU, one per core beside a GPU. With 0, a library that "
        "crashes on an image ends the command without a word; with 1 or more it ends with the images' names."
    ),
]
_Cores = Annotated[
    int,
    typer.Option(
        default_factory=_cores,
        show_default="cores",
        help="Processes that read or draw images; with 0, a library that crashes on an image ends the command without "
        "a word, where a process's end is a sentence that names the place.",
    ),
]
_Json = Annotated[bool, typer.Option("--json", help="Print the summary as JSON instead of a table.")]
_Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace another model in the folder.")]
_Trust = Annotated[
    bool,
    typer.Option(
        "--trust-remote-code",
        help="Run the code that models of transformers (hf:…) bring along; the manifest and the report say so.",
    ),
]
_LogTo = Annotated[
    list[str] | None,
    typer.Option(
        callback=_known,
        help="Log the result, once it is saved, to wandb, mlflow or tensorboard, or to TRACKER:PLACE; may be repeated.",
    ),
]
_Manifest = Annotated[bool, typer.Option("--json", help="Print the model's manifest as JSON.")]

CORES = parameter("workers", _Cores)
"""The processes of commands that have no model beside them."""

JSON = parameter("as_json", _Json, default=False)
"""Of every command."""

LOG_TO = parameter("log_to", _LogTo, default=None)
"""Of every command that leaves a run or a model."""

RUN = {
    "out": parameter("out", Annotated[Path, typer.Option(help="The run folder to write.")]),
    "workers": parameter("workers", _Workers, default=None),
    "trust_remote_code": parameter("trust_remote_code", _Trust, default=False),
    "log_to": LOG_TO,
    "as_json": JSON,
}
"""In place of the options of an audit, which a command line must write to a folder."""

TRAINING = {
    "overwrite": parameter("overwrite", _Overwrite, default=False),
    "log_to": LOG_TO,
    "as_json": parameter("as_json", _Manifest, default=False),
}
"""Beside the options of a training."""
