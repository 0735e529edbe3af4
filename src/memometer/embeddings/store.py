"""Pieces of embeddings on disk: each whole or absent, in an order that does not depend on who wrote them."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from memometer.embeddings.vectors import Embeddings
from memometer.files import atomic_path, write_text

__all__ = ["PieceStore"]


class PieceStore:
    """A folder of pieces: vectors in ``00000.npy``, ids in ``00000.parquet``, and then a line in ``ledger.jsonl``.

    A piece counts once its ledger line is there, so a job killed at any moment loses the piece under way alone.

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
        if self._vectors:
            with atomic_path(self.folder / f"{piece:05d}.npy") as temporary, temporary.open("wb") as file:
                np.save(file, np.concatenate(self._vectors), allow_pickle=False)
            with atomic_path(self.folder / f"{piece:05d}.parquet") as temporary:
                pq.write_table(pa.table({"record_id": pa.chunked_array(self._ids, pa.string())}), temporary)
        rows = sum(len(batch) for batch in self._vectors)
        dim = int(self._vectors[0].shape[1]) if self._vectors else 0
        entry = {"piece": piece, "rows": rows, "dim": dim, "rejects": self._rejects}
        with (self.folder / "ledger.jsonl").open("a", encoding="utf-8") as ledger:
            ledger.write(json.dumps(entry) + "\n")
            ledger.flush()
            os.fsync(ledger.fileno())
        self._ledger[piece] = entry
        self._vectors, self._ids, self._rejects, self._seen = [], [], [], 0

    def rejects(self) -> tuple[tuple[str, str], ...]:
        """(record_id, reason) of every record left out, in record order."""
        return tuple(
            (record_id, reason) for piece in sorted(self._ledger) for record_id, reason in self._rejected(piece)
        )

    def embeddings(self, *, name: str) -> Embeddings:
        """All pieces as one, in record order; the vectors stay on disk."""
        used = [piece for piece in sorted(self._ledger) if self._ledger[piece]["rows"]]
        ids = [pq.read_table(self.folder / f"{piece:05d}.parquet")["record_id"] for piece in used]
        flat = (
            pa.concat_arrays([chunk for column in ids for chunk in column.chunks]) if ids else pa.array([], pa.string())
        )
        return Embeddings(
            record_ids=flat,
            pieces=tuple(self.folder / f"{piece:05d}.npy" for piece in used),
            starts=np.cumsum([0, *(self._ledger[piece]["rows"] for piece in used)], dtype=np.int64),
            rows=None,
            dim=self._ledger[used[0]]["dim"] if used else 0,
            name=name,
        )

    def _rejected(self, piece: int) -> list[tuple[str, str]]:
        return [(record_id, reason) for record_id, reason in self._ledger[piece]["rejects"]]

    def _read_ledger(self) -> dict[int, dict[str, Any]]:
        """The finished pieces; a line cut off by a kill is dropped, so that the next one starts on its own line."""
        path = self.folder / "ledger.jsonl"
        if not path.exists():
            return {}
        text = path.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            write_text(path, whole)
        entries = [json.loads(line) for line in whole.splitlines()]
        return {entry["piece"]: entry for entry in entries}
