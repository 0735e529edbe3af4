"""How the gaps move when the labeller errs more: labels dropped or added at random, the same neighbours scored again.

Every number of this test stands on a labeller, and no paper says how much of it. Here a share of all labels, of the
records as of the public images, is dropped, or as many that are not there are added (`memometer.objects.disturbed`);
which labels a caption names stays as it is. Nothing is embedded or searched again.

Errors at random know nothing of the models: they blur a balanced gap, and cannot make one. A labeller whose errors go
with the training set can, and this does not tell.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from memometer.measures.vl_dejavu.direction import OVER, Direction, Side
from memometer.measures.vl_dejavu.scores import score_union
from memometer.objects.disturbed import with_added, with_dropped
from memometer.objects.sets import ObjectSets, sets_of_pairs
from memometer.seeds import rng_for
from memometer.statistics import mean_of

__all__ = ["label_errors"]

RATES = (0.05, 0.1, 0.2)
N_DRAWS = 5
MANY = 20_000_000
"""Neighbours of all records together above which one draw has to do: over so many records it tells as much as five."""

KINDS: dict[str, Callable[..., ObjectSets]] = {"dropped": with_dropped, "added": with_added}
GAPS = ("ppg", "prg", "aucg")


def label_errors(
    directions: Sequence[Direction], *, public: ObjectSets, public_ids: pa.Array, seed: int
) -> list[dict[str, Any]]:
    """The gaps of the audit's leading design under each kind and rate of further errors: ``label_errors``.

    Args:
        directions: forward; with it backward (the balanced gap) or control (the controlled one), where there is such.
        public: the objects of the public images.
        public_ids: their record ids: draws go by these, whatever the order of records.
        seed: of the draws.
    """
    drawn = [direction for direction in directions if direction.name in ("forward", _partner(directions))]
    n_neighbors = sum(direction.target.neighbors.rows.size for direction in drawn)
    n_draws = N_DRAWS if n_neighbors <= MANY else 1
    rows = []
    for kind, disturb in KINDS.items():
        for rate in RATES:
            found = [
                _gaps(drawn, _Labeller(disturb, rate, (seed, f"{kind} labels", str(rate), draw)), public, public_ids)
                for draw in range(n_draws)
            ]
            moved = {over: _moved(found, over) for over in OVER}
            rows.append({"labels": kind, "rate": rate, "draws": n_draws, **moved})
    return rows


@dataclasses.dataclass(frozen=True)
class _Labeller:
    """One that errs more.

    Attributes:
        disturb: of `KINDS`.
        rate: how many labels it gets wrong.
        names: of its random numbers.
    """

    disturb: Callable[..., ObjectSets]
    rate: float
    names: tuple[Any, ...]

    def __call__(self, sets: ObjectSets, ids: pa.Array) -> ObjectSets:
        """What it says of the images, drawn in the order of their ids."""
        order = pc.sort_indices(ids).to_numpy().astype(np.int64)
        ranks = np.argsort(order)
        rng = rng_for(*self.names, ids[int(order[0])].as_py())
        ranked = sets_of_pairs(ranks[sets.rows], sets.indices, like=sets)
        disturbed = self.disturb(ranked, rate=self.rate, rng=rng)
        return sets_of_pairs(order[disturbed.rows], disturbed.indices, like=sets)


def _partner(directions: Sequence[Direction]) -> str | None:
    """The direction that the leading design has beside the forward one."""
    names = [direction.name for direction in directions]
    return next((name for name in ("backward", "control") if name in names), None)


def _gaps(
    directions: Sequence[Direction], labeller: _Labeller, public: ObjectSets, public_ids: pa.Array
) -> dict[str, dict[str, float | None]]:
    """By scope the three gaps of the leading design; None where no record is scored."""
    seen = labeller(public, public_ids)
    scored = [_scored_again(direction, labeller, seen) for direction in directions]
    weights = {1: (1.0,), 2: (1.0, -1.0) if scored[-1].name == "control" else (0.5, 0.5)}[len(scored)]
    found = {}
    for over in OVER:
        contributions = [direction.contributions(direction.k, over) for direction in scored]
        found[over] = {gap: _weighted([part[gap] for part in contributions], weights) for gap in GAPS}
    return found


def _scored_again(direction: Direction, labeller: _Labeller, public: ObjectSets) -> Direction:
    objects = labeller(direction.objects, direction.records.record_ids.filter(pa.array(direction.queried)))

    def side(of: Side) -> Side:
        union = score_union(
            objects=objects,
            named=direction.named,
            public=public,
            neighbors=of.neighbors.rows,
            ks=(direction.k,),
            found_k=direction.k,
        )
        return Side(of.neighbors, union, top={})

    return dataclasses.replace(
        direction, objects=objects, target=side(direction.target), reference=side(direction.reference)
    )


def _weighted(parts: Sequence[npt.NDArray[np.float64]], weights: Sequence[float]) -> float | None:
    means = [mean for values in parts if (mean := mean_of(values)) is not None]
    return float(np.dot(means, weights)) if len(means) == len(parts) else None


def _moved(found: Sequence[dict[str, dict[str, float | None]]], over: str) -> dict[str, dict[str, float | None]]:
    """The mean and the extremes of the draws of each gap; None where a draw has none."""
    moved = {}
    for gap in GAPS:
        values = [value for draw in found if (value := draw[over][gap]) is not None]
        whole = len(values) == len(found)
        moved[gap] = {
            "value": float(np.mean(values)) if whole else None,
            "lowest": min(values) if whole else None,
            "highest": max(values) if whole else None,
        }
    return moved
