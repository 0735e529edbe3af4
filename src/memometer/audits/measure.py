"""What differs between the audits of two measures; `memometer.audits.running` does the rest."""

import abc
import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

import pyarrow as pa

from memometer.audits.guards import check_disjoint
from memometer.audits.inputs import open_records
from memometer.audits.options import AuditOptions
from memometer.data.records import Records
from memometer.encoders import Encoder
from memometer.encoders.untrained import untrained
from memometer.runs.manifest import describe_records
from memometer.runs.schema import Number
from memometer.runs.tables import Batches
from memometer.storage.paths import AnyPath

__all__ = ["Asked", "Measure", "Opened", "Results", "Scored"]

ROLES = (
    ("forward", "role", "records"),
    ("backward", "reference_role", "reference_records"),
    ("control", "control_role", "control_records"),
)
"""What records are to most measures, the option with their role, and their entry in ``manifest.json``."""

Asked = TypeVar("Asked", bound=AuditOptions)
Opened = TypeVar("Opened")
Scored = TypeVar("Scored")


@dataclasses.dataclass(frozen=True)
class Results:
    """What a measure found.

    Attributes:
        numbers: of ``summary.json``; what all audits have comes from elsewhere.
        samples: a row per record.
        gallery: the records to show.
        rejects: every record left out: rows of ``rejects.parquet``.
        notes: what a reader must know of the numbers.
        tables: what else there is, by name.
        curves: the ROC curves of planted records.
    """

    numbers: dict[str, Any]
    samples: pa.Table | Batches
    gallery: pa.Table
    rejects: list[dict[str, str]]
    notes: list[str]
    tables: dict[str, pa.Table | Batches] = dataclasses.field(default_factory=dict)
    curves: pa.Table | None = None


class Measure(abc.ABC, Generic[Asked, Opened, Scored]):
    """One audit of a measure: its steps in the order in which they are asked for.

    Args:
        options: in their ranges.
    """

    says_no_null: ClassVar[bool] = True
    """Whether ``null`` is null in a summary without calibration; else it is not there, as in files of before."""

    def __init__(self, options: Asked) -> None:
        self.options = options

    @functools.cached_property
    def source(self) -> Records:
        """The records under test, of all roles."""
        return open_records(self.options.records)

    def roles(self) -> dict[str, Records]:
        """The records under test (``forward``), and those of other roles that were asked for."""
        asked = {name: getattr(self.options, option, None) for name, option, _ in ROLES}
        wanted = {name: role for name, role in asked.items() if name == "forward" or role is not None}
        return {name: self.source.with_role(role) for name, role in wanted.items()}

    def described(self, roles: dict[str, Records], **how: bool) -> dict[str, Any]:
        """What ``manifest.json`` says of those.

        Args:
            roles: as `roles` gives them.
            how: as of `memometer.runs.manifest.describe_records`.
        """
        known = type(self.options).model_fields
        return {
            entry: describe_records(roles[name], getattr(self.options, option), **how) if name in roles else None
            for name, option, entry in ROLES
            if option in known
        }

    @abc.abstractmethod
    def parts(self) -> dict[str, Records]:
        """The records by what they are to the measure, e.g. ``forward`` and ``control``.

        Raises:
            InputError: there are none of a role.
        """

    def check(self, parts: dict[str, Records]) -> list[str]:
        """Checks what only data can tell; what is doubtful is said at once, and stands first among the notes.

        Raises:
            InputError: the data cannot be audited as asked; two parts share a record.
        """
        check_disjoint(parts)
        return []

    @abc.abstractmethod
    def open(self, parts: dict[str, Records]) -> tuple[Opened, dict[str, Any]]:
        """The models, and what ``manifest.json`` says of models and records.

        Raises:
            InputError: a model cannot be opened, or lacks a tower.
        """

    @abc.abstractmethod
    def score(self, parts: dict[str, Records], opened: Opened, *, store: AnyPath) -> Scored:
        """Everything that needs a model; what is done is kept in ``store``."""

    @abc.abstractmethod
    def results(
        self, parts: dict[str, Records], opened: Opened, scored: Scored, *, manifest: dict[str, Any], n_duplicates: int
    ) -> Results:
        """What the scores say.

        Args:
            parts: as they were scored.
            opened: the models.
            scored: by them.
            manifest: what was said of models and records.
            n_duplicates: pairs of duplicate images across parts.
        """

    @abc.abstractmethod
    def untrained(self, seed: int, parts: dict[str, Records], opened: Opened) -> dict[str, Any]:
        """The options of the same audit that change where its models were trained on nothing."""

    @staticmethod
    @abc.abstractmethod
    def null_intervals(summary: Any) -> Mapping[str, Number]:
        """The intervals that should cover 0 for those, by name."""

    def made(self) -> dict[str, Any]:
        """What ``manifest.json`` says beside what decides the numbers."""
        return {}

    def needs_images(self) -> bool:
        """Whether untrained models must see images."""
        return True

    def bare(self, seed: int, name: str) -> Encoder:
        """A model that was trained on nothing, in place of the one of this name."""
        return untrained(seed, name, device=self.options.device)
