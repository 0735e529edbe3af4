"""Measurements of utility by hand, so that drawing them needs no model."""

import pyarrow as pa

from memometer.runs.folder import REJECTS_SCHEMA
from memometer.utility import Utility
from memometer.utility.parts import CLASSES_SCHEMA
from memometer.utility.schema import UtilitySummary

PARTS = ("zero_shot", "linear_probe", "retrieval")
RECALLS = ("recall@1", "recall@5", "recall@10")


def number(value, *, n=400, half=0.03, reason=None):
    ends = {"low": None, "high": None} if value is None else {"low": max(0, value - half), "high": min(1, value + half)}
    return {"value": value, **ends, "std": None if value is None else 0.07, "n": n, "reason": reason}


def classification(classes, value, *, several):
    few = number(None, reason=f"there are {len(classes)} classes, fewer than 5")
    named = {"accuracy": None, "accuracy@5": None, "mean_average_precision": None, "micro_average_precision": None}
    if several:
        named["mean_average_precision"] = number(value)
    else:
        named |= {"accuracy": number(value), "accuracy@5": number(min(1, 2 * value)) if len(classes) >= 5 else few}
    task = "multi-label" if several else "single-label"
    return {"task": task, **named, "n_classes": len(classes), "classes_without_positives": classes[-1:]}


def make_utility(
    *, parts=PARTS, classes=("tree", "small dog", "unicorn"), templates=("a photo of a {}.",), several=True
):
    """A measurement of these parts; the last class has no image."""
    classes = list(classes)
    told = {"n_skipped": {"no image that can be embedded": 2}}
    made = {
        "zero_shot": {**classification(classes, 0.41, several=several), **told, "templates": list(templates)},
        "linear_probe": {
            **classification(classes, 0.63, several=several), **told, "features": "backbone", "c": 0.01,
            "held_out": {"0.0001": 0.5, "0.001": 0.55, "0.01": 0.61, "0.1": 0.61, "1.0": 0.6, "10.0": 0.58},
            "n_train": 300, "n_held_out": 61, "classes_too_rare": ["yak"],
        },
        "retrieval": {
            "captions": 5, "n_images": 398, "n_captions": 1990, "n_shared_captions": 17,
            "n_skipped": {"image without a caption": 3},
            "image_to_text": {name: number(0.2 * place) for place, name in enumerate(RECALLS, 1)},
            "text_to_image": {name: number(0.15 * place, n=1990) for place, name in enumerate(RECALLS, 1)},
        },
    }  # fmt: skip
    summary = {
        "measure": "utility", "schema": 1, "model": "open_clip:models/a", "role": "public", "n_records": 400,
        **{name: part if name in parts else None for name, part in made.items()},
        "duplicates_across_roles": {"n": 1, "pairs": [["t1", "p7"]]} if "linear_probe" in parts else None,
        "notes": ["zero-shot: no record under test has 'unicorn'"],
    }  # fmt: skip
    told_apart = [part for part in parts if part != "retrieval"]
    rows = [
        {
            "part": part,
            "class": name,
            "n": 100 - place,
            "value": None if name == classes[-1] else 1 / (place + (1.5 if part == "zero_shot" else 1.2)),
        }
        for part in told_apart
        for place, name in enumerate(classes)
    ]
    manifest = {
        "memometer": "0.1.0", "command": "memometer utility …", "finished": "2025-01-01T00:00:00+00:00",
        "models": [{"spec": "open_clip:models/a", "weights_hash": "abc"}],
        "records": {"test": {"path": "records", "n": 400, "hash": "123"}, "probe": {"path": "records", "n": 300}},
        "classes": {name: name for name in classes} if "zero_shot" in parts else None,
        "class_order": classes if "zero_shot" in parts else None,
        "templates": list(templates) if "zero_shot" in parts else None,
    }  # fmt: skip
    return Utility(
        summary=UtilitySummary.made(summary),
        tables={
            "samples": pa.table({"record_id": ["t1", "t2"]}),
            "classes": pa.Table.from_pylist(rows, schema=CLASSES_SCHEMA),
            "rejects": pa.Table.from_pylist(
                [{"record_id": "t9", "side": "test image", "reason": "cannot be decoded"}], schema=REJECTS_SCHEMA
            ),
        },
        manifest=manifest,
        config={"measure": "utility", "model": "open_clip:models/a", "captions": 5},
    )
