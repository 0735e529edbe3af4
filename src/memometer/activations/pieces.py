"""Results in pieces on disk: each whole or absent, so that a killed job goes on where it was."""

from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import numpy as np

from memometer.arrays import Arrays, map_array, read_arrays, write_arrays
from memometer.data.records import Records
from memometer.embeddings.mended import any_mended
from memometer.errors import DamagedError
from memometer.files import atomic_path, hash_file
from memometer.locking import one_writer
from memometer.progress import notice

__all__ = ["PIECE_SIZE", "Arrays", "in_pieces", "with_mended"]

PIECE_SIZE = 2048
"""Records per piece: what a killed job loses at most."""

HASH = "hash of "
"""How the name of an array begins that holds the hash of a mapped one's file."""


def in_pieces(
    folder: Path,
    *,
    n: int,
    make: Callable[[tuple[int, int]], Arrays],
    mapped: Collection[str] = (),
    stale: Callable[[Arrays], bool] = lambda _: False,
) -> Iterator[tuple[tuple[int, int], Arrays]]:
    """(rows, arrays) of each piece of n records, made where it is not on disk yet, or is damaged there.

    Args:
        folder: its name holds a hash of all that goes in.
        n: records in all.
        make: the arrays of the records from a row to before another.
        mapped: the arrays that are too large for memory; they come back as maps of a file of their own.
        stale: whether a piece that is there is to be made again.
    """
    with one_writer(folder, wait=True):
        for piece, start in enumerate(range(0, n, PIECE_SIZE)):
            span = (start, min(start + PIECE_SIZE, n))
            path = folder / f"{piece:05d}.npz"
            whole = _read(path, mapped)
            if whole is None or stale(whole):
                _write(path, make(span), mapped)
                whole = _read(path, mapped)
            yield span, {} if whole is None else whole


def _read(path: Path, mapped: Collection[str]) -> Arrays | None:
    """The arrays of one piece; None where it is missing or damaged."""
    arrays = read_arrays(path)
    if arrays is None:
        return None
    for name in mapped:
        beside, noted = _beside(path, name), arrays.pop(f"{HASH}{name}", None)
        try:
            same = noted is None or hash_file(beside) == str(noted)
            arrays[name] = map_array(beside)
        except (OSError, DamagedError):
            same = False
        if not same:
            notice(f"{beside} is damaged; its piece is made again")
            return None
    return arrays


def _write(path: Path, arrays: Arrays, mapped: Collection[str]) -> None:
    """Writes one piece, the arrays that are mapped first."""
    rest = {name: array for name, array in arrays.items() if name not in mapped}
    for name in mapped:
        with atomic_path(_beside(path, name)) as temporary:
            with temporary.open("wb") as file:
                np.save(file, arrays[name], allow_pickle=False)
            rest[f"{HASH}{name}"] = np.array(hash_file(temporary))
    write_arrays(path, rest)


def _beside(path: Path, name: str) -> Path:
    return path.with_suffix(f".{name}.npy")


def with_mended(records: Records, arrays: Arrays) -> bool:
    """Whether a piece left an image out that can be read now.

    Args:
        records: with images.
        arrays: of the piece, with the ``reject_rows`` and their ``reasons``.
    """
    return any_mended(records, zip(arrays["reject_rows"].tolist(), arrays["reasons"].tolist(), strict=True))
