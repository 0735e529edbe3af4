"""What is logged of a finished run or training, the same for every tracker: numbers, options and words, no pictures."""

import json
import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from memometer import __version__
from memometer.catalogue import page_of
from memometer.errors import InputError
from memometer.exports.numbers import headline
from memometer.runs import Run
from memometer.runs.loading import load_run
from memometer.states import read_manifest
from memometer.tables import read_table

__all__ = ["MOST_POINTS", "Curve", "Entry", "entry_of"]

MOST_POINTS = 10_000
"""Points of a curve; of a longer one so many are taken, evenly, with the last."""

TRAINED_AGAIN = "restore it from a copy, or train again with --overwrite"


class Curve(NamedTuple):
    """A number over the steps of a training, where it is defined.

    Attributes:
        steps: as the training counts them.
        values: as many.
    """

    steps: list[int]
    values: list[float]


class Entry(NamedTuple):
    """What a tracker is told.

    Attributes:
        folder: of the run; None where it was not saved.
        name: of the folder, or of the kind where there is none.
        kind: the measure; ``sweep``, ``utility``, ``compare``; ``training``.
        key: what the run depends on, as a hash: the same run is logged once.
        config: the options as resolved, nested ones as ``group.option``.
        numbers: by name; of one with an interval also its ends and n, as ``NAME_low``, ``NAME_high``, ``NAME_n``.
        curves: of a training.
        text: Markdown: the verdict, cautions and notes, and where the folder is.
        started: seconds since 1970, UTC.
        finished: likewise.
    """

    folder: Path | None
    name: str
    kind: str
    key: str
    config: dict[str, str | int | float | bool]
    numbers: dict[str, float]
    curves: dict[str, Curve]
    text: str
    started: float
    finished: float


def entry_of(run: str | Path | Run[Any]) -> Entry:
    """What is logged of a run, or of a training by its folder.

    Raises:
        InputError: the folder holds no finished run and no finished training.
    """
    if isinstance(run, Run):
        return _entry_of_run(run)
    folder = Path(run)
    manifest = folder / "manifest.json"
    if not (folder / "summary.json").is_file() and manifest.is_file():
        told = read_manifest(manifest)
        if told.get("kind") == "training":
            return _entry_of_training(folder, told)
    elif not (folder / "summary.json").is_file():
        raise InputError(
            f"{folder} holds no finished run and no finished training: expected a summary.json, or the manifest.json "
            "of a training; give the folder that 'memometer audit', 'train', 'train-ssl', 'utility', 'sweep' or "
            "'compare' wrote"
        )
    return _entry_of_run(load_run(folder))


def _entry_of_run(run: Run[Any]) -> Entry:
    page = page_of(run.summary.measure)
    verdict = page.verdict(run.summary)
    notes = [*verdict.cautions, *run.summary.notes]
    lines = [f"**{verdict.title}.** {verdict.sentence}", *(f"- {note}" for note in notes)]
    return _entry(
        run.folder, run.manifest, kind=run.summary.measure, config=run.config, numbers=dict(_numbers(run)), lines=lines
    )


def _entry_of_training(folder: Path, manifest: dict[str, Any]) -> Entry:
    table = read_table(folder / "metrics.parquet", advice=TRAINED_AGAIN)
    numbers = {name: float(manifest[name]) for name in ("loss", "steps", "seconds") if name in manifest}
    n = manifest.get("records", {}).get("n")
    return _entry(
        folder,
        manifest,
        kind="training",
        config=manifest.get("config", {}),
        numbers=numbers | ({} if n is None else {"records": float(n)}),
        lines=[],
        curves=_curves(table),
    )


def _entry(
    folder: Path | None,
    manifest: dict[str, Any],
    *,
    kind: str,
    config: dict[str, Any],
    numbers: dict[str, float],
    lines: list[str],
    curves: dict[str, Curve] | None = None,
) -> Entry:
    if folder is not None:
        lines = [*lines, f"In `{folder.absolute()}`."]
    lines = [*lines, f"memometer {manifest.get('memometer', __version__)}, key `{manifest.get('key')}`."]
    return Entry(
        folder=folder,
        name=kind if folder is None else folder.absolute().name,
        kind=kind,
        key=str(manifest.get("key")),
        config=dict(_flat(config)),
        numbers=numbers,
        curves=curves or {},
        text="\n\n".join(lines),
        started=_seconds(manifest.get("started")),
        finished=_seconds(manifest.get("finished")),
    )


def _numbers(run: Run[Any]) -> Iterator[tuple[str, float]]:
    for name, number in headline(run).items():
        parts = {"": number.value, "_low": number.low, "_high": number.high, "_n": number.n}
        yield from ((f"{name}{suffix}", float(value)) for suffix, value in parts.items() if value is not None)


def _curves(table: pa.Table) -> dict[str, Curve]:
    """Each column over the steps; an epoch's own row, where there are no steps."""
    steps = table["step" if "step" in table.column_names else "epoch"].to_pylist()
    found = {}
    for name in table.column_names:
        if name in ("step", "epoch"):
            continue
        pairs = zip(steps, table[name].to_pylist(), strict=True)
        points = [pair for pair in pairs if pair[1] is not None and math.isfinite(pair[1])]
        if len(points) > MOST_POINTS:
            last = len(points) - 1
            points = [points[round(place * last / (MOST_POINTS - 1))] for place in range(MOST_POINTS)]
        if points:
            found[name] = Curve([int(step) for step, _ in points], [float(value) for _, value in points])
    return found


def _flat(config: Mapping[str, Any], *, at: str = "") -> Iterator[tuple[str, str | int | float | bool]]:
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from _flat(value, at=f"{at}{name}.")
        elif isinstance(value, str | int | float):
            yield f"{at}{name}", value
        elif value is not None:
            yield f"{at}{name}", json.dumps(value, ensure_ascii=False, default=str)


def _seconds(when: object) -> float:
    return datetime.fromisoformat(str(when)).timestamp() if when else 0.0
