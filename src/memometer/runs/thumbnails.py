"""Small pictures of records, for galleries."""

import io
from typing import Any

from PIL import Image

from memometer.data.images import ImageRef, UnreadableImageError, open_image
from memometer.data.pixels import to_rgb
from memometer.data.records import Records
from memometer.runs.items import item

__all__ = ["record_item", "thumbnail"]

THUMBNAIL = 160
"""Longest side of a thumbnail in px."""


def thumbnail(records: Records, row: int) -> bytes | None:
    """A small JPEG; None where there is no readable image."""
    ref: ImageRef | None = next(iter(records.image_refs(row, row + 1)))
    if ref is None:
        return None
    try:
        image = to_rgb(open_image(ref))
    except UnreadableImageError:
        return None
    image.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=82)
    return buffer.getvalue()


def record_item(records: Records, row: int, *, images: bool, captions: bool = True, **rest: Any) -> dict[str, Any]:
    """A record as `memometer.runs.items.item`, with its id, captions and, where ``images`` are wanted, its picture."""
    return item(
        record_id=records.record_ids[row].as_py(),
        captions=records.column("captions")[row].as_py() if captions else None,
        image=thumbnail(records, row) if images else None,
        **rest,
    )
