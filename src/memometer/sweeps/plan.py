"""The cells of a sweep: every setting with every seed, what each depends on, and which shard runs it."""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memometer.audits.inputs import open_records
from memometer.data.beside import vocabulary_beside
from memometer.data.records import Records, hash_records, load_records
from memometer.errors import InputError
from memometer.files import hash_file, hash_json
from memometer.sweeps.config import SweepConfig, UtilitySection
from memometer.validation import nearest

if TYPE_CHECKING:
    from memometer.training import TrainConfig

__all__ = ["Cell", "Plan", "parse_shard", "plan_cells", "shard_of"]

FORMAT = 1
"""Enters every key: raised when cells of former versions must be computed anew."""

OURS = ("records", "role", "out", "seed", "workers", "device")
"""Options of a training that the sweep itself sets."""

CONTENT = ("record_id", "image_hash", "captions", "label", "objects", "scores")
"""What of a record enters a key: neither a path nor a place in an archive."""


@dataclasses.dataclass(frozen=True, eq=False)
class Cell:
    """One setting with one seed.

    Attributes:
        setting: its name.
        seed: of both trainings.
        options: of `memometer.training.TrainConfig`, beside those that the sweep sets; files as absolute paths.
        folder: where it is kept.
        key: names all that its numbers depend on: neither paths nor the device or machine.
    """

    setting: str
    seed: int
    options: dict[str, Any]
    folder: Path
    key: str

    @property
    def name(self) -> str:
        """As messages call it."""
        return f"{self.setting}, seed {self.seed}"

    def training(self, model: str, *, records: Path, role: str, device: str, workers: int | None) -> "TrainConfig":
        """What one of its models is trained by; ``model`` is ``a`` or ``b``, or CLIPMem's ``f`` or ``g``."""
        from memometer.training import TrainConfig

        return TrainConfig.checked(
            **self.options,
            records=records,
            role=role,
            out=self.folder / model,
            seed=self.seed,
            workers=workers,
            device=device.partition(":")[0],
        )


@dataclasses.dataclass(frozen=True)
class Plan:
    """All cells, and the data that they share, loaded once.

    Attributes:
        config: the sweep file.
        cells: seed after seed, within one the settings in the order of the file.
        records: the records of ``[data]``.
        public: the public set's folder of records; its role is not yet chosen.
        out: the sweep's folder.
    """

    config: SweepConfig
    cells: tuple[Cell, ...]
    records: Records
    public: Records
    out: Path


def plan_cells(config: SweepConfig, *, out: Path, folder: Path = Path()) -> Plan:
    """Checks the whole sweep before anything is trained, and names its cells.

    Args:
        config: the sweep file.
        out: the sweep's folder.
        folder: paths in training options are relative to it.

    Raises:
        InputError: an option, a role or a file that there is not; settings whose folders would be the same.
    """
    data = config.data
    records = load_records(data.records)
    public = records if data.public is None else load_records(data.public)
    shared = _shared_parts(config, records=records, public=public)
    folders = _folders(list(config.settings))
    cells = []
    for seed in config.seeds:
        for setting, changed in config.settings.items():
            options = _train_options({**config.train, **changed}, setting=setting, folder=folder)
            cell = Cell(setting, seed, options, out / "cells" / folders[setting] / f"seed-{seed}", key="")
            cells.append(dataclasses.replace(cell, key=hash_json([shared, _training_parts(cell, records)])))
    return Plan(config, tuple(cells), records, public, out)


def parse_shard(text: str) -> tuple[int, int]:
    """``"2/8"`` → (2, 8): the third of eight shards.

    Raises:
        InputError: it is no such pair.

    >>> parse_shard("2/8")
    (2, 8)
    """
    found = re.fullmatch(r"(\d+)/(\d+)", text.strip())
    if not found or not int(found[1]) < int(found[2]):
        raise InputError(f"shard '{text}'; expected i/n with i from 0 to n − 1, e.g. 0/4, 1/4, 2/4 and 3/4")
    return int(found[1]), int(found[2])


def shard_of(cells: Sequence[Cell], shard: tuple[int, int] | None) -> tuple[Cell, ...]:
    """The cells of one shard: every n-th, from the i-th on; all of them without a shard."""
    return tuple(cells if shard is None else cells[shard[0] :: shard[1]])


def _train_options(options: dict[str, Any], *, setting: str, folder: Path) -> dict[str, Any]:
    """The options of a setting's trainings, checked."""
    from memometer.training import TrainConfig

    known = TrainConfig.model_fields.keys() - set(OURS)
    for name in options:
        if name in OURS:
            raise InputError(f"setting '{setting}' has the option '{name}', which the sweep itself sets; leave it out")
        if name not in known:
            raise InputError(f"setting '{setting}' has the unknown option '{name}'; {nearest(name, known)}")
    based = {name: _based(name, value, folder) for name, value in options.items()}
    try:
        TrainConfig.checked(**based, records=Path(), out=Path())
    except InputError as error:
        raise InputError(f"setting '{setting}': {error}") from error
    return based


def _based(name: str, value: Any, folder: Path) -> Any:
    """A file's path from the sweep file's folder on; any other value as it is."""
    from memometer.training import TrainConfig

    is_file = "Path" in str(TrainConfig.model_fields[name].annotation) or (
        name == "model" and str(value).endswith(".json")
    )
    return str(folder / value) if is_file and isinstance(value, str) else value


def _training_parts(cell: Cell, records: Records) -> dict[str, Any]:
    """What the models of a cell depend on beside the records: options, the architecture, the content of files."""
    from memometer.training.models import find_architecture

    config = cell.training("a", records=Path(str(records.folder)), role="", device="cpu", workers=0)
    held = getattr(config, "early_stop", None)  # a role, whose records decide which epoch is kept
    files = {name: value for name, value in config if isinstance(value, Path) and name not in OURS}
    changed = config.model_dump(mode="json", exclude_defaults=True)  # more than a model's own key has as options
    elsewhere = {*files, *OURS, "model"}
    options = {name: value for name, value in {**changed, **config.key_options()}.items() if name not in elsewhere}
    return {
        "options": {"seed": cell.seed, **options},
        "architecture": find_architecture(config.model).config,
        "files": {name: _content(path, what=f"{name} of setting '{cell.setting}'") for name, path in files.items()},
        **({"held out": _hash(records.with_role(held))} if held else {}),
    }


def _shared_parts(config: SweepConfig, *, records: Records, public: Records) -> dict[str, Any]:
    """What all cells depend on."""
    data, clipmem, utility = config.data, config.clipmem, config.utility
    roles = {data.role, data.reference_role}
    if clipmem:
        given = (clipmem.candidates, clipmem.external, clipmem.independent, clipmem.shared, clipmem.negatives_role)
        roles |= {role for role in given if role}
    vocabulary = config.audit.vocabulary or vocabulary_beside(records.folder)
    parts: dict[str, Any] = {
        "format": FORMAT,
        "records": {role: _hash(records.with_role(role)) for role in sorted(roles)},
        "roles": [data.role, data.reference_role],
        "public": _hash(public.with_role(data.public_role)),
        "audit": config.audit.model_dump(mode="json", exclude={"vocabulary"}),
        "vocabulary": None if vocabulary is None else _content(Path(str(vocabulary)), what="vocabulary of [audit]"),
        "clipmem": clipmem and clipmem.model_dump(mode="json"),
        "utility": None,
    }
    if config.measures:
        further = [(name, *item) for name, given in config.measures.items() for item in given.items()]
        held = sorted({str(value) for _, option, value in further if option.endswith("role")})
        files = [(name, option, value) for name, option, value in further if isinstance(value, Path)]
        parts["measures"] = [
            sorted(config.measures),
            [each for each in further if each not in files],
            {role: _hash(records.with_role(role)) for role in held},
            [(name, option, _content(path, what=f"{option} of [measures.{name}]")) for name, option, path in files],
        ]
    if utility:
        paths = {name: value for name, value in utility if isinstance(value, Path)}
        folders = {name for name in paths if name in ("records", "probe_records")}
        scored = public if utility.records is None else open_records(utility.records)
        role = utility.role or (data.public_role if utility.records is None else None)
        parts["utility"] = [
            utility.model_dump(mode="json", exclude=set(paths)),
            {name: _content(path, what=f"{name} of [utility]") for name, path in paths.items() if name not in folders},
            _hash(scored.with_role(role)),
            _hash(_probed(utility, scored)) if utility.linear_probe else None,
        ]
    return parts


def _probed(utility: UtilitySection, scored: Records) -> Records:
    """The records that a linear probe is trained on."""
    return (scored if utility.probe_records is None else open_records(utility.probe_records)).with_role(
        utility.probe_role
    )


def _hash(records: Records) -> str:
    """Names the content of records: the same in another folder, on another machine."""
    columns = list(CONTENT)
    if records.column("image_hash").null_count:  # vectors that exist already, or a table of another tool
        columns += ["image_path", "image_offset", "image_row"]
    return hash_records(records, columns)


def _content(path: Path, *, what: str) -> str:
    """Names the content of a file, or of the files of a folder by their names and sizes."""
    if path.is_file():
        return hash_file(path)
    if path.is_dir():
        found = sorted(each for each in path.rglob("*") if each.is_file())
        return hash_json([[str(each.relative_to(path)), each.stat().st_size] for each in found])
    raise InputError(f"there is no {path}, the {what}; paths in a sweep file are relative to its folder")


def _folders(settings: list[str]) -> dict[str, str]:
    """Setting → the name of its folder."""
    folders: dict[str, str] = {}
    taken: dict[str, str] = {}
    for setting in settings:
        folder = re.sub(r"[^\w.+-]+", "-", setting).strip("-.")[:60] or "setting"
        other = taken.setdefault(folder.casefold(), setting)
        if other != setting:
            raise InputError(f"the settings '{other}' and '{setting}' would share the folder {folder}; rename one")
        folders[setting] = folder
    return folders
