"""Embeddings: one l2-normalised vector per record, read from disk a tile at a time."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from memometer.arrays import map_array
from memometer.equal_texts import places_among
from memometer.errors import VectorError
from memometer.storage.paths import AnyPath

__all__ = ["NO_DIRECTION", "Embeddings", "check_output", "normalise", "with_norms", "without_direction"]

NO_DIRECTION = "no direction"
"""How the reason of a reject begins whose vector cannot be compared with another."""


@dataclasses.dataclass(frozen=True)
class Embeddings:
    """(n, d) vectors of n records; slicing reads and normalises just those rows.

    Attributes:
        record_ids: (n,) strings, the record of each row.
        pieces: ``.npy`` files or arrays of shape (m_i, d) which, one after another, hold all the stored rows.
        starts: (len(pieces) + 1,) int64, the first stored row of each piece, and the number of stored rows.
        rows: (n,) int64 stored row of each record; None where the two orders are the same.
        name: what these vectors are, for error messages, e.g. ``"images of models/a"``.
    """

    record_ids: pa.Array
    pieces: tuple[AnyPath | npt.NDArray[np.floating], ...]
    starts: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64] | None
    dim: int
    name: str

    @property
    def shape(self) -> tuple[int, int]:
        """(n, d)."""
        return len(self.record_ids), self.dim

    def __len__(self) -> int:
        return len(self.record_ids)

    def __getitem__(self, span: slice) -> npt.NDArray[np.float32]:
        """(m, d) float32, rows l2-normalised, of the records in ``span``.

        Raises:
            VectorError: a row is non-finite or zero; names its record.
        """
        start, stop, step = span.indices(len(self))
        wanted = np.arange(start, stop, step) if self.rows is None else self.rows[span]
        return normalise(self._read(wanted), record_ids=self.record_ids[start:stop:step], name=self.name)

    def raw(self, span: slice) -> npt.NDArray[np.floating]:
        """(m, d) of the records in ``span`` as they are stored: not normalised, not checked."""
        return self._read(np.arange(len(self))[span] if self.rows is None else self.rows[span])

    def select(self, record_ids: pa.Array) -> "Embeddings":
        """The vectors of ``record_ids``, in that order; nothing is read.

        Raises:
            VectorError: a record has no vector; names it.
        """
        if record_ids.equals(self.record_ids):
            return self
        rows = places_among(record_ids, self.record_ids)
        if (rows < 0).any():
            missing = record_ids.filter(pa.array(rows < 0))
            raise VectorError(
                f"{self.name}: no vector for record '{missing[0].as_py()}' ({len(missing):,} of {len(record_ids):,} "
                "records have none); embed all of them, or leave these records out"
            )
        return dataclasses.replace(self, record_ids=record_ids, rows=rows if self.rows is None else self.rows[rows])

    def _read(self, wanted: npt.NDArray[np.int64]) -> npt.NDArray[np.floating]:
        """Stored rows in the order ``wanted``; each file is mapped for the moment of the copy only.

        A map that stayed open would keep every page it ever touched in the process's resident memory.
        """
        owner = np.searchsorted(self.starts, wanted, side="right") - 1
        out: npt.NDArray[np.floating] | None = None
        for index in np.unique(owner):
            piece = self.pieces[index]
            stored = piece if isinstance(piece, np.ndarray) else map_array(piece)
            here = np.flatnonzero(owner == index)
            local = wanted[here] - self.starts[index]
            if out is None:
                out = np.empty((len(wanted), self.dim), stored.dtype)
            contiguous = len(local) == local[-1] - local[0] + 1 and bool(np.all(np.diff(local) == 1))
            out[here] = stored[local[0] : local[-1] + 1] if contiguous else stored[local]
        return np.empty((0, self.dim), np.float32) if out is None else out


def check_output(vectors: npt.NDArray[Any], n: int) -> npt.NDArray[np.float32]:
    """What a model gave for ``n`` inputs, as (n, d) float32.

    Raises:
        VectorError: it is anything else.
    """
    array = np.asarray(vectors)
    if array.ndim != 2 or len(array) != n or not np.issubdtype(array.dtype, np.floating):
        raise VectorError(
            f"the encoder gave an array of shape {array.shape} and type {array.dtype} for {n} inputs; "
            f"expected ({n}, d) of floats, one vector per input in their order"
        )
    return array.astype(np.float32, copy=False)


def without_direction(vectors: npt.NDArray[np.floating]) -> tuple[tuple[int, str], ...]:
    """(row, reason) of every vector, of (n, d), that no search can compare with another: it is zero or not finite."""
    _, norms = with_norms(vectors)
    reasons = {"a vector of zeros": norms == 0, "no finite vector": ~np.isfinite(norms)}
    found = ((int(row), what) for what, rows in reasons.items() for row in np.flatnonzero(rows))
    return tuple((row, f"{NO_DIRECTION}: the model gave {what}") for row, what in sorted(found))


def with_norms(vectors: npt.NDArray[np.floating]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The same (n, d) vectors in float64, and their (n,) l2 norms."""
    wide = vectors.astype(np.float64)
    return wide, np.sqrt(np.einsum("ij,ij->i", wide, wide))


def normalise(
    vectors: npt.NDArray[np.floating], *, record_ids: pa.Array | None = None, name: str = "vectors"
) -> npt.NDArray[np.float32]:
    """Rows divided by their l2 norm: (n, d) of any float type → (n, d) float32, computed in float64.

    Raises:
        VectorError: a row is non-finite or zero, and so has no direction; names its record, or its row.
    """
    wide, norms = with_norms(vectors)
    bad = ~np.isfinite(norms) | (norms == 0)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        which = f"record '{record_ids[row].as_py()}'" if record_ids is not None else f"row {row}"
        kind = "zero" if norms[row] == 0 else "not finite"
        raise VectorError(
            f"{name}: the vector of {which} is {kind} ({int(bad.sum()):,} such rows); "
            "every vector needs finite values and a direction: leave these records out, or embed them again"
        )
    wide /= norms[:, None]
    return wide.astype(np.float32)
