"""``memometer log``, and what ``--log-to`` of other commands does once they are done."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from memometer.cli.functions import command_of
from memometer.errors import JobError

if TYPE_CHECKING:
    from memometer.loggers import Logged
    from memometer.runs import Run

__all__ = ["command", "log_all"]


@command_of("memometer.loggers:log_run", called={"run": "run"})
def command(logged: "Logged", *, as_json: bool, **_: Any) -> None:
    """Log a finished run, or a training, to W&B, MLflow or TensorBoard: options, numbers, curves, and no picture.

    Example:
    memometer log runs/audit --to mlflow
    memometer log models/a --to tensorboard:logs/
    """
    from memometer.cli.show import print_json

    if as_json:
        print_json(logged._asdict())
    else:
        typer.echo(logged.where)


def log_all(run: "Path | Run", places: Sequence[str] | None) -> None:
    """Logs what is done and saved to each place; one that fails keeps none of the others back.

    Raises:
        JobError: one failed.
    """
    if not places:
        return
    from memometer.loggers import log_run

    failed = []
    for place in places:
        try:
            log_run(run, to=place)
        except JobError as error:
            failed.append(error)
    if failed:
        raise JobError("; ".join(map(str, failed))) from failed[0]
