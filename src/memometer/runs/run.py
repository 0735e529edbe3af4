"""A run: what a command found, in memory and as a folder; an audit, a comparison, a measurement of utility, a sweep."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self

import pyarrow as pa

from memometer.errors import DamagedError, InputError
from memometer.progress import notice
from memometer.runs.folder import AGAIN, REJECTS_SCHEMA, holds, read_config, read_run, write_run
from memometer.runs.schema import Summary
from memometer.runs.tables import StoredTables

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    S_co = TypeVar("S_co", bound=Summary, default=Summary, covariant=True)
else:
    from typing import TypeVar

    S_co = TypeVar("S_co", covariant=True)

__all__ = ["NOTHING", "Run"]

NOTHING = pa.table({})
"""The table of what a run does not have."""


@dataclasses.dataclass(frozen=True)
class Run(Generic[S_co]):
    """What a command found.

    Attributes:
        summary: the numbers with their n and intervals, as in ``summary.json``; its ``measure`` names the page.
        tables: by the names of their files, ``samples`` and so on.
        manifest: the command, versions, seeds, and hashes of weights and data.
        config: the options as resolved.
        folder: the run folder; None for a run that was not saved.
    """

    KIND: ClassVar[type[Summary]] = Summary
    """Of its summary."""
    NOUN: ClassVar[str] = "run"
    COMMAND: ClassVar[str] = ""
    """That writes such runs."""
    TABLES: ClassVar[tuple[str, ...]] = ()
    """What every such run has."""

    summary: S_co
    tables: Mapping[str, pa.Table]
    manifest: dict[str, Any]
    config: dict[str, Any]
    folder: Path | None = None

    @property
    def samples(self) -> pa.Table:
        """One row per record, in record order; null where a number is undefined."""
        return self.tables.get("samples", NOTHING)

    def columns_of(self, table: str, columns: Sequence[str]) -> pa.Table:
        """Some columns of a table; of one that is on disk no other is read.

        Raises:
            KeyError: there is no such table, or column.
        """
        if isinstance(self.tables, StoredTables):
            return self.tables.columns(table, columns)
        return self.tables[table].select(columns)

    def names_of(self, table: str) -> list[str]:
        """The names of the columns of a table; no column of one that is on disk is read.

        Raises:
            KeyError: there is no such table.
        """
        return self.tables.names(table) if isinstance(self.tables, StoredTables) else self.tables[table].column_names

    @property
    def gallery(self) -> pa.Table:
        """The records that the report shows, with their thumbnails."""
        return self.tables.get("gallery", NOTHING)

    @property
    def rejects(self) -> pa.Table:
        """Every record left out, with the reason."""
        return self.tables.get("rejects", REJECTS_SCHEMA.empty_table())

    def save(self, folder: str | Path) -> Self:
        """Writes the run folder, ``summary.json`` last."""
        tables = dict(self.tables)  # read before what is in the folder goes
        summary = write_run(
            Path(folder), summary=self.summary, tables=tables, manifest=self.manifest, config=self.config
        )
        held = {name: table for name, table in tables.items() if isinstance(table, pa.Table)}
        stored = StoredTables(Path(folder), tables, held=held, advice=AGAIN)
        return dataclasses.replace(self, folder=Path(folder), summary=summary, tables=stored)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """The run in a folder.

        Raises:
            DamagedError: a file is not the one that was written.
            InputError: the folder holds no finished run of this kind.
        """
        folder = Path(folder)
        if not (folder / "summary.json").is_file():
            raise InputError(
                f"{folder} holds no finished {cls.NOUN}: expected {folder / 'summary.json'}; give the folder that "
                f"'memometer {cls.COMMAND} --out' wrote"
            )
        manifest, summary = read_run(folder, kind=cls.KIND, command=cls.COMMAND)
        names = sorted(path.stem for path in folder.glob("*.parquet"))
        tables = StoredTables(folder, names, held={}, advice=AGAIN)
        if missing := [f"{name}.parquet" for name in cls.TABLES if name not in tables]:
            raise InputError(f"{folder} lacks {', '.join(missing)}; {AGAIN}")
        return cls(summary=summary, tables=tables, manifest=manifest, config=read_config(folder), folder=folder)  # type: ignore[arg-type]

    @classmethod
    def finished(cls, out: Path, key: str, *, overwrite: bool) -> Self | None:
        """What is in ``out`` when ``key`` names it; None where there is nothing, or another run that may be replaced.

        Raises:
            InputError: the folder holds another run, and ``overwrite`` is not set.
        """
        if not (out / "summary.json").exists() or not holds(out, key, what=cls.NOUN, overwrite=overwrite):
            return None
        try:
            found = cls.load(out)
        except InputError as error:
            if not isinstance(error, DamagedError) and not overwrite:
                raise
            notice(f"{getattr(error, 'fault', error)}; this {cls.NOUN} is computed again")
            return None
        notice(f"{out} holds this {cls.NOUN} already; nothing to do")
        return found
