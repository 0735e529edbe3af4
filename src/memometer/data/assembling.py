"""From verified pieces to one table of records and one of rejects, a piece at a time."""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from memometer.data.findings import commonest
from memometer.data.identifying import Told, tell_apart
from memometer.data.records import RECORD_SCHEMA
from memometer.data.verifying import REJECT_SCHEMA
from memometer.tables import read_table, table_writer

__all__ = [
    "ROW_GROUP",
    "Counts",
    "Parts",
    "has_values",
    "with_objects",
    "write_groups",
    "write_records",
    "write_rejects",
]

ROW_GROUP = 65_536
"""Rows per row group of ``records.parquet``."""


@dataclasses.dataclass(frozen=True)
class Parts:
    """The tables of all pieces, in the plan's order, which of their records stay, and under which ids.

    Attributes:
        records: one file per piece.
        rejects: one file per piece.
        keep: (n,) of all records of all pieces: False for a later record of an id, and beyond the limit.
        n_limit: the records counted; those beyond it were never asked for.
        told: the records whose ids had to be told apart.
    """

    records: Sequence[Path]
    rejects: Sequence[Path]
    keep: npt.NDArray[np.bool_]
    n_limit: int
    told: Told | None = None

    @classmethod
    def of(cls, records: Sequence[Path], rejects: Sequence[Path], *, limit: int | None) -> "Parts":
        """Tells records of one id apart among the first ``limit`` records; what repeats another goes."""
        columns = [read_table(path, columns=["id_hash"])["id_hash"].to_numpy() for path in records]
        hashes = np.concatenate([np.empty(0, np.uint64), *columns])
        n_limit = len(hashes) if limit is None else min(limit, len(hashes))
        everything = cls(records, rejects, np.arange(len(hashes)) < n_limit, n_limit)
        rows = _shared(hashes[:n_limit])
        if not len(rows):
            return everything
        ids, within = _identities(everything, rows)
        told = tell_apart(rows, ids, within, taken=hashes[:n_limit])
        keep = everything.keep.copy()
        keep[told.repeats] = False
        return dataclasses.replace(everything, keep=keep, told=told)

    def with_ids(self, table: pa.Table, start: int) -> pa.Table:
        """A part of the records with the ids that they are known by; its first row is ``start`` among all."""
        if self.told is None:
            return table
        first, last = np.searchsorted(self.told.rows, [start, start + table.num_rows])
        mask = np.zeros(table.num_rows, bool)
        mask[self.told.rows[first:last] - start] = True
        place = table.schema.get_field_index("record_id")
        ids = pc.replace_with_mask(
            table["record_id"].combine_chunks(), pa.array(mask), self.told.ids.slice(first, last - first)
        )
        return table.set_column(place, table.schema.field(place), ids)

    def spans(self) -> Iterator[tuple[Path, slice]]:
        """Each piece's records with its rows among all records."""
        start = 0
        for path in self.records:
            stop = start + pq.read_metadata(path).num_rows
            yield path, slice(start, min(stop, self.n_limit))
            start = stop


@dataclasses.dataclass
class Counts:
    """What `write_records` wrote.

    Attributes:
        numbers: by their names in `ImportSummary`.
        sides: (n,) px, by their names there.
    """

    numbers: Counter[str] = dataclasses.field(default_factory=Counter)
    sides: dict[str, list[npt.NDArray[np.int32]]] = dataclasses.field(default_factory=lambda: defaultdict(list))

    def add(self, table: pa.Table) -> None:
        """Counts the records of one piece."""
        self.numbers["n_records"] += table.num_rows
        for name in ("captions", "objects"):
            lengths = pc.fill_null(pc.list_value_length(table[name]), 0)
            self.numbers[f"n_{name}"] += pc.sum(lengths).as_py() or 0
            self.numbers[f"n_without_{name}"] += pc.sum(pc.equal(lengths, 0)).as_py() or 0
        for name in ("width", "height"):
            self.sides[name].append(table[name].to_numpy())

    def summary(self) -> dict[str, Any]:
        """The numbers, and the smallest, median and largest of the sides."""
        sides = {name: np.concatenate(known) for name, known in self.sides.items()}
        spreads = {name: (int(of.min()), int(np.median(of)), int(of.max())) for name, of in sides.items()}
        return {**self.numbers, **spreads}


def has_values(parts: Parts, column: Literal["objects", "captions"]) -> bool:
    """Whether the source has any value in a column of lists."""
    columns = (read_table(path, columns=[column])[column] for path in parts.records)
    return any(len(pc.list_flatten(column)) for column in columns)


def write_rejects(parts: Parts, path: Path) -> dict[str, int]:
    """Writes all rejects, each piece's followed by its duplicate ids; returns counts by reason, commonest first."""
    reasons: Counter[str] = Counter()
    with table_writer(path, REJECT_SCHEMA) as writer:
        for (records, rows), rejects in zip(parts.spans(), parts.rejects, strict=True):
            table = pa.concat_tables([read_table(rejects), _duplicates(records, parts.keep[rows])])
            writer.write_table(table.combine_chunks())
            kinds = pc.list_element(pc.split_pattern(table["reason"], ":", max_splits=1), 0)
            reasons.update({entry["values"]: entry["counts"] for entry in pc.value_counts(kinds).to_pylist()})
    return commonest(reasons)


def write_records(parts: Parts, path: Path, *, caption_objects: Any = None) -> Counts:
    """Writes all records that stay.

    Args:
        parts: the pieces.
        path: the Parquet to write.
        caption_objects: (n,) captions → (n,) objects, both columns of ``list<string>``; None keeps the source's labels.
    """
    counts = Counts()

    def kept() -> Iterator[pa.Table]:
        for records, rows in parts.spans():
            table = read_table(records, columns=RECORD_SCHEMA.names).slice(0, max(rows.stop - rows.start, 0))
            table = parts.with_ids(table, rows.start).filter(pa.array(parts.keep[rows]))
            if caption_objects is not None:
                table = with_objects(table, caption_objects(table["captions"].combine_chunks()))
            counts.add(table)
            yield table

    write_groups(path, kept())
    return counts


def write_groups(path: Path, tables: Iterable[pa.Table]) -> None:
    """Writes tables of `RECORD_SCHEMA`, one after another, as one ``records.parquet``."""
    pending: list[pa.Table] = []
    with table_writer(path, RECORD_SCHEMA) as writer:
        for table in tables:
            pending.append(table)
            while sum(part.num_rows for part in pending) >= ROW_GROUP:
                joined = pa.concat_tables(pending)
                writer.write_table(joined.slice(0, ROW_GROUP).combine_chunks(), row_group_size=ROW_GROUP)
                pending = [joined.slice(ROW_GROUP)]
        rest = pa.concat_tables(pending) if pending else RECORD_SCHEMA.empty_table()
        if rest.num_rows:
            writer.write_table(rest.combine_chunks(), row_group_size=ROW_GROUP)


def _shared(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """The rows whose hash another row has too, ascending."""
    order = np.argsort(hashes, kind="stable")
    same = hashes[order[1:]] == hashes[order[:-1]]
    return np.unique(np.concatenate((order[1:][same], order[:-1][same])))


def _identities(parts: Parts, rows: npt.NDArray[np.int64]) -> tuple[pa.Array, pa.Array]:
    """The ids of the ``rows``, and the paths of what holds them."""
    chunks = []
    for path, span in parts.spans():
        inside = rows[(rows >= span.start) & (rows < span.stop)] - span.start
        if len(inside):
            chunks.append(read_table(path, columns=["record_id", "within"]).take(pa.array(inside)))
    table = pa.concat_tables(chunks)
    return table["record_id"].combine_chunks(), table["within"].combine_chunks()


def _duplicates(records: Path, keep: npt.NDArray[np.bool_]) -> pa.Table:
    """Rejects for the records of a piece that share the id of an earlier one."""
    if keep.all():
        return REJECT_SCHEMA.empty_table()
    table = read_table(records, columns=["record_id", "source", "member"]).slice(0, len(keep))
    table = table.filter(pa.array(~keep))
    reason = pa.repeat("duplicate id: the first record with this id stays", table.num_rows)
    return table.append_column("reason", reason).cast(REJECT_SCHEMA)


def with_objects(
    table: pa.Table, objects: pa.Array, *, boxes: pa.Array | None = None, scores: pa.Array | None = None
) -> pa.Table:
    """``table`` with other objects; boxes and scores belonged to the old ones."""
    for name, column in {"objects": objects, "boxes": boxes, "scores": scores}.items():
        field = RECORD_SCHEMA.field(name)
        values = pa.nulls(table.num_rows, field.type) if column is None else column.cast(field.type)
        table = table.set_column(RECORD_SCHEMA.get_field_index(name), field, values)
    return table
