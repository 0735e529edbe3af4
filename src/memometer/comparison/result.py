"""The result of a comparison."""

import dataclasses
from pathlib import Path
from typing import ClassVar

import pyarrow as pa

from memometer.comparison.schema import ComparisonSummary
from memometer.errors import InputError
from memometer.report.shown import Shown
from memometer.runs.folder import AGAIN, holds
from memometer.runs.run import Run
from memometer.runs.schema import Summary
from memometer.sealing import read_sealed_json

__all__ = ["Comparison", "check_folder", "load_comparison"]


@dataclasses.dataclass(frozen=True)
class Comparison(Shown, Run[ComparisonSummary]):
    """Audits side by side: per run every number's difference from the baseline, with n and interval."""

    KIND: ClassVar[type[Summary]] = ComparisonSummary
    NOUN: ClassVar[str] = "comparison"
    COMMAND: ClassVar[str] = "compare …"
    TABLES: ClassVar[tuple[str, ...]] = ("moved", "unpaired", "gallery")

    @property
    def moved(self) -> pa.Table:
        """The records that moved (`memometer.comparison.moved.MOVED_SCHEMA`)."""
        return self.tables["moved"]

    @property
    def unpaired(self) -> pa.Table:
        """The records that the paired numbers leave out, with the reason."""
        return self.tables["unpaired"]

    @property
    def samples(self) -> pa.Table:
        """The records that moved."""
        return self.moved

    @property
    def rejects(self) -> pa.Table:
        """The records that the paired numbers leave out, as other runs name theirs."""
        names = (self.unpaired[name].to_pylist() for name in ("run", "part"))
        sides = pa.array([f"{run}, {part}" for run, part in zip(*names, strict=True)], pa.string())
        return pa.table({"record_id": self.unpaired["record_id"], "side": sides, "reason": self.unpaired["reason"]})


def check_folder(folder: Path, key: str, *, overwrite: bool) -> None:
    """Passes where a comparison may be written.

    Raises:
        InputError: the folder holds a run, or another comparison and ``overwrite`` is not set.
    """
    summary = folder / "summary.json"
    measure = read_sealed_json(summary, advice=AGAIN).get("measure") if summary.exists() else None
    if measure != "compare" and (summary.exists() or (folder / "manifest.json").exists()):
        raise InputError(f"{folder} holds a run or a model; give a folder of its own to the comparison")
    if measure == "compare":
        holds(folder, key, what="comparison", overwrite=overwrite)


load_comparison = Comparison.load
"""The comparison in a folder."""
