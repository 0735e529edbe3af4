"""The gallery's table of all measures but VL-Déjà-Vu: records with their picture, marks, facts and strips."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from memometer.data.records import Records

__all__ = ["ITEM_SCHEMA", "group_names", "item", "items_table"]

_MARK = pa.struct(
    [("kind", pa.string()), ("label", pa.string())] + [(side, pa.float64()) for side in "xywh"]
)  # x, y, width, height as shares of the picture's sides
_FACT = pa.struct([("name", pa.string()), ("value", pa.string())])
_CARD = pa.struct(
    [
        ("record_id", pa.string()),
        ("label", pa.string()),
        ("value", pa.string()),
        ("hit", pa.bool_()),
        ("image", pa.binary()),
    ]
)
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
    facts: dict[str, str] | None = None,
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
        facts: name → value, as shown.
        strips: ``{"title", "trained", "cards": [{"record_id", "label", "value", "hit", "image"}]}``.
    """
    return {
        "rank": rank,
        "section": section,
        "record_id": record_id,
        "captions": captions or [],
        "image": image,
        "marks": marks or [],
        "facts": [{"name": name, "value": value} for name, value in (facts or {}).items()],
        "strips": strips or [],
    }


def items_table(rows: list[dict[str, Any]]) -> pa.Table:
    """Rows of `item` as the gallery of an audit."""
    return pa.Table.from_pylist(rows, schema=ITEM_SCHEMA)


def group_names(records: Records) -> pa.Array:
    """(n,) the first id of the records that each one belongs together with; null for a record that is alone."""
    codes, ids = records.groups, records.record_ids
    order = pc.sort_indices(ids).to_numpy()
    first = np.zeros(int(codes.max(initial=-1)) + 1, np.int64)
    first[codes[order[::-1]]] = order[::-1]  # the last one written is the first by id
    alone = np.bincount(codes)[codes] == 1 if len(codes) else np.zeros(0, bool)
    return ids.take(pa.array(first[codes], mask=alone))
