"""Tables of records at 10⁵ to 10⁷: what loading, hashes, keys, splits, duplicates and checks cost per record.

Each stage runs in a process of its own, whose peak memory is read at its end; kernels are compiled before. With
``--before SRC`` the same stages run on another version's ``src`` in turns with this one.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from common import record_section, table

BATCH = 100_000
ROLES = "a=0.3,b=0.3,public=rest"

STAGES = {
    "load": "records = load_records(folder)",
    "load a role": "records = load_records(folder, role='a')",
    "hash": "found = hash_records(records, ['record_id', 'captions', 'objects', 'image_hash', 'image_path'])",
    "key of images": "found = _key('model', records, ('image_hash', 'image_path', 'image_offset', 'image_row'), 'what')",
    "key of captions": "found = _key('model', records, ('captions',), 'what')",
    "groups": "found = records.groups",
    "duplicates": "found = find_duplicates(records)",
    "duplicates across roles": "found = duplicates_across_roles(parts)",
    "disjoint": "check_disjoint(parts)",
    "split": "split_records(folder, ROLES, seed=1, reassign=True)",
}
"""What is timed, by name; what it takes is made before."""

PROGRAM = """
import json, resource, shutil, sys, time
from pathlib import Path
import numpy as np
from memometer.audits.guards import check_disjoint, duplicates_across_roles
from memometer.data.duplicates import find_duplicates
from memometer.data.records import hash_records, load_records
from memometer.data.splits import split_records
from memometer.embeddings.embed import _key
import numba, scipy.sparse.csgraph
folder, small, stage, ROLES = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4]
def run(folder, stage):
    records = None if stage.startswith(("records = ", "split")) else load_records(folder)
    parts = {}
    if "parts" in stage:
        parts = {role: records.with_role(role) for role in ("a", "b", "public")}
        records = None
    names = {**globals(), "folder": folder, "records": records, "parts": parts}
    wall, cpu = time.perf_counter(), time.process_time()
    exec(stage, names)
    return time.perf_counter() - wall, time.process_time() - cpu
run(small, stage)
wall, cpu = run(folder, stage)
print(json.dumps({"wall": wall, "cpu": cpu, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
"""


def write_records(folder, n, *, seed=0):
    """Records with five captions and eight objects each; one in a hundred images is a copy, one in a hundred like one."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    words = np.array([f"word{number}" for number in range(2_000)])
    kept = rng.integers(0, 2**63, 1_000, np.uint64)
    with pq.ParquetWriter(folder / "records.parquet", schema(), compression="zstd") as writer:
        for start in range(0, n, BATCH):
            size = min(BATCH, n - start)
            looks = rng.integers(0, 2**63, size, np.uint64)
            hashes = np.array([f"{look:032x}" for look in looks])
            near = rng.random(size) < 0.01
            looks[near] = kept[rng.integers(0, len(kept), near.sum())] ^ (
                np.uint64(1) << rng.integers(0, 63, near.sum()).astype(np.uint64)
            )
            same = rng.random(size) < 0.01
            looks[same] = kept[rng.integers(0, len(kept), same.sum())]
            hashes[same] = [f"{look:032x}" for look in looks[same]]
            captions = words[rng.integers(0, len(words), (size, 5 * 8))].reshape(size, 5, 8)
            captions = [[" ".join(caption) for caption in several] for several in captions]
            objects = words[rng.integers(0, len(words), (size, 8))].tolist()
            names = [f"{row:09d}" for row in range(start, start + size)]
            columns = {
                "record_id": names,
                "image_path": [f"shards/{row // 10_000:05d}.tar" for row in range(start, start + size)],
                "image_offset": np.arange(size) * 50_000,
                "image_length": np.full(size, 49_000),
                "image_row": pa.nulls(size, pa.int64()),
                "width": np.full(size, 500, np.int32),
                "height": np.full(size, 375, np.int32),
                "image_hash": hashes,
                "image_phash": looks,
                "captions": captions,
                "objects": objects,
                "role": np.array(["a", "b", "public"])[rng.integers(0, 3, size)],
            }
            writer.write_table(pa.table(columns, schema=schema()))


def schema():
    from memometer.data.records import RECORD_SCHEMA

    absent = {"image_column", "label", "boxes", "scores", "group"}
    return pa.schema([field for field in RECORD_SCHEMA if field.name not in absent])


def run(stage, folder, small, source):
    environment = {**os.environ, "PYTHONPATH": str(source)}
    command = [sys.executable, "-c", PROGRAM, str(folder), str(small), STAGES[stage], ROLES]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    if done.returncode:
        print(stage, done.stderr[-600:], file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="100_000,1_000_000")
    parser.add_argument("--before", type=Path, help="the src folder of another version")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--stages", default=",".join(STAGES))
    parser.add_argument("--scratch", type=Path, help="where records are kept for another run")
    parser.add_argument("--out", type=Path, help="JSON of all numbers")
    parser.add_argument("--no-results", action="store_true")
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    here = Path(__file__).parents[1] / "src"
    sources = {**({"before": options.before} if options.before else {}), "now": here}
    found = {}
    with tempfile.TemporaryDirectory() as temporary:
        scratch = options.scratch or Path(temporary)
        folders = {size: scratch / str(size) for size in [1_000, *sizes]}
        for size, folder in folders.items():
            if not folder.exists():
                write_records(folder, size)
        for stage in options.stages.split(","):
            for size in sizes:
                for _ in range(options.turns):
                    for name, source in sources.items():
                        if (one := run(stage, folders[size], folders[1_000], source)) is not None:
                            found.setdefault((stage, size, name), []).append(one)
                for name in sources:
                    if of := found.get((stage, size, name)):
                        best = min(one["cpu"] for one in of)
                        print(
                            f"{stage:26s} {size:>11,} {name:7s} {best / size * 1e6:9.3f} µs  {_wall(of) / size * 1e6:9.3f} µs wall  peak {_peak(of) / 2**30:6.2f} GiB",
                            flush=True,
                        )
    if options.out:
        options.out.write_text(json.dumps([[*key, value] for key, value in found.items()]))
    if not options.no_results:
        record_section(
            "Tables of records", text(found, sizes, options), packages=("memometer", "pyarrow", "numpy", "numba")
        )


def _wall(of):
    return min(one["wall"] for one in of)


def _peak(of):
    return statistics.median(one["peak"] for one in of)


def text(found, sizes, options):
    rows = []
    for stage in options.stages.split(","):
        cost = {size: min(one["cpu"] for one in found[stage, size, "now"]) for size in sizes}
        slope = (
            np.polyfit([math.log(size) for size in sizes], [math.log(cost[size]) for size in sizes], 1)[0]
            if len(sizes) > 1
            else math.nan
        )
        cells = [stage]
        for size in sizes:
            was = found.get((stage, size, "before"))
            ratio = "" if not was else f" ({min(one['cpu'] for one in was) / cost[size]:.1f}×)"
            peak = _peak(found[stage, size, "now"]) / 2**30
            before = "" if not was else f" (was {_peak(was) / 2**30:.2f})"
            cells += [f"{cost[size] / size * 1e6:.3f} µs{ratio}", f"{peak:.2f}{before}"]
        rows.append([*cells, f"{slope:.2f}"])
    header = [
        "stage",
        *(cell for size in sizes for cell in (f"{size:,}: processor time per record", "peak, GiB")),
        "exponent",
    ]
    note = ", beside the version before in brackets (how many times as fast)" if options.before else ""
    return (
        "Synthetic records of five captions and eight objects; one image in a hundred is a copy, one like another. Each stage in a "
        f"process of its own, best of {options.turns} turns{note}. Peak memory is that of the process, with the loaded records. "
        "Command: `python benchmarks/tables.py`.\n\n" + table(header, rows)
    )


if __name__ == "__main__":
    main()
