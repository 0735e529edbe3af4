"""What a plan leaves in the scratch folder of an import for those who read its pieces: rows as JSON."""

import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from memometer.data.sources.base import PIECE_ROWS, Piece
from memometer.tables import open_table, table_writer

__all__ = ["plan_rows", "planned_rows"]

_SCHEMA = pa.schema([("row", pa.large_string())])


def plan_rows(path: Path, rows: Iterable[object]) -> list[Piece]:
    """Writes rows that JSON can hold into a table; a piece is one row group of it."""
    pieces, remaining = list[Piece](), iter(rows)
    with table_writer(path, _SCHEMA, compression="snappy") as writer:
        while texts := [json.dumps(row) for row in itertools.islice(remaining, PIECE_ROWS)]:
            writer.write_table(pa.table([texts], schema=_SCHEMA))
            pieces.append(Piece(str(path), group=len(pieces)))
    return pieces


def planned_rows(piece: Piece) -> Iterator[Any]:
    """The rows of one piece."""
    yield from map(json.loads, open_table(Path(piece.path)).read_row_group(piece.group)["row"].to_pylist())
