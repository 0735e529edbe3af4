"""CSV: ``numbers.csv``, every number of the summary, and one file for each table of the run."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv

from memometer.exports.export import Asked
from memometer.exports.numbers import numbers_of
from memometer.files import atomic_path
from memometer.runs import Run

__all__ = ["export"]

COLUMNS = ("value", "low", "high", "std", "n", "n_groups", "reason")


def export(run: Run[Any], asked: Asked) -> list[Path]:
    """Nested columns become JSON; pictures are left out."""
    found = list(numbers_of(run.summary))
    numbers = pa.table(
        {"number": [name for name, _ in found], **{each: [getattr(n, each) for _, n in found] for each in COLUMNS}}
    )
    written = []
    for name, table in {"numbers": numbers, **run.tables}.items():
        path = asked.out / f"{name}.csv"
        with atomic_path(path) as partial:
            pa_csv.write_csv(_flat(table), partial)
        written.append(path)
    return written


def _flat(table: pa.Table) -> pa.Table:
    columns = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_nested(column.type):
            texts = [_json(value) for value in column.to_pylist()]
            columns[name] = pa.array(texts, pa.string())
        elif not pa.types.is_binary(column.type):
            columns[name] = column
    return pa.table(columns)


def _json(value: object) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, default=_left_out)


def _left_out(value: object) -> None:
    """A picture is no text."""
    if not isinstance(value, bytes):
        raise TypeError(type(value).__name__)
