"""Photograph-like JPEGs, and records of them for a training."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageFilter

from memometer.data.records import RECORD_SCHEMA
from memometer.engines import default_workers

JPEG_QUALITY = 92

WORDS = [
    "a",
    "the",
    "red",
    "blue",
    "small",
    "large",
    "dog",
    "cat",
    "boat",
    "tree",
    "kite",
    "lamp",
    "drum",
    "frog",
    "rose",
    "man",
    "woman",
    "child",
    "sits",
    "stands",
    "runs",
]


def photograph(rng: np.random.Generator) -> Image.Image:
    """Smooth noise of 500 × 375 px, which as a JPEG takes some 50 kB, as web images of this size do."""
    return _enlarged(_coarse(rng))


def _coarse(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)


def _enlarged(coarse: np.ndarray) -> Image.Image:
    return Image.fromarray(coarse).resize((500, 375), Image.Resampling.BICUBIC).filter(ImageFilter.DETAIL)


def _write(path: Path, coarse: np.ndarray) -> None:
    _enlarged(coarse).save(path, quality=JPEG_QUALITY)


def write_records(folder: Path, *, n: int, n_held: int) -> None:
    """Photograph-like JPEGs with five captions each, and a variant of every second image."""
    rng = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    pixels = [_coarse(rng) for _ in range(n + n_held)]
    paths = [folder / "images" / f"{row:05d}.jpg" for row in range(n + n_held)]
    with ThreadPoolExecutor(default_workers()) as pool:
        list(pool.map(_write, paths, pixels))
    rows = []
    for row in range(n + n_held):
        captions = [" ".join(rng.choice(WORDS, 11)) for _ in range(5)]
        rows.append(
            {
                "record_id": f"r{row:05d}",
                "image_path": f"images/{row:05d}.jpg",
                "captions": captions,
                "role": "held" if row >= n else "train",
            }
        )
    pq.write_table(pa.Table.from_pylist(rows, schema=RECORD_SCHEMA), folder / "records.parquet")
    others = [{"record_id": f"r{row:05d}", "path": f"images/{(row + 1) % n:05d}.jpg"} for row in range(0, n, 2)]
    pq.write_table(pa.Table.from_pylist(others), folder / "variants.parquet")
