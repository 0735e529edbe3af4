"""The result of a comparison: what its folder holds, in memory."""

import dataclasses
from pathlib import Path
from typing import Any

import pyarrow as pa

from memometer.comparison.schema import ComparisonSummary
from memometer.errors import InputError
from memometer.files import hash_file
from memometer.report.shown import Shown
from memometer.runs.folder import read_summary
from memometer.sealing import check_files, read_sealed_json, write_sealed_json
from memometer.tables import read_table, write_table

__all__ = ["Comparison", "check_folder", "load_comparison", "save_comparison"]

AGAIN = "compare the audits again, with --overwrite"
TABLES = ("moved", "unpaired", "gallery")


@dataclasses.dataclass(frozen=True)
class Comparison(Shown):
    """Audits side by side.

    Attributes:
        summary: as in ``comparison.json``: per run every number's difference from the baseline, with n and interval.
        moved: the records that moved (`memometer.comparison.moved.MOVED_SCHEMA`).
        unpaired: the records that the paired numbers leave out, with the reason.
        gallery: the records that the report shows.
        manifest: the command and versions.
        config: the options as resolved.
        folder: where it was written; None for one that was not.
    """

    summary: ComparisonSummary
    moved: pa.Table
    unpaired: pa.Table
    gallery: pa.Table
    manifest: dict[str, Any]
    config: dict[str, Any]
    folder: Path | None = None

    @property
    def samples(self) -> pa.Table:
        """The records that moved."""
        return self.moved

    @property
    def rejects(self) -> pa.Table:
        """The records that the paired numbers leave out, as other runs name theirs."""
        names = (self.unpaired[name].to_pylist() for name in ("run", "part"))
        sides = pa.array([f"{run}, {part}" for run, part in zip(*names, strict=True)], pa.string())
        return pa.table({"record_id": self.unpaired["record_id"], "side": sides, "reason": self.unpaired["reason"]})

    @property
    def tables(self) -> dict[str, pa.Table]:
        """Nothing beside those."""
        return {}


def check_folder(folder: Path, key: str, *, overwrite: bool) -> None:
    """Passes where a comparison may be written.

    Raises:
        InputError: the folder holds a run, or another comparison and ``overwrite`` is not set.
    """
    if (folder / "summary.json").exists() or (folder / "manifest.json").exists():
        raise InputError(f"{folder} holds a run or a model; give a folder of its own to the comparison")
    path = folder / "comparison.json"
    if path.exists() and not overwrite and read_sealed_json(path).get("manifest", {}).get("key") != key:
        raise InputError(f"{folder} holds another comparison; give another --out, or --overwrite to replace it")


def save_comparison(comparison: Comparison, folder: Path) -> Comparison:
    """Writes the tables, ``report.html`` and, last, ``comparison.json``."""
    from memometer.report import write_report

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "comparison.json").unlink(missing_ok=True)
    for name in TABLES:
        write_table(folder / f"{name}.parquet", getattr(comparison, name))
    write_report(comparison, folder / "report.html")
    hashes = {f"{name}.parquet": hash_file(folder / f"{name}.parquet") for name in TABLES}
    manifest = {**comparison.manifest, "files": hashes}
    write_sealed_json(
        folder / "comparison.json", {**comparison.summary.as_dict(), "config": comparison.config, "manifest": manifest}
    )
    return dataclasses.replace(comparison, folder=folder)


def load_comparison(folder: str | Path) -> Comparison:
    """Loads the folder of a comparison.

    Raises:
        InputError: the folder holds no finished comparison.
    """
    folder = Path(folder)
    if not (folder / "comparison.json").is_file():
        raise InputError(
            f"{folder} holds no finished comparison; give the folder that 'memometer compare … --out' wrote"
        )
    if missing := [f"{name}.parquet" for name in TABLES if not (folder / f"{name}.parquet").is_file()]:
        raise InputError(f"{folder} lacks {', '.join(missing)}; run its comparison again")
    path = folder / "comparison.json"
    values = read_sealed_json(path)
    manifest, config = (values.pop(name) for name in ("manifest", "config"))
    check_files(folder, manifest.pop("files", {}))
    summary = read_summary(
        values,
        path=path,
        kind=ComparisonSummary,
        command="compare",
        version=manifest.get("memometer"),
        advice=AGAIN,
    )
    tables = {name: read_table(folder / f"{name}.parquet") for name in TABLES}
    return Comparison(summary=summary, manifest=manifest, config=config, folder=folder, **tables)
