"""One entry for every tracker: ``memometer log RUN --to TRACKER``."""

from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from memometer.errors import JobError
from memometer.loggers.entry import Entry, entry_of
from memometer.loggers.trackers import TRACKERS, place_named
from memometer.progress import notice
from memometer.runs import Run

__all__ = ["Done", "Logged", "Logger", "log_run"]


class Done(NamedTuple):
    """What a tracker answers.

    Attributes:
        where: the entry is: a folder, or a run's address.
        new: False where it was there already.
        look: what shows it, or sends it on.
    """

    where: str
    new: bool
    look: str


class Logger(Protocol):
    """Writes an entry to one tracker, once."""

    def __call__(self, entry: Entry, at: str | None) -> Done:
        """Logs it at a place, or at the tracker's default."""
        ...


class Logged(NamedTuple):
    """Where a run was logged.

    Attributes:
        tracker: as asked.
        where: the entry is.
        new: False where the same run had been logged there before.
    """

    tracker: str
    where: str
    new: bool


def log_run(run: str | Path | Run[Any], *, to: str) -> Logged:
    """Logs a finished run, or a training, to W&B, MLflow or TensorBoard: options, numbers, curves, and no picture.

    The folder stays as it is. A run that is there already, by its key, is not logged again.

    Args:
        run: the folder that an audit, 'memometer train', 'train-ssl', 'utility', 'sweep' or 'compare' wrote.
        to: the tracker, wandb, mlflow or tensorboard, with its own default place; or TRACKER:PLACE, a folder, and for
            mlflow also a tracking URI.

    Raises:
        InputError: there is no such run or tracker, or its library is not installed.
        JobError: the tracker failed; the run is as it was.
    """
    place = place_named(to)
    entry = entry_of(run)
    logger: Logger = import_module(f"memometer.loggers.{TRACKERS[place.tracker].module}").log
    try:
        done = logger(entry, place.at)
    except Exception as error:
        why = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
        raise JobError(
            f"{entry.name} could not be logged to {place}: {why}; it is finished and saved: see to that, then call "
            f"'memometer log {entry.folder or 'RUN'} --to {place}'"
        ) from error
    notice(f"{entry.name} {'is logged' if done.new else 'was logged before'} to {done.where}; {done.look}")
    return Logged(place.tracker, done.where, done.new)
