"""Peak memory of an audit of 20,000 records against 1,000,000 public vectors of 512 dimensions, two models.

The vectors are made on disk by one process and audited by another, whose peak resident memory is read at its end.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from common import record_section

N, M, DIM, LABELS = 20_000, 1_000_000, 512, 5_000

AUDIT = """
import json, resource, sys, time
from memometer import audit_vl_dejavu
start = time.perf_counter()
folder = sys.argv[1]
audit = audit_vl_dejavu(
    target=f"embeddings:{folder}/target", reference=f"embeddings:{folder}/reference",
    records=f"{folder}/records", public=f"{folder}/public", out=f"{folder}/run",
)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(json.dumps({"peak": peak, "seconds": time.perf_counter() - start, "n": audit.summary["n_scored"]}))
"""


def write_records(folder, prefix, n, rng):
    """Records with captions and objects, no images: the vectors exist already."""
    folder.mkdir(parents=True)
    names = np.array([f"object{label}" for label in range(LABELS)])
    labels = names[(LABELS * rng.random((n, 5)) ** 2).astype(int)]
    table = {
        "record_id": [f"{prefix}{row:07d}" for row in range(n)],
        "captions": pa.array([[f"a photo of {row[0]} and {row[1]}"] for row in labels]),
        "objects": pa.array(labels.tolist(), pa.list_(pa.string())),
    }
    pq.write_table(pa.table(table), folder / "records.parquet")


def write_vectors(path, prefix, n, rng):
    """(n, DIM) normal vectors, a piece at a time, with their ids beside them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(n, DIM))
    for start in range(0, n, 50_000):
        array[start : start + 50_000] = rng.standard_normal((min(50_000, n - start), DIM), np.float32)
    array.flush()
    pq.write_table(pa.table({"record_id": [f"{prefix}{row:07d}" for row in range(n)]}), path.with_suffix(".parquet"))


def main():
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        rng = np.random.default_rng(0)
        write_records(folder / "records", "r", N, rng)
        write_records(folder / "public", "p", M, rng)
        for model in ("target", "reference"):
            write_vectors(folder / model / "images.npy", "p", M, rng)
            write_vectors(folder / model / "texts.npy", "r", N, rng)
        run = subprocess.run([sys.executable, "-c", AUDIT, scratch], check=True, capture_output=True, text=True)
        result = json.loads(run.stdout.splitlines()[-1])
    record_section(
        "Memory",
        f"An audit of {N:,} records against {M:,} public vectors of {DIM} dimensions (float32, on disk), two models, "
        "k = 10 and the sweep to 100. Command: `python benchmarks/memory.py`.\n\n"
        "| what | GiB |\n|---|---|\n"
        f"| peak resident memory of the audit | {result['peak']:.2f} |\n"
        f"| the vectors of one model on disk | {M * DIM * 4 / 2**30:.2f} |\n\n"
        f"It took {result['seconds']:,.0f} s and scored {result['n']:,} records. Wanted: under 4 GiB.",
    )


if __name__ == "__main__":
    main()
