"""The passes of a UnitMem audit: what the units of a tower answer to records, in pieces on disk, and their scores."""

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from memometer.activations import TowerReader, ViewPlan, Views, read_views
from memometer.arrays import Arrays, map_array
from memometer.audits.towers import COLUMNS, NEEDED
from memometer.data.records import Records, hash_records
from memometer.embeddings.mended import any_mended
from memometer.files import hash_bytes, hash_json
from memometer.measures.unitmem.options import Statistic
from memometer.measures.unitmem.scores import UnitScores, UnitSums, class_scores, unit_scores, unit_scores_by_median
from memometer.pieces import PIECE_SIZE, Span, in_pieces, packed_rejects, tell
from memometer.progress import progress_bar
from memometer.storage.paths import AnyPath

__all__ = ["UnitPass", "group_unitmem", "measure_units", "score_classes", "score_units"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

BLOCK_NUMBERS = 1 << 23
"""Activations that are read at once: 32 MiB of float32, whatever the number of records."""

FIELDS = ("count", "largest", "record", "total")


@dataclasses.dataclass(frozen=True)
class UnitPass:
    """What u units answer to n records.

    Attributes:
        sums: of all records.
        groups: of the records of each group; none where there are no groups.
        rejects: (row, reason) of the records that could not be read.
        id_ranks: (n,) the place of each record's id among the sorted ids.
        group_of: (n,) the group of each record, −1 for none.
        kept: rows and their mean activations (rows, u) float32 on disk, piece by piece; empty where they are not kept.
    """

    sums: UnitSums
    groups: tuple[UnitSums, ...]
    rejects: tuple[tuple[int, str], ...]
    id_ranks: Integers
    group_of: Integers
    kept: tuple[tuple[Integers, npt.NDArray[np.float32]], ...]

    @property
    def units(self) -> int:
        """u."""
        return len(self.sums.total)

    def blocks(self) -> Iterator[tuple[slice, Integers, npt.NDArray[np.float32]]]:
        """(units, rows, activations (rows, units)) of the kept activations, some units at a time, all records."""
        rows = np.concatenate([rows for rows, _ in self.kept])
        width = max(1, BLOCK_NUMBERS // max(1, len(rows)))
        for start in range(0, self.units, width):
            units = slice(start, min(start + width, self.units))
            yield units, rows, np.concatenate([np.asarray(activations[:, units]) for _, activations in self.kept])


def measure_units(
    records: Records,
    reader: TowerReader,
    plan: ViewPlan,
    *,
    group_of: Integers,
    n_groups: int,
    keep: bool,
    store: AnyPath,
    label: str,
) -> UnitPass:
    """Streams records through a tower; a second call with the same input reads its pieces back.

    Args:
        records: n records.
        reader: of the tower's units.
        plan: the views.
        group_of: (n,) the group of each record, −1 for none.
        n_groups: how many groups there are.
        keep: keep every record's activations on disk, which the median and classes need.
        store: where pieces are kept.
        label: what the progress bar says.
    """
    content = [hash_records(records, COLUMNS[reader.tower]), hash_bytes(group_of.tobytes()), n_groups, keep]
    key = hash_json(["unit sums", reader.key, plan.key, *content, PIECE_SIZE])
    id_ranks = records.id_ranks
    with progress_bar(label, total=len(records), unit="records") as advance:
        pieces = in_pieces(
            store / f"units-{key}",
            n=len(records),
            make=_Piece(records.select(NEEDED[reader.tower]), reader, plan, n_groups, id_ranks, group_of, keep),
            large=("activations",) if keep else (),
            stale=functools.partial(any_mended, records),
            label=label,
            advance=advance,
        )
    parts = zip(*map(_unpacked, pieces), strict=True)
    merged = [functools.reduce(UnitSums.merged, same) for same in parts]
    rows = pieces.column("rows") if keep else []
    kept = tuple((here, map_array(pieces.path(piece, "activations"))) for piece, here in enumerate(rows))
    return UnitPass(merged[0], tuple(merged[1:]), pieces.rejects(), id_ranks, group_of, kept)


def score_units(units: UnitPass, *, statistic: Statistic) -> UnitScores:
    """UnitMem of every unit over all records."""
    if statistic == "mean":
        return unit_scores(units.sums)
    return _joined([unit_scores_by_median(block, units.id_ranks[rows]) for _, rows, block in units.blocks()])


def group_unitmem(units: UnitPass, *, statistic: Statistic) -> Floats:
    """(groups, u) UnitMem of every unit over the records of each group alone."""
    if statistic == "mean":
        return np.stack([unit_scores(group).unitmem for group in units.groups])
    values = np.empty((len(units.groups), units.units))
    for span, rows, block in units.blocks():
        for group in range(len(units.groups)):
            here = units.group_of[rows] == group
            values[group, span] = unit_scores_by_median(block[here], units.id_ranks[rows[here]]).unitmem
    return values


def score_classes(units: UnitPass, classes: npt.NDArray[np.int32], *, n_classes: int) -> UnitScores:
    """ClassMem of every unit; the score's ``record`` is the class.

    Args:
        units: with activations kept.
        classes: (n,) of each record, −1 for none; those records do not count.
        n_classes: how many classes there are.
    """
    parts = []
    for _, rows, block in units.blocks():
        known = np.flatnonzero(classes[rows] >= 0)
        own = classes[rows[known]]
        members = csr_matrix((np.ones(len(known)), (own, np.arange(len(known)))), shape=(n_classes, len(known)))
        totals = np.asarray(members @ block[known].astype(np.float64))
        parts.append(class_scores(totals, np.bincount(own, minlength=n_classes))[0])
    return _joined(parts)


def _joined(parts: list[UnitScores]) -> UnitScores:
    """The scores of some units after another."""
    fields = (field.name for field in dataclasses.fields(UnitScores))
    return UnitScores(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))


@dataclasses.dataclass(frozen=True)
class _Piece:
    """Makes the sums of some records."""

    records: Records
    reader: TowerReader
    plan: ViewPlan
    n_groups: int
    id_ranks: Integers
    group_of: Integers
    keep: bool

    def __call__(self, span: Span) -> Arrays:
        sums = _Sums(sum(self.reader.widths), self.n_groups, self.id_ranks, self.group_of, keep=self.keep)
        for views in read_views(self.records, self.reader, self.plan, span=span):
            sums.add(views)
            tell(views.seen)
        return sums.arrays()


class _Sums:
    """The sums of one piece's records as they come, batch after batch."""

    def __init__(self, units: int, n_groups: int, id_ranks: Integers, group_of: Integers, *, keep: bool) -> None:
        self._id_ranks, self._group_of, self._keep = id_ranks, group_of, keep
        self._sums = [UnitSums.empty(units) for _ in range(n_groups + 1)]
        self._rejects: list[tuple[int, str]] = []
        self._rows: list[Integers] = []
        self._activations: list[npt.NDArray[np.float32]] = [np.empty((0, units), np.float32)]

    def add(self, views: Views) -> None:
        self._rejects += views.rejects
        if not len(views.rows):
            return
        means = _mean_over_views(views)
        ranks, groups = self._id_ranks[views.rows], self._group_of[views.rows]
        self._sums[0] = self._sums[0].merged(UnitSums.of(means, ranks))
        for group in np.unique(groups[groups >= 0]).tolist():
            here = groups == group
            self._sums[group + 1] = self._sums[group + 1].merged(UnitSums.of(means[here], ranks[here]))
        if self._keep:
            self._rows.append(views.rows)
            self._activations.append(means.astype(np.float32))

    def arrays(self) -> Arrays:
        packed: Arrays = {name: np.stack([np.asarray(getattr(part, name)) for part in self._sums]) for name in FIELDS}
        packed |= packed_rejects(self._rejects)
        if self._keep:
            packed["rows"] = np.concatenate([np.empty(0, np.int64), *self._rows])
            packed["activations"] = np.concatenate(self._activations)
        return packed


def _unpacked(arrays: Arrays) -> list[UnitSums]:
    columns: Sequence[Any] = [arrays[name] for name in FIELDS]
    return [UnitSums(int(count), *rest) for count, *rest in zip(*columns, strict=True)]


def _mean_over_views(views: Views) -> Floats:
    """(b, u) the mean activation of every unit of all layers over the views of each record."""
    sizes = np.diff(views.starts)
    parts = []
    for layer in views.layers:
        if sizes.min() == sizes.max():
            stacked = layer.reshape(len(sizes), int(sizes[0]), -1)
            parts.append(stacked.mean(axis=1, dtype=np.float64))
        else:
            parts.append(np.add.reduceat(layer.astype(np.float64), views.starts[:-1]) / sizes[:, None])
    return np.concatenate(parts, axis=1)
