"""The gallery's table of all measures but VL-Déjà-Vu: records with their picture, marks, facts and strips."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from memometer.data.records import Records

__all__ = ["ITEM_SCHEMA", "Fact", "group_names", "item", "items_table"]

Fact = float | str | None | tuple[float, str]
"""A number, a text, or a number and the text that follows it; None is an undefined number."""

_MARK = pa.struct(
    [("kind", pa.string()), ("label", pa.string())] + [(side, pa.float64()) for side in "xywh"]
)  # x, y, width, height as shares of the picture's sides
_FACT = pa.struct([("name", pa.string()), ("number", pa.float64()), ("text", pa.string())])
_CARD = pa.struct([("record_id", pa.string()), ("label", pa.string()), ("hit", pa.bool_()), ("image", pa.binary())])
_STRIP = pa.struct([("title", pa.string()), ("trained", pa.bool_()), ("cards", pa.list_(_CARD))])
ITEM_SCHEMA = pa.schema(
    [
        ("rank", pa.int64()),
        ("section", pa.string()),
        ("record_id", pa.string()),
        ("captions", pa.list_(pa.string())),
        ("image", pa.binary()),
        ("marks", pa.list_(_MARK)),
        ("facts", pa.list_(_FACT)),
        ("strips", pa.list_(_STRIP)),
    ]
)


def item(
    *,
    rank: int,
    record_id: str,
    image: bytes | None,
    section: str = "",
    captions: list[str] | None = None,
    marks: list[dict[str, Any]] | None = None,
    facts: Mapping[str, Fact] | None = None,
    strips: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """One row of the gallery.

    Args:
        rank: its place among all, from 1.
        record_id: the record.
        image: a JPEG thumbnail (`memometer.runs.thumbnails.thumbnail`).
        section: items of one section stand together under this heading.
        captions: of the record.
        marks: ``{"kind": "crop" | "box", "label", "x", "y", "w", "h"}``, shares of the picture's sides.
        facts: name → value; how numbers are shown is the matter of the page.
        strips: ``{"title", "trained", "cards": [{"record_id", "label", "hit", "image"}]}``.
    """
    return {
        "rank": rank,
        "section": section,
        "record_id": record_id,
        "captions": captions or [],
        "image": image,
        "marks": marks or [],
        "facts": [_fact(name, value) for name, value in (facts or {}).items()],
        "strips": strips or [],
    }


def _fact(name: str, value: Fact) -> dict[str, Any]:
    number, text = value if isinstance(value, tuple) else (None, value) if isinstance(value, str) else (value, None)
    return {"name": name, "number": None if number is None or math.isnan(number) else number, "text": text}


def items_table(rows: list[dict[str, Any]]) -> pa.Table:
    """Rows of `item` as the gallery of an audit."""
    return pa.Table.from_pylist(rows, schema=ITEM_SCHEMA)


def group_names(records: Records) -> pa.Array:
    """(n,) the first id of the records that each one belongs together with; null for a record that is alone."""
    codes = records.groups
    if np.bincount(codes).max(initial=0) <= 1:
        return pa.nulls(len(codes), pa.string())
    ids = records.record_ids
    order = pc.sort_indices(ids).to_numpy()
    first = np.zeros(int(codes.max(initial=-1)) + 1, np.int64)
    first[codes[order[::-1]]] = order[::-1]  # the last one written is the first by id
    alone = np.bincount(codes)[codes] == 1 if len(codes) else np.zeros(0, bool)
    return ids.take(pa.array(first[codes], mask=alone))
