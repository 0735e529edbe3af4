"""Memory, disk and processor time of a whole VL-Déjà-Vu audit after embedding, by stage and by number of records.

Records of 8 objects with a caption, vectors of 64 dimensions that exist already, both on disk; another process audits
them and writes the report. A thread of that process looks every 20 ms at what its main thread is doing and how much
memory it holds, so no stage has to be told. A stage's exponent is that of processor time in records, between the two
largest sizes.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from common import record_section

SIZES = (100_000, 1_000_000)
N_PUBLIC, DIM, LABELS, OBJECTS, BATCH = 5_000, 64, 400, 8, 250_000

AUDIT = """
import json, resource, sys, threading, time
from pathlib import Path

STAGES = {
    "load_records": "load", "check": "check", "open": "keys", "embed_texts": "vectors of captions",
    "prepare_public": "vectors of images", "kept_search": "search", "direction_of": "scoring", "planted_among": "planted",
    "duplicates_across_roles": "duplicates", "summarise": "gaps", "label_errors": "label errors",
    "build_gallery": "gallery", "leaking_objects": "objects", "samples": "samples", "nearest": "neighbours",
    "samples_of": "samples", "nearest_of": "neighbours", "beside": "references", "agreement": "references",
    "parts": "load", "save": "writing", "write_report": "report",
}
seen, done = {}, threading.Event()

def stage_of(frame):
    name = "rest"
    while frame is not None:
        if "memometer" in frame.f_code.co_filename and frame.f_code.co_name in STAGES:
            return STAGES[frame.f_code.co_name]
        frame = frame.f_back
    return name

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

def watch(main):
    wall, cpu = time.perf_counter(), time.process_time()
    while not done.wait(0.02):
        now, used = time.perf_counter(), time.process_time()
        stage = seen.setdefault(stage_of(sys._current_frames().get(main)), [0.0, 0.0, 0])
        stage[0] += now - wall
        stage[1] += used - cpu
        stage[2] = max(stage[2], resident())
        wall, cpu = now, used

from memometer import audit_vl_dejavu, write_report
folder, out, *roles = sys.argv[1:]
import memometer.measures.vl_dejavu.audit, memometer.report.page
base = resident()
threading.Thread(target=watch, args=(threading.main_thread().ident,), daemon=True).start()
start = time.perf_counter()
audit = audit_vl_dejavu(
    target=f"embeddings:{folder}/target", reference=f"embeddings:{folder}/reference", records=f"{folder}/records",
    public=f"{folder}/public", out=out, images=False,
)
report = write_report(audit, Path(out) / "report.html")
done.set()
stages = sum(path.stat().st_size for path in (Path(out) / "stages").rglob("*") if path.is_file())
tables = sum(path.stat().st_size for path in Path(out).glob("*.*"))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"base": base, "peak": peak, "seconds": time.perf_counter() - start, "stages": stages,
                  "tables": tables, "by_stage": seen}))
"""


def write_records(folder: Path, prefix: str, n: int, rng: np.random.Generator) -> None:
    """Records with a caption that names two of their objects, a batch at a time."""
    folder.mkdir(parents=True)
    names = pa.array([f"object{label}" for label in range(LABELS)])
    schema = pa.schema(
        [("record_id", pa.string()), ("captions", pa.list_(pa.string())), ("objects", pa.list_(pa.string()))]
    )
    with pq.ParquetWriter(folder / "records.parquet", schema) as writer:
        for start in range(0, n, BATCH):
            rows = np.arange(start, min(start + BATCH, n))
            labels = (LABELS * rng.random((len(rows), OBJECTS)) ** 2).astype(np.int32)
            flat = names.take(pa.array(labels.ravel()))
            offsets = pa.array(np.arange(len(rows) + 1, dtype=np.int32) * OBJECTS)
            captions = [f"a photo of object{one} and object{other}" for one, other in labels[:, :2].tolist()]
            columns = [
                pa.array([f"{prefix}{row:08d}" for row in rows.tolist()]),
                pa.ListArray.from_arrays(pa.array(np.arange(len(rows) + 1, dtype=np.int32)), pa.array(captions)),
                pa.ListArray.from_arrays(offsets, flat),
            ]
            writer.write_table(pa.table(columns, schema=schema))


def write_vectors(path: Path, prefix: str, n: int, rng: np.random.Generator) -> None:
    """(n, DIM) float16 normal vectors, a batch at a time, with their ids beside them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=(n, DIM))
    schema = pa.schema([("record_id", pa.string())])
    with pq.ParquetWriter(path.with_suffix(".parquet"), schema) as writer:
        for start in range(0, n, BATCH):
            rows = range(start, min(start + BATCH, n))
            array[rows.start : rows.stop] = rng.standard_normal((len(rows), DIM), np.float32)
            writer.write_table(pa.table([pa.array([f"{prefix}{row:08d}" for row in rows])], schema=schema))
    array.flush()


def write_input(folder: Path, n: int) -> None:
    """Everything that an audit of n records reads."""
    rng = np.random.default_rng(0)
    write_records(folder / "records", "r", n, rng)
    write_records(folder / "public", "p", N_PUBLIC, rng)
    for model in ("target", "reference"):
        write_vectors(folder / model / "images.npy", "p", N_PUBLIC, rng)
        write_vectors(folder / model / "texts.npy", "r", n, rng)


def audited(n: int, folder: Path) -> dict:
    """What an audit of n records needs."""
    if not (folder / "reference" / "texts.npy").exists():
        write_input(folder, n)
    with tempfile.TemporaryDirectory(dir=folder) as out:
        words = [sys.executable, "-c", AUDIT, str(folder), f"{out}/run"]
        run = subprocess.run(words, check=False, capture_output=True, text=True)
        if run.returncode:
            raise SystemExit(run.stderr[-4000:])
        return json.loads(run.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--folder", type=Path, help="keep the input here")
    parser.add_argument("--dry", action="store_true", help="print, and leave RESULTS.md as it is")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        found = {n: audited(n, (asked.folder or Path(scratch)) / str(n)) for n in sorted(asked.sizes)}
    text = table(found)
    print(text)
    if not asked.dry:
        record_section("Memory of an audit", text)


def table(found: dict[int, dict]) -> str:
    """The results as Markdown."""
    sizes = list(found)
    large = sizes[-1]
    head = "".join(f" {n:,} |" for n in sizes)
    rows = [f"| what |{head}", f"|---|{'---|' * len(sizes)}"]

    def row(name, value):
        rows.append(f"| {name} |" + "".join(f" {value(found[n], n)} |" for n in sizes))

    row("peak resident memory, GiB", lambda each, _: f"{each['peak'] / 2**30:.2f}")
    row("less what importing takes, bytes a record", lambda each, n: f"{(each['peak'] - each['base']) / n:,.0f}")
    row("stages on disk, bytes a record", lambda each, n: f"{each['stages'] / n:,.0f}")
    row("the run's files, bytes a record", lambda each, n: f"{each['tables'] / n:,.0f}")
    row("wall clock, s", lambda each, _: f"{each['seconds']:,.0f}")
    rows += ["", f"| stage | processor s at {large:,} | peak, bytes a record | exponent |", "|---|---|---|---|"]
    for stage, (_, cpu, peak) in sorted(found[large]["by_stage"].items(), key=lambda each: -each[1][1]):
        before = found[sizes[-2]]["by_stage"].get(stage, (0, 0, 0))[1] if len(sizes) > 1 else 0
        power = math.log(cpu / before) / math.log(large / sizes[-2]) if cpu > 0.5 and before > 0.1 else math.nan
        each = (peak - found[large]["base"]) / large
        rows.append(f"| {stage} | {cpu:,.1f} | {each:,.0f} | {'–' if math.isnan(power) else f'{power:.2f}'} |")
    return (
        f"A VL-Déjà-Vu audit of two models after embedding, report included: {OBJECTS} objects a record, {LABELS} "
        f"labels, {N_PUBLIC:,} public images, {DIM} dimensions, k = 10 and the sweep to 100, one direction. A stage's "
        "peak is what the whole process holds while the stage runs. Command: `python benchmarks/audit_memory.py`.\n\n"
        + "\n".join(rows)
    )


if __name__ == "__main__":
    main()
