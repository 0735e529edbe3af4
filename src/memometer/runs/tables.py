"""The tables of a run: in memory, made a batch at a time as they are written, or read when they are asked for."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from memometer.tables import read_table, table_writer, write_table

__all__ = ["BATCH_ROWS", "Batches", "StoredTables", "write_batches"]

BATCH_ROWS = 1 << 18
"""Records of a batch, which is a row group of the file: bounds the memory, changes no value."""

HELD_BYTES = 1 << 26
"""Of a file that stays in memory once it was read."""


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
    """The tables of a run's folder: those that are not in memory are read when they are asked for.

    Args:
        paths: name → its file.
        held: name → table, those in memory.
        advice: what to do where a file is damaged.
    """

    def __init__(self, paths: Mapping[str, Path], *, held: Mapping[str, pa.Table], advice: str) -> None:
        self._paths, self._held, self._advice = paths, dict(held), advice

    def __getitem__(self, name: str) -> pa.Table:
        if name in self._held:
            return self._held[name]
        table = read_table(self._paths[name], advice=self._advice)
        if self._paths[name].stat().st_size <= HELD_BYTES:
            self._held[name] = table
        return table

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def columns(self, name: str, columns: Sequence[str]) -> pa.Table:
        """Some columns of a table; no other is read."""
        if name in self._held or self._paths[name].stat().st_size <= HELD_BYTES:
            return self[name].select(columns)
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
