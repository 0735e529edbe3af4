"""One direction of a two-model audit: the records of one training set, under their own model and under the other."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from memometer.data.records import Records
from memometer.measures.vl_dejavu.scores import TopObjects, UnionScores, score_union, top_objects
from memometer.neighbors import Neighbors
from memometer.objects.sets import ObjectSets
from memometer.runs.items import group_names
from memometer.statistics import population_contributions, recall_area_by_histogram, top_gaps

__all__ = ["Direction", "Side", "score_direction"]

Floats = npt.NDArray[np.float64]
OVER = ("all", "unmentioned")


@dataclasses.dataclass(frozen=True)
class Side:
    """What one model's neighbours say about the n records of a direction.

    Attributes:
        neighbors: the nearest public images of each record's caption.
        union: scores of the union of their objects, for every k.
        top: the top objects, by ``"all"`` and ``"unmentioned"``.
    """

    neighbors: Neighbors
    union: UnionScores
    top: dict[str, TopObjects]


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
    def groups(self) -> npt.NDArray[np.int64]:
        """(n,) which of the queried records belong together: `memometer.data.records.Records.groups`."""
        return self.records.groups[self.queried]

    @property
    def ks(self) -> tuple[int, ...]:
        """Every k that is scored, ascending."""
        return self.target.union.ks

    def contributions(self, k: int, over: str) -> dict[str, Floats]:
        """(n,) per record: what it adds to PPG, PRG and AUCG; NaN where it is not scored."""
        unmentioned = over == "unmentioned"
        scores = {
            f"{what}_{name}": getattr(side.union, what)(k, unmentioned=unmentioned)
            for what in ("precision", "recall")
            for name, side in (("target", self.target), ("reference", self.reference))
        }
        return population_contributions(**scores)

    def means(self) -> dict[str, dict[str, float | None]]:
        """Mean precision, recall and F of both models at ``k``, over all and over unmentioned objects."""
        return {
            over: {
                f"{short}_{name}": _nanmean(getattr(side.union, what)(self.k, unmentioned=over == "unmentioned"))
                for short, what in (("recall", "recall"), ("precision", "precision"), ("f", "f_score"))
                for name, side in (("target", self.target), ("reference", self.reference))
            }
            for over in OVER
        }

    def n_scored(self, over: str) -> int:
        """Records with at least one object (an unmentioned one)."""
        union = self.target.union
        return int(np.count_nonzero(union.n_objects if over == "all" else union.n_unmentioned))

    def aucg_by_histogram(self, over: str) -> float | None:
        """AUCG as A's code integrates it; None where no record is scored."""
        if not self.n_scored(over):
            return None
        recalls = [
            side.union.recall(self.k, unmentioned=over == "unmentioned") for side in (self.target, self.reference)
        ]
        return recall_area_by_histogram(recalls[0]) - recall_area_by_histogram(recalls[1])

    def sample_level(self, over: str) -> list[dict[str, Any]]:
        """Gaps over the top-L records (A's sample level)."""
        scored = np.flatnonzero(self.target.top[over].n_own > 0)
        if not len(scored):
            return []
        ids = self.records.record_ids.filter(pa.array(self.queried)).take(pa.array(scored))
        id_rank = np.empty(len(scored), np.int64)
        id_rank[pc.sort_indices(ids).to_numpy()] = np.arange(len(scored))
        rows = top_gaps(
            target=_top_scores(self.target, over, scored),
            reference=_top_scores(self.reference, over, scored),
            id_rank=id_rank,
            groups=self.groups[scored],
        )
        return [{"direction": self.name, **row} for row in rows]

    def samples(self) -> pa.Table:
        """The rows of ``samples.parquet`` of this direction: one per record, null where it is not scored."""
        target, reference = self.target, self.reference
        columns: dict[str, pa.Array] = {
            "record_id": self.records.record_ids,
            "direction": pa.array([self.name] * len(self.records), pa.string()),
            "group": group_names(self.records),
            "n_objects": self._spread(self.target.union.n_objects.astype(np.float64)).cast(pa.int64()),
        }
        for short, what in (("precision", "precision"), ("recall", "recall"), ("f", "f_score")):
            columns[f"{short}_target"] = self._spread(getattr(target.union, what)(self.k))
            columns[f"{short}_reference"] = self._spread(getattr(reference.union, what)(self.k))
        for what in ("precision", "recall"):
            for name, side in (("target", target), ("reference", reference)):
                values = getattr(side.union, what)(self.k, unmentioned=True)
                columns[f"{what}_unmentioned_{name}"] = self._spread(values)
        scored = target.union.n_objects > 0
        distance = 1.0 - target.neighbors.similarities[:, 0]
        columns["distance_target"] = self._spread(np.where(scored, distance, np.nan))
        for name, side in (("target", target), ("reference", reference)):
            correct = np.where(scored, side.top["all"].correct, np.nan)
            columns[f"correct_{name}"] = self._spread(correct).cast(pa.int64())
        return pa.table(columns)

    def _spread(self, values: Floats) -> pa.Array:
        """Values of the queried records as a column over all records; NaN and unqueried become null."""
        full = np.full(len(self.records), np.nan)
        full[self.queried] = values
        return pa.array(full, from_pandas=True)


def score_direction(
    *,
    name: str,
    records: Records,
    queried: npt.NDArray[np.bool_],
    objects: ObjectSets,
    named: ObjectSets,
    public: ObjectSets,
    neighbors: Callable[[str], Neighbors],
    others: tuple[str, ...] = (),
    k: int,
    ks: tuple[int, ...],
    caption: int,
    unqueried: dict[str, int],
) -> tuple[Direction, ...]:
    """Scores one direction against the reference, and against each of ``others``, further references.

    ``neighbors`` is asked for ``"target"``, ``"reference"`` and each of ``others``, one after the other.
    """
    sides = {}
    for which in ("target", "reference", *others):
        found = neighbors(which)
        union = score_union(objects=objects, named=named, public=public, neighbors=found.rows, ks=ks, found_k=k)
        nearest = found.rows[:, :k]
        top = {
            "all": top_objects(objects=objects, named=None, public=public, neighbors=nearest),
            "unmentioned": top_objects(objects=objects, named=named, public=public, neighbors=nearest),
        }
        sides[which] = Side(Neighbors(rows=nearest, similarities=found.similarities[:, :k]), union, top)
    skipped = {**unqueried, "no object": int((objects.sizes == 0).sum())}
    first = Direction(
        name=name,
        records=records,
        queried=queried,
        objects=objects,
        named=named,
        target=sides["target"],
        reference=sides["reference"],
        k=k,
        caption=caption,
        skipped={reason: count for reason, count in skipped.items() if count},
    )
    return (first, *(dataclasses.replace(first, reference=sides[which]) for which in others))


def _top_scores(side: Side, over: str, rows: npt.NDArray[np.int64]) -> dict[str, Floats]:
    top = side.top[over]
    return {
        "precision": top.precision[rows],
        "recall": top.recall[rows],
        "f": top.f_score[rows],
        "correct": top.correct[rows].astype(np.float64),
        "distance": 1.0 - side.neighbors.similarities[rows, 0],
    }


def _nanmean(values: Floats) -> float | None:
    scored = values[~np.isnan(values)]
    return float(scored.mean()) if len(scored) else None
