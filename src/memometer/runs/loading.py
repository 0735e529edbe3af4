"""A run of whatever kind, by its folder."""

from pathlib import Path
from typing import Any

from memometer.catalogue import run_kind
from memometer.runs.folder import AGAIN
from memometer.runs.run import Run
from memometer.sealing import read_sealed_json

__all__ = ["load_run"]


def load_run(folder: Path) -> Run[Any]:
    """The run that is in a folder: an audit, a measurement of utility, a sweep or a comparison.

    Raises:
        DamagedError: a file is not the one that was written.
        InputError: the folder holds no finished run.
    """
    summary = folder / "summary.json"
    measure = read_sealed_json(summary, advice=AGAIN).get("measure") if summary.is_file() else None
    return run_kind(str(measure)).load(folder)
