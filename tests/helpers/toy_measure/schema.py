"""The model of its summary."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from memometer.runs.schema import AuditSummary, Number, Set

__all__ = ["ToySummary"]


class ToySummary(AuditSummary):
    """``summary.json`` of the toy."""

    measure: Literal["toy"]
    schema_: Literal[1] = Field(alias="schema")
    target: str
    reference: str
    n_records: int
    advantage: Number

    def sets(self) -> Iterator[Set]:
        """The records."""
        yield self.advantage.scored("records")
