"""Results in pieces on disk: each whole or absent, whoever makes them, so that a killed job goes on where it was."""

import concurrent.futures
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from memometer.arrays import Arrays, read_arrays, write_arrays
from memometer.files import atomic_path, hash_file
from memometer.locking import one_writer
from memometer.progress import notice

__all__ = ["PIECE_SIZE", "Pieces", "in_pieces", "packed_rejects"]

PIECE_SIZE = 2048
"""Records per piece: what a killed job loses at most."""

HASH = "hash of "
"""How the name of an array begins that holds the hash of a large one's file."""


class Pieces:
    """A folder of pieces of n records: named arrays in ``00000.npz``, the large ones beside it in ``00000.NAME.npy``.

    A piece counts once its ``.npz`` is there. It is written last, is sealed and holds the hashes of the large arrays'
    files: a job that is killed at any moment loses the piece under way alone, and one that a disk has damaged since
    counts as missing. What is there is read when the folder is opened, but for the large arrays, which are hashed.

    Args:
        folder: its name holds a hash of all that goes in; the caller is its one writer.
        n: records in all.
        size: records per piece.
        large: the arrays that are too large for memory.
        stale: whether a piece that is there is to be made again.

    Attributes:
        spans: the first record of each piece, and the one after its last.
    """

    def __init__(
        self,
        folder: Path,
        *,
        n: int,
        size: int,
        large: Collection[str] = (),
        stale: Callable[[Arrays], bool] = lambda _: False,
    ) -> None:
        self.folder = folder
        self.spans = tuple((start, min(start + size, n)) for start in range(0, n, size))
        self._large = tuple(large)
        with concurrent.futures.ThreadPoolExecutor() as threads:
            found = list(threads.map(self._read, range(len(self.spans))))
        self._whole = {piece: arrays for piece, arrays in enumerate(found) if arrays is not None and not stale(arrays)}
        n_stale = sum(arrays is not None for arrays in found) - len(self._whole)
        if n_stale:
            notice(f"{n_stale} pieces in {folder} are made again, with images that could not be read before")

    @property
    def missing(self) -> list[int]:
        """The pieces that are not there, ascending."""
        return [piece for piece in range(len(self.spans)) if piece not in self._whole]

    def __iter__(self) -> Iterator[Arrays]:
        """The arrays of every piece in the order of the records, without the large ones; all pieces are there."""
        return (self._whole[piece] for piece in range(len(self.spans)))

    def path(self, piece: int, name: str) -> Path:
        """The file of a large array."""
        return self.folder / f"{piece:05d}.{name}.npy"

    def write(self, piece: int, arrays: Arrays) -> None:
        """Writes one piece, the large arrays first."""
        small = {name: array for name, array in arrays.items() if name not in self._large}
        hashes = {}
        for name in self._large:
            with atomic_path(self.path(piece, name)) as temporary:
                with temporary.open("wb") as file:
                    np.save(file, arrays[name], allow_pickle=False)
                hashes[f"{HASH}{name}"] = np.array(hash_file(temporary))
        write_arrays(self.folder / f"{piece:05d}.npz", {**small, **hashes})
        self._whole[piece] = small

    def column(self, name: str) -> list[npt.NDArray[Any]]:
        """One of the arrays of every piece."""
        return [arrays[name] for arrays in self]

    def rejects(self) -> tuple[tuple[int, str], ...]:
        """(row, reason) of the records that `packed_rejects` holds, in the order of the pieces."""
        parts = zip(self.column("reject_rows"), self.column("reasons"), strict=True)
        return tuple(each for rows, reasons in parts for each in zip(rows.tolist(), reasons.tolist(), strict=True))

    def _read(self, piece: int) -> Arrays | None:
        """The arrays of a piece; None where it is missing or damaged."""
        arrays = read_arrays(self.folder / f"{piece:05d}.npz")
        if arrays is None:
            return None
        for name in self._large:
            path, noted = self.path(piece, name), str(arrays.pop(f"{HASH}{name}", ""))
            try:
                same = hash_file(path) == noted
            except OSError:
                same = False
            if not same:
                notice(f"{path} is damaged; its piece is made again")
                return None
        return arrays


def packed_rejects(rejects: Iterable[tuple[int, str]]) -> Arrays:
    """(row, reason) of records that are left out, as arrays of a piece."""
    rejects = list(rejects)
    return {
        "reject_rows": np.array([row for row, _ in rejects], np.int64),
        "reasons": np.array([reason for _, reason in rejects], np.str_),
    }


def in_pieces(
    folder: Path,
    *,
    n: int,
    make: Callable[[tuple[int, int]], Arrays],
    large: Collection[str] = (),
    stale: Callable[[Arrays], bool] = lambda _: False,
    advance: Callable[[int], object] = lambda _: None,
) -> Pieces:
    """All pieces of n records, made where they are not on disk yet, or are damaged there.

    Args:
        folder: as in `Pieces`.
        n: records in all.
        make: the arrays of the records from a row to before another; it tells the progress itself.
        large: as in `Pieces`.
        stale: as in `Pieces`.
        advance: told of the records whose pieces are there.
    """
    with one_writer(folder, wait=True):
        pieces = Pieces(folder, n=n, size=PIECE_SIZE, large=large, stale=stale)
        missing = set(pieces.missing)
        for piece, (start, stop) in enumerate(pieces.spans):
            if piece in missing:
                pieces.write(piece, make((start, stop)))
            else:
                advance(stop - start)
    return pieces
