"""The folder of a run: tables, ``config.toml``, ``manifest.json``, and ``summary.json``, which comes last."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
from pydantic import ValidationError

from memometer import __version__
from memometer.catalogue import KNOWN, summary_model
from memometer.errors import DamagedError, InputError
from memometer.files import hash_bytes, hash_file, json_text, write_text
from memometer.runs.schema import AuditSummary, Summary
from memometer.runs.tables import Batches, write_batches
from memometer.sealing import check_files, damaged, read_sealed_json, write_sealed_json
from memometer.validation import problems

__all__ = [
    "AGAIN",
    "REJECTS_SCHEMA",
    "check_not_foreign",
    "holds",
    "read_config",
    "read_run",
    "write_run",
]

AGAIN = "run the command that wrote it again, with --overwrite"
"""What to do about a damaged run."""

REJECTS_SCHEMA = pa.schema([("record_id", pa.string()), ("side", pa.string()), ("reason", pa.string())])

S = TypeVar("S", bound=Summary)


def write_run(
    folder: Path,
    *,
    summary: S,
    tables: Mapping[str, pa.Table | Batches],
    manifest: dict[str, Any],
    config: dict[str, Any],
) -> S:
    """Writes the files of a run; ``summary.json`` comes last, so a folder that has one is whole.

    Returns:
        The summary as it is written, with the key of the manifest beside it.
    """
    summary = summary.model_copy(update={"key": manifest.get("key")})
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "summary.json").unlink(missing_ok=True)
    for stale in folder.glob("*.parquet"):
        stale.unlink()
    for name, table in tables.items():
        write_batches(folder / f"{name}.parquet", table)
    texts = {"config.toml": _toml(config), "summary.json": json_text(summary.as_dict())}
    hashes = {f"{name}.parquet": hash_file(folder / f"{name}.parquet") for name in tables}
    hashes |= {name: hash_bytes(text.encode()) for name, text in texts.items()}
    write_sealed_json(folder / "manifest.json", {**manifest, "files": hashes})
    for name, text in texts.items():
        write_text(folder / name, text)
    return summary


def read_run(folder: Path, *, kind: type[S], command: str) -> tuple[dict[str, Any], S]:
    """The manifest and the summary of a run, and no other file of it than was written with them.

    Args:
        folder: of the run.
        kind: of summary that is expected.
        command: that writes such runs, for the error.

    Raises:
        DamagedError: a file that the manifest names is missing or holds other bytes, there is no manifest, or one
            of another run, or the summary is none of its measure.
        InputError: the run is of another kind, or a newer version of memometer wrote it.
    """
    path = folder / "manifest.json"
    if not path.is_file():
        raise damaged(folder, "it has a summary.json but no manifest.json", advice=AGAIN)
    manifest = read_sealed_json(path, advice=AGAIN)
    summary = read_sealed_json(folder / "summary.json", advice=AGAIN)
    if summary.get("key") not in (None, manifest.get("key")):  # earlier versions named none
        why = "its summary.json and its manifest.json are of two runs"
        raise damaged(folder, why, advice=f"copy one run's folder as a whole, or {AGAIN}")
    check_files(folder, manifest.pop("files", {}), advice=AGAIN)
    return manifest, _model_of(summary, folder / "summary.json", kind=kind, command=command, manifest=manifest)


def _model_of(values: dict[str, Any], path: Path, *, kind: type[S], command: str, manifest: dict[str, Any]) -> S:
    """The values of a ``summary.json`` as the model of its measure."""
    measure, schema, version = values.get("measure"), values.get("schema"), manifest.get("memometer")
    if not isinstance(measure, str):
        raise damaged(path, "it names no measure", advice=AGAIN)
    wrote = f"{f'memometer {version[:40]}' if isinstance(version, str) else 'an unknown version'} wrote it"
    other = f"{wrote}, and this is memometer {__version__}; install the version that wrote it, or {AGAIN}"
    if measure not in KNOWN:
        raise InputError(f"{path}: no measure '{measure[:40]}' is known; {other}")
    model = summary_model(measure)
    if not issubclass(model, kind):
        writer = f"audit {measure}" if issubclass(model, AuditSummary) else measure
        raise InputError(
            f"{path.parent} holds what 'memometer {writer}' wrote, which 'memometer report' shows; expected the folder "
            f"that 'memometer {command} --out' wrote"
        )
    if isinstance(schema, int) and schema > model.schema_version():
        raise InputError(f"{path} has schema {schema}, newer than {model.schema_version()}; {other}")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise damaged(path, problems(error, of=model), advice=other) from error


def check_not_foreign(
    folder: Path, config: dict[str, Any], *, what: str, overwrite: bool, names: Iterable[str] | None = None
) -> None:
    """Passes where the folder holds no run, or one of the same options; what models and records are is not looked at.

    Args:
        folder: of the run.
        config: the options.
        what: the noun of such a run.
        overwrite: another run may be replaced.
        names: the options that count; all by default.

    Raises:
        InputError: it holds a run of other options, and ``overwrite`` is not set.
    """
    if overwrite or not (folder / "summary.json").exists():
        return
    try:
        found = read_config(folder)
    except DamagedError:
        return  # the key tells
    asked = tomllib.loads(_toml(config))
    if any(found.get(name) != asked.get(name) for name in names or found.keys() | asked.keys()):
        raise _foreign(folder, what)


def _foreign(folder: Path, what: str) -> InputError:
    return InputError(f"{folder} holds another {what}; choose another --out, or pass --overwrite to replace it")


def holds(folder: Path, key: str, *, what: str, overwrite: bool) -> bool:
    """Whether the run in a folder is the one that ``key`` names; another may be replaced.

    Raises:
        DamagedError: the manifest cannot tell, and ``overwrite`` is not set.
        InputError: the folder holds another one, and ``overwrite`` is not set.
    """
    path = folder / "manifest.json"
    try:
        found = read_sealed_json(path, advice=AGAIN).get("key") if path.is_file() else None
    except DamagedError:
        if overwrite:
            return False
        raise
    if found == key:
        return True
    if overwrite:
        return False
    raise _foreign(folder, what)


def read_config(folder: Path) -> dict[str, Any]:
    """The options of a run.

    Raises:
        DamagedError: they cannot be read.
    """
    path = folder / "config.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise damaged(path, error, advice=AGAIN) from error


def _toml(config: dict[str, Any]) -> str:
    """Options as TOML, which has no null: what is None is left out."""
    import tomli_w

    return tomli_w.dumps(_given(config))


def _given(config: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _given(value) if isinstance(value, dict) else value for name, value in config.items() if value is not None
    }
