"""A search in pieces that are kept on disk: a killed one loses the piece under way, and a second one is free.

Queries are cut to lots, and the bank to shards where a lot of queries against all of it would take too long. Each lot's
nearest rows of each shard are merged in the order of a search: similarity falling, then row. So the answer is that of
one search, whatever the cut, which depends on the sizes alone.
"""

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from memometer.arrays import Arrays, map_array
from memometer.engines.base import current
from memometer.files import hash_json
from memometer.neighbors.metrics import MetricName
from memometer.neighbors.result import Neighbors
from memometer.neighbors.search import search
from memometer.neighbors.tiles import VectorSource
from memometer.pieces import Pieces, Span, in_pieces, tell
from memometer.progress import progress_bar
from memometer.storage.paths import AnyPath

__all__ = ["SHOWN", "KeptNeighbors", "kept_search"]

SHOWN = 10
"""Neighbours of each query that are kept with their similarities, in files of their own: most readers want these."""

LEAST_LOT, MOST_LOT = 1 << 14, 1 << 17
"""Queries of a lot: fewer do not repay that the bank is read for them, more are held for nothing."""

LOT_NUMBERS = 1 << 26
"""Components, or similarities, of a lot: 256 MiB as float32."""

PIECE_PRODUCTS = 1 << 46
"""Products of numbers in a piece: a quarter of an hour of two slow cores, less than a second of a GPU."""

LARGE = ("near", "similarities", "further")
"""Arrays of a lot: rows of the first `SHOWN` neighbours, their similarities, and the rows of the others."""


@dataclasses.dataclass(frozen=True)
class Cut:
    """How a search is cut to pieces.

    Attributes:
        lot: queries per lot.
        shards: of the bank: the first row of each, and the one after its last.
    """

    lot: int
    shards: tuple[Span, ...]

    @classmethod
    def of(cls, *, m: int, k: int, dim: int) -> "Cut":
        """The cut for m bank rows of ``dim`` components and k neighbours."""
        held = LOT_NUMBERS // max(dim, k, 1)
        lot = max(1, min(MOST_LOT, max(LEAST_LOT, PIECE_PRODUCTS // max(m * dim, 1)), held))
        n_shards = min(max(1, -(-m * lot * dim // PIECE_PRODUCTS)), max(1, m // k))
        edges = [m * place // n_shards for place in range(n_shards + 1)]
        return cls(lot, tuple(itertools.pairwise(edges)))


@dataclasses.dataclass(frozen=True, eq=False)
class KeptNeighbors:
    """The k bank rows nearest to each of n queries, as in `Neighbors`, on disk; what is asked for is read.

    Attributes:
        folder: of the lots.
        spans: the first query of each lot, and the one after its last.
        k: neighbours per query.
    """

    folder: AnyPath
    spans: tuple[Span, ...]
    k: int

    def __len__(self) -> int:
        return self.spans[-1][1] if self.spans else 0

    def rows(self, start: int, stop: int, *, k: int) -> npt.NDArray[np.integer]:
        """(stop - start, k) bank rows of some queries, nearest first."""
        near = self._read("near", start, stop)[:, :k]
        return near if k <= SHOWN else np.hstack([near, self._read("further", start, stop)[:, : k - SHOWN]])

    def similarities(self, start: int, stop: int) -> npt.NDArray[np.float64]:
        """(stop - start, min(k, `SHOWN`)) similarities of the first rows."""
        return self._read("similarities", start, stop)

    def _read(self, name: str, start: int, stop: int) -> npt.NDArray[Any]:
        """Rows of an array of all lots; a map is left at once, for it would keep every page that it touched."""
        parts = [
            np.array(map_array(self.folder / f"{piece:05d}.{name}.npy")[max(start - first, 0) : stop - first])
            for piece, (first, last) in enumerate(self.spans)
            if first < stop and start < last
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


@dataclasses.dataclass(frozen=True)
class Part:
    """Some vectors of a source, as a source."""

    source: VectorSource
    start: int
    stop: int

    @property
    def shape(self) -> tuple[int, int]:
        """(stop - start, d)."""
        return self.stop - self.start, self.source.shape[1]

    def __getitem__(self, span: slice) -> Any:
        return self.source[slice(self.start + span.start, min(self.start + span.stop, self.stop))]


@dataclasses.dataclass(frozen=True)
class Searching:
    """What makes the pieces of one search.

    Attributes:
        queries, bank, k, metric, device: as of `search`.
        cut: of the search.
        parts: the neighbours in each shard, cell by cell, lots before shards; None where there is one shard.
    """

    queries: VectorSource
    bank: VectorSource
    k: int
    metric: MetricName
    device: str | None
    cut: Cut
    parts: AnyPath | None = None

    def of_lot(self, span: Span) -> Arrays:
        """The arrays of a lot, `LARGE`."""
        if self.parts is None:
            found = self._in_shard(span, self.cut.shards[0], progress=tell)
        else:
            found = self._merged(self.parts, span)
        kind = np.int32 if self.bank.shape[0] <= np.iinfo(np.int32).max else np.int64
        near, further = np.split(found.rows.astype(kind), [min(SHOWN, self.k)], axis=1)
        return {"near": near, "similarities": found.similarities[:, :SHOWN].copy(), "further": further}

    def of_cell(self, span: Span) -> Arrays:
        """The neighbours of one lot in one shard; ``span`` is the cell's number and the next."""
        lot, shard = divmod(span[0], len(self.cut.shards))
        queries = (lot * self.cut.lot, min((lot + 1) * self.cut.lot, self.queries.shape[0]))
        found = self._in_shard(queries, self.cut.shards[shard])
        return {"rows": found.rows, "similarities": found.similarities}

    def _in_shard(self, queries: Span, shard: Span, *, progress: Callable[[int], None] | None = None) -> Neighbors:
        found = search(
            Part(self.queries, *queries),
            Part(self.bank, *shard),
            self.k if len(self.cut.shards) == 1 else min(self.k, shard[1] - shard[0]),
            metric=self.metric,
            device=self.device,
            progress=progress,
        )
        return Neighbors(found.rows + shard[0], found.similarities)

    def _merged(self, parts: AnyPath, span: Span) -> Neighbors:
        """The nearest rows of all shards; shards ascend, so a stable order leaves the lower row of equals first."""
        first = span[0] // self.cut.lot * len(self.cut.shards)
        cells = [f"{first + shard:05d}" for shard in range(len(self.cut.shards))]
        rows, similarities = (
            np.hstack([map_array(parts / f"{cell}.{name}.npy") for cell in cells]) for name in ("rows", "similarities")
        )
        order = np.argsort(-similarities, axis=1, kind="stable")[:, : self.k]
        return Neighbors(*(np.take_along_axis(each, order, axis=1) for each in (rows, similarities)))


def kept_search(
    store: AnyPath,
    key: Sequence[Any],
    queries: VectorSource,
    bank: VectorSource,
    k: int,
    *,
    metric: MetricName = "inner",
    device: str,
    label: str,
    unit: str,
) -> KeptNeighbors:
    """`search` in pieces with a progress bar; what is in ``store`` of it already is read.

    Args:
        store: where it is kept.
        key: names the queries, the bank and their order.
        queries: (n, d).
        bank: (m, d), m >= k.
        k: as of `search`.
        metric: as of `search`.
        device: as of `search`.
        label: what the progress bar says.
        unit: what queries are, e.g. ``"captions"``.

    Raises:
        InputError, VectorError, JobError: see `search`.
    """
    (n, dim), m = queries.shape, bank.shape[0]
    cut = Cut.of(m=m, k=k, dim=dim)
    name = f"neighbors-{hash_json([*key, n, m, k, metric, cut.lot, len(cut.shards)])}"
    work = Searching(queries, bank, k, metric, device, cut)
    if len(cut.shards) > 1:
        work = dataclasses.replace(work, parts=store / f"{name}-parts")
        _search_shards(store / name, work, n, label=label)
    with progress_bar(f"searching, {label}", total=n, unit=unit) as advance:
        pieces = in_pieces(store / name, n=n, make=work.of_lot, size=cut.lot, large=LARGE, advance=advance)
    if work.parts and not current().shared:  # another process may still read them
        _remove(work.parts)
    return KeptNeighbors(pieces.folder, pieces.spans, k)


def _remove(folder: AnyPath) -> None:
    """Removes a folder of pieces."""
    if folder.is_dir():
        for name in [each.name for each in folder.iterdir()]:
            (folder / name).unlink(missing_ok=True)
        if isinstance(folder, Path):
            folder.rmdir()


def _search_shards(folder: AnyPath, work: Searching, n: int, *, label: str) -> None:
    """Searches every shard for every lot, where lots are missing in ``folder``."""
    if work.parts is None or not Pieces(folder, n=n, size=work.cut.lot, large=LARGE).missing:
        return
    n_cells = -(-n // work.cut.lot) * len(work.cut.shards)
    with progress_bar(f"searching shards, {label}", total=n_cells, unit="pieces") as advance:
        in_pieces(
            work.parts,
            n=n_cells,
            make=work.of_cell,
            size=1,
            large=("rows", "similarities"),
            advance=advance,
        )
