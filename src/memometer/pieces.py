"""Results in pieces on disk: each whole or absent, whoever makes them, so that a killed job goes on where it was."""

import collections
import concurrent.futures
import contextvars
import dataclasses
import functools
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from memometer.arrays import Arrays, read_arrays, write_arrays
from memometer.engines.base import Job, current
from memometer.files import atomic_path, hash_file
from memometer.locking import one_writer
from memometer.progress import notice
from memometer.storage.paths import AnyPath, StorePath

__all__ = ["PIECE_SIZE", "Pieces", "Span", "Work", "in_pieces", "made_once", "packed_rejects", "tell"]

PIECE_SIZE = 2048
"""Records per piece: what a killed job loses at most."""

HASH = "hash of "
"""How the name of an array begins that holds the hash of a large one's file."""

Span = tuple[int, int]
"""Rows of the records: the first, and the one after the last."""

Work = Callable[[Iterable[Span]], Iterator[Arrays]]
"""Makes the arrays of spans, one after another, which it takes as it needs them: so it may read ahead. A frozen
dataclass of what goes in can be sent to other processes, where a closure cannot."""

_advance: contextvars.ContextVar[Callable[[int], object] | None] = contextvars.ContextVar("_advance", default=None)


def tell(n: int) -> None:
    """Says that n more records of the piece under way are done, where its progress is shown in this process."""
    advance = _advance.get()
    if advance is not None:
        advance(n)


class Pieces:
    """A folder of pieces of n records: named arrays in ``00000.npz``, the large ones beside it in ``00000.NAME.npy``.

    A piece counts once its ``.npz`` is there. It is written last, is sealed and holds the hashes of the large arrays'
    files: a job that is killed at any moment loses the piece under way alone, and one that a disk has damaged since
    counts as missing. What is there is read when the folder is opened, but for the large arrays, which are hashed.

    Args:
        folder: its name holds a hash of all that goes in; the caller has its lock.
        n: records in all.
        size: records per piece.
        large: the arrays that are too large for memory.
        stale: whether a piece that is there is to be made again.

    Attributes:
        spans: the first record of each piece, and the one after its last.
    """

    def __init__(
        self,
        folder: AnyPath,
        *,
        n: int,
        size: int,
        large: Collection[str] = (),
        stale: Callable[[Arrays], bool] = lambda _: False,
    ) -> None:
        self.folder = folder
        self.spans = tuple((start, min(start + size, n)) for start in range(0, n, size))
        self._disk, self._stale = _Disk(folder, size, n, tuple(large)), stale
        there = self._disk.there() if isinstance(folder, StorePath) else range(len(self.spans))
        with concurrent.futures.ThreadPoolExecutor() as threads:
            found = dict(zip(there, threads.map(self._disk.read, there), strict=True))
        self._whole = {piece: arrays for piece, arrays in found.items() if arrays is not None and not stale(arrays)}
        n_stale = sum(arrays is not None for arrays in found.values()) - len(self._whole)
        if n_stale:
            notice(f"{n_stale} pieces in {folder} are made again, with images that could not be read before")

    @property
    def missing(self) -> list[int]:
        """The pieces that are not there, ascending."""
        return [piece for piece in range(len(self.spans)) if piece not in self._whole]

    def __iter__(self) -> Iterator[Arrays]:
        """The arrays of every piece in the order of the records, without the large ones; all pieces are there."""
        return (self._whole[piece] for piece in range(len(self.spans)))

    def path(self, piece: int, name: str) -> AnyPath:
        """The file of a large array."""
        return self._disk.path(piece, name)

    def write(self, piece: int, arrays: Arrays) -> None:
        """Writes one piece, the large arrays first."""
        self._whole[piece] = self._disk.write(piece, arrays)

    def fill(self, work: Work, *, label: str = "", advance: Callable[[int], object] = lambda _: None) -> None:
        """Makes what is missing, by the engine of this context (`memometer.engines.current`).

        Args:
            work: makes pieces; it may `tell` its progress within one.
            label: what is made, for messages; the folder's name by default.
            advance: told of the records whose pieces are there.
        """
        missing = self.missing
        absent = set(missing)
        advance(sum(stop - start for piece, (start, stop) in enumerate(self.spans) if piece not in absent))
        if not missing and not current().shared:
            return
        making = _Making(self._disk, work)
        job = Job(
            folder=self.folder,
            missing=missing,
            n=len(self.spans),
            label=label or self.folder.name,
            make=making,
            read=self._read,
            name=functools.partial(_called, self._disk),
        )
        before = _advance.set(_Counted(advance))
        try:
            for piece, arrays in current().run(job):
                self._whole[piece] = arrays
                if piece not in making.made:  # in another process
                    advance(self.spans[piece][1] - self.spans[piece][0])
        finally:
            _advance.reset(before)

    def _read(self, piece: int) -> Arrays | None:
        """A piece that another process has made by now; None where it has not."""
        arrays = self._disk.read(piece)
        return None if arrays is None or self._stale(arrays) else arrays

    def column(self, name: str) -> list[npt.NDArray[Any]]:
        """One of the arrays of every piece."""
        return [arrays[name] for arrays in self]

    def taken(self, name: str) -> npt.NDArray[Any]:
        """One of the arrays of all pieces, joined along its last axis; the pieces lose it, so it is held but once."""
        return np.concatenate([arrays.pop(name) for arrays in self], axis=-1)

    def rejects(self) -> tuple[tuple[int, str], ...]:
        """(row, reason) of the records that `packed_rejects` holds, in the order of the pieces."""
        parts = zip(self.column("reject_rows"), self.column("reasons"), strict=True)
        return tuple(each for rows, reasons in parts for each in zip(rows.tolist(), reasons.tolist(), strict=True))


@dataclasses.dataclass(frozen=True)
class _Disk:
    """Where the pieces of a folder are, and how they are written and read."""

    folder: AnyPath
    size: int
    n: int
    large: tuple[str, ...]

    def span(self, piece: int) -> Span:
        return piece * self.size, min((piece + 1) * self.size, self.n)

    def path(self, piece: int, name: str) -> AnyPath:
        return self.folder / f"{piece:05d}.{name}.npy"

    def there(self) -> list[int]:
        """The pieces that have a file, damaged or not, ascending."""
        names = {each.name for each in self.folder.iterdir()}
        return [piece for piece in range(-(-self.n // self.size)) if f"{piece:05d}.npz" in names]

    def write(self, piece: int, arrays: Arrays) -> Arrays:
        """Writes one piece, the large arrays first; gives the others."""
        small = {name: array for name, array in arrays.items() if name not in self.large}
        hashes = {}
        for name in self.large:
            with atomic_path(self.path(piece, name)) as temporary:
                with temporary.open("wb") as file:
                    np.save(file, arrays[name], allow_pickle=False)
                hashes[f"{HASH}{name}"] = np.array(hash_file(temporary))
        write_arrays(self.folder / f"{piece:05d}.npz", {**small, **hashes})
        return small

    def read(self, piece: int) -> Arrays | None:
        """The arrays of a piece without the large ones; None where it is missing or damaged."""
        arrays = read_arrays(self.folder / f"{piece:05d}.npz")
        if arrays is None:
            return None
        for name in self.large:
            path, noted = self.path(piece, name), str(arrays.pop(f"{HASH}{name}", ""))
            try:
                same = hash_file(path) == noted
            except OSError:
                same = False
            if not same:
                notice(f"{path} is damaged; its piece is made again")
                return None
        return arrays


@dataclasses.dataclass(frozen=True)
class _Making:
    """Makes pieces and writes them, in whatever process it is.

    Attributes:
        made: those that were made in this process.
    """

    disk: _Disk
    work: Work
    made: set[int] = dataclasses.field(default_factory=set)

    def __call__(self, pieces: Iterable[int]) -> Iterator[tuple[int, Arrays]]:
        taken: collections.deque[int] = collections.deque()

        def spans() -> Iterator[Span]:
            for piece in pieces:
                taken.append(piece)
                yield self.disk.span(piece)

        for arrays in self.work(spans()):
            piece = taken.popleft()
            small = self.disk.write(piece, arrays)
            self.made.add(piece)
            counted = _advance.get()
            if isinstance(counted, _Counted):
                start, stop = self.disk.span(piece)
                counted.up_to(stop - start)
            yield piece, small


class _Counted:
    """Tells the progress of a piece as the work tells it, and the rest of it at its end."""

    def __init__(self, advance: Callable[[int], object]) -> None:
        self._advance, self._told = advance, 0

    def __call__(self, n: int) -> None:
        self._told += n
        self._advance(n)

    def up_to(self, n: int) -> None:
        self._advance(n - self._told)
        self._told = 0


@dataclasses.dataclass(frozen=True)
class _Each:
    """The work whose pieces are made each alone."""

    make: Callable[[Span], Arrays]

    def __call__(self, spans: Iterable[Span]) -> Iterator[Arrays]:
        return map(self.make, spans)


def _called(disk: _Disk, piece: int) -> str:
    start, stop = disk.span(piece)
    return f"piece {piece} of {disk.folder} (rows {start:,} to {stop - 1:,})"


def packed_rejects(rejects: Iterable[tuple[int, str]]) -> Arrays:
    """(row, reason) of records that are left out, as arrays of a piece."""
    rejects = list(rejects)
    return {
        "reject_rows": np.array([row for row, _ in rejects], np.int64),
        "reasons": np.array([reason for _, reason in rejects], np.str_),
    }


def made_once(folder: AnyPath, make: Callable[[], object], *, label: str) -> None:
    """Makes what is not cut to pieces by one of the processes that share the folders; the others wait for it.

    Where this process is alone it does nothing: what follows makes it.

    Args:
        folder: says that it is made; its name holds a hash of all that goes in, or all who share it agree on that.
        make: makes and keeps it.
        label: what is made, for messages.
    """

    def alone(_: Span) -> Arrays:
        make()
        return {"made": np.array(1)}

    if current().shared:
        in_pieces(folder, n=1, make=alone, label=label)


def in_pieces(
    folder: AnyPath,
    *,
    n: int,
    make: Callable[[Span], Arrays],
    size: int | None = None,
    large: Collection[str] = (),
    stale: Callable[[Arrays], bool] = lambda _: False,
    label: str = "",
    advance: Callable[[int], object] = lambda _: None,
) -> Pieces:
    """All pieces of n records, made where they are not on disk yet, or are damaged there.

    Where they are made the engine of this context says (`memometer.engines.current`).

    Args:
        folder: as in `Pieces`.
        n: records in all.
        make: the arrays of the records from a row to before another; it may `tell` its progress. A frozen dataclass of
            what goes in can be sent to other processes, where a closure cannot.
        size: records per piece; `PIECE_SIZE` by default.
        large: as in `Pieces`.
        stale: as in `Pieces`.
        label: what is made, for messages; the folder's name by default.
        advance: told of the records whose pieces are there.
    """
    with one_writer(folder, wait=True, shared=current().shared):
        pieces = Pieces(folder, n=n, size=size or PIECE_SIZE, large=large, stale=stale)
        pieces.fill(_Each(make), label=label, advance=advance)
    return pieces
