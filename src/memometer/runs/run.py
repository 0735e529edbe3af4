"""What a run is to those who show it: an audit, a comparison, a measurement of utility, a sweep."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    from memometer.runs.schema import Summary

    S_co = TypeVar("S_co", bound=Summary, default=Summary, covariant=True)
else:
    from typing import TypeVar

    S_co = TypeVar("S_co", covariant=True)

__all__ = ["NOTHING", "Run"]

NOTHING = pa.table({})
"""The table of what a run does not have."""


class Run(Protocol[S_co]):
    """What every run holds."""

    @property
    def summary(self) -> S_co:
        """The numbers with their n and intervals; ``measure`` names the page that shows them."""

    @property
    def manifest(self) -> dict[str, Any]:
        """The command, versions, seeds, and hashes of weights and data."""

    @property
    def config(self) -> dict[str, Any]:
        """The options as resolved."""

    @property
    def folder(self) -> Path | None:
        """The run folder; None for a run that was not saved."""

    @property
    def samples(self) -> pa.Table:
        """One row per record, or per number of a sweep."""

    @property
    def gallery(self) -> pa.Table:
        """The records that the report shows."""

    @property
    def rejects(self) -> pa.Table:
        """Every record left out, with the reason."""

    @property
    def tables(self) -> dict[str, pa.Table]:
        """What else the run has to say, by name."""
