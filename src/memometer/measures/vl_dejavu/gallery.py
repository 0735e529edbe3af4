"""The most memorized records with both models' neighbours: what the report's gallery shows (A's Figure 1)."""

from typing import Any

import numpy as np
import pyarrow as pa

from memometer.data.records import Records
from memometer.measures.vl_dejavu.direction import Direction, Side
from memometer.neighbors.kept import SHOWN
from memometer.objects.sets import ObjectSets
from memometer.runs.thumbnails import thumbnail

__all__ = ["GALLERY_SCHEMA", "build_gallery"]

_NEIGHBOR = pa.struct(
    [
        ("record_id", pa.string()),
        ("similarity", pa.float64()),
        ("image", pa.binary()),
        (
            "objects",
            pa.list_(pa.struct([("label", pa.string()), ("correct", pa.bool_()), ("mentioned", pa.bool_())])),
        ),
    ]
)
_OBJECT = pa.struct(
    [("label", pa.string()), ("mentioned", pa.bool_()), ("target", pa.bool_()), ("reference", pa.bool_())]
)
GALLERY_SCHEMA = pa.schema(
    [
        ("rank", pa.int64()),
        ("record_id", pa.string()),
        ("direction", pa.string()),
        ("captions", pa.list_(pa.string())),
        ("objects", pa.list_(_OBJECT)),
        ("image", pa.binary()),
        ("n_correct_target", pa.int64()),
        ("n_correct_reference", pa.int64()),
        ("target_neighbors", pa.list_(_NEIGHBOR)),
        ("reference_neighbors", pa.list_(_NEIGHBOR)),
    ]
)


def build_gallery(
    directions: list[Direction], *, public: Records, public_sets: ObjectSets, size: int, images: bool
) -> pa.Table:
    """The ``size`` most memorized records of all directions, most memorized first.

    Ordered by how many more unmentioned objects the target predicts correctly than the reference, then by the same
    over all objects, then by the target's smallest distance, then by record id. A record of which the target reveals
    no more than the reference is not shown.
    """
    ranked = []
    for place, direction in enumerate(directions):
        unmentioned = direction.advantage("unmentioned")
        everything = direction.advantage("all")
        distance = direction.target.distance
        best = np.lexsort((distance, -everything, -unmentioned))
        ids = direction.records.record_ids.filter(pa.array(direction.queried))
        # Ties of all three keys are broken by id below, so a few more than asked are looked at.
        for row in best[: 2 * size + 100]:
            if unmentioned[row] > 0 or (unmentioned[row] == 0 and everything[row] > 0):
                keys = (-unmentioned[row], -everything[row], distance[row], ids[int(row)].as_py())
                ranked.append((keys, place, int(row)))
    ranked.sort()
    rows = [
        _entry(rank, directions[place], row, public=public, public_sets=public_sets, images=images)
        for rank, (_, place, row) in enumerate(ranked[:size], start=1)
    ]
    return pa.Table.from_pylist(rows, schema=GALLERY_SCHEMA)


def _entry(
    rank: int, direction: Direction, row: int, *, public: Records, public_sets: ObjectSets, images: bool
) -> dict[str, Any]:
    objects, named = direction.objects, direction.named
    spoken = set(named.of(row))
    own = set(objects.of(row))
    span = slice(objects.indptr[row], objects.indptr[row + 1])
    found = [side.union.found[span].tolist() for side in (direction.target, direction.reference)]
    position = int(np.flatnonzero(direction.queried)[row])
    record = direction.records.table.slice(position, 1)

    def neighbors(side: Side) -> list[dict[str, Any]]:
        shown = zip(
            side.neighbors.rows(row, row + 1, k=min(direction.k, SHOWN))[0].tolist(),
            side.neighbors.similarities(row, row + 1)[0, : direction.k].tolist(),
            strict=True,
        )
        return [
            {
                "record_id": public.table["record_id"][place].as_py(),
                "similarity": similarity,
                "image": thumbnail(public, place) if images else None,
                "objects": [
                    {"label": label, "correct": label in own, "mentioned": label in spoken}
                    for label in public_sets.of(place)
                ],
            }
            for place, similarity in shown
        ]

    return {
        "rank": rank,
        "record_id": record["record_id"][0].as_py(),
        "direction": direction.name,
        "captions": _query_first(record["captions"][0].as_py(), direction.caption),
        "objects": [
            {"label": label, "mentioned": label in spoken, "target": target, "reference": reference}
            for label, target, reference in zip(objects.of(row), *found, strict=True)
        ],
        "image": thumbnail(direction.records, position) if images else None,
        "n_correct_target": int(direction.target.top["all"].correct[row]),
        "n_correct_reference": int(direction.reference.top["all"].correct[row]),
        "target_neighbors": neighbors(direction.target),
        "reference_neighbors": neighbors(direction.reference),
    }


def _query_first(captions: list[str], caption: int) -> list[str]:
    return [captions[caption - 1], *captions[: caption - 1], *captions[caption:]]
