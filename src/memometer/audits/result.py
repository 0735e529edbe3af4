"""The result of an audit: what a run folder holds, in memory."""

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

import pyarrow as pa

from memometer.errors import DamagedError, InputError
from memometer.files import hash_bytes, hash_file, json_text, write_text
from memometer.sealing import check_files, damaged, read_sealed_json, write_sealed_json
from memometer.tables import read_table, write_table

__all__ = [
    "REJECTS_SCHEMA",
    "Audit",
    "check_same_run",
    "holds_run",
    "load_audit",
    "read_config",
    "read_run",
    "save_audit",
    "write_run",
]

NO_AUDITS = ("sweep", "utility")
"""Other commands whose folders have a ``summary.json`` as well."""

AGAIN = "run the command that wrote it again, with --overwrite"
"""What to do about a damaged run."""

TABLES = ("samples", "gallery", "rejects")
"""What every run has; further tables have the names that the measure gives them."""
REJECTS_SCHEMA = pa.schema([("record_id", pa.string()), ("side", pa.string()), ("reason", pa.string())])


@dataclasses.dataclass(frozen=True)
class Audit:
    """One finished audit.

    Attributes:
        summary: the numbers with their n and intervals, as in ``summary.json``.
        samples: one row per record, in record order; null where a number is undefined.
        gallery: the records that the report shows, with their thumbnails.
        manifest: the command, versions, seeds, and hashes of weights and data.
        config: the options as resolved.
        folder: the run folder; None for an audit that was not saved.
        rejects: every record or public image left out, with the reason.
        tables: what else the measure has to say, by name, e.g. ``objects``: how often each label is recovered where no
            caption names it.
    """

    summary: dict[str, Any]
    samples: pa.Table
    gallery: pa.Table
    manifest: dict[str, Any]
    config: dict[str, Any]
    folder: Path | None = None
    rejects: pa.Table = dataclasses.field(default_factory=REJECTS_SCHEMA.empty_table)
    tables: dict[str, pa.Table] = dataclasses.field(default_factory=dict)

    @property
    def charts(self) -> dict[str, Any]:
        """The report's charts by name, as altair charts, which show themselves in a notebook."""
        from memometer.report import page_of

        return {figure.draw.__name__: figure.draw(self) for figure in page_of(self.summary["measure"]).figures_of(self)}

    def _repr_html_(self) -> str:
        from memometer.report import html_fragment

        return html_fragment(self)


def save_audit(audit: Audit, folder: Path) -> Audit:
    """Writes an audit's files."""
    summary = write_run(
        folder,
        summary=audit.summary,
        tables={name: getattr(audit, name) for name in TABLES} | audit.tables,
        manifest=audit.manifest,
        config=audit.config,
    )
    return dataclasses.replace(audit, folder=folder, summary=summary)


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


def holds_run(folder: Path, key: str, *, what: str, overwrite: bool) -> bool:
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
    raise InputError(f"{folder} holds another {what}; choose another --out, or pass --overwrite to replace it")


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


def load_audit(folder: str | Path) -> Audit:
    """Loads a run folder.

    Raises:
        DamagedError: a file is not the one that was written.
        InputError: the folder holds no finished audit.
    """
    folder = Path(folder)
    if not (folder / "summary.json").is_file():
        raise InputError(
            f"{folder} holds no finished audit: expected {folder / 'summary.json'}; "
            "give the folder that 'memometer audit … --out' wrote"
        )
    manifest, summary = read_run(folder)
    if summary.get("measure") in NO_AUDITS:
        raise InputError(
            f"{folder} holds no audit but what 'memometer {summary['measure']}' wrote, which 'memometer report' shows; "
            "give the folder that 'memometer audit … --out' wrote"
        )
    tables = {path.stem: read_table(path, advice=AGAIN) for path in sorted(folder.glob("*.parquet"))}
    if missing := [name for name in TABLES if name not in tables]:
        raise InputError(f"{folder} lacks {', '.join(f'{name}.parquet' for name in missing)}; run its audit again")
    return Audit(
        summary=summary,
        manifest=manifest,
        config=read_config(folder),
        folder=folder,
        tables={name: table for name, table in tables.items() if name not in TABLES},
        **{name: tables[name] for name in TABLES},
    )


def _toml(config: dict[str, Any]) -> str:
    """A flat table of strings, numbers, booleans and lists of them as TOML; None is left out, as TOML has no null."""
    return "".join(f"{key} = {_toml_value(value)}\n" for key, value in config.items() if value is not None)


def _toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml_value(item) for item in value)}]"
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(char if char.isprintable() else f"\\U{ord(char):08X}" for char in escaped) + '"'
