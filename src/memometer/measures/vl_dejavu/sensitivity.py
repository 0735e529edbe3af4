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

from memometer.measures.vl_dejavu.direction import OVER, Direction, gaps_between
from memometer.measures.vl_dejavu.scores import score_union
from memometer.measures.vl_dejavu.scoring import LOT
from memometer.objects.disturbed import with_added, with_dropped
from memometer.objects.sets import ObjectSets
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
    drawn = [
        _Drawn(direction, _Order(direction.id_order, direction.asked_ids[int(direction.id_order[0])].as_py()))
        for direction in directions
        if direction.name in ("forward", _partner(directions))
    ]
    by_id = pc.sort_indices(public_ids).to_numpy().astype(np.int64)
    everyone = _Order(by_id, public_ids[int(by_id[0])].as_py())
    n_neighbors = sum(len(each.direction.objects) * each.direction.k for each in drawn)
    n_draws = N_DRAWS if n_neighbors <= MANY else 1
    rows = []
    for kind, disturb in KINDS.items():
        for rate in RATES:
            labellers = [_Labeller(disturb, rate, (seed, f"{kind} labels", str(rate), draw)) for draw in range(n_draws)]
            found = [_gaps(drawn, labeller, labeller(public, everyone)) for labeller in labellers]
            moved = {over: _moved(found, over) for over in OVER}
            rows.append({"labels": kind, "rate": rate, "draws": n_draws, **moved})
    return rows


@dataclasses.dataclass(frozen=True)
class _Order:
    """The order in which a labeller draws for images, whatever theirs: that of their ids.

    Attributes:
        rows: (n,) of the images.
        first: the first id, which names the random numbers.
    """

    rows: npt.NDArray[np.int64]
    first: str


@dataclasses.dataclass(frozen=True)
class _Drawn:
    """The records of a direction, to be labelled anew."""

    direction: Direction
    order: _Order


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

    def __call__(self, sets: ObjectSets, order: _Order) -> ObjectSets:
        """What it says of the images."""
        return self.disturb(sets, rate=self.rate, rng=rng_for(*self.names, order.first), order=order.rows)


def _partner(directions: Sequence[Direction]) -> str | None:
    """The direction that the leading design has beside the forward one."""
    names = [direction.name for direction in directions]
    return next((name for name in ("backward", "control") if name in names), None)


def _gaps(drawn: Sequence[_Drawn], labeller: _Labeller, public: ObjectSets) -> dict[str, dict[str, float | None]]:
    """By scope the three gaps of the leading design; None where no record is scored."""
    means = [_means(each.direction, labeller(each.direction.objects, each.order), public) for each in drawn]
    weights = {1: (1.0,), 2: (1.0, -1.0) if drawn[-1].direction.name == "control" else (0.5, 0.5)}[len(drawn)]
    return {over: {gap: _weighted([each[over, gap] for each in means], weights) for gap in GAPS} for over in OVER}


def _means(direction: Direction, objects: ObjectSets, public: ObjectSets) -> dict[tuple[str, str], float | None]:
    """The mean of each gap over the records of a direction, scored again by other labels."""
    found: dict[tuple[str, str], list[npt.NDArray[Any]]] = {(over, gap): [] for over in OVER for gap in GAPS}
    for start, lot in objects.batches(LOT):
        stop = start + len(lot)
        sides = {
            name: score_union(
                objects=lot,
                named=direction.named.lot(start, stop),
                public=public,
                neighbors=side.neighbors.rows(start, stop, k=direction.k),
                ks=(direction.k,),
                found_k=direction.k,
            )
            for name, side in (("target", direction.target), ("reference", direction.reference))
        }
        for over in OVER:
            for gap, values in gaps_between(sides, direction.k, over).items():
                if gap in GAPS:
                    scored = values[~np.isnan(values)]
                    found[over, gap].append(scored if gap == "aucg" else scored.astype(np.int8))  # a sign
    return {which: mean_of(np.concatenate(parts)) for which, parts in found.items()}


def _weighted(parts: Sequence[float | None], weights: Sequence[float]) -> float | None:
    means = [mean for mean in parts if mean is not None]
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
