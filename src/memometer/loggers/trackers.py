"""The trackers that a run can be logged to. Importing this imports none of them."""

from importlib.util import find_spec
from typing import NamedTuple

from memometer.errors import InputError

__all__ = ["TRACKERS", "Place", "TrackerRow", "place_named"]


class TrackerRow(NamedTuple):
    """One tracker.

    Attributes:
        module: of `memometer.loggers`, whose ``log`` writes to it.
        libraries: that it needs, as they are imported.
        place: where it writes to by default, in words.
    """

    module: str
    libraries: tuple[str, ...]
    place: str


TRACKERS = {
    "wandb": TrackerRow("weights_and_biases", ("wandb",), "the folder wandb here, offline unless WANDB_MODE says so"),
    "mlflow": TrackerRow("ml_flow", ("mlflow",), "MLFLOW_TRACKING_URI, else mlflow.db here"),
    "tensorboard": TrackerRow("tensor_board", ("tensorboard",), "the folder tensorboard here"),
}


class Place(NamedTuple):
    """Where a run is logged.

    Attributes:
        tracker: one of `TRACKERS`.
        at: the folder, or what else the tracker takes for a place; None for its default.
    """

    tracker: str
    at: str | None

    def __str__(self) -> str:
        return self.tracker if self.at is None else f"{self.tracker}:{self.at}"


def place_named(to: str) -> Place:
    """The place that ``TRACKER`` or ``TRACKER:PLACE`` names, once its library is there.

    Raises:
        InputError: no tracker is called so, no place follows the colon, or its library is not installed.
    """
    tracker, colon, at = to.partition(":")
    if tracker not in TRACKERS:
        raise InputError(f"no tracker '{tracker}' is known; expected one of {', '.join(TRACKERS)}, or TRACKER:PLACE")
    if colon and not at.strip():
        raise InputError(f"'{to}' names no place; expected {tracker}:PLACE, or {tracker} for {TRACKERS[tracker].place}")
    if missing := [name for name in TRACKERS[tracker].libraries if find_spec(name) is None]:
        raise InputError(
            f"logging to {tracker} needs {', '.join(missing)}; install it with pip install 'memometer[{tracker}]'"
        )
    return Place(tracker, at or None)
