"""All records of an audit: one row per record and direction."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from memometer import __version__
from memometer.catalogue import page_of
from memometer.errors import MemometerError
from memometer.exports.export import Asked
from memometer.exports.scored import records_of
from memometer.progress import warn
from memometer.runs import Run
from memometer.tables import is_number
from memometer.view.tables import Column, page_with_table, write_rows

__all__ = ["write_records"]

MAX_TEXT = 500
"""Characters of a cell."""


def write_records(run: Run[Any], folder: Path, *, records: Path | None) -> int | None:
    """``records.html`` of a run that scores records.

    Args:
        run: of any kind.
        folder: where the page goes.
        records: the folder of the records; None for the one that the run names.

    Returns:
        How many rows it has; None where the run scores no records.
    """
    if "record_id" not in run.samples.column_names or not run.samples.num_rows:
        return None
    table, note = _with_records(run, folder, records)
    table = _with_neighbors(run, table)
    columns = [Column(name, _kind(field.type)) for name, field in _fields(table)]
    rows, pictures = _rows(table), _pictures(run)
    if pictures:
        columns.insert(1, Column("picture", "picture"))
        rows = ([row[0], pictures.get(row[0]), *row[1:]] for row in rows)
    files = write_rows(rows, folder)
    page = page_of(run.summary.measure)
    page_with_table(
        folder / "records.html",
        title=f"{page.name}: {table.num_rows:,} records",
        lead=f"{page.verdict(run.summary).sentence} {note}".strip(),
        columns=columns,
        files=files,
        up="../../",
        order=-1,
        version=__version__,
    )
    return int(table.num_rows)


def _with_records(run: Run[Any], folder: Path, records: Path | None) -> tuple[pa.Table, str]:
    """The samples with what the records say: captions, label, objects; and a note where the records are gone."""
    samples = run.samples.select([name for name, _ in _fields(run.samples)])
    try:
        found = records_of(run, Asked(folder, records, None, None))
    except MemometerError as error:
        warn(f"captions and objects are left out: {error}")
        return samples, "The records could not be read, so their captions and objects are left out."
    places = pc.index_in(samples["record_id"], value_set=found.record_ids).combine_chunks()
    for place, name in enumerate(("captions", "label", "objects"), start=1):
        column = found.table[name]
        if name not in samples.column_names and column.null_count < len(column):
            samples = samples.add_column(place, name, column.take(places))
    return samples, ""


def _with_neighbors(run: Run[Any], table: pa.Table) -> pa.Table:
    """The table with the public records nearest to each record's caption under both models, where the run has them."""
    near = run.tables.get("neighbors")
    if near is None:
        return table
    key = ["record_id", "direction"]
    if table.num_rows == near.num_rows and all(table[name].equals(near[name]) for name in key):
        joined = near
    else:
        places = {pair: row for row, pair in enumerate(zip(*(near[name].to_pylist() for name in key), strict=True))}
        pairs = zip(*(table[name].to_pylist() for name in key), strict=True)
        joined = near.take(pa.array([places.get(pair) for pair in pairs], pa.int64()))
    for name in ("neighbors_target", "neighbors_reference"):
        table = table.append_column(name, joined[name])
    return table


def _pictures(run: Run[Any]) -> dict[str, str]:
    """Record → its thumbnail, a JPEG in base64, of the records that the run's gallery shows."""
    if not {"record_id", "image"} <= set(run.gallery.column_names):
        return {}
    shown = zip(run.gallery["record_id"].to_pylist(), run.gallery["image"].to_pylist(), strict=True)
    return {name: base64.b64encode(image).decode() for name, image in shown if isinstance(image, bytes)}


def _rows(table: pa.Table) -> Iterator[list[Any]]:
    names = [name for name, _ in _fields(table)]
    for batch in table.select(names).to_batches(max_chunksize=4096):
        for row in zip(*(batch[name].to_pylist() for name in names), strict=True):
            yield [_cell(value) for value in row]


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float):
        return round(value, 6) if value == value and abs(value) != float("inf") else None  # noqa: PLR0124 (NaN)
    if isinstance(value, list):
        value = " · ".join(dict.fromkeys(str(each) for each in value if each is not None))
    return value[:MAX_TEXT] if isinstance(value, str) else value


def _fields(table: pa.Table) -> list[tuple[str, pa.Field]]:
    """The columns that a table can show: numbers, texts, lists of texts."""
    return [
        (field.name, field)
        for field in table.schema
        if is_number(field.type)
        or pa.types.is_string(field.type)
        or (pa.types.is_list(field.type) and pa.types.is_string(field.type.value_type))
    ]


def _kind(of: pa.DataType) -> str:
    return "number" if is_number(of) else "text" if pa.types.is_string(of) else "texts"
