"""Results in pieces on disk: each whole or absent, so that a killed job goes on where it was."""

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from memometer.files import atomic_path
from memometer.locking import one_writer

__all__ = ["PIECE_SIZE", "Arrays", "in_pieces"]

PIECE_SIZE = 2048
"""Records per piece: what a killed job loses at most."""

Arrays = dict[str, npt.NDArray[Any]]


def in_pieces(
    folder: Path, *, n: int, make: Callable[[tuple[int, int]], Arrays], mapped: Collection[str] = ()
) -> Iterator[tuple[tuple[int, int], Arrays]]:
    """(rows, arrays) of each piece of n records, made where it is not on disk yet.

    Args:
        folder: its name holds a hash of all that goes in.
        n: records in all.
        make: the arrays of the records from a row to before another.
        mapped: the arrays that are too large for memory; they come back as maps of a file of their own.
    """
    with one_writer(folder, wait=True):
        for piece, start in enumerate(range(0, n, PIECE_SIZE)):
            span = (start, min(start + PIECE_SIZE, n))
            path = folder / f"{piece:05d}.npz"
            if not path.exists():
                _write(path, make(span), mapped)
            with np.load(path, allow_pickle=False) as stored:
                whole = dict(stored)
            for name in mapped:
                whole[name] = np.load(_beside(path, name), mmap_mode="r", allow_pickle=False)
            yield span, whole


def _write(path: Path, arrays: Arrays, mapped: Collection[str]) -> None:
    """Writes one piece, the arrays that are mapped first."""
    for name in mapped:
        with atomic_path(_beside(path, name)) as temporary, temporary.open("wb") as file:
            np.save(file, arrays.pop(name), allow_pickle=False)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **dict[str, Any](arrays))


def _beside(path: Path, name: str) -> Path:
    return path.with_suffix(f".{name}.npy")
