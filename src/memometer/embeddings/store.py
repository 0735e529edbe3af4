"""Pieces of embeddings on disk: each whole or absent, in an order that does not depend on who wrote them."""

import concurrent.futures
import json
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from memometer.arrays import map_array
from memometer.embeddings.vectors import Embeddings
from memometer.engines import default_workers
from memometer.errors import DamagedError
from memometer.files import atomic_path, hash_file, hash_json, naming, write_text
from memometer.progress import notice
from memometer.tables import read_table, write_table

__all__ = ["PieceStore"]

LEDGER = "ledger.jsonl"


class PieceStore:
    """A folder of pieces: vectors in ``00000.npy``, ids in ``00000.parquet``, and then a line in ``ledger.jsonl``.

    A piece counts once its ledger line is there, so a job killed at any moment loses the piece under way alone. The
    line holds the hashes of the piece's files and one of itself: a piece that a disk has damaged since is made again.

    Args:
        folder: made when missing.
        n: records in all.
        piece_size: records per piece.
    """

    def __init__(self, folder: Path, *, n: int, piece_size: int) -> None:
        self.folder = folder
        self.n = n
        self.piece_size = piece_size
        self.count = -(-n // piece_size)
        folder.mkdir(parents=True, exist_ok=True)
        self._ledger = self._read_ledger()
        self._vectors: list[npt.NDArray[np.float32]] = []
        self._ids: list[pa.Array] = []
        self._rejects: list[tuple[str, str]] = []
        self._seen = 0

    def span(self, piece: int) -> tuple[int, int]:
        """The first record of a piece, and the one after its last."""
        return piece * self.piece_size, min((piece + 1) * self.piece_size, self.n)

    def has(self, piece: int) -> bool:
        """Whether the piece is on disk, whole."""
        return piece in self._ledger

    def add(
        self,
        piece: int,
        vectors: npt.NDArray[np.float32] | None,
        *,
        record_ids: pa.Array,
        rejects: list[tuple[str, str]],
    ) -> None:
        """Takes the next batch of a piece; writes the piece with its last batch.

        Args:
            piece: its number; the batches of one piece come one after another.
            vectors: (m, d) of the records that could be embedded; None when none could.
            record_ids: (m,) their ids.
            rejects: (record_id, reason) of the others.
        """
        if vectors is not None:
            self._vectors.append(vectors)
            self._ids.append(record_ids)
        self._rejects += rejects
        self._seen += (0 if vectors is None else len(vectors)) + len(rejects)
        start, stop = self.span(piece)
        if self._seen < stop - start:
            return
        rows = sum(len(batch) for batch in self._vectors)
        dim = int(self._vectors[0].shape[1]) if self._vectors else 0
        entry = {"piece": piece, "rows": rows, "dim": dim, "rejects": [list(reject) for reject in self._rejects]}
        if self._vectors:
            entry["hashes"] = self._write(piece)
        path = self.folder / LEDGER
        with naming(path), path.open("a", encoding="utf-8") as ledger:
            ledger.write(_line(entry))
            ledger.flush()
            os.fsync(ledger.fileno())
        self._ledger[piece] = entry
        self._vectors, self._ids, self._rejects, self._seen = [], [], [], 0

    def rejects(self) -> tuple[tuple[str, str], ...]:
        """(record_id, reason) of every record left out, in record order."""
        return tuple(
            (record_id, reason) for piece in sorted(self._ledger) for record_id, reason in self.rejected(piece)
        )

    def embeddings(self, *, name: str) -> Embeddings:
        """All pieces as one, in record order; the vectors stay on disk."""
        used = [piece for piece in sorted(self._ledger) if self._ledger[piece]["rows"]]
        ids = [read_table(self._path(piece, "parquet"))["record_id"] for piece in used]
        flat = (
            pa.concat_arrays([chunk for column in ids for chunk in column.chunks]) if ids else pa.array([], pa.string())
        )
        return Embeddings(
            record_ids=flat,
            pieces=tuple(self._path(piece, "npy") for piece in used),
            starts=np.cumsum([0, *(self._ledger[piece]["rows"] for piece in used)], dtype=np.int64),
            rows=None,
            dim=self._ledger[used[0]]["dim"] if used else 0,
            name=name,
        )

    def rejected(self, piece: int) -> list[tuple[str, str]]:
        """(record_id, reason) of the records that a piece left out; none of one that is not there."""
        return [(record_id, reason) for record_id, reason in self._ledger.get(piece, {}).get("rejects", [])]

    def forget(self, pieces: Collection[int]) -> None:
        """Takes pieces for missing, so that they are made again."""
        self._ledger = {piece: entry for piece, entry in self._ledger.items() if piece not in pieces}
        write_text(self.folder / LEDGER, "".join(_line(entry) for entry in self._ledger.values()))

    def _write(self, piece: int) -> dict[str, str]:
        """Writes the vectors and ids of a piece; their hashes by the ending of the file's name."""
        hashes = {}
        with atomic_path(self._path(piece, "npy")) as temporary:
            with temporary.open("wb") as file:
                np.save(file, np.concatenate(self._vectors), allow_pickle=False)
            hashes["npy"] = hash_file(temporary)
        write_table(self._path(piece, "parquet"), pa.table({"record_id": pa.chunked_array(self._ids, pa.string())}))
        return hashes | {"parquet": hash_file(self._path(piece, "parquet"))}

    def _path(self, piece: int, ending: str) -> Path:
        return self.folder / f"{piece:05d}.{ending}"

    def _read_ledger(self) -> dict[int, dict[str, Any]]:
        """The finished pieces; what is not as it was written is left out, and the ledger ends with a whole line.

        A line that a kill cut off would make the next one a part of it.
        """
        path = self.folder / LEDGER
        if not path.exists():
            return {}
        lines = path.read_bytes().split(b"\n")
        entries = [_entry(line, self) for line in lines[:-1]]
        found = {entry["piece"]: entry for entry in entries if entry is not None}
        with concurrent.futures.ThreadPoolExecutor(default_workers()) as threads:
            whole = dict(zip(found, threads.map(self._is_whole, found.values()), strict=True))
        kept = {piece: entry for piece, entry in found.items() if whole[piece]}
        n_bad = sum(entry is None for entry in entries) + len(found) - len(kept)
        if n_bad:
            notice(f"{n_bad} pieces in {self.folder} are damaged; they are made again")
        if n_bad or lines[-1]:
            write_text(path, "".join(_line(entry) for entry in kept.values()))
        return kept

    def _is_whole(self, entry: dict[str, Any]) -> bool:
        """Whether a piece's files are those that its ledger line was written for."""
        piece, hashes = entry["piece"], entry.get("hashes")
        if not entry["rows"]:
            return True
        try:
            if hashes is not None:
                return all(hash_file(self._path(piece, ending)) == hash_ for ending, hash_ in hashes.items())
            # A ledger of an earlier version holds no hashes.
            vectors = map_array(self._path(piece, "npy"))
            ids = read_table(self._path(piece, "parquet"), ["record_id"])
            return bool(vectors.shape == (entry["rows"], entry["dim"]) and ids.num_rows == entry["rows"])
        except (OSError, DamagedError):
            return False


def _line(entry: dict[str, Any]) -> str:
    return json.dumps({**entry, "checksum": hash_json(entry)}) + "\n"


def _entry(line: bytes, pieces: PieceStore) -> dict[str, Any] | None:
    """A line of the ledger; None where it is not as it was written."""
    try:
        entry = json.loads(line)
        checksum = entry.pop("checksum", None)
        if checksum is not None and checksum != hash_json(entry):
            return None
        start, stop = pieces.span(entry["piece"])
        seen = entry["rows"] + len(entry["rejects"])
        return entry if 0 <= start < stop and seen == stop - start and entry["dim"] >= 0 else None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
