"""Small pictures of records, for galleries."""

import io

from PIL import Image

from memometer.data.images import ImageRef, UnreadableImageError, open_image
from memometer.data.pixels import to_rgb
from memometer.data.records import Records

__all__ = ["thumbnail"]

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
