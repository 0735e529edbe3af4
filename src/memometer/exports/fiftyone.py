"""FiftyOne: the scored records as samples, with what each holds and how it scored."""

import os
from pathlib import Path
from typing import Any

import pyarrow as pa

from memometer.data.images import FORMATS, UnreadableImageError, read_image_bytes
from memometer.exports.export import Asked
from memometer.exports.scored import records_of
from memometer.files import write_json
from memometer.progress import notice, progress_bar
from memometer.runs import Run

__all__ = ["export"]

SIGNATURES = {b"\xff\xd8\xff": ".jpg", b"\x89PNG": ".png", b"GIF8": ".gif", b"RIFF": ".webp", b"BM": ".bmp"}


def export(run: Run[Any], asked: Asked) -> list[Path]:
    """``samples.json`` and ``metadata.json`` of a ``FiftyOneDataset``; under ``data/`` the images that lie in archives.

    ``fo.Dataset.from_dir(dataset_dir=OUT, dataset_type=fo.types.FiftyOneDataset)`` opens it. A record that several
    directions score has one sample, with the scores of each. Images that are files of their own stay where they are.
    """
    records = records_of(run, asked)
    scores = _scores(run)
    columns = ("record_id", "captions", "label", "objects", "boxes", "scores", "width", "height", "role")
    samples: list[dict[str, Any]] = []
    files, unreadable = [asked.out / "samples.json", asked.out / "metadata.json"], 0
    refs = records.image_refs()
    with progress_bar("exporting samples", total=len(records), unit="records") as advance:
        for batch in records.table.select(columns).to_batches(max_chunksize=1024):
            for row, ref in zip(batch.to_pylist(), refs, strict=False):
                advance(1)
                if ref is None:
                    unreadable += 1
                    continue
                if ref.offset is None and ref.row is None:
                    place = os.path.relpath(ref.path, asked.out) if not Path(ref.path).is_absolute() else ref.path
                else:
                    try:
                        data = read_image_bytes(ref)
                    except UnreadableImageError:
                        unreadable += 1
                        continue
                    path = asked.out / "data" / f"{len(samples):08d}{_suffix(data)}"
                    path.parent.mkdir(exist_ok=True)
                    path.write_bytes(data)
                    files.append(path)
                    place = path.relative_to(asked.out).as_posix()
                samples.append(_sample(row, place, scores.get(row["record_id"], {})))
    if unreadable:
        notice(f"warning: {unreadable:,} records have no image that can be read, and are left out")
    write_json(files[0], {"samples": samples})
    write_json(
        files[1], {"name": f"memometer-{run.summary.measure}", "media_type": "image", "info": {"config": run.config}}
    )
    return files


def _sample(row: dict[str, Any], place: str, scores: dict[str, Any]) -> dict[str, Any]:
    sample: dict[str, Any] = {
        "filepath": place,
        "tags": [row["role"]] if row["role"] else [],
        "record_id": row["record_id"],
        "captions": row["captions"] or [],
        **scores,
    }
    if row["label"] is not None:
        sample["label"] = {"_cls": "Classification", "label": row["label"]}
    objects = row["objects"] or []
    boxes = row["boxes"] or [None] * len(objects)
    confidences = row["scores"] or [None] * len(objects)
    sides = (row["width"], row["height"])
    detections, named = [], []
    for label, box, confidence in zip(objects, boxes, confidences, strict=True):
        said = {"label": label, **({} if confidence is None else {"confidence": confidence})}
        if box is None or not all(sides):
            named.append({"_cls": "Classification", **said})
        else:
            shares = [value / sides[place % 2] for place, value in enumerate(box)]
            detections.append({"_cls": "Detection", "bounding_box": shares, **said})
    if detections:
        sample["objects"] = {"_cls": "Detections", "detections": detections}
    if named:
        sample["named_objects"] = {"_cls": "Classifications", "classifications": named}
    return sample


def _scores(run: Run[Any]) -> dict[str, dict[str, Any]]:
    """Record → name → number; the direction stands before the name where there are several."""
    flat = [field.name for field in run.samples.schema if not pa.types.is_nested(field.type)]
    rows = run.samples.select(flat).to_pylist()
    several = len({row.get("direction") for row in rows}) > 1
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        before = f"{row['direction']}_" if several else ""
        values = {
            f"{before}{name}": value
            for name, value in row.items()
            if name not in ("record_id", "direction") and value is not None
        }
        found.setdefault(row["record_id"], {}).update(values)
    return found


def _suffix(data: bytes) -> str:
    known = {suffix for suffixes in FORMATS.values() for suffix in suffixes}
    return next((suffix for head, suffix in SIGNATURES.items() if data.startswith(head) and suffix in known), ".img")
