"""A sweep file: settings of a training recipe × seeds, and how each of them is judged."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from memometer.errors import InputError
from memometer.validation import problems

__all__ = ["AuditOptions", "ClipMemOptions", "DataOptions", "SweepConfig", "UtilityOptions", "load_sweep_file"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataOptions(_Section):
    """What is trained on and searched: ``[data]``."""

    records: Path = Field(description="folder with records.parquet")
    role: str = Field(default="a", description="model A is trained on the records of this role")
    reference_role: str = Field(default="b", description="model B on those of this one")
    public: Path | None = Field(default=None, description="folder of the public set; that of the records without it")
    public_role: str | None = Field(default="public", description="no model is trained on the records of this role")


class AuditOptions(_Section):
    """Options of the VL-Déjà-Vu audit, as of `memometer.audits.vl_dejavu.audit_vl_dejavu`: ``[audit]``."""

    k: int = Field(default=10, ge=1)
    sweep: tuple[int, ...] = Field(default=(1, 10, 100), description="further k; they cost no further search")
    search: Literal["t2i", "t2t"] = "t2i"
    caption: int = Field(default=1, ge=1)
    public_caption: int = Field(default=1, ge=1)
    vocabulary: Path | None = None
    seed: int = Field(default=0, ge=0, description="of the bootstrap")
    replicates: int = Field(default=1000, ge=2)
    batch_size: int = Field(default=64, ge=1)


class ClipMemOptions(_Section):
    """Roles and options of CLIPMem, as of `memometer.audits.clipmem.audit_clipmem`: ``[clipmem]``."""

    candidates: str
    external: str
    independent: str | None = None
    shared: str | None = None
    n_aug: int = Field(default=5, ge=1)
    augment: str = "clip"
    captions: int = Field(default=1, ge=1)
    negatives: Literal["cross", "none"] = "cross"
    negatives_role: str | None = None
    seed: int = Field(default=0, ge=0)
    replicates: int = Field(default=1000, ge=2)
    batch_size: int = Field(default=64, ge=1)

    @model_validator(mode="after")
    def _check_roles(self) -> Self:
        if not (self.shared or self.independent):
            raise ValueError("names neither shared nor independent pairs, so the reference g has nothing to train on")
        return self

    def trained_on(self) -> dict[str, str]:
        """Model → the roles that it is trained on, joined by commas."""
        pairs = {"f": (self.shared, self.candidates), "g": (self.shared, self.independent)}
        return {name: ",".join(filter(None, roles)) for name, roles in pairs.items()}


class UtilityOptions(_Section):
    """What the models are good for, as of `memometer.utility.measure_utility`: ``[utility]``."""

    records: Path | None = Field(default=None, description="folder of the records; the public set without it")
    role: str | None = Field(default=None, description="of them; the public role without it")
    retrieval: bool = False
    captions: int = Field(default=5, ge=1, description="of each image, for retrieval")
    zero_shot: Path | tuple[str, ...] | dict[str, str] | None = Field(
        default=None, description="a file of class names, or the names, or names with their words in prompts"
    )
    templates: Path | tuple[str, ...] | None = Field(default=None, description="a file of prompts, or the prompts")
    linear_probe: bool = False
    probe_records: Path | None = None
    probe_role: str | None = Field(default=None, description="trains the probe; neither under test nor in a training")
    features: Literal["projector", "backbone"] = "projector"
    labels: Literal["auto", "label", "objects"] = "auto"
    micro: bool = False
    replicates: int = Field(default=1000, ge=2)
    seed: int = Field(default=0, ge=0)
    batch_size: int = Field(default=64, ge=1)

    @model_validator(mode="after")
    def _check_parts(self) -> Self:
        if not (self.retrieval or self.zero_shot or self.linear_probe):
            raise ValueError('asks for nothing; set retrieval = true, zero_shot = "classes.txt" or linear_probe = true')
        return self


class SweepConfig(_Section):
    """A whole sweep file.

    Attributes:
        seeds: every setting is trained once with each.
        data: what is trained on.
        train: options of every training.
        settings: by name, the options that a setting changes; the first, or the one named ``default``, is what others
            are compared with.
        audit: of both models of every cell.
        clipmem: where it is asked for.
        utility: where it is asked for.
    """

    seeds: tuple[int, ...] = Field(min_length=1)
    data: DataOptions
    train: dict[str, Any] = Field(default_factory=dict)
    settings: dict[str, dict[str, Any]] = Field(min_length=1)
    audit: AuditOptions = AuditOptions()
    clipmem: ClipMemOptions | None = None
    utility: UtilityOptions | None = None

    @field_validator("seeds")
    @classmethod
    def _check_seeds(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if min(seeds) < 0 or len(set(seeds)) < len(seeds):
            raise ValueError("expected distinct whole numbers from 0 on")
        return seeds

    @property
    def baseline(self) -> str:
        """The setting that the others are compared with."""
        return "default" if "default" in self.settings else next(iter(self.settings))


def load_sweep_file(sweep: str | Path | Mapping[str, Any]) -> SweepConfig:
    """Reads a sweep file, or the same as a mapping.

    Paths in a file are relative to its own folder, those in a mapping to the working directory.

    Raises:
        InputError: it cannot be read, or has an unknown key or a value out of its range; proposes the nearest key.
    """
    if isinstance(sweep, Mapping):
        return _checked(dict(sweep), name="the sweep", folder=Path())
    path = Path(sweep)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read the sweep file {path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not TOML: {error}") from error
    return _checked(content, name=str(path), folder=path.parent)


def _checked(content: dict[str, Any], *, name: str, folder: Path) -> SweepConfig:
    try:
        config = SweepConfig.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{name}: {problems(error, of=SweepConfig, most=10)}") from error
    sections = {
        field: _based(section, folder)
        for field in ("data", "audit", "clipmem", "utility")
        if (section := getattr(config, field)) is not None
    }
    return config.model_copy(update=sections)


def _based(section: _Section, folder: Path) -> _Section:
    """The section with its paths taken from ``folder`` on."""
    paths = {name: folder / value for name, value in section if isinstance(value, Path)}
    return section.model_copy(update=paths)
