"""Whether a folder of records is what was imported: every image against its hash, every file against its own."""

import dataclasses
from collections import Counter
from collections.abc import Iterator
from typing import Any

from memometer.data.beside import NOTES, check_beside
from memometer.data.findings import commonest
from memometer.data.images import ImageRef, read_or_reason
from memometer.data.records import Records, load_records, parquet_parts
from memometer.engines.pool import map_ordered
from memometer.errors import DamagedError, SourceError
from memometer.progress import progress_bar
from memometer.sealing import check_seal, read_sealed_json
from memometer.storage.paths import AnyPath, StorePath, path_of
from memometer.tables import BATCH, open_table, readable

__all__ = ["Verification", "verify_records"]

PER_PIECE = 256
FEW = 4 * PER_PIECE
"""Images that are read before a worker process has started."""

SAME, UNHASHED, NO_IMAGE = "same", "without a hash", "no image"
WHOLE, UNSEALED, DAMAGED = "whole", "without a checksum", "damaged"


@dataclasses.dataclass(frozen=True)
class Verification:
    """What `verify_records` found.

    Attributes:
        folder: of the records.
        n_records: all records; 0 where they cannot be read.
        images: how many records have which kind of image: ``same``, ``changed since the import``, ``missing image``,
            ``unreadable image``, ``without a hash`` (it is there, and nothing says what it was) or ``no image``.
        files: by name, ``whole``, ``without a checksum``, or what is wrong.
        differing: (record_id, kind, reason) of every image that is not the one that was imported.
    """

    folder: str
    n_records: int
    images: dict[str, int]
    files: dict[str, str]
    differing: tuple[tuple[str, str, str], ...]

    @property
    def differs(self) -> bool:
        """Whether anything is not what was imported."""
        return bool(self.differing) or any(state not in (WHOLE, UNSEALED) for state in self.files.values())

    def to_json(self) -> dict[str, Any]:
        """As ``--json`` prints it."""
        names = ("record_id", "kind", "reason")
        listed = [dict(zip(names, each, strict=True)) for each in self.differing]
        return {**dataclasses.asdict(self), "differing": listed, "differs": self.differs}


def verify_records(folder: str | AnyPath, *, workers: int = 0) -> Verification:
    """Reads every image and file of a folder of records and compares it with what was noted when it was written.

    Images are read and hashed, not decoded: what has its hash is what was decoded at the import.

    Args:
        folder: the folder of records, as 'memometer data import' writes it.
        workers: processes that read; 0 reads in this one.

    Raises:
        SourceError: the folder holds no records.
    """
    folder = path_of(folder)
    parts = parquet_parts(folder)
    files = {_below(path, folder): _state(path) for path in [*parts, *_others(folder, parts)]}
    try:
        records = load_records(folder)
    except SourceError as error:
        states = {name: state for name, state in files.items() if state.startswith(DAMAGED)}
        files |= {} if states else {_below(parts[0], folder): f"{DAMAGED}: {error}"}
        return Verification(str(folder), 0, {}, files, ())
    images: Counter[str] = Counter()
    differing: list[tuple[str, str, str]] = []
    pieces = _pieces(records)
    with progress_bar("verifying", total=len(records), unit="images") as advance:
        for found in map_ordered(_compare, pieces, workers=0 if len(records) <= FEW else workers):
            for record_id, kind, reason in found:
                images[kind] += 1
                if kind not in (SAME, UNHASHED, NO_IMAGE):
                    differing.append((record_id, kind, reason))
            advance(len(found))
    return Verification(str(folder), len(records), commonest(images), files, tuple(differing))


_Piece = list[tuple[str, ImageRef | None]]


def _pieces(records: Records) -> Iterator[_Piece]:
    for start in range(0, len(records), PER_PIECE):
        ids = records.record_ids.slice(start, PER_PIECE).to_pylist()
        yield list(zip(ids, records.image_refs(start, start + len(ids)), strict=True))


def _compare(piece: _Piece) -> list[tuple[str, str, str]]:
    """(record_id, kind, reason) of each image."""
    found = []
    for record_id, ref in piece:
        read = read_or_reason(ref)
        if isinstance(read, str):
            found.append((record_id, read.partition(":")[0], read))
        else:
            found.append((record_id, UNHASHED if ref is None or ref.hash is None else SAME, ""))
    return found


def _below(path: AnyPath, folder: AnyPath) -> str:
    return str(path)[len(str(folder)) :].lstrip("/")


def _others(folder: AnyPath, parts: list[AnyPath]) -> Iterator[AnyPath]:
    """What else memometer writes beside records."""
    for path in folder.iterdir() if isinstance(folder, StorePath) else sorted(folder.iterdir()):
        known = path.suffix == ".parquet" or path.name in (*NOTES, "split.json")
        if known and path.is_file() and path not in parts:
            yield path


def _state(path: AnyPath) -> str:
    """Whether a file is whole."""
    try:
        if path.suffix == ".parquet":
            sealed = check_seal(path)
            with open_table(path) as file, readable(path):
                for _ in file.iter_batches(BATCH):  # every page against its checksum
                    pass
            return WHOLE if sealed else UNSEALED
        read_sealed_json(path)
        if path.name in NOTES:
            check_beside(path.parent)
    except DamagedError as error:
        return f"{DAMAGED}: {error.fault}"
    except OSError as error:
        return f"{DAMAGED}: {error}"
    return WHOLE
