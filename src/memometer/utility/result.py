"""What a measurement of utility hands on, in memory and as a run folder."""

import dataclasses
from pathlib import Path
from typing import Any

import pyarrow as pa

from memometer.errors import InputError
from memometer.report.shown import Shown
from memometer.runs import NOTHING
from memometer.runs.folder import REJECTS_SCHEMA, finished_run, read_config, read_run, write_run
from memometer.tables import read_table
from memometer.utility.schema import UtilitySummary

__all__ = ["Utility", "finished_utility", "load_utility", "save_utility"]

TABLES = ("samples", "classes", "rejects")


AGAIN = "measure it again, with --overwrite"


@dataclasses.dataclass(frozen=True)
class Utility(Shown):
    """What one model is good for, on one set of records.

    Attributes:
        summary: the numbers with their n and intervals, as in ``summary.json``; a part that was not asked for is None.
        samples: one row per record, by record id: ranks and predictions; null where undefined.
        classes: one row per class of the zero-shot classification and of the probe.
        manifest: the command, versions, seeds, and hashes of weights and data.
        config: the options as resolved.
        folder: the run folder; None where nothing was saved.
        rejects: every record left out, with the reason.
    """

    summary: UtilitySummary
    samples: pa.Table
    classes: pa.Table
    manifest: dict[str, Any]
    config: dict[str, Any]
    folder: Path | None = None
    rejects: pa.Table = dataclasses.field(default_factory=REJECTS_SCHEMA.empty_table)

    @property
    def gallery(self) -> pa.Table:
        """Nothing: no record stands out."""
        return NOTHING

    @property
    def tables(self) -> dict[str, pa.Table]:
        """What there is beside the records, by name."""
        return {"classes": self.classes}


def save_utility(utility: Utility, folder: Path) -> Utility:
    """Writes the files of a run."""
    summary = write_run(
        folder,
        summary=utility.summary,
        tables={name: getattr(utility, name) for name in TABLES},
        manifest=utility.manifest,
        config=utility.config,
    )
    return dataclasses.replace(utility, folder=folder, summary=summary)


def load_utility(folder: str | Path) -> Utility:
    """Loads a run folder.

    Raises:
        InputError: the folder holds no finished measurement of utility.
    """
    folder = Path(folder)
    if not (folder / "summary.json").is_file():
        raise InputError(f"{folder} holds no finished run; expected the folder that 'memometer utility … --out' wrote")
    manifest, summary = read_run(folder, kind=UtilitySummary, command="utility", advice=AGAIN)
    if missing := [name for name in TABLES if not (folder / f"{name}.parquet").is_file()]:
        raise InputError(f"{folder} lacks {', '.join(f'{name}.parquet' for name in missing)}; {AGAIN}")
    return Utility(
        summary=summary,
        manifest=manifest,
        config=read_config(folder),
        folder=folder,
        **{name: read_table(folder / f"{name}.parquet") for name in TABLES},
    )


def finished_utility(out: Path, key: str, *, overwrite: bool) -> Utility | None:
    """The measurement in ``out`` when it is this very one; None where there is none, or another that may be replaced.

    Raises:
        InputError: the folder holds another run, and ``overwrite`` is not set.
    """
    return finished_run(
        out, key, load=load_utility, what="measurement", other="run", again="measuring", overwrite=overwrite
    )
