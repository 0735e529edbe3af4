"""The result of an audit: what a run folder holds, in memory."""

import dataclasses
from pathlib import Path
from typing import Any, Generic

import pyarrow as pa

from memometer.errors import InputError
from memometer.report.shown import Shown
from memometer.runs.folder import AGAIN, REJECTS_SCHEMA, finished_run, read_config, read_run, write_run
from memometer.runs.run import S_co
from memometer.runs.schema import AuditSummary
from memometer.tables import read_table

__all__ = ["Audit", "finished_audit", "load_audit", "save_audit"]

TABLES = ("samples", "gallery", "rejects")
"""What every run has; further tables have the names that the measure gives them."""


@dataclasses.dataclass(frozen=True)
class Audit(Shown, Generic[S_co]):
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

    summary: S_co
    samples: pa.Table
    gallery: pa.Table
    manifest: dict[str, Any]
    config: dict[str, Any]
    folder: Path | None = None
    rejects: pa.Table = dataclasses.field(default_factory=REJECTS_SCHEMA.empty_table)
    tables: dict[str, pa.Table] = dataclasses.field(default_factory=dict)


def save_audit(audit: Audit[S_co], folder: Path) -> Audit[S_co]:
    """Writes an audit's files."""
    summary = write_run(
        folder,
        summary=audit.summary,
        tables={name: getattr(audit, name) for name in TABLES} | audit.tables,
        manifest=audit.manifest,
        config=audit.config,
    )
    return dataclasses.replace(audit, folder=folder, summary=summary)


def load_audit(folder: str | Path) -> Audit[AuditSummary]:
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
    manifest, summary = read_run(folder, kind=AuditSummary, command="audit")
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


def finished_audit(out: Path, key: str, *, overwrite: bool) -> Audit[Any] | None:
    """The audit in ``out`` when it is this very one; None where there is none, or another that may be replaced.

    Raises:
        InputError: the folder holds another audit, and ``overwrite`` is not set.
    """
    return finished_run(
        out, key, load=load_audit, what="audit", other="audit", again="computing this audit", overwrite=overwrite
    )
