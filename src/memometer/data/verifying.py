"""The work on one piece of a source: decode every image fully, keep what can be used, say why the rest cannot."""

import dataclasses
import itertools
import os.path
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from memometer.data.findings import Findings
from memometer.data.fingerprints import perceptual_hash
from memometer.data.identifying import id_hash
from memometer.data.images import ImageRef, UnreadableImageError, decode_image, read_image_bytes
from memometer.data.pixels import is_constant
from memometer.data.placing import orientation_of, place_boxes
from memometer.data.records import RECORD_SCHEMA
from memometer.data.sources.base import MAX_ENCODED_BYTES, PIECE_ROWS, BadRecordError, Draft, Piece, Reader, Reject
from memometer.data.sources.uids import chosen
from memometer.errors import DamagedError
from memometer.files import hash_bytes
from memometer.progress import notice
from memometer.sealing import is_whole, read_sealed_json, write_sealed_json
from memometer.storage.addresses import is_remote
from memometer.tables import table_writer

__all__ = ["PIECE_SCHEMA", "REJECT_SCHEMA", "PieceJob", "name_piece", "stored_path", "verify_piece"]

REJECT_SCHEMA = pa.schema(
    [
        pa.field("record_id", pa.string()),  # null where the fault lies before the id
        pa.field("source", pa.string()),  # the tar, table, JSON or folder
        pa.field("member", pa.string()),  # the place in it: a tar member, a row, a file name
        pa.field("reason", pa.string()),  # the kind of fault, a colon, details
    ]
)
"""Columns of ``rejects.parquet``."""

PIECE_SCHEMA = pa.schema(
    [
        *RECORD_SCHEMA,
        REJECT_SCHEMA.field("source"),  # a record of a piece may still turn out to be a duplicate
        REJECT_SCHEMA.field("member"),
        pa.field("within", pa.string()),  # the path of what holds the record: tells equal ids apart
        pa.field("id_hash", pa.uint64()),  # of the record_id: finds shared ids without all of them in memory
    ]
)
"""Columns of a piece of records."""


@dataclasses.dataclass(frozen=True)
class PieceJob:
    """One piece, and where its two tables go.

    Attributes:
        records: written last, so it marks the piece as done.
        folder: the absolute folder of the records, from where image paths below it are stored.
        limit: records to stop after; None reads all.
        captions_required: whether a record without a caption is a reject.
        uids: list of the records that are imported; None takes all.
    """

    reader: Reader
    piece: Piece
    records: Path
    rejects: Path
    folder: str
    limit: int | None = None
    captions_required: bool = True
    uids: str | None = None

    @property
    def findings(self) -> Path:
        """What else was found in the piece."""
        return self.rejects.with_name(self.rejects.name.replace(".rejects.parquet", ".findings.json"))

    @property
    def is_whole(self) -> bool:
        """Whether what an earlier run wrote is what is there."""
        try:
            read_sealed_json(self.findings)
        except (DamagedError, OSError):
            return False
        return is_whole(self.records) and is_whole(self.rejects)


def name_piece(job: PieceJob) -> str:
    """What a user calls a piece."""
    piece = job.piece
    rows = f", rows from {piece.row + 1:,}" + (f" to {piece.row + piece.n_rows:,}" if piece.n_rows else "")
    return f"{piece.path}{rows if piece.row or piece.n_rows else ''}"


def verify_piece(job: PieceJob) -> int:
    """Writes a piece's records and rejects, unless an earlier run did; returns the number of records.

    Raises:
        OSError: the piece's file cannot be read any more, or the tables cannot be written.
    """
    try:
        if job.records.exists() and not job.is_whole:
            notice(f"{job.records} of an earlier run is damaged; its piece is read again")
            job.records.unlink()
        if not job.records.exists():
            _write(job)
        return int(pq.read_metadata(job.records).num_rows)
    except OSError as error:
        error.add_note(f"importing {name_piece(job)}")
        raise


def _write(job: PieceJob) -> None:
    n_records = 0
    findings = Findings()
    with (
        table_writer(job.records, PIECE_SCHEMA) as records,
        table_writer(job.rejects, REJECT_SCHEMA) as rejects,
    ):
        found = chosen(job.reader.read(job.piece), job.uids, met=findings.met)
        outcomes = (_verify(draft, job, findings) for draft in findings.without_aside(found))
        while batch := list(itertools.islice(_first(outcomes, job.limit, n_records), PIECE_ROWS)):
            rows = [outcome for outcome in batch if isinstance(outcome, dict)]
            refused = [_reject_row(outcome) for outcome in batch if isinstance(outcome, Reject)]
            records.write_table(pa.Table.from_pylist(rows, schema=PIECE_SCHEMA))
            rejects.write_table(pa.Table.from_pylist(refused, schema=REJECT_SCHEMA))
            n_records += len(rows)
        write_sealed_json(job.findings, findings.to_json())


def _first(
    outcomes: Iterator[dict[str, Any] | Reject], limit: int | None, n_records: int
) -> Iterator[dict[str, Any] | Reject]:
    """Outcomes until ``limit`` records are there, counting the ``n_records`` of earlier batches."""
    while limit is None or n_records < limit:
        outcome = next(outcomes, None)
        if outcome is None:
            return
        n_records += isinstance(outcome, dict)
        yield outcome


def _verify(draft: Draft | Reject, job: PieceJob, findings: Findings) -> dict[str, Any] | Reject:
    """A row of `PIECE_SCHEMA`, or the reject with the reason."""
    if isinstance(draft, Reject):
        return draft
    if job.captions_required and not draft.captions:
        return Reject(draft.record_id, draft.source, draft.member, "no caption")
    try:
        data = draft.data if draft.data is not None else _read(draft.image)
        image = decode_image(data)
        phash = perceptual_hash(image)
        orientation = orientation_of(image) if draft.labels.boxes else 1
        placed = place_boxes(draft.labels, width=image.width, height=image.height, orientation=orientation)
    except (UnreadableImageError, BadRecordError) as error:
        return Reject(draft.record_id, draft.source, draft.member, str(error))
    if is_constant(image):
        findings.add_constant(draft.record_id)
    if placed.treatment is not None:
        findings.boxes[placed.treatment] += placed.n_treated
    return {
        "record_id": draft.record_id,
        "image_path": stored_path(draft.image.path, job.folder),
        "image_offset": draft.image.offset,
        "image_length": draft.image.length,
        "image_row": draft.image.row,
        "image_column": draft.image.column,
        "width": image.width,
        "height": image.height,
        "image_hash": hash_bytes(data),
        "image_phash": phash,
        "captions": draft.captions,
        "label": draft.label,
        "objects": draft.labels.objects,
        "boxes": placed.boxes,
        "scores": draft.labels.scores,
        "group": draft.group,
        "role": draft.role,
        "source": draft.source,
        "member": draft.member,
        "within": draft.within,
        "id_hash": id_hash(draft.record_id),
    }


def _read(ref: ImageRef) -> bytes:
    path = Path(ref.path)
    if path.is_file() and path.stat().st_size > MAX_ENCODED_BYTES:
        raise UnreadableImageError(f"too large: {path.stat().st_size:,} bytes")
    return read_image_bytes(ref)


def stored_path(path: str, folder: str) -> str:
    """Relative to the records' folder where the image lies below it, so that both can move together; else absolute."""
    if is_remote(path):
        return path
    whole = os.path.abspath(path)  # noqa: PTH100 (takes out `..` but keeps links)
    return os.path.relpath(whole, folder) if whole.startswith(folder + os.sep) else whole


def _reject_row(reject: Reject) -> dict[str, str | None]:
    """A row of `REJECT_SCHEMA`; bytes that are not UTF-8 are written as escapes."""
    row = dataclasses.asdict(reject)
    return {name: value and value.encode("utf-8", "backslashreplace").decode() for name, value in row.items()}
