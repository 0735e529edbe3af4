"""The tables of a run: in memory, made a batch at a time as they are written, or read when they are asked for."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from memometer.tables import open_table, read_table, table_writer, write_table

__all__ = ["BATCH_ROWS", "Batches", "StoredTables", "write_batches"]

BATCH_ROWS = 1 << 18
"""Records of a batch, which is a row group of the file: bounds the memory, changes no value."""

HELD_BYTES = 1 << 26
"""Of a file that is held in memory as a whole."""


@dataclasses.dataclass(frozen=True)
class Batches:
    """A table too large for memory, made a batch at a time.

    Attributes:
        make: the batches, of one schema; at least one, which may be empty.
    """

    make: Callable[[], Iterator[pa.Table]]

    def whole(self) -> pa.Table:
        """All of it."""
        return pa.concat_tables(self.make())


class StoredTables(Mapping[str, pa.Table]):
    """The tables of a run's folder: small ones are in memory, large ones are read each time that they are asked for.

    Args:
        folder: of the run.
        names: of the tables.
        held: name → table, those that are in memory already.
        advice: what to do where a file is damaged.

    Raises:
        DamagedError: a small one cannot be read.
    """

    def __init__(self, folder: Path, names: Iterable[str], *, held: Mapping[str, pa.Table], advice: str) -> None:
        self._paths = {name: folder.absolute() / f"{name}.parquet" for name in names}
        self._advice = advice
        self._held = {
            name: held[name] if name in held else self._read(name)
            for name, path in self._paths.items()
            if name in held or path.stat().st_size <= HELD_BYTES
        }

    def __getitem__(self, name: str) -> pa.Table:
        return self._held[name] if name in self._held else self._read(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def names(self, name: str) -> list[str]:
        """The names of the columns of a table; none is read."""
        if name in self._held:
            return list(self._held[name].column_names)
        with open_table(self._paths[name], advice=self._advice) as file:
            return list(file.schema_arrow.names)

    def columns(self, name: str, columns: Sequence[str]) -> pa.Table:
        """Some columns of a table; no other is read."""
        return self._held[name].select(columns) if name in self._held else self._read(name, columns)

    def _read(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        return read_table(self._paths[name], columns, advice=self._advice)


def write_batches(path: Path, table: pa.Table | Batches) -> None:
    """Writes a table atomically; of one that is made in batches each is a row group."""
    if isinstance(table, pa.Table):
        write_table(path, table)
        return
    batches = table.make()
    first = next(batches)
    with table_writer(path, first.schema) as writer:
        writer.write_table(first)
        for batch in batches:
            writer.write_table(batch)
