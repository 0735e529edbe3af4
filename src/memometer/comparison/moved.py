"""The records that moved: whose memorization differs the most between two audits, both ways."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from memometer.audits.result import Audit
from memometer.comparison.pairing import Pair
from memometer.comparison.view import View
from memometer.data.records import Records, load_records
from memometer.runs.items import Fact, item, items_table
from memometer.runs.thumbnails import thumbnail

__all__ = ["MOVED_SCHEMA", "Shown", "moved_records", "shown_items"]

ROUNDING = 1e-9
"""A change up to this is the rounding of two equal scores, such as 0.9 − 0.5 and 0.6 − 0.2."""

MOVED_SCHEMA = pa.schema(
    [
        ("run", pa.string()),
        ("by", pa.string()),  # what moved
        ("moved", pa.string()),  # "more" or "less" memorized than in the baseline
        ("rank", pa.int64()),  # of those that moved this way, from 1
        ("record_id", pa.string()),
        ("part", pa.string()),
        ("baseline", pa.float64()),
        ("value", pa.float64()),
        ("change", pa.float64()),  # value less baseline; null where one is undefined
        ("tie", pa.float64()),  # the change that orders equal changes; null where there is none
    ]
)


def moved_records(pair: Pair, view: View) -> pa.Table:
    """Every record whose score differs (`MOVED_SCHEMA`), the furthest first; ties by record id and part.

    A record moved up or down by its change, or by the change in the number that breaks ties where the first is equal
    or undefined.
    """
    tables = [MOVED_SCHEMA.empty_table()]
    for by, columns in view.moved_by.items():
        parts = [_changes(pair, part, columns) for part, paired in pair.parts.items() if columns[0] in paired.columns]
        if not parts:
            continue
        table = pa.concat_tables(parts)
        change, tie = (np.nan_to_num(table[name].to_numpy(zero_copy_only=False), nan=0.0) for name in ("change", "tie"))
        sign = np.where(np.abs(change) > ROUNDING, np.sign(change), np.sign(tie) * (np.abs(tie) > ROUNDING))
        for moved, way in (("more", 1), ("less", -1)):
            rows = np.flatnonzero(sign == way)
            found = table.take(pa.array(rows))
            keys = pa.table(
                [-way * change[rows], -way * tie[rows], found["record_id"], found["part"]],
                names=["first", "second", "id", "part"],
            )
            chosen = found.take(pc.sort_indices(keys, sort_keys=[(name, "ascending") for name in keys.column_names]))
            head = [pa.repeat(text, len(rows)) for text in (pair.run.name, by, moved)]
            ranks = pa.array(np.arange(1, len(rows) + 1))
            tables.append(pa.table([*head, ranks, *chosen.columns], schema=MOVED_SCHEMA))
    return pa.concat_tables(tables)


def _changes(pair: Pair, part: str, columns: tuple[str, ...]) -> pa.Table:
    paired = pair.parts[part]
    before, after = paired.values(columns[0])
    others = [name for name in columns[1:] if name in paired.columns]
    tie = np.subtract(*reversed(paired.values(others[0]))) if others else np.full(len(before), np.nan)
    numbers = {"baseline": before, "value": after, "change": after - before, "tie": tie}
    return pa.table(
        {
            "record_id": paired.ids,
            "part": pa.repeat(part, len(paired.ids)),
            **{name: pa.array(values, from_pandas=True) for name, values in numbers.items()},
        }
    )


class Shown:
    """What is known of records to show them: their captions, objects and thumbnails.

    Args:
        records: where they are read from; else the audits' galleries tell what they hold.
        images: whether thumbnails are shown.
    """

    def __init__(self, records: str | Path | None, *, images: bool) -> None:
        self._records: Records | None = None if records is None else load_records(records)
        self._images = images

    def of(self, record_id: str, audits: tuple[Audit, ...]) -> dict[str, Any]:
        """``captions``, ``objects`` and ``image`` of one record, as far as they are known."""
        if self._records is not None:
            place = pc.index(self._records.record_ids, record_id).as_py()
            if place >= 0:
                known = {name: self._records.column(name)[place].as_py() or [] for name in ("captions", "objects")}
                return {**known, "image": thumbnail(self._records, place) if self._images else None}
        for audit in audits:
            place = pc.index(audit.gallery["record_id"], record_id).as_py()
            if place >= 0:
                row = audit.gallery.slice(place, 1).to_pylist()[0]
                objects = [entry["label"] for entry in row.get("objects") or []]
                image = row["image"] if self._images else None
                return {"captions": row["captions"] or [], "objects": objects, "image": image}
        return {"captions": [], "objects": [], "image": None}


def shown_items(pairs: list[tuple[Pair, pa.Table]], view: View, *, size: int, shown: Shown) -> pa.Table:
    """The gallery: of each audit the ``size`` records that moved the most, up and down.

    Args:
        pairs: each with its moved records.
        view: of the measure.
        size: how many each way.
        shown: what is known of records.
    """
    rows: list[dict[str, Any]] = []
    for pair, moved in pairs:
        for by, way in itertools.product(view.moved_by, ("more", "less")):
            chosen = moved.filter((pc.field("by") == by) & (pc.field("moved") == way) & (pc.field("rank") <= size))
            what = f", {by}" if len(view.moved_by) > 1 else ""
            section = f"{pair.run.name}: {way} memorized than in {pair.baseline.name}{what}"
            for row in chosen.to_pylist():
                known = shown.of(row["record_id"], (pair.run.audit, pair.baseline.audit))
                rows.append(
                    item(
                        rank=len(rows) + 1,
                        section=section,
                        record_id=row["record_id"],
                        captions=known["captions"],
                        image=known["image"],
                        facts=dict(_facts(row, pair, view, known["objects"])),
                    )
                )
    return items_table(rows)


def _facts(row: dict[str, Any], pair: Pair, view: View, objects: list[str]) -> Iterator[tuple[str, Fact]]:
    yield f"{row['by']}, {pair.baseline.name}", row["baseline"]
    yield f"{row['by']}, {pair.run.name}", row["value"]
    yield "change", row["change"]
    if len(view.moved_by[row["by"]]) > 1:
        yield "change that breaks ties", row["tie"]
    yield "records", view.parts[row["part"]]
    if objects:
        yield "objects", ", ".join(objects)
