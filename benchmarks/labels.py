"""Labels of COCO train2017's size from a file: 118,287 images, 860,001 boxes, with polygons, as one command."""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from common import record_section, table

N_IMAGES, N_BOXES = 118_287, 860_001


def write_world(folder):
    """The file, and records without labels."""
    rng = np.random.default_rng(0)
    ids = [f"{place:012d}" for place in range(N_IMAGES)]
    owners, classes = rng.integers(0, N_IMAGES, N_BOXES).tolist(), rng.integers(1, 81, N_BOXES).tolist()
    boxes = np.round(rng.random((N_BOXES, 4)) * [300, 200, 300, 200] + 1, 2).tolist()
    polygon = [[round(float(value), 2) for value in rng.random(40) * 300]]
    content = {
        "images": [
            {"id": place, "file_name": f"{name}.jpg", "width": 640, "height": 480} for place, name in enumerate(ids)
        ],
        "categories": [{"id": place, "name": f"class {place}"} for place in range(1, 81)],
        "annotations": [
            {
                "id": place,
                "image_id": owner,
                "category_id": kind,
                "iscrowd": 0,
                "area": 1.0,
                "bbox": box,
                "segmentation": polygon,
            }
            for place, (owner, kind, box) in enumerate(zip(owners, classes, boxes, strict=True))
        ],
    }
    (folder / "instances.json").write_text(json.dumps(content))
    (folder / "records").mkdir()
    sides = {side: pa.array([px] * N_IMAGES, pa.int32()) for side, px in (("width", 640), ("height", 480))}
    captions = pa.array([["a picture"]] * N_IMAGES)
    pq.write_table(pa.table({"record_id": ids, "captions": captions, **sides}), folder / "records" / "records.parquet")


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_world(folder)
        size = (folder / "instances.json").stat().st_size / 1e6
        words = ("annotate", folder / "records", "--with", f"coco:{folder / 'instances.json'}", "--out", folder / "out")
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "memometer", *map(str, words)], check=True, capture_output=True)
        wall, used = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    row = (f"{size:.0f} MB", f"{wall:.0f}", f"{used.ru_utime + used.ru_stime:.0f}", f"{used.ru_maxrss / 2**20:.2f}")
    record_section(
        "Labels from a file of COCO train2017's size",
        f"`memometer annotate --with coco:…` of {N_IMAGES:,} records, {N_BOXES:,} boxes with polygons. Command: `python benchmarks/labels.py`.\n\n"
        + table(("file", "wall, s", "processor, s", "peak, GiB"), [row])
        + "\n\nWanted: under 60 s and 2 GiB.",
        packages=("memometer", "pyarrow", "msgspec"),
    )


if __name__ == "__main__":
    main()
