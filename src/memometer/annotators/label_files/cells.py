"""What tables that hold images call them: the ``path`` in Hugging Face's ``struct<bytes, path>``."""

from collections import defaultdict
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from memometer.data.arrow_tables import ARROW_SUFFIXES, holds_text, open_arrow
from memometer.data.images import ImageRef, parquet_file
from memometer.data.records import Records

__all__ = ["cell_names"]


def cell_names(records: Records) -> dict[int, str]:
    """Row of a record → the name in its cell, of those whose images lie in a Parquet or Arrow table that has names."""
    of_column = defaultdict[tuple[str, str], list[tuple[int, int]]](list)
    for row, ref in _in_tables(records):
        of_column[ref.path, ref.column or ""].append((row, ref.row or 0))
    found = {}
    for (path, column), rows in of_column.items():
        names = _names(path, column)
        if names is None:
            continue
        for row, place in rows:
            name = names[place].as_py() if place < len(names) else None
            if name:
                found[row] = name
    return found


def _in_tables(records: Records) -> Iterator[tuple[int, ImageRef]]:
    rows = pc.indices_nonzero(pc.is_valid(records.column("image_row")))
    for row, ref in zip(rows.to_pylist(), records.take(rows).image_refs(), strict=True):
        if ref is not None:
            yield row, ref


def _names(path: str, column: str) -> pa.ChunkedArray | None:
    try:
        if path.endswith(ARROW_SUFFIXES):
            table = open_arrow(path)
            chunks = [table.rows(*span)[column] for span in table.spans(table.num_rows)]
            cells = pa.chunked_array([chunk for each in chunks for chunk in each.chunks])
        else:
            cells = parquet_file(path).read([f"{column}.path"])[column]
        names = pc.struct_field(cells, "path").cast(pa.string())
        return names if all(map(holds_text, names.chunks)) else None
    except (pa.ArrowException, OSError, KeyError):  # no such names, or none that can be read
        return None
