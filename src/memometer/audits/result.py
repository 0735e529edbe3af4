"""The result of an audit: what a run folder holds, in memory."""

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from memometer.errors import InputError
from memometer.files import atomic_path, read_json, write_json, write_text

__all__ = ["Audit", "load_audit", "save_audit"]

TABLES = ("samples", "objects", "gallery", "rejects")
REJECTS_SCHEMA = pa.schema([("record_id", pa.string()), ("side", pa.string()), ("reason", pa.string())])


@dataclasses.dataclass(frozen=True)
class Audit:
    """One finished audit.

    Attributes:
        summary: the numbers with their n and intervals, as in ``summary.json``.
        samples: one row per record, in record order; null where a number is undefined.
        objects: one row per label: how often each model recovers it where no caption names it.
        gallery: the most memorized records with both models' neighbours, for the report.
        manifest: the command, versions, seeds, and hashes of weights and data.
        config: the options as resolved.
        folder: the run folder; None for an audit that was not saved.
        rejects: every record or public image left out, with the reason.
    """

    summary: dict[str, Any]
    samples: pa.Table
    objects: pa.Table
    gallery: pa.Table
    manifest: dict[str, Any]
    config: dict[str, Any]
    folder: Path | None = None
    rejects: pa.Table = dataclasses.field(default_factory=REJECTS_SCHEMA.empty_table)

    @property
    def charts(self) -> dict[str, Any]:
        """The report's charts by name, as altair charts, which show themselves in a notebook."""
        from memometer.report import charts

        drawn = (
            charts.headline_gaps,
            charts.recall_distributions,
            charts.gap_by_top,
            charts.leaking_objects,
            charts.gap_by_k,
        )
        return {draw.__name__: draw(self) for draw in drawn}

    def _repr_html_(self) -> str:
        from memometer.report import html_fragment

        return html_fragment(self)


def save_audit(audit: Audit, folder: Path) -> Audit:
    """Writes an audit's files; ``summary.json`` comes last, so a folder that has one is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "summary.json").unlink(missing_ok=True)
    for name in TABLES:
        with atomic_path(folder / f"{name}.parquet") as temporary:
            pq.write_table(getattr(audit, name), temporary, compression="zstd")
    write_text(folder / "config.toml", _toml(audit.config))
    write_json(folder / "manifest.json", audit.manifest)
    write_json(folder / "summary.json", audit.summary)
    return dataclasses.replace(audit, folder=folder)


def load_audit(folder: str | Path) -> Audit:
    """Loads a run folder.

    Raises:
        InputError: the folder holds no finished audit.
    """
    folder = Path(folder)
    if not (folder / "summary.json").is_file():
        raise InputError(
            f"{folder} holds no finished audit: expected {folder / 'summary.json'}; "
            "give the folder that 'memometer audit … --out' wrote"
        )
    tables = {name: pq.read_table(folder / f"{name}.parquet") for name in TABLES}
    return Audit(
        summary=read_json(folder / "summary.json"),
        manifest=read_json(folder / "manifest.json"),
        config=tomllib.loads((folder / "config.toml").read_text(encoding="utf-8")),
        folder=folder,
        **tables,
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
