"""A sweep file: settings of a training recipe × seeds, and how each of them is judged."""

import contextlib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from pydantic import Field, ValidationError, field_validator, model_validator

from memometer.audits.options import AuditOptions
from memometer.catalogue import options_of
from memometer.errors import InputError
from memometer.measures.clipmem.options import ClipMemOptions
from memometer.measures.vl_dejavu.options import VLDejaVuOptions
from memometer.options import Options, flag_of, part_of
from memometer.runs.options import PLACE
from memometer.utility.options import UtilityOptions
from memometer.validation import problems

__all__ = ["MODELS_OF", "DataOptions", "Section", "SweepConfig", "UtilitySection", "load_sweep_file"]


MODELS_OF = {"target": "a", "reference": "b", "targets": "f", "references": "g"}
"""Option of an audit → the model of a cell that it is of."""

Section = Iterable[tuple[str, Any]]
"""Options with their values."""


class DataOptions(Options):
    """What is trained on and searched: ``[data]``."""

    records: Path = Field(description="folder with records.parquet")
    role: str = Field(default="a", description="model A is trained on the records of this role")
    reference_role: str = Field(default="b", description="model B on those of this one")
    public: Path | None = Field(default=None, description="folder of the public set; that of the records without it")
    public_role: str | None = Field(default="public", description="no model is trained on the records of this role")


RESAMPLED = ("seed", "replicates", "batch_size")
AUDITED = ("k", "sweep", "search", "caption", "public_caption", "vocabulary", *RESAMPLED)
PAIRS = ("candidates", "external", "independent", "shared")
SCORED = (*PAIRS, "n_aug", "augment", "captions", "negatives", "negatives_role", *RESAMPLED)
PROBED = ("linear_probe", "probe_records", "probe_role", "features", "labels", "micro")
MEASURED = ("records", "role", "retrieval", "captions", "zero_shot", "templates", *PROBED, *RESAMPLED)

if TYPE_CHECKING:
    AuditSection: TypeAlias = VLDejaVuOptions
    ClipMemSection: TypeAlias = ClipMemOptions
    UtilitySection: TypeAlias = UtilityOptions
else:  # the options that a sweep does not decide itself
    AuditSection = part_of(VLDejaVuOptions, AUDITED)
    ClipMemSection = part_of(ClipMemOptions, SCORED)
    UtilitySection = part_of(UtilityOptions, MEASURED)


class SweepConfig(Options):
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
        measures: audits of further measures, each with its options: ``[measures.sslmem]``.
    """

    seeds: tuple[int, ...] = Field(min_length=1)
    data: DataOptions
    train: dict[str, Any] = Field(default_factory=dict)
    settings: dict[str, dict[str, Any]] = Field(min_length=1)
    audit: AuditSection = Field(default_factory=AuditSection.checked)
    clipmem: ClipMemSection | None = None
    utility: UtilitySection | None = None
    measures: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @field_validator("seeds")
    @classmethod
    def _check_seeds(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if min(seeds) < 0 or len(set(seeds)) < len(seeds):
            raise ValueError("expected distinct whole numbers from 0 on")
        return seeds

    @model_validator(mode="after")
    def _check_sections(self) -> Self:
        """Each as the command that reads it does."""
        if self.clipmem and not (self.clipmem.shared or self.clipmem.independent):
            raise ValueError(
                "[clipmem] names neither shared nor independent pairs, so the reference g has nothing to train on"
            )
        if self.utility and not (self.utility.retrieval or self.utility.zero_shot or self.utility.linear_probe):
            raise ValueError(
                '[utility] asks for nothing; set retrieval = true, zero_shot = "classes.txt" or linear_probe = true'
            )
        anything = {**MODELS_OF, "records": "", "public": ""}
        with _named("audit"):
            self.audit_of("vl-dejavu", self.audit, anything)
        with _named("clipmem"):
            if self.clipmem:
                self.audit_of("clipmem", self.clipmem, anything)
        with _named("utility"):
            if self.utility:
                given = {name: value for name, value in self.utility if value is not None}
                UtilityOptions.checked(**{"model": "a", "records": "", **given})
        for name, section in self.measures.items():
            with _named(f"measures.{name}"):
                if "target" not in options_of(name).model_fields:
                    raise InputError(f"{name} is of several trainings on roles of their own: ask for it with [{name}]")
                self.audit_of(name, section.items(), anything)
        return self

    def audit_of(self, measure: str, section: Section, decided: Mapping[str, Any], **place: Any) -> AuditOptions:
        """The audit of a measure.

        Args:
            measure: its name.
            section: its options in the sweep file.
            decided: the models and records of a cell, by the options' names; those that the measure has are taken.
            place: where it runs.

        Raises:
            InputError: there is no such measure, or its options are wrong.
        """
        options, given = options_of(measure), dict(section)
        roles = {"role": self.data.role, "reference_role": self.data.reference_role}
        known = {**decided, **roles, "public_role": self.data.public_role}
        taken = {option: value for option, value in known.items() if option in options.model_fields}
        if twice := sorted({*taken, *PLACE} & given.keys()):
            raise InputError(f"the sweep itself decides {', '.join(twice)}; leave it out")
        return options.checked(**taken, **given, **place)

    @property
    def trained_on(self) -> dict[str, str]:
        """Model → the roles that it is trained on, joined by commas."""
        roles = {"a": self.data.role, "b": self.data.reference_role}
        if (asked := self.clipmem) is None:
            return roles
        pairs = {"f": (asked.shared, asked.candidates), "g": (asked.shared, asked.independent)}
        return roles | {name: ",".join(filter(None, each)) for name, each in pairs.items()}

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
        field: section.model_copy(update=_placed(type(section), section, folder))
        for field in ("data", "audit", "clipmem", "utility")
        if (section := getattr(config, field)) is not None
    }
    measures = {
        measure: {**given, **_placed(options_of(measure), given.items(), folder)}
        for measure, given in config.measures.items()
    }
    return config.model_copy(update={**sections, "measures": measures})


@contextlib.contextmanager
def _named(section: str) -> Iterator[None]:
    """Errors within it begin with the section.

    Raises:
        ValueError: instead of an InputError.
    """
    try:
        yield
    except InputError as error:
        raise ValueError(f"[{section}] {error}") from error


def _placed(options: type[Options], given: Iterable[tuple[str, Any]], folder: Path) -> dict[str, Path]:
    """Those that are paths, taken from ``folder`` on."""
    is_path = {name for name in options.model_fields if flag_of(options, name).kind in (Path, Path | None)}
    return {
        name: folder / value
        for name, value in given
        if isinstance(value, Path) or (name in is_path and isinstance(value, str))
    }
