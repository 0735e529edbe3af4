"""Images that could not be read when a piece was made, and can be now: the piece is made again with them."""

from memometer.arrays import Arrays
from memometer.data.images import CHANGED, read_or_reason
from memometer.data.records import Records

__all__ = ["any_mended"]

FOR_NOW = (CHANGED, "missing image", "unreadable image")
"""How reasons begin that a restored file, or a disk that is there again, takes away."""


def any_mended(records: Records, piece: Arrays) -> bool:
    """Whether an image that was left out can be read now.

    Args:
        records: with images, in the order of the pieces.
        piece: with `memometer.pieces.packed_rejects`.
    """
    return any(
        isinstance(read_or_reason(next(records.image_refs(row, row + 1))), bytes)
        for row, reason in zip(piece["reject_rows"].tolist(), piece["reasons"].tolist(), strict=True)
        if reason.startswith(FOR_NOW)
    )
