"""What an audit says: its summary, its leaking objects, and what a reader must know before trusting it."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from memometer.audits.direction import OVER, Direction
from memometer.statistics import gap_of, label_table

__all__ = ["leaking_objects", "notes", "summarise"]


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
        directions: forward, and backward where both ways were run.
        n_public: public images searched.
        seed: of the bootstrap.
        replicates: bootstrap replicates per interval.
        histogram: also AUCG as A's code integrates it.
    """
    forward, backward = directions[0], directions[1] if len(directions) > 1 else None

    def gaps(parts: list[Direction], k: int) -> dict[str, Any]:
        """PPG, PRG and AUCG over all and over unmentioned objects, averaged over ``parts``."""
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
                    replicates=replicates,
                    reason=reason,
                ).as_dict()
                for gap in ("ppg", "prg", "aucg")
            }
        return table

    def balanced(k: int) -> dict[str, Any] | None:
        return gaps(directions, k) if backward else None

    k = int(config["k"])
    summary: dict[str, Any] = {
        "measure": "vl-dejavu",
        "schema": 1,
        "k": k,
        "query": f"caption {config['caption']}",
        "target": config["target"],
        "reference": config["reference"],
        "n_public": n_public,
        **_counts(forward),
        "gaps": gaps([forward], k),
        "backward": {**_counts(backward), "gaps": gaps([backward], k)} if backward else None,
        "balanced": balanced(k),
        "by_k": {str(each): {**gaps([forward], each), "balanced": balanced(each)} for each in forward.ks},
        "means": {part.name: part.means() for part in directions},
        "sample_level": [row for part in directions for row in part.sample_level("all")],
        "sample_level_unmentioned": [row for part in directions for row in part.sample_level("unmentioned")],
    }
    if histogram:
        summary["aucg_by_histogram"] = {
            part.name: {over: part.aucg_by_histogram(over) for over in OVER} for part in directions
        }
    return summary


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

    return label_table(
        labels=labels,
        label_ids=pooled([part.objects.indices for part in directions]),
        found_target=pooled([part.target.union.found for part in directions]),
        found_reference=pooled([part.reference.union.found for part in directions]),
    )


def notes(
    manifest: dict[str, Any], directions: list[Direction], duplicates: dict[str, Any], rejects: list[dict[str, str]]
) -> list[str]:
    """What a reader must know before trusting the numbers."""
    lines = [f"{name}: {text}" for name in ("target", "reference") for text in manifest[name]["warnings"]]
    if duplicates["n"]:
        lines.append(
            f"{duplicates['n']:,} pairs of duplicate images lie across roles: they make neighbours of training images "
            "out of public ones and bias every number; split again with 'memometer data split'"
        )
    if rejects:
        lines.append(f"{len(rejects):,} public images could not be read and are left out; see rejects.parquet")
    if len(directions) == 1:
        lines.append(
            "one direction only: a gap here mixes memorization with plain quality, since a better target beats the "
            "reference on anyone's records; pass --reference-role to balance the two"
        )
    return lines
