"""What an audit says: its summary, its leaking objects, and what a reader must know before trusting it."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from memometer.audits.notes import model_warnings, one_way_note
from memometer.measures.vl_dejavu.direction import OVER, Direction
from memometer.statistics import correlation, gap_of, jaccard_of_found, label_table

__all__ = ["NO_DIRECTION", "compare_references", "leaking_objects", "notes", "summarise"]

NO_DIRECTION = "query caption without a direction"
"""Why a record is not asked: an encoder such as TF-IDF knows none of its caption's words."""


def summarise(
    config: dict[str, Any],
    directions: list[Direction],
    *,
    n_public: int,
    seed: int,
    replicates: int,
    histogram: bool,
) -> dict[str, Any]:
    """The content of ``summary.json``: every number with its n and interval.

    Args:
        config: the options as resolved.
        directions: forward; backward where both ways were run; control where there are records that no model saw.
        n_public: public images searched.
        seed: of the bootstrap.
        replicates: bootstrap replicates per interval.
        histogram: also AUCG as A's code integrates it.
    """
    by_name = {part.name: part for part in directions}
    forward, backward, control = by_name["forward"], by_name.get("backward"), by_name.get("control")

    def gaps(parts: list[Direction], k: int) -> dict[str, Any]:
        return _gaps(parts, k, seed=seed, replicates=replicates)

    def balanced(k: int) -> dict[str, Any] | None:
        return gaps([forward, backward], k) if backward else None

    def controlled(k: int) -> dict[str, Any] | None:
        return _controlled(forward, control, k, seed=seed, replicates=replicates) if control else None

    k = int(config["k"])
    trained = [part for part in directions if part.name != "control"]
    summary: dict[str, Any] = {
        "k": k,
        "query": f"caption {config['caption']}",
        "target": config["target"],
        "reference": config["reference"],
        "n_public": n_public,
        **_counts(forward),
        "gaps": gaps([forward], k),
        "backward": {**_counts(backward), "gaps": gaps([backward], k)} if backward else None,
        "balanced": balanced(k),
        "control": {**_counts(control), "gaps": gaps([control], k)} if control else None,
        "controlled": controlled(k),
        "by_k": {
            str(each): {**gaps([forward], each), "balanced": balanced(each), "controlled": controlled(each)}
            for each in forward.ks
        },
        "means": {part.name: part.means() for part in directions},
        "sample_level": [row for part in trained for row in part.sample_level("all")],
        "sample_level_unmentioned": [row for part in trained for row in part.sample_level("unmentioned")],
    }
    if histogram:
        summary["aucg_by_histogram"] = {
            part.name: {over: part.aucg_by_histogram(over) for over in OVER} for part in directions
        }
    return summary


def compare_references(
    scored: dict[str, tuple[Direction, ...]],
    *,
    specs: dict[str, str],
    sides: dict[str, Any],
    seed: int,
    replicates: int,
) -> dict[str, Any]:
    """What several references say of the same records: ``references`` and ``agreement`` of ``summary.json``.

    Args:
        scored: by role, the target against the first reference, the second, and so on.
        specs: by model, what the user named it by.
        sides: by model, ``"images"`` or ``"captions"``.
        seed: of the bootstrap.
        replicates: bootstrap replicates per interval.
    """
    names = [name for name in specs if name != "target"]
    forward, control = scored["forward"], scored.get("control")
    if len(names) == 1:
        return {"references": [], "agreement": []}
    references = []
    for place, name in enumerate(names):
        part = forward[place]
        references.append(
            {
                "reference": specs[name],
                "searched": sides[name],
                "gaps": _gaps([part], part.k, seed=seed, replicates=replicates),
                "controlled": _controlled(part, control[place], part.k, seed=seed, replicates=replicates)
                if control
                else None,
            }
        )
    pairs = itertools.combinations(range(len(names)), 2)
    return {
        "references": references,
        "agreement": [
            {"references": [specs[names[one]], specs[names[other]]], **_agreement(forward[one], forward[other])}
            for one, other in pairs
        ],
    }


def _agreement(one: Direction, other: Direction) -> dict[str, Any]:
    """How alike two references are: the Jaccard index of the objects they recover, and their per-record correlation."""
    left, right = one.reference.union, other.reference.union
    recalls = [side.recall(one.k) for side in (left, right)]
    return {
        "jaccard": jaccard_of_found(one.objects.indptr, left.found, right.found, groups=one.groups).as_dict(),
        "recall_correlation": correlation(*recalls, groups=one.groups).as_dict(),
        "gap_correlation": correlation(
            *(one.target.union.recall(one.k) - recall for recall in recalls), groups=one.groups
        ).as_dict(),
    }


def _gaps(parts: list[Direction], k: int, *, seed: int, replicates: int) -> dict[str, Any]:
    """PPG, PRG and AUCG over all and over unmentioned objects, averaged over ``parts``."""
    return _combined(parts, k, weights=None, seed=seed, replicates=replicates)


def _controlled(one: Direction, control: Direction, k: int, *, seed: int, replicates: int) -> dict[str, Any]:
    """The same, less that of records which no model saw."""
    return _combined([one, control], k, weights=(1.0, -1.0), seed=seed, replicates=replicates)


def _combined(
    parts: list[Direction], k: int, *, weights: tuple[float, ...] | None, seed: int, replicates: int
) -> dict[str, Any]:
    names = "+".join(part.name for part in parts)
    table: dict[str, Any] = {}
    for over in OVER:
        contributions = [part.contributions(k, over) for part in parts]
        reason = "no record has an object" + (" that its caption does not name" if over == "unmentioned" else "")
        table[over] = {
            gap: gap_of(
                [part[gap] for part in contributions],
                seed=seed,
                name=f"{names}/{k}/{over}/{gap}",
                weights=weights,
                replicates=replicates,
                reason=reason,
                groups=[part.groups for part in parts],
            ).as_dict()
            for gap in ("ppg", "prg", "aucg")
        }
    return table


def _counts(direction: Direction) -> dict[str, Any]:
    return {
        "n_records": len(direction.records),
        "n_scored": direction.n_scored("all"),
        "n_scored_unmentioned": direction.n_scored("unmentioned"),
        "n_skipped": direction.skipped,
    }


def leaking_objects(directions: list[Direction], labels: pa.Array) -> pa.Table:
    """Each label's recall where no caption names it, both directions pooled."""
    kept = [part.target.union.unmentioned for part in directions]

    def pooled(arrays: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
        return np.concatenate([array[mask] for array, mask in zip(arrays, kept, strict=True)])

    offsets = np.cumsum([0, *(len(part.records) for part in directions)])[:-1].tolist()
    return label_table(
        labels=labels,
        label_ids=pooled([part.objects.indices for part in directions]),
        found_target=pooled([part.target.union.found for part in directions]),
        found_reference=pooled([part.reference.union.found for part in directions]),
        groups=pooled([_per_object(part, offset) for part, offset in zip(directions, offsets, strict=True)]),
    )


def _per_object(direction: Direction, offset: int) -> npt.NDArray[np.int64]:
    """(indptr[-1],) the group of the record of each object; directions have groups of their own."""
    return np.repeat(direction.groups + offset, np.diff(direction.objects.indptr))


def notes(
    manifest: dict[str, Any],
    directions: list[Direction],
    n_duplicates: int,
    rejects: Sequence[dict[str, str]],
    *,
    sides: dict[str, Any],
) -> list[str]:
    """What a reader must know before trusting the numbers."""
    lines = model_warnings(manifest)
    if n_duplicates:
        lines.append(
            f"{n_duplicates:,} pairs of duplicate images lie across roles: they make neighbours of training images "
            "out of public ones and bias every number; split again with 'memometer data split'"
        )
    if rejects:
        lines.append(f"{len(rejects):,} public records could not be embedded and are left out; see rejects.parquet")
    undirected = sum(n for part in directions for reason, n in part.skipped.items() if reason == NO_DIRECTION)
    if undirected:
        lines.append(f"{undirected:,} records are left out, for a model finds no direction in their query caption")
    if len(directions) == 1:
        lines.append(one_way_note("gap", swappable=sides["reference"] == "images"))
    return lines
