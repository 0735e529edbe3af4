"""The scored records of a run: which they are, and where they stand in a ranking."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from memometer.data.records import Records, load_records
from memometer.errors import InputError
from memometer.exports.export import Asked
from memometer.runs import Run
from memometer.storage.paths import path_of
from memometer.tables import is_number

__all__ = ["ranked", "records_of"]


def ranked(run: Run[Any], asked: Asked) -> pa.Table:
    """Columns ``record_id``, ``score`` and ``rank``, the highest score first, ties by record id.

    Raises:
        InputError: the run has no samples, nothing to rank by is named, or a column is none of numbers.
    """
    samples = _samples(run)
    if asked.by is None:
        numbers = [field.name for field in samples.schema if is_number(field.type)]
        raise InputError(f"no ranking is named; pass --by with a column of samples.parquet: {', '.join(numbers)}")
    scores = pa.table({"record_id": samples["record_id"], "score": _values(samples, asked.by)})
    scores = scores.filter(pc.is_finite(scores["score"]))
    scores = scores.sort_by([("score", "descending"), ("record_id", "ascending")])
    if asked.most is not None and scores.num_rows < asked.most:
        raise InputError(f"only {scores.num_rows:,} records have a score by {asked.by}; pass a smaller --most")
    chosen = scores.slice(0, asked.most)
    return chosen.append_column("rank", pa.array(range(1, chosen.num_rows + 1), pa.int64()))


def records_of(run: Run[Any], asked: Asked) -> Records:
    """The records of the samples, in their order, each once.

    Raises:
        InputError: the folder of the records is not there, or lacks some of them.
    """
    named = run.config.get("records")
    folder = asked.records or (None if named is None else path_of(str(named)))
    if folder is None or not folder.exists():
        raise InputError(f"the records of the run are not at {folder}; pass their folder with --records")
    records = load_records(folder)
    ids = pc.unique(_samples(run)["record_id"])
    places = pc.index_in(ids, value_set=records.record_ids)
    if places.null_count:
        unknown = ids.filter(pc.is_null(places))[:3].to_pylist()
        raise InputError(
            f"{places.null_count:,} of {len(ids):,} records of the run are not in {folder}, e.g. "
            f"{', '.join(map(str, unknown))}; pass the folder that was audited with --records"
        )
    return Records(table=records.table.take(places), folder=records.folder)


def _samples(run: Run[Any]) -> pa.Table:
    if "record_id" not in run.samples.column_names:
        raise InputError(f"a run of '{run.summary.measure}' scores no records; export an audit")
    return run.samples


def _values(samples: pa.Table, by: str) -> pa.ChunkedArray:
    names = [by] if by in samples.column_names else by.split("-")
    for name in names:
        if name not in samples.column_names or not is_number(samples.schema.field(name).type):
            known = [field.name for field in samples.schema if is_number(field.type)]
            raise InputError(f"samples.parquet has no column of numbers '{name}'; its columns are {', '.join(known)}")
    first, *rest = (pc.cast(samples[name], pa.float64()) for name in names)
    return first if not rest else pc.subtract(first, rest[0])
