"""The folder of a run: tables, ``config.toml``, ``manifest.json``, and ``summary.json``, which comes last."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from memometer.errors import DamagedError, InputError
from memometer.files import hash_bytes, hash_file, json_text, write_text
from memometer.progress import notice
from memometer.sealing import check_files, damaged, read_sealed_json, write_sealed_json
from memometer.tables import write_table

__all__ = [
    "AGAIN",
    "REJECTS_SCHEMA",
    "check_not_foreign",
    "check_same_run",
    "finished_run",
    "read_config",
    "read_run",
    "write_run",
]

AGAIN = "run the command that wrote it again, with --overwrite"
"""What to do about a damaged run."""

REJECTS_SCHEMA = pa.schema([("record_id", pa.string()), ("side", pa.string()), ("reason", pa.string())])

Loaded = TypeVar("Loaded")


def write_run(
    folder: Path,
    *,
    summary: dict[str, Any],
    tables: dict[str, pa.Table],
    manifest: dict[str, Any],
    config: dict[str, Any],
) -> dict[str, Any]:
    """Writes the files of a run; ``summary.json`` comes last, so a folder that has one is whole.

    Returns:
        The summary as it is written, with the key of the manifest beside it.
    """
    summary = {**summary, "key": manifest.get("key")}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "summary.json").unlink(missing_ok=True)
    for stale in folder.glob("*.parquet"):
        stale.unlink()
    for name, table in tables.items():
        write_table(folder / f"{name}.parquet", table)
    texts = {"config.toml": _toml(config), "summary.json": json_text(summary)}
    hashes = {f"{name}.parquet": hash_file(folder / f"{name}.parquet") for name in tables}
    hashes |= {name: hash_bytes(text.encode()) for name, text in texts.items()}
    write_sealed_json(folder / "manifest.json", {**manifest, "files": hashes})
    for name, text in texts.items():
        write_text(folder / name, text)
    return summary


def read_run(folder: Path, *, advice: str = AGAIN) -> tuple[dict[str, Any], dict[str, Any]]:
    """The manifest and the summary of a run, and no other file of it than was written with them.

    Args:
        folder: of the run.
        advice: what to do about a file that is missing or damaged, for the error.

    Raises:
        DamagedError: a file that the manifest names is missing or holds other bytes, or there is no manifest.
    """
    path = folder / "manifest.json"
    if not path.is_file():
        raise damaged(folder, "it has a summary.json but no manifest.json", advice=AGAIN)
    manifest = read_sealed_json(path, advice=AGAIN)
    summary = read_sealed_json(folder / "summary.json", advice=AGAIN)
    if not isinstance(summary.get("measure"), str):
        raise damaged(folder / "summary.json", "it names no measure", advice=AGAIN)
    check_same_run(folder, summary, manifest)
    check_files(folder, manifest.pop("files", {}), advice=advice)
    return manifest, summary


def check_same_run(folder: Path, summary: dict[str, Any], manifest: dict[str, Any]) -> None:
    """Passes where a summary names the manifest beside it, or none, as those of earlier versions.

    Raises:
        DamagedError: they are of two runs.
    """
    if summary.get("key") is not None and summary["key"] != manifest.get("key"):
        why = "its summary.json and its manifest.json are of two runs"
        raise damaged(folder, why, advice=f"copy one run's folder as a whole, or {AGAIN}")


def check_not_foreign(folder: Path, config: dict[str, Any], *, what: str, overwrite: bool) -> None:
    """Passes where the folder holds no run, or one of the same options; what models and records are is not looked at.

    Raises:
        InputError: it holds a run of other options, and ``overwrite`` is not set.
    """
    if overwrite or not (folder / "summary.json").exists():
        return
    try:
        found = read_config(folder)
    except DamagedError:
        return  # the key tells
    if found != tomllib.loads(_toml(config)):
        raise _foreign(folder, what)


def _foreign(folder: Path, what: str) -> InputError:
    return InputError(f"{folder} holds another {what}; choose another --out, or pass --overwrite to replace it")


def _holds(folder: Path, key: str, *, what: str, overwrite: bool) -> bool:
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


def finished_run(
    out: Path, key: str, *, load: Callable[[Path], Loaded], what: str, other: str, again: str, overwrite: bool
) -> Loaded | None:
    """What is in ``out`` when ``key`` names it; None where there is nothing, or another run that may be replaced.

    Args:
        out: the run folder.
        key: of the run that is asked for.
        load: reads it.
        what: the noun of such a run, e.g. ``"measurement"``.
        other: that of what may lie there in its place, e.g. ``"run"``.
        again: what is done about a damaged one, e.g. ``"computing this audit"``.
        overwrite: another run may be replaced.

    Raises:
        InputError: the folder holds another run, and ``overwrite`` is not set.
    """
    if not (out / "summary.json").exists() or not _holds(out, key, what=other, overwrite=overwrite):
        return None
    try:
        found = load(out)
    except DamagedError as error:
        notice(f"{error.fault}; {again} again")
        return None
    notice(f"{out} holds this {what} already; nothing to do")
    return found


def _toml(config: dict[str, Any]) -> str:
    """A flat table of strings, numbers, booleans and lists of them as TOML; None is left out, as TOML has no null."""
    import tomli_w

    return tomli_w.dumps({key: value for key, value in config.items() if value is not None})
