"""The result of an audit."""

import dataclasses
from pathlib import Path
from typing import ClassVar

from memometer.report.shown import Shown
from memometer.runs.run import Run, S_co
from memometer.runs.schema import AuditSummary, Summary

__all__ = ["Audit", "load_audit"]


@dataclasses.dataclass(frozen=True)
class Audit(Shown, Run[S_co]):
    """One finished audit; beside the tables of every run it has those of its measure, e.g. ``objects``."""

    KIND: ClassVar[type[Summary]] = AuditSummary
    NOUN: ClassVar[str] = "audit"
    COMMAND: ClassVar[str] = "audit …"
    TABLES: ClassVar[tuple[str, ...]] = ("samples", "gallery", "rejects")


def load_audit(folder: str | Path) -> Audit[AuditSummary]:
    """The audit in a run folder: `Run.load`."""
    return Audit.load(folder)
