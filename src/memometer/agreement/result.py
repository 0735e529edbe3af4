"""The result of comparing two labellings."""

import dataclasses
from typing import ClassVar

import pyarrow as pa

from memometer.agreement.schema import LabelAgreementSummary
from memometer.report.shown import Shown
from memometer.runs.run import Run
from memometer.runs.schema import Summary

__all__ = ["LabelAgreement", "load_agreement"]


@dataclasses.dataclass(frozen=True)
class LabelAgreement(Shown, Run[LabelAgreementSummary]):
    """Two labellings side by side: a row per record in ``samples``, and one per label in ``labels``."""

    KIND: ClassVar[type[Summary]] = LabelAgreementSummary
    NOUN: ClassVar[str] = "comparison of labellings"
    COMMAND: ClassVar[str] = "objects agree …"
    TABLES: ClassVar[tuple[str, ...]] = ("samples", "labels", "rejects")

    @property
    def labels(self) -> pa.Table:
        """One row per label, the commonest first."""
        return self.tables["labels"]


load_agreement = LabelAgreement.load
"""The comparison in a folder."""
