"""MLflow: a run in the experiment ``memometer``, or in that of MLFLOW_EXPERIMENT_NAME."""

import contextlib
import os
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from memometer import __version__
from memometer.loggers.entry import Entry
from memometer.loggers.logging import Done

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["log"]

Each = TypeVar("Each")

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",  # it tells its makers how it is used
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # by default a server that refuses is asked for four minutes
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}
"""Unless the user's environment says otherwise."""

URI = re.compile(r"[a-z][a-z0-9+]*:|databricks$")
"""What is no folder."""

KEY = "memometer.key"
MOST_METRICS, MOST_PARAMS, MOST_TEXT = 1000, 100, 5000
"""What a server takes in one request, and of one value."""


def log(entry: Entry, at: str | None) -> Done:
    """Parameters, metrics with their steps, tags, and the text as the run's description."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    import mlflow
    from mlflow.entities import Metric, Param

    folder = None if at is None or URI.match(at) else Path(at).absolute()
    uri = at or mlflow.get_tracking_uri()
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        uri = f"sqlite:///{folder / 'mlflow.db'}"
    client = mlflow.MlflowClient(tracking_uri=uri)
    experiment = _experiment(client, folder)
    look = f"look at it with: mlflow ui --backend-store-uri {uri}" if uri.startswith("sqlite:") else f"look at {uri}"
    known = client.search_runs([experiment], f"tags.`{KEY}` = '{entry.key}' and attributes.status = 'FINISHED'")
    if known:
        return Done(f"{uri}, run {known[0].info.run_id}", new=False, look=look)
    tags = {KEY: entry.key, "memometer.version": __version__, "memometer.kind": entry.kind}
    tags |= {"mlflow.note.content": entry.text[:MOST_TEXT]}
    run = client.create_run(experiment, start_time=_ms(entry.started), run_name=entry.name, tags=tags)
    name, when = run.info.run_id, _ms(entry.finished)
    params = (Param(_name(key), str(value)[:MOST_TEXT]) for key, value in entry.config.items())
    try:
        for options in _batches(params, MOST_PARAMS):
            client.log_batch(name, params=options)
        for numbers in _batches(_metrics(entry, when, Metric), MOST_METRICS):
            client.log_batch(name, metrics=numbers)
    except BaseException:
        with contextlib.suppress(Exception):  # what went wrong is said; the next try logs it anew
            client.set_terminated(name, "FAILED")
        raise
    client.set_terminated(name, end_time=when)
    return Done(f"{uri}, run {name}", new=True, look=look)


def _experiment(client: "MlflowClient", folder: Path | None) -> str:
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "memometer")
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    return str(client.create_experiment(name, None if folder is None else (folder / "artifacts").as_uri()))


def _metrics(entry: Entry, when: int, metric: Any) -> Iterator[Any]:
    for name, value in entry.numbers.items():
        yield metric(_name(name), value, when, 0)
    for name, curve in entry.curves.items():
        for step, value in zip(curve.steps, curve.values, strict=True):
            yield metric(_name(f"training/{name}"), value, when, step)


def _name(text: str) -> str:
    """The text with what MLflow takes in no name replaced."""
    return re.sub(r"[^\w\-./ ]", "-", text, flags=re.ASCII).strip("./ ") or "-"


def _batches(items: Iterator[Each], most: int) -> Iterator[list[Each]]:
    while batch := list(islice(items, most)):
        yield batch


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
