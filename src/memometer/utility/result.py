"""What a measurement of utility hands on."""

import dataclasses
from typing import ClassVar

import pyarrow as pa

from memometer.report.shown import Shown
from memometer.runs.run import Run
from memometer.runs.schema import Summary
from memometer.utility.schema import UtilitySummary

__all__ = ["Utility", "load_utility"]


@dataclasses.dataclass(frozen=True)
class Utility(Shown, Run[UtilitySummary]):
    """What one model is good for, on one set of records; a part that was not asked for is None in the summary."""

    KIND: ClassVar[type[Summary]] = UtilitySummary
    NOUN: ClassVar[str] = "measurement"
    COMMAND: ClassVar[str] = "utility …"
    TABLES: ClassVar[tuple[str, ...]] = ("samples", "classes", "rejects")

    @property
    def classes(self) -> pa.Table:
        """One row per class of the zero-shot classification and of the probe."""
        return self.tables["classes"]


load_utility = Utility.load
"""The measurement in a folder."""
