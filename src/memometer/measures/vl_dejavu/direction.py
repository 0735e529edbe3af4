"""One direction of a two-model audit: the records of one training set, under their own model and under the other."""

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from memometer.data.records import Records
from memometer.measures.vl_dejavu.scores import TopCounts, UnionScores
from memometer.neighbors import KeptNeighbors
from memometer.objects.sets import ObjectSets
from memometer.runs.items import group_names
from memometer.runs.tables import BATCH_ROWS
from memometer.statistics import population_contributions, recall_area_by_histogram, top_gaps
from memometer.statistics.dependence import group_codes

__all__ = ["OVER", "Direction", "Side", "gaps_between"]

Floats = npt.NDArray[np.float64]
OVER = ("all", "unmentioned")

N_KEPT = 10
"""Neighbours of each record that a run keeps, to be looked at."""


@dataclasses.dataclass(frozen=True)
class Side:
    """What one model's neighbours say about the n records of a direction.

    Attributes:
        neighbors: the nearest public images of each record's caption, on disk.
        similarity: (n,) of the nearest.
        union: scores of the union of their objects, for every k.
        top: how many top objects are right, by ``"all"`` and ``"unmentioned"``.
    """

    neighbors: KeptNeighbors
    similarity: Floats
    union: UnionScores
    top: dict[str, TopCounts]

    def lot(self, rows: slice) -> "Side":
        """The same of some consecutive records, as views; without the single objects."""
        return dataclasses.replace(
            self,
            similarity=self.similarity[rows],
            union=self.union.lot(rows),
            top={over: top.lot(rows) for over, top in self.top.items()},
        )

    @property
    def distance(self) -> Floats:
        """(n,) between a caption and the nearest public image."""
        return 1.0 - self.similarity


@dataclasses.dataclass(frozen=True)
class Direction:
    """One direction, scored.

    Attributes:
        name: ``"forward"``, ``"backward"`` (the models' roles swapped) or ``"control"`` (records that the target never
            saw).
        records: all records of the role, in record order.
        queried: (n,) bool, the records that have the query caption; the sides hold these alone.
        objects: the objects of the queried records.
        named: the labels that the query caption of each names.
        target: the model trained on the records.
        reference: the other model.
        k: the k of the headline.
        caption: the number of the query caption, from 1.
        skipped: why records are not scored, with counts.
    """

    name: str
    records: Records
    queried: npt.NDArray[np.bool_]
    objects: ObjectSets
    named: ObjectSets
    target: Side
    reference: Side
    k: int
    caption: int
    skipped: dict[str, int]

    @functools.cached_property
    def groups(self) -> npt.NDArray[np.int64] | None:
        """(n,) which of the queried records belong together; None where every one is alone.

        See `memometer.data.records.Records.groups`.
        """
        return group_codes(self.records.groups, self.queried)

    @functools.cached_property
    def id_order(self) -> npt.NDArray[np.int64]:
        """(n,) the queried records by their ids, ascending."""
        order: npt.NDArray[np.int64] = pc.sort_indices(self.asked_ids).to_numpy().astype(np.int64)
        return order

    @functools.cached_property
    def id_ranks(self) -> npt.NDArray[np.int64]:
        """(n,) the place of each queried record's id among theirs, sorted."""
        ranks = np.empty(len(self.objects), np.int64)
        ranks[self.id_order] = np.arange(len(ranks))
        return ranks

    @property
    def asked_ids(self) -> pa.Array:
        """(n,) the ids of the queried records."""
        ids = self.records.record_ids
        return ids if self.queried.all() else ids.filter(pa.array(self.queried))

    @property
    def ks(self) -> tuple[int, ...]:
        """Every k that is scored, ascending."""
        return self.target.union.ks

    def scores(self, what: str, k: int, over: str) -> dict[str, Floats]:
        """(n,) of each model: a number of `UnionScores`, over all or over unmentioned objects."""
        return _scores({"target": self.target.union, "reference": self.reference.union}, what, k, over)

    def contributions(self, k: int, over: str) -> dict[str, Floats]:
        """(n,) per record: what it adds to PPG, PRG and AUCG; NaN where it is not scored."""
        return gaps_between({"target": self.target.union, "reference": self.reference.union}, k, over)

    def means(self) -> dict[str, dict[str, float | None]]:
        """Mean precision, recall and F of both models at ``k``, over all and over unmentioned objects."""
        return {
            over: {
                f"{short}_{name}": _nanmean(values)
                for short, what in (("recall", "recall"), ("precision", "precision"), ("f", "f_score"))
                for name, values in self.scores(what, self.k, over).items()
            }
            for over in OVER
        }

    def n_scored(self, over: str) -> int:
        """Records with at least one object (an unmentioned one)."""
        union = self.target.union
        return int(np.count_nonzero(union.n_objects if over == "all" else union.n_unmentioned))

    def counts(self) -> dict[str, Any]:
        """How many records there are, how many are scored, and why the others are not."""
        return {
            "n_records": len(self.records),
            "n_scored": self.n_scored("all"),
            "n_scored_unmentioned": self.n_scored("unmentioned"),
            "n_skipped": self.skipped,
        }

    def advantage(self, over: str) -> npt.NDArray[np.int64]:
        """(n,) how many more of its top objects are correct under the target than under the reference."""
        target, reference = self.target.top[over].correct, self.reference.top[over].correct
        return target.astype(np.int64) - reference

    def aucg_by_histogram(self, over: str) -> float | None:
        """AUCG as A's code integrates it; None where no record is scored."""
        if not self.n_scored(over):
            return None
        recalls = self.scores("recall", self.k, over)
        return recall_area_by_histogram(recalls["target"]) - recall_area_by_histogram(recalls["reference"])

    def sample_level(self, over: str) -> list[dict[str, Any]]:
        """Gaps over the top-L records (A's sample level)."""
        scored = np.flatnonzero(self.target.top[over].n_own > 0)
        if not len(scored):
            return []
        rows = top_gaps(
            target=_top_scores(self.target, over, scored),
            reference=_top_scores(self.reference, over, scored),
            id_rank=self.id_ranks[scored],
            groups=None if self.groups is None else self.groups[scored],
        )
        return [{"direction": self.name, **row} for row in rows]

    def nearest(self, public: Records) -> Iterator[pa.Table]:
        """The rows of ``neighbors.parquet`` of this direction: the first public records of each queried caption."""
        ids = public.record_ids
        for start, stop in self._batches():
            asked = self._asked(start, stop)
            n = asked.stop - asked.start
            columns: dict[str, pa.Array] = {
                "record_id": self._ids(start, stop).filter(pa.array(self.queried[start:stop])),
                "direction": pa.repeat(self.name, n),
            }
            for name, side in (("target", self.target), ("reference", self.reference)):
                width = min(self.k, N_KEPT)
                rows = side.neighbors.rows(asked.start, asked.stop, k=width) if n else np.zeros((0, width), np.int32)
                offsets = pa.array(np.arange(n + 1) * width, pa.int32())
                columns[f"neighbors_{name}"] = pa.ListArray.from_arrays(offsets, ids.take(pa.array(rows.ravel())))
            yield pa.table(columns)

    def samples(self) -> Iterator[pa.Table]:
        """The rows of ``samples.parquet`` of this direction: one per record, null where it is not scored."""
        groups = group_names(self.records)
        for start, stop in self._batches():
            asked = self._asked(start, stop)
            target, reference = self.target.lot(asked), self.reference.lot(asked)
            column = functools.partial(_column, queried=self.queried[start:stop])
            columns: dict[str, pa.Array] = {
                "record_id": self._ids(start, stop),
                "direction": pa.repeat(self.name, stop - start),
                "group": groups[start:stop],
                "n_objects": column(target.union.n_objects.astype(np.float64)).cast(pa.int64()),
            }
            for over, suffix, numbers in (
                ("all", "", {"precision": "precision", "recall": "recall", "f": "f_score"}),
                ("unmentioned", "_unmentioned", {"precision": "precision", "recall": "recall"}),
            ):
                for short, what in numbers.items():
                    for name, values in _scores(
                        {"target": target.union, "reference": reference.union}, what, self.k, over
                    ).items():
                        columns[f"{short}{suffix}_{name}"] = column(values)
            scored = target.union.n_objects > 0
            columns["distance_target"] = column(np.where(scored, target.distance, np.nan))
            for name, side in (("target", target), ("reference", reference)):
                correct = np.where(scored, side.top["all"].correct, np.nan)
                columns[f"correct_{name}"] = column(correct).cast(pa.int64())
            yield pa.table(columns)

    def spread(self, values: Floats) -> Floats:
        """(all records,) of numbers of the queried ones; NaN for the others."""
        return _spread(values, queried=self.queried)

    def _batches(self) -> Iterator[tuple[int, int]]:
        """Records that are written together: the first, and the one after the last; at least one batch."""
        for start in range(0, max(len(self.records), 1), BATCH_ROWS):
            yield start, min(start + BATCH_ROWS, len(self.records))

    def _ids(self, start: int, stop: int) -> pa.Array:
        return dataclasses.replace(self.records, table=self.records.table.slice(start, stop - start)).record_ids

    def _asked(self, start: int, stop: int) -> slice:
        """Where the queried ones of some records are among all queried."""
        first = int(np.count_nonzero(self.queried[:start]))
        return slice(first, first + int(np.count_nonzero(self.queried[start:stop])))


def _spread(values: Floats, *, queried: npt.NDArray[np.bool_]) -> Floats:
    full = np.full(len(queried), np.nan)
    full[queried] = values
    return full


def _column(values: Floats, *, queried: npt.NDArray[np.bool_]) -> pa.Array:
    """(n,) of numbers of the queried records as a column: null where there is none, or NaN."""
    return pa.array(_spread(values, queried=queried), from_pandas=True)


def gaps_between(unions: Mapping[str, UnionScores], k: int, over: str) -> dict[str, Floats]:
    """(n,) per record: what it adds to PPG, PRG and AUCG between ``target`` and ``reference``; NaN where not scored."""
    return population_contributions(
        **{
            f"{what}_{name}": values
            for what in ("precision", "recall")
            for name, values in _scores(unions, what, k, over).items()
        }
    )


def _scores(unions: Mapping[str, UnionScores], what: str, k: int, over: str) -> dict[str, Floats]:
    return {name: getattr(union, what)(k, unmentioned=over == "unmentioned") for name, union in unions.items()}


def _top_scores(side: Side, over: str, rows: npt.NDArray[np.int64]) -> dict[str, Floats]:
    top = side.top[over]
    return {
        "precision": top.precision[rows],
        "recall": top.recall[rows],
        "f": top.f_score[rows],
        "correct": top.correct[rows].astype(np.float64),
        "distance": side.distance[rows],
    }


def _nanmean(values: Floats) -> float | None:
    scored = values[~np.isnan(values)]
    return float(scored.mean()) if len(scored) else None
