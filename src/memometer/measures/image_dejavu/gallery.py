"""The gallery of an image-only audit: memorized records, the crop drawn over the image, both models' neighbours."""

from typing import Any

import numpy as np
import pyarrow as pa

from memometer.data.records import Records
from memometer.measures.image_dejavu.direction import Guess, ImageDirection
from memometer.measures.image_dejavu.scores import OUTCOMES
from memometer.neighbors.kept import SHOWN
from memometer.runs.items import item, items_table
from memometer.runs.thumbnails import thumbnail

__all__ = ["shown_items"]


def shown_items(
    directions: list[ImageDirection], *, public: Records, public_labels: pa.Array, size: int, images: bool
) -> pa.Table:
    """The ``size`` most surely memorized records of all directions; ties by record id."""
    ranked = sorted(
        (-part.memorization_confidence[row], part.cropped.records.record_ids[row].as_py(), place, row)
        for place, part in enumerate(directions)
        for row in np.flatnonzero(part.outcome == OUTCOMES.index("memorized")).tolist()
    )
    rows = [
        _entry(rank, directions[place], row, public=public, public_labels=public_labels, images=images)
        for rank, (_, _, place, row) in enumerate(ranked[:size], start=1)
    ]
    return items_table(rows)


def _entry(
    rank: int, part: ImageDirection, row: int, *, public: Records, public_labels: pa.Array, images: bool
) -> dict[str, Any]:
    width, height = part.cropped.sizes[row].tolist()
    boxes = part.cropped.boxes
    label = part.vocabulary[int(part.labels[row])].as_py()
    rectangles = [("crop", "crop", part.cropped.crops[row])]
    rectangles += [("box", label, boxes.xywh[at]) for at in range(boxes.indptr[row], boxes.indptr[row + 1])]
    marks = [
        {"kind": kind, "label": name, "x": x / width, "y": y / height, "w": w / width, "h": h / height}
        for kind, name, (x, y, w, h) in rectangles
        if np.isfinite([x, y, w, h]).all()
    ]
    answers = {"target": part.target, "reference": part.reference}
    sides = {"target": "Found by the model trained on it", "reference": "Found by the model that never saw it"}
    return item(
        rank=rank,
        record_id=part.cropped.records.record_ids[row].as_py(),
        image=thumbnail(part.cropped.records, row) if images else None,
        marks=marks,
        facts={
            "label": label,
            "target says": _name(part, part.target, row),
            "reference says": _name(part, part.reference, row),
            "target surer by": float(part.memorization_confidence[row]),
            "records of": "the reference, roles swapped" if part.name == "backward" else "the target",
        },
        strips=[
            {
                "title": sides[side],
                "trained": side == "target",
                "cards": [
                    {
                        "record_id": public.record_ids[place].as_py(),
                        "label": public_labels[place].as_py(),
                        "hit": public_labels[place].as_py() == label,
                        "image": thumbnail(public, place) if images else None,
                    }
                    for place in guess.neighbors.rows(row, row + 1, k=min(guess.neighbors.k, SHOWN))[0].tolist()
                ],
            }
            for side, guess in answers.items()
            if guess.neighbors is not None
        ],
    )


def _name(part: ImageDirection, guess: Guess, row: int) -> str:
    code = int(guess.ranked[row, 0])
    return "nothing" if code < 0 else str(part.vocabulary[code].as_py())
