"""Images that could not be read when a piece was made, and can be now: the piece is made again with them."""

from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from memometer.data.images import CHANGED, read_or_reason
from memometer.data.records import Records
from memometer.embeddings.store import PieceStore
from memometer.progress import notice

__all__ = ["any_mended", "forget_mended"]

FOR_NOW = (CHANGED, "missing image", "unreadable image")
"""How reasons begin that a restored file, or a disk that is there again, takes away."""


def any_mended(records: Records, rejected: Iterable[tuple[int, str]]) -> bool:
    """Whether an image that was left out can be read now.

    Args:
        records: with images.
        rejected: (row, reason) of those left out.
    """
    return any(
        isinstance(read_or_reason(next(records.image_refs(row, row + 1))), bytes)
        for row, reason in rejected
        if reason.startswith(FOR_NOW)
    )


def forget_mended(pieces: PieceStore, records: Records) -> None:
    """Forgets the pieces that left an image out which is there now.

    Args:
        pieces: of the images of ``records``.
        records: in the order of the pieces.
    """
    mended = [piece for piece in range(pieces.count) if any_mended(records, _rejected(pieces, piece, records))]
    if mended:
        notice(f"{len(mended)} pieces in {pieces.folder} are made again, with images that could not be read before")
        pieces.forget(mended)


def _rejected(pieces: PieceStore, piece: int, records: Records) -> Iterator[tuple[int, str]]:
    """(row, reason) of what a piece left out."""
    rejected = pieces.rejected(piece)
    if rejected:
        start, stop = pieces.span(piece)
        ids = pa.array([record_id for record_id, _ in rejected], pa.string())
        places = pc.index_in(ids, value_set=records.record_ids.slice(start, stop - start)).to_pylist()
        yield from (
            (start + place, reason) for place, (_, reason) in zip(places, rejected, strict=True) if place is not None
        )
