"""What an audit says: its summary, its leaking objects, and what a reader must know before trusting it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from memometer.audits.notes import duplicate_notes, model_warnings, one_way_note
from memometer.measures.vl_dejavu.direction import OVER, Direction
from memometer.measures.vl_dejavu.options import VLDejaVuOptions
from memometer.statistics import correlation, gap_of, jaccard_of_found, label_table

__all__ = ["NO_DIRECTION", "agreement", "gaps_of_reference", "leaking_objects", "notes", "summarise"]

LESS = (1.0, -1.0)
"""Weights of a difference."""

NO_DIRECTION = "query caption without a direction"
"""Why a record is not asked: an encoder such as TF-IDF knows none of its caption's words."""


def summarise(options: VLDejaVuOptions, directions: list[Direction], *, n_public: int) -> dict[str, Any]:
    """The content of ``summary.json``: every number with its n and interval.

    Args:
        options: of the audit.
        directions: forward; backward where both ways were run; control where there are records that no model saw.
        n_public: public images searched.
    """
    config, k = options.config(), options.k
    by_name = {part.name: part for part in directions}
    forward, backward, control = by_name["forward"], by_name.get("backward"), by_name.get("control")
    trained = [part for part in directions if part.name != "control"]

    known: dict[Any, Any] = {}

    def gaps(k: int, *parts: Direction | None, weights: Sequence[float] | None = None) -> Any:
        asked = (k, *(part and part.name for part in parts), weights)
        if asked not in known:  # the headline's k is one of the sweep
            known[asked] = _gaps(parts, k, options, weights=weights)
        return known[asked]

    def alone(part: Direction | None) -> dict[str, Any] | None:
        return None if part is None else {**part.counts(), "gaps": gaps(k, part)}

    summary: dict[str, Any] = {
        "k": k,
        "query": f"caption {options.caption}",
        "target": config["target"],
        "reference": config["reference"],
        "n_public": n_public,
        **forward.counts(),
        "gaps": gaps(k, forward),
        "backward": alone(backward),
        "balanced": gaps(k, forward, backward),
        "control": alone(control),
        "controlled": gaps(k, forward, control, weights=LESS),
        "by_k": {
            str(each): {
                **gaps(each, forward),
                "balanced": gaps(each, forward, backward),
                "controlled": gaps(each, forward, control, weights=LESS),
            }
            for each in forward.ks
        },
        "means": {part.name: part.means() for part in directions},
        "sample_level": [row for part in trained for row in part.sample_level("all")],
        "sample_level_unmentioned": [row for part in trained for row in part.sample_level("unmentioned")],
    }
    if options.aucg_histogram:
        summary["aucg_by_histogram"] = {
            part.name: {over: part.aucg_by_histogram(over) for over in OVER} for part in directions
        }
    return summary


def gaps_of_reference(part: Direction, control: Direction | None, options: VLDejaVuOptions) -> dict[str, Any]:
    """The gaps against one of several references."""
    return {
        "gaps": _gaps([part], part.k, options),
        "controlled": _gaps([part, control], part.k, options, weights=LESS),
    }


def agreement(one: Direction, other: Direction) -> dict[str, Any]:
    """How alike two references are: the Jaccard index of the objects they recover, and their per-record correlation."""
    left, right = one.reference.union, other.reference.union
    recalls = [side.recall(one.k) for side in (left, right)]
    gaps = [one.target.union.recall(one.k) - recall for recall in recalls]
    return {
        "jaccard": jaccard_of_found(one.objects.indptr, left.found, right.found, groups=one.groups).as_dict(),
        "recall_correlation": correlation(*recalls, groups=one.groups).as_dict(),
        "gap_correlation": correlation(*gaps, groups=one.groups).as_dict(),
    }


def _gaps(
    directions: Sequence[Direction | None],
    k: int,
    options: VLDejaVuOptions,
    *,
    weights: Sequence[float] | None = None,
) -> dict[str, Any] | None:
    """PPG, PRG and AUCG over all and over unmentioned objects, averaged; None where a direction was not run."""
    parts = [part for part in directions if part is not None]
    if len(parts) < len(directions):
        return None
    names = "+".join(part.name for part in parts)
    table: dict[str, Any] = {}
    for over in OVER:
        contributions = [part.contributions(k, over) for part in parts]
        reason = "no record has an object" + (" that its caption does not name" if over == "unmentioned" else "")
        table[over] = {
            gap: gap_of(
                [part[gap] for part in contributions],
                name=f"{names}/{k}/{over}/{gap}",
                weights=weights,
                reason=reason,
                groups=[part.groups for part in parts],
                **options.resampling,
            ).as_dict()
            for gap in ("ppg", "prg", "aucg", "precision_area")
        }
    return table


def leaking_objects(directions: list[Direction], labels: pa.Array) -> pa.Table:
    """Each label's recall where no caption names it, both directions pooled."""
    kept = [part.target.union.unmentioned for part in directions]

    def pooled(arrays: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
        return np.concatenate([array[mask] for array, mask in zip(arrays, kept, strict=True)])

    return label_table(
        labels=labels,
        label_ids=pooled([part.objects.indices for part in directions]),
        found_target=pooled([part.target.union.found for part in directions]),
        found_reference=pooled([part.reference.union.found for part in directions]),
        groups=None if all(part.groups is None for part in directions) else pooled(_per_object(directions)),
    )


def _per_object(directions: list[Direction]) -> list[npt.NDArray[np.int64]]:
    """(indptr[-1],) of each direction, the group of the record of each object; directions have groups of their own."""
    found, offset = [], 0
    for part in directions:
        groups = np.arange(len(part.objects)) if part.groups is None else part.groups
        found.append(np.repeat(groups + offset, np.diff(part.objects.indptr)))
        offset += len(part.records)
    return found


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
    lines += duplicate_notes(
        n_duplicates,
        "roles: they make neighbours of training images out of public ones and bias every number; split again with "
        "'memometer data split'",
    )
    if rejects:
        lines.append(f"{len(rejects):,} public records could not be embedded and are left out; see rejects.parquet")
    undirected = sum(n for part in directions for reason, n in part.skipped.items() if reason == NO_DIRECTION)
    if undirected:
        lines.append(f"{undirected:,} records are left out, for a model finds no direction in their query caption")
    if len(directions) == 1:
        lines.append(one_way_note("gap", swappable=sides["reference"] == "images"))
    return lines
