"""The options that every audit has. Importing them is cheap: they are what a command line, or a sweep file, reads."""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import Field, field_validator, model_validator

from memometer.choices import Augment, TowerChoice
from memometer.options import Flag, Words
from memometer.runs.options import PLACE, SHARED, Model, Models, RunOptions, Source

__all__ = [
    "LEAST_SEEDS",
    "AuditOptions",
    "ControlRole",
    "Layers",
    "PublicRole",
    "ReferenceRole",
    "Role",
    "SearchOptions",
    "TowerOptions",
]

LEAST_SEEDS = 20
"""Below this, a coverage says next to nothing."""


Role = Annotated[str | None, Field(description="Test the records of this role alone.")]
PublicRole = Annotated[str | None, Field(description="The public set is this role of --public.")]
ControlRole = Annotated[
    str | None, Field(description="Records that no model was trained on: takes differences in quality out.")
]
ReferenceRole = Annotated[
    str | None, Field(description="The reference's own training records: tests both ways and balances the numbers.")
]
Layers = Words


class AuditOptions(RunOptions):
    """What every audit is asked beside its measure's own options."""

    measure: ClassVar[str]
    if TYPE_CHECKING:
        records: Source  # each measure says which ones

    gallery: int = Field(default=30, ge=0, description="How many of the most memorized records the report shows.")
    images: Annotated[bool, Flag(names=("--no-images",), off=True)] = Field(
        default=True, description="False (--no-images) keeps pictures out of the run and the report."
    )
    null: int = Field(
        default=0, ge=0, description="Also audit so many untrained models: how often the intervals cover 0. 0: none."
    )

    @model_validator(mode="after")
    def _check_null(self) -> Self:
        if 0 < self.null < LEAST_SEEDS:
            raise ValueError(
                f"--null {self.null} is too few to tell a coverage; expected 0 (none) or {LEAST_SEEDS} seeds or more"
            )
        return self

    @classmethod
    def ordered(cls) -> list[str]:
        """All options, the measure's own first."""
        own = [name for name in super().ordered() if name not in AuditOptions.model_fields]
        shared = [*(name for name in AuditOptions.model_fields if name not in SHARED), *SHARED]
        return [*own, *shared]

    @classmethod
    def names(cls) -> list[str]:
        """Those that numbers depend on."""
        return [name for name in cls.ordered() if name not in PLACE]

    def config(self) -> dict[str, Any]:
        """The options as resolved, for ``config.toml`` and the key."""
        return {"measure": self.measure, **{name: self.written(name) for name in self.names()}}


class SearchOptions(AuditOptions):
    """Options of audits that search a public set, of a target against one reference or several."""

    stand_ins: ClassVar[str]
    """What may be given in place of a second model, for the error."""

    target: Model
    reference: Models
    records: Source = Field(description="The folder of the records under test.")
    role: Role = None
    reference_role: ReferenceRole = None
    control_role: ControlRole = None
    public: Source = Field(description="The folder of the public set, which no model was trained on.")
    public_role: PublicRole = None

    @field_validator("reference")
    @classmethod
    def _check_reference(cls, references: tuple[Any, ...]) -> tuple[Any, ...]:
        if not references:
            raise ValueError(f"no reference is given; name a second model, {cls.stand_ins}")
        return references

    def config(self) -> dict[str, Any]:
        """The options as resolved; of the references the first, and the others after it."""
        found: dict[str, Any] = {}
        for name, value in super().config().items():
            found |= {name: value} if name != "reference" else {name: value[0], "further_references": value[1:]}
        return found


class TowerOptions(AuditOptions):
    """Options of audits of single towers; what these have, each measure says in its own words."""

    if TYPE_CHECKING:
        tower: TowerChoice
        draws: int
        augment: Augment
        layers: Layers

    @model_validator(mode="after")
    def _check_layers(self) -> Self:
        if self.layers is not None and not self.layers:
            raise ValueError("layers names no layer; leave it out to read the layers that are recognised")
        if self.layers is not None and self.tower == "both":
            raise ValueError("layers are those of one tower; pass --tower image or --tower text with them")
        return self
