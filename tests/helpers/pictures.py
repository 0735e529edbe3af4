"""Small records with real image files, and a small encoder that needs no model."""

import io
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image


def png_bytes(rng, size=12):
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (size, size, 3), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def write_picture_records(folder: Path, n: int, *, seed=0, bad=()) -> Path:
    """n records with one PNG each; the images at ``bad`` are cut in half."""
    rng = np.random.default_rng(seed)
    (folder / "pictures").mkdir(parents=True)
    for row in range(n):
        data = png_bytes(rng)
        (folder / "pictures" / f"{row:04d}.png").write_bytes(data[: len(data) // 2] if row in bad else data)
    table = {
        "record_id": [f"r{row:04d}" for row in range(n)],
        "image_path": [f"pictures/{row:04d}.png" for row in range(n)],
        "captions": pa.array([[f"picture {row}", f"again {row}"] for row in range(n)]),
    }
    pq.write_table(pa.table(table), folder / "records.parquet")
    return folder


def to_pixels(image):
    return np.asarray(image.convert("RGB").resize((4, 4)), np.uint8)


class PixelEncoder:
    """Projects pixels and letters; ``pause`` seconds per batch make it slow enough to be killed."""

    identity = "pixels"
    preprocess = staticmethod(to_pixels)

    def __init__(self, pause=0.0):
        self.pause = pause
        self.projection = np.random.default_rng(0).standard_normal((48, 5)).astype(np.float32)

    def encode_images(self, pixels):
        time.sleep(self.pause)
        return self._projected(pixels.reshape(len(pixels), -1).astype(np.float32))

    def encode_texts(self, texts):
        padded = np.zeros((len(texts), 48), np.float32)
        for row, text in enumerate(texts):
            letters = np.frombuffer(text.encode()[:48], np.uint8)
            padded[row, : len(letters)] = letters
        return self._projected(padded)

    def _projected(self, rows):
        """Row by row, since some processors round a product of matrices by the place of a row in its batch."""
        return np.stack([row @ self.projection for row in rows])


def python(*arguments):
    return [sys.executable, *map(str, arguments)]
