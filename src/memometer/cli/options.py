"""What the command line has beside the arguments of functions, and the options of runs and trainings."""

import contextlib
import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from memometer.errors import ShardDone
from memometer.progress import notice

__all__ = ["CORES", "JSON", "LOG_TO", "RUN", "TRAINING", "ending_as_shard", "parameter", "processes_of"]


def parameter(name: str, annotation: Any, *, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    """An option of a command."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def processes_of(workers: int | None, given: Mapping[str, Any]) -> int:
    """How many processes decode, or make pieces where the engine has such: 0 leaves the number to the engine."""
    from memometer.engines import decoding_workers

    if given.get("engine") in {"processes", "ray"}:
        return workers or 0
    return decoding_workers(workers, device=given["device"])


@contextlib.contextmanager
def ending_as_shard() -> Iterator[None]:
    """Says what a shard says at its end, and ends the command: there is no result to show."""
    try:
        yield
    except ShardDone as done:
        notice(str(done))
        raise typer.Exit from done


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
        help="Processes that decode images, or those of --engine. Default: none on a CPU, one per core beside a GPU. "
        "With 0, a library that crashes on an image ends the command without a word; with 1 or more it ends with the "
        "images' names."
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
