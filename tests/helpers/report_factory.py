"""Synthetic audits for the report's tests: any size, any content, the same from the same seed."""

import io
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from memometer.audits.result import Audit
from memometer.measures.vl_dejavu.schema import VLDejaVuSummary
from memometer.runs.folder import REJECTS_SCHEMA

LABELS = ["dog", "ball", "grass", "man", "hat", "tree", "boat", "water", "bench", "kite", "child", "shirt", "street"]
HOSTILE = [
    "<script>alert(1)</script>",
    "</style><script>alert(2)</script>",
    '"><img src=x onerror=alert(3)>',
    "' onmouseover='alert(4)",
    "javascript:alert(5)",
    "{{ 7*7 }}{% raw %}",
    "a\x00null\x07bell",
    "\u202ereversed",
    "w" * 3000,
    "<!-- -->]]><![CDATA[",
    "&lt;b&gt; &amp;amp;",
    "",
]
NEIGHBOR = pa.struct(
    [
        ("record_id", pa.string()),
        ("similarity", pa.float64()),
        ("image", pa.binary()),
        ("objects", pa.list_(pa.struct([("label", pa.string()), ("correct", pa.bool_()), ("mentioned", pa.bool_())]))),
    ]
)
OWN = pa.struct([("label", pa.string()), ("mentioned", pa.bool_()), ("target", pa.bool_()), ("reference", pa.bool_())])
OBJECTS_SCHEMA = pa.schema(
    [("label", pa.string()), ("n", pa.int64())]
    + [(name, pa.float64()) for name in ("recall_target", "recall_reference", "gap", "low", "high")]
)
GALLERY_SCHEMA = pa.schema(
    [
        ("rank", pa.int64()),
        ("record_id", pa.string()),
        ("direction", pa.string()),
        ("captions", pa.list_(pa.string())),
        ("objects", pa.list_(OWN)),
        ("image", pa.binary()),
        ("n_correct_target", pa.int64()),
        ("n_correct_reference", pa.int64()),
        ("target_neighbors", pa.list_(NEIGHBOR)),
        ("reference_neighbors", pa.list_(NEIGHBOR)),
    ]
)


def jpeg(seed: int = 0, *, side: int = 48) -> bytes:
    """A small JPEG of a few coloured areas."""
    rng = np.random.default_rng(seed)
    pixels = np.kron(rng.integers(40, 220, (4, 4, 3), dtype=np.uint8), np.ones((side // 4, side // 4, 1), np.uint8))
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def rows(chart: Any) -> list[dict[str, Any]]:
    """All rows of data that a chart carries."""
    return [row for rows in chart.to_dict(validate=False)["datasets"].values() for row in rows]


def gap(value: float | None, *, half: float = 0.02, n: int = 3000, reason: str | None = None) -> dict[str, Any]:
    """A gap as in ``summary.json``; undefined when ``value`` is None."""
    if value is None:
        return {
            "value": None,
            "low": None,
            "high": None,
            "std": None,
            "n": 0,
            "reason": reason or "no record is scored",
        }
    return {"value": value, "low": value - half, "high": value + half, "std": half * 1.6, "n": n}


def gaps(size: float, *, half: float = 0.02, n: int = 3000) -> dict[str, Any]:
    """PPG, PRG and AUCG over all and unmentioned objects."""
    return {
        "all": {
            "ppg": gap(size, half=half, n=n),
            "prg": gap(size * 0.9, half=half, n=n),
            "aucg": gap(size / 3, half=half / 3, n=n),
        },
        "unmentioned": {
            "ppg": gap(size * 1.05, half=half * 1.1, n=n),
            "prg": gap(size * 0.8, half=half * 1.1, n=n),
            "aucg": gap(size / 3.2, half=half / 3, n=n),
        },
    }


def make_summary(*, size: float = 0.12, half: float = 0.02, both_ways: bool = True, n: int = 3000) -> dict[str, Any]:
    """A summary whose gaps are ``size`` give or take, with intervals of ± ``half``."""
    shares = {1: 0.6, 3: 0.8, 10: 1.0, 30: 0.9, 100: 0.7}
    by_k = {
        str(k): {**gaps(size * share, half=half, n=n), "balanced": gaps(size * share, half=half) if both_ways else None}
        for k, share in shares.items()
    }
    sample_level = [
        {
            "direction": direction,
            "sort": sort,
            "top": top,
            "label": label,
            **{f"{name}_gap": lead * size / (1 + place) for name in ("precision", "recall", "f")},
            **{f"{name}_gap_{end}": None for name in ("precision", "recall", "f") for end in ("low", "high")},
            **{f"control_{name}_gap": control * size / (1 + place) for name in ("precision", "recall", "f")},
        }
        for direction in (("forward", "backward") if both_ways else ("forward",))
        for sort, lead, control in (("distance", 1.2, -0.2), ("correct", 2.0, 0.4), ("gap", 5.0, 3.0))
        for place, (top, label) in enumerate(
            [(1, "1"), (10, "10"), (30, "1 %"), (100, "100"), (300, "10 %"), (1000, "1,000")]
        )
    ]
    means = {
        scope: {
            f"{name}_{model}": 0.4 + 0.05 * (model == "target")
            for name in ("recall", "precision", "f")
            for model in ("target", "reference")
        }
        for scope in ("all", "unmentioned")
    }
    backward = {"n_records": n, "n_scored": n - 10, "n_scored_unmentioned": n - 400, "n_skipped": {"no object": 10}}
    return {
        "measure": "vl-dejavu",
        "schema": 1,
        "k": 10,
        "query": "caption 1",
        "target": "open_clip:models/a",
        "reference": "open_clip:models/b",
        "n_records": n,
        "n_scored": n - 12,
        "n_scored_unmentioned": n - 420,
        "n_skipped": {"no object": 12},
        "n_public": 2091,
        "gaps": gaps(size * 1.1, half=half, n=n),
        "backward": {**backward, "gaps": gaps(size * 0.9, half=half, n=n)} if both_ways else None,
        "balanced": gaps(size, half=half * 0.7, n=2 * n) if both_ways else None,
        "by_k": by_k,
        "means": {"forward": means, "backward": means} if both_ways else {"forward": means},
        "sample_level": sample_level,
        "sample_level_unmentioned": [],
        "duplicates_across_roles": {"n": 1, "pairs": [["2851198725_37b6027625", "3050606344_af711c726c"]]},
        "notes": [],
    }


def make_samples(*, n: int = 500, lift: float = 0.04, both_ways: bool = True, seed: int = 0) -> pa.Table:
    """Per-record scores, recalls being fractions of a few objects; the last rows are skipped (null)."""
    rng = np.random.default_rng(seed)
    tables = []
    for direction in ("forward", "backward") if both_ways else ("forward",):
        sizes = rng.integers(1, 8, n)
        found = {
            model: rng.binomial(sizes, 0.55 + extra) / sizes for model, extra in (("target", lift), ("reference", 0.0))
        }
        skipped = np.arange(n) >= n - 5
        columns: dict[str, Any] = {
            "record_id": [f"{direction}-{row}" for row in range(n)],
            "direction": [direction] * n,
            "n_objects": pa.array(sizes, mask=skipped),
        }
        for name in ("precision", "recall", "f", "recall_unmentioned"):
            for model, values in found.items():
                columns[f"{name}_{model}"] = pa.array(values, mask=skipped)
        columns["distance_target"] = pa.array(rng.random(n), mask=skipped)
        for model, values in found.items():
            columns[f"correct_{model}"] = pa.array(np.round(values * sizes).astype(np.int64), mask=skipped)
        tables.append(pa.table(columns))
    return pa.concat_tables(tables)


def make_objects(*, labels: list[str] | None = None, seed: int = 0) -> pa.Table:
    """Recall by label, its gap falling from label to label."""
    labels = LABELS if labels is None else labels
    rng = np.random.default_rng(seed)
    rows = []
    for place, label in enumerate(labels):
        lead, half = 0.25 * (1 - place / len(labels)) - 0.04, 0.03 + 0.05 * float(rng.random())
        recall = 0.3 + 0.3 * float(rng.random())
        rows.append(
            {
                "label": label,
                "n": int(rng.integers(20, 900)),
                "recall_target": recall + lead,
                "recall_reference": recall,
            }
            | {"gap": lead, "low": lead - half, "high": lead + half}
        )
    return pa.Table.from_pylist(rows, schema=OBJECTS_SCHEMA)


def make_record(rank: int, *, image: bytes | None = None, neighbors: int = 10, **fields: Any) -> dict[str, Any]:
    """One row of the gallery; ``fields`` replace its own."""
    rng = np.random.default_rng(rank)

    def strip(model: str, lead: int) -> list[dict[str, Any]]:
        return [
            {
                "record_id": f"public-{model}-{rank}-{place}",
                "similarity": 0.4 - 0.01 * place,
                "image": image if image is not None else jpeg(rank * 100 + place + (50 if model == "reference" else 0)),
                "objects": [
                    {"label": label, "correct": position < lead, "mentioned": position == 0}
                    for position, label in enumerate(rng.permutation(LABELS)[:4].tolist())
                ],
            }
            for place in range(neighbors)
        ]

    record = {
        "rank": rank,
        "record_id": f"record-{rank}",
        "direction": "forward",
        "captions": [f"A dog runs over the grass after ball number {rank} .", "Another caption of the same image ."],
        "objects": [
            {"label": "dog", "mentioned": True, "target": True, "reference": True},
            {"label": "hat", "mentioned": False, "target": True, "reference": False},
            {"label": "tree", "mentioned": False, "target": True, "reference": False},
            {"label": "kite", "mentioned": False, "target": False, "reference": False},
        ],
        "image": image if image is not None else jpeg(rank * 100 + 99),
        "n_correct_target": 3,
        "n_correct_reference": 1,
        "target_neighbors": strip("target", 2),
        "reference_neighbors": strip("reference", 1),
    }
    return record | fields


def make_manifest() -> dict[str, Any]:
    """A manifest as the audit writes it."""
    model = {"identity": "ViT-B-32", "weights_hash": "0" * 32, "preprocess": {"size": 64, "mean": [0.5, 0.5, 0.5]}}
    return {
        "memometer": "0.1.0",
        "commit": "abc123",
        "command": "memometer audit vl-dejavu --target open_clip:models/a --reference open_clip:models/b --k 10",
        "started": "2025-01-02T10:00:00+00:00",
        "finished": "2025-01-02T10:05:00+00:00",
        "packages": {"torch": "2.6.0", "numpy": "2.2.0"},
        "python": "3.11.7",
        "platform": "Linux",
        "seed": 0,
        "target": {"spec": "open_clip:models/a", **model, "warnings": []},
        "reference": {
            "spec": "open_clip:models/b",
            **model,
            "weights_hash": "1" * 32,
            "warnings": ["the preprocessing is a guess"],
        },
        "records": {"path": "records", "role": "a", "n": 3000, "hash": "2" * 32},
        "public": {"path": "records", "role": "public", "n": 2091, "hash": "3" * 32},
    }


def make_audit(
    *,
    summary: dict[str, Any] | None = None,
    records: list[dict[str, Any]] | None = None,
    labels: list[str] | None = None,
    **fields: Any,
) -> Audit:
    """A whole audit; ``fields`` replace its tables and the attributes of `Audit`."""
    rows = [make_record(rank) for rank in (1, 2, 3)] if records is None else records
    tables = {
        "samples": make_samples(),
        "objects": make_objects(labels=labels),
        "gallery": pa.Table.from_pylist(rows, schema=GALLERY_SCHEMA),
        "rejects": REJECTS_SCHEMA.empty_table(),
    }
    tables |= fields.pop("tables", {}) | {name: fields.pop(name) for name in [*tables] if name in fields}
    whole = {
        "summary": VLDejaVuSummary.made(make_summary() if summary is None else summary),
        "tables": tables,
        "manifest": make_manifest(),
        "config": {"k": 10, "seed": 0},
    }
    return Audit(**(whole | fields))
