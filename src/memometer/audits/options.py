"""The options that every audit has. Importing them is cheap: they are what a command line, or a sweep file, reads."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, TypeAlias, cast

from pydantic import Field, model_validator

from memometer.choices import TowerChoice
from memometer.options import Flag, Options, Several, Words

__all__ = [
    "LEAST_SEEDS",
    "AuditOptions",
    "ControlRole",
    "Layers",
    "Model",
    "Models",
    "Place",
    "PublicRole",
    "Role",
    "Source",
    "check_layers",
    "folder_of",
    "model_names",
    "place_of",
    "several",
    "spec_of",
    "specs_of",
    "with_further",
]

LEAST_SEEDS = 20
"""Below this, a coverage says next to nothing."""

PLACE = ("out", "store", "workers", "device", "overwrite")
"""Options that say where an audit runs, and change no number."""


def spec_of(model: object) -> str:
    """What names a model to a user."""
    if isinstance(model, str):
        return model
    return str(getattr(model, "spec", None) or getattr(model, "identity", "a model without a name"))


def specs_of(models: Iterable[object]) -> list[str]:
    """What names each model."""
    return [spec_of(model) for model in models]


def several(models: "Models") -> tuple["Model", ...]:
    """One model or several, as several."""
    return cast("tuple[Model, ...]", tuple(models) if isinstance(models, list | tuple) else (models,))


def model_names(target: "Model", references: "Models") -> dict[str, "Model"]:
    """The target, the reference and further ones by name: ``reference 2``, and so on."""
    first, *further = several(references)
    return {"target": target, "reference": first, **{f"reference {n}": each for n, each in enumerate(further, start=2)}}


def folder_of(source: object) -> str:
    """What names the records' folder in ``config.toml``."""
    return str(getattr(source, "folder", source))


def place_of(place: object) -> str | None:
    """A path, as it was given."""
    return None if place is None else str(place)


if TYPE_CHECKING:
    from memometer.audits.inputs import Model as AnyModel
    from memometer.data.records import Records

    Model: TypeAlias = str | AnyModel
    Models: TypeAlias = Model | Sequence[Model]
    Source: TypeAlias = str | Path | Records
    Place: TypeAlias = str | Path | None
else:  # models and records are checked where they are opened, and their types cost seconds to import
    Model = Annotated[Any, Flag(kind=str, written=spec_of)]
    Models = Annotated[Any, Several, Flag(kind=list[str], written=specs_of)]
    Source = Annotated[Any, Flag(kind=Path, written=folder_of)]
    Place = Annotated[Any, Flag(kind=Path | None, written=place_of)]

Role = Annotated[str | None, Field(description="Test the records of this role alone.")]
PublicRole = Annotated[str | None, Field(description="The public set is this role of --public.")]
ControlRole = Annotated[
    str | None, Field(description="Records that no model was trained on: takes differences in quality out.")
]
Layers = Words


class AuditOptions(Options):
    """What every audit is asked beside its measure's own options."""

    measure: ClassVar[str]
    if TYPE_CHECKING:
        records: Source  # each measure says which ones

    out: Place = Field(default=None, description="The run folder to write; without it the audit stays in memory.")
    store: Place = Field(
        default=None, description="Where embeddings and sums are kept for the next audit; by default OUT/stages."
    )
    seed: int = Field(default=0, ge=0, description="Of all that is drawn: views, groups, the bootstrap.")
    workers: int = Field(
        default=0,
        ge=0,
        description="Processes that decode images; 0 decodes in this process.",
    )
    device: str = Field(default="cpu", description="cpu or cuda.")
    batch_size: int = Field(default=64, ge=1, description="Images, or views of them, per forward pass.")
    gallery: int = Field(default=30, ge=0, description="How many of the most memorized records the report shows.")
    images: Annotated[bool, Flag(names=("--no-images",), off=True)] = Field(
        default=True, description="Keep pictures out of the run and the report."
    )
    replicates: int = Field(default=1000, ge=2, description="Bootstrap replicates behind each interval.")
    null: int = Field(
        default=0, ge=0, description="Also audit so many untrained models: how often the intervals cover 0. 0: none."
    )
    overwrite: bool = Field(default=False, description="Replace what OUT holds of other options.")

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
        shared = AuditOptions.model_fields
        return [*(name for name in cls.model_fields if name not in shared), *shared]

    @classmethod
    def names(cls) -> list[str]:
        """Those that numbers depend on."""
        return [name for name in cls.ordered() if name not in PLACE]

    def config(self) -> dict[str, Any]:
        """The options as resolved, for ``config.toml`` and the key."""
        return {"measure": self.measure, **{name: self.written(name) for name in self.names()}}


def with_further(config: dict[str, Any]) -> dict[str, Any]:
    """The options with the first reference, and the others, ``further_references``, after it."""
    found: dict[str, Any] = {}
    for name, value in config.items():
        found |= {name: value} if name != "reference" else {name: value[0], "further_references": value[1:]}
    return found


def check_layers(layers: Sequence[str] | None, tower: TowerChoice) -> None:
    """Passes where layers are named for one tower, or for none.

    Raises:
        ValueError: none is named, or those of both towers at once.
    """
    if layers is not None and not layers:
        raise ValueError("layers names no layer; leave it out to read the layers that are recognised")
    if layers is not None and tower == "both":
        raise ValueError("layers are those of one tower; pass --tower image or --tower text with them")
