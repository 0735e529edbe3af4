"""What each stage of an audit costs one core, at sizes that rise: the rates that ``memometer estimate`` ships.

    OMP_NUM_THREADS=1 python benchmarks/scale.py [--sizes 100000 1000000 10000000]

Times are processor time of one thread. Reading, statistics and memory are those of whole audits whose vectors exist
(``audit_memory.py``); the other stages are called as audits call them. Nothing but this script writes
``src/memometer/estimates/scale.json``.
"""

import argparse
import datetime as dt
import io
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import open_clip
import pyarrow as pa
import torch
from audit_memory import N_PUBLIC, audited
from common import machine, record_section, table, versions
from photographs import JPEG_QUALITY, photograph

from memometer.data.images import decode_image
from memometer.estimates.model_cost import cost_of
from memometer.estimates.rates import RATES, Rates
from memometer.measures.vl_dejavu.scores import score_union, top_objects
from memometer.neighbors import search
from memometer.objects.sets import ObjectSets

MODEL = "ViT-B-32"
DIM, BANK, QUERIES = 512, 100_000, (1024, 4096)
KS = (10, 100, 1000)
OBJECTS, LABELS = 8, 400
READ = ("load", "check", "keys", "duplicates")
"""Stages of `audit_memory` in which records are read and checked; they are one after another on one node."""


def seconds(function, *, repeats=1):
    """Processor seconds of a call, the least of several."""
    found = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        found.append(time.process_time() - start)
    return min(found)


def series(unit, times, **held):
    return {"unit": unit, "sizes": [float(size) for size in times], "seconds": list(times.values()), "held": held}


def decoding():
    """Photographs of 500 × 375 px, decoded and made into the model's pixels."""
    rng = np.random.default_rng(0)
    encoded = []
    for _ in range(50):
        buffer = io.BytesIO()
        photograph(rng).save(buffer, "JPEG", quality=JPEG_QUALITY)
        encoded.append(buffer.getvalue())
    transform = open_clip.image_transform(224, is_train=False)

    def run(n):
        for row in range(n):
            transform(decode_image(encoded[row % 50]))

    run(50)
    return [series("images", {n: seconds(lambda n=n: run(n), repeats=2) for n in (250, 1000)})]


def tokenizing():
    tokenizer = open_clip.get_tokenizer(MODEL)
    rng = np.random.default_rng(0)
    words = [f"word{number}" for number in range(2000)]
    captions = [" ".join(words[place] for place in rng.integers(0, 2000, 12)) for _ in range(20_000)]
    tokenizer(captions[:100])
    return [series("captions", {n: seconds(lambda n=n: tokenizer(captions[:n])) for n in (5_000, 20_000)})]


def forward():
    """Operations per second of the image tower in batches of 64."""
    model = open_clip.create_model(MODEL).eval()
    pixels = torch.zeros(64, 3, 224, 224)
    with torch.inference_mode():
        model.encode_image(pixels)
        least = seconds(lambda: model.encode_image(pixels), repeats=5)
    return 64 * cost_of(MODEL).image / least


def searching():
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((BANK + max(QUERIES), DIM), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    bank, queries = vectors[:BANK], vectors[BANK:]
    search(queries[:256], bank, 10)
    found = []
    for k in KS:
        times = {n * BANK * DIM: seconds(lambda n=n, k=k: search(queries[:n], bank, k), repeats=3) for n in QUERIES}
        found.append(series("products", times, k=k))
    return found


def sets(n, size, rng):
    drawn = np.sort((LABELS * rng.random((n, size), np.float32) ** 2).astype(np.int32), axis=1)
    first = np.ones_like(drawn, bool)
    first[:, 1:] = drawn[:, 1:] != drawn[:, :-1]
    indptr = np.concatenate(([0], np.cumsum(first.sum(axis=1)))).astype(np.int64)
    return ObjectSets(indptr, drawn[first], pa.array([f"{label:05d}" for label in range(LABELS)]))


def scoring(sizes):
    """The union of the neighbours' objects and both kinds of top objects, of one model."""
    rng = np.random.default_rng(0)
    public = sets(N_PUBLIC, OBJECTS, rng)
    found = []
    for k in (10, 100):
        times = {}
        for n in (1000, *sizes):
            own, named, rows = sets(n, OBJECTS, rng), sets(n, 2, rng), rng.integers(0, N_PUBLIC, (n, k))

            def run(own=own, named=named, rows=rows, k=k):
                score_union(objects=own, named=named, public=public, neighbors=rows, ks=(10, k), found_k=10)
                for struck in (None, named):
                    top_objects(objects=own, named=struck, public=public, neighbors=rows[:, :10])

            times[n] = seconds(run)
        del times[1000]  # it compiled
        found.append(series("records", times, k=k))
    return found


def audits(sizes, folder):
    """Whole audits: by stage their processor seconds, and their peak memory."""
    found = {n: audited(n, folder / str(n)) for n in sizes}
    reading = {n: sum(each["by_stage"].get(name, [0, 0])[1] for name in READ) for n, each in found.items()}
    apart = {*READ, "search", "scoring"}
    rest = {
        n: sum(cpu for name, (_, cpu, _) in each["by_stage"].items() if name not in apart) for n, each in found.items()
    }
    public = {n + N_PUBLIC: cpu for n, cpu in reading.items()}
    memory = {
        "records": list(found),
        "peak_bytes": [float(each["peak"]) for each in found.values()],
        "held": {"public": N_PUBLIC, "objects": OBJECTS},
    }
    return [series("records", public)], [series("records", rest)], memory


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--folder", type=Path, help="where audits of these sizes are kept")
    asked = parser.parse_args()
    if os.environ.get("OMP_NUM_THREADS") != "1":
        parser.error("rates are those of one core: OMP_NUM_THREADS=1 python benchmarks/scale.py")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        read, finish, memory = audits(sorted(asked.sizes), asked.folder or Path(scratch))
    rates = {
        "measured": {
            "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
            "command": f"OMP_NUM_THREADS=1 python benchmarks/scale.py --sizes {' '.join(map(str, sorted(asked.sizes)))}",
            "machine": machine(),
            "software": versions(("memometer", "torch", "numpy", "pyarrow")),
        },
        "stages": {
            "read": read,
            "decode": decoding(),
            "tokenize": tokenizing(),
            "search": searching(),
            "score": scoring([size for size in sorted(asked.sizes) if size <= 1_000_000]),
            "finish": finish,
        },
        "forward": forward(),
        "memory": memory,
        "devices": json.loads(RATES.read_text(encoding="utf-8")).get("devices", {}) if RATES.exists() else {},
    }
    checked = Rates.model_validate(rates)
    RATES.write_text(json.dumps(checked.model_dump(exclude_defaults=True), indent=1) + "\n", encoding="utf-8")
    rows = [
        (
            stage,
            ", ".join(f"{name} = {value:g}" for name, value in each.held.items()),
            each.unit,
            ", ".join(f"{size:,.4g}" for size in each.sizes),
            ", ".join(f"{second:,.3g}" for second in each.seconds),
            "–" if each.exponent is None else f"{each.exponent:.2f}",
        )
        for stage, several in checked.stages.items()
        for each in several
    ]
    record_section(
        "Scale",
        "What `memometer estimate` reckons with: processor time of one thread, by stage. Command: "
        f"`{checked.measured.command}`.\n\n"
        + table(("stage", "at", "unit", "sizes", "seconds", "exponent"), rows)
        + f"\n\nForward pass of {MODEL}'s image tower: {checked.forward / 1e9:,.0f} GFLOP/s. Memory of an audit: "
        f"{checked.memory.per_record:,.0f} bytes for each further record.",
    )


if __name__ == "__main__":
    main()
