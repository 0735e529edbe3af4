"""Summaries as models: what every ``summary.json`` holds, and the parts of it that several commands write."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ModelWrapValidatorHandler, model_validator

__all__ = [
    "DIRECTIONS",
    "AuditSummary",
    "Duplicates",
    "Ends",
    "Found",
    "Likeness",
    "NullRow",
    "Number",
    "Pair",
    "Set",
    "Strict",
    "Summary",
]


Set = tuple[str, int, int | None]
"""A name, scored records, and the groups that they come in."""

DIRECTIONS = {"one-way": "forward", "swapped": "backward", "control": "control"}
"""Design of a number → the one direction that it is of."""

Pair = Annotated[list[str], Field(min_length=2, max_length=2)]


class Strict(BaseModel, Mapping[str, Any]):
    """A part of a summary: a key that is not named here is an error.

    It reads as the mapping that ``summary.json`` holds, too: with its keys, in the order in which they were written.

    >>> duplicates = Duplicates(n=1, pairs=[["a", "b"]])
    >>> duplicates.n, duplicates["n"], duplicates == {"n": 1, "pairs": [["a", "b"]]}
    (1, 1, True)
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @model_validator(mode="wrap")
    @classmethod
    def _in_the_order_given(cls, given: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """So that a summary is written as it was made, or read, whichever version did."""
        made = handler(given)
        if isinstance(given, dict):
            values = dict(made.__dict__)
            fields = {field.alias or name: name for name, field in cls.model_fields.items()}
            first = {fields[key]: values.pop(fields[key]) for key in given}
            made.__dict__.clear()
            made.__dict__.update(first | values)
        return made

    def __getitem__(self, key: str) -> Any:
        return getattr(self, self._keys()[key])

    def __iter__(self) -> Iterator[str]:  # type: ignore[override]  # keys, as of a mapping; a model's are pairs
        return iter(self._keys())

    def __len__(self) -> int:
        return len(self.model_fields_set)

    __hash__ = None  # type: ignore[assignment]  # as of a mapping

    def __bool__(self) -> Literal[True]:
        return True

    def __eq__(self, other: object) -> bool:
        return dict(self) == dict(other) if isinstance(other, Mapping) else NotImplemented

    def _keys(self) -> dict[str, str]:
        """Key of ``summary.json`` → name of the field, of what is there."""
        fields = type(self).model_fields
        return {fields[name].alias or name: name for name in self.__dict__ if name in self.model_fields_set}

    def as_dict(self) -> dict[str, Any]:
        """What ``summary.json`` holds."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class Ends(Strict):
    """What has an interval; both ends are null where it is undefined."""

    low: float | None = Field(description="Lower end of the 95 % interval; by bootstrap over records, if not said.")
    high: float | None = Field(description="Upper end of it.")

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.low is None) != (self.high is None):
            raise ValueError("An interval has one end; expected two or none")
        return self


class Number(Ends):
    """A mean, or a share, or a difference of such, with its 95 % interval."""

    value: float | None = Field(description="Null where undefined, with a reason.")
    std: float | None = Field(
        default=None, description="Spread: over 100 draws of 10 % of the records (paper A), if not said otherwise."
    )
    n: int = Field(ge=0, description="Records behind it, if not said otherwise.")
    reason: str | None = Field(default=None, description="Why the value, or its interval, is null.")
    n_groups: int | None = Field(
        default=None, description="What is drawn: groups of records (one group, near duplicates), or single records."
    )

    @property
    def interval(self) -> tuple[float, float] | None:
        """Lower and upper end, where both are defined."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    def scored(self, name: str) -> Set:
        """The records behind it, called ``name``."""
        return name, self.n, self.n_groups

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.above_zero or self.below_zero

    @property
    def above_zero(self) -> bool:
        """Whether the interval lies above 0."""
        return self.low is not None and self.low > 0

    @property
    def below_zero(self) -> bool:
        """Whether the interval lies below 0."""
        return self.high is not None and self.high < 0


class Likeness(Number):
    """How alike two references are."""

    n_undefined: int


class Found(Ends):
    """How well one ranking finds the planted records of one kind."""

    kind: str
    by: str = Field(description="The ranking; 'random' is ½ by construction.")
    area: float | None = Field(description="Area under the ROC curve.")
    n_positive: int = Field(description="Planted records of this kind.")
    n_negative: int = Field(description="Records with nothing planted.")
    reason: str | None = None
    n_groups_positive: int | None = Field(default=None, description="Groups, or single records, behind n_positive.")
    n_groups_negative: int | None = Field(default=None, description="Groups, or single records, behind n_negative.")


class Duplicates(Strict):
    """Pairs of exact or near-duplicate images across roles; the first 20 by id."""

    n: int
    pairs: list[Pair]


class NullRow(Ends):
    """Coverage of one interval over audits of models that were trained on neither set."""

    interval: str = Field(description="Which interval, e.g. 'balanced/unmentioned/prg'.")
    n_seeds: int = Field(description="Pairs of models for which it is defined.")
    n_covered: int = Field(description="Those whose interval covers 0.")
    coverage: float | None = Field(description="Its interval is Clopper and Pearson's.")
    mean: float | None = Field(description="Mean of the values; 0 where the measure is unbiased.")
    stderr: float | None = Field(description="Standard error of that mean.")


class Summary(Strict):
    """What every ``summary.json`` holds."""

    measure: str
    schema_: int = Field(alias="schema")
    key: str | None = Field(default=None, description="Of the manifest.json beside it.")
    notes: list[str] = Field(description="What a reader must know before trusting the numbers.")

    @property
    def duplicates(self) -> Duplicates | None:
        """Images that several roles have; None where nothing looked for them."""
        return None

    def sets(self) -> Iterable[Set]:
        """The sets of scored records that its headline rests on."""
        return ()

    @classmethod
    def schema_version(cls) -> int:
        """The schema that this version of memometer writes."""
        versions: tuple[int, ...] = get_args(cls.model_fields["schema_"].annotation)
        return max(versions)

    @classmethod
    def made(cls, values: Mapping[str, Any]) -> Self:
        """The summary of these values, as it will be read again: what JSON cannot hold is an error."""
        (measure,) = get_args(cls.model_fields["measure"].annotation)
        whole = {"measure": measure, "schema": cls.schema_version(), **values}
        return cls.model_validate(json.loads(json.dumps(whole, allow_nan=False, default=dict)))

    def noted(self, note: str | None) -> Self:
        """The same with one more note, where there is one."""
        return self if note is None else self.model_copy(update={"notes": [*self.notes, note]})


class AuditSummary(Summary):
    """What the ``summary.json`` of every audit holds."""

    planted: list[Found] | None = Field(default=None, description="Null where nothing is planted in the records.")
    null: list[NullRow] | None = Field(default=None, description="Coverage of 0 by the intervals of untrained models.")
    duplicates_across_roles: Duplicates

    @property
    def duplicates(self) -> Duplicates:
        """Images that several roles have."""
        return self.duplicates_across_roles
