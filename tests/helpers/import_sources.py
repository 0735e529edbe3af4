"""Small sources of every kind, drawn in a folder of the test, and what an import made of them."""

import io
import json
import struct
import tarfile
import zlib

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

from memometer.data import Fields, ReaderOptions, load_records
from memometer.data.images import read_image_bytes

OPTIONAL = ReaderOptions(captions="optional")


def options(**more):
    """Options of a source that may lack captions."""
    return ReaderOptions(captions="optional", **more)


def encoded(image, kind):
    """An image as bytes of a format."""
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def write(folder, files):
    """Files of a folder by name: bytes or text."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def picture(number=0, *, size=(16, 12), format="PNG"):
    """Encoded bytes of a picture that depends on ``number``."""
    pixels = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format)
    return buffer.getvalue()


def bomb():
    """A PNG of a few hundred bytes that says it is 50,000 × 50,000 px."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(6251) * 100)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def sample(number, **changes):
    """Members of one good tar sample; ``changes`` replace the content of a suffix, None leaves it out."""
    content = {"captions": [f"picture {number}", f"again {number}"], "objects": ["cat", f"kind{number % 3}"]}
    members = {"png": picture(number), "json": json.dumps(content).encode(), **changes}
    return [(f"s{number:04d}.{suffix}", data) for suffix, data in members.items() if data is not None]


def write_tar(path, members):
    """A tar of (name, bytes) members; returns the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def write_samples(path, numbers, *more):
    """A tar of good samples, and then others (lists of members)."""
    return write_tar(path, [member for part in ([sample(n) for n in numbers] + list(more)) for member in part])


def write_coco(root, images, *, captions, instances, split="val2017"):
    """A COCO folder. Captions are (image id, text), instances (image id, category id, box); id → file name."""
    (root / "annotations").mkdir(parents=True, exist_ok=True)
    (root / split).mkdir(exist_ok=True)
    listing = [{"id": id_, "file_name": name, "license": 1} for id_, name in images.items()]
    texts = [{"id": n, "image_id": id_, "caption": text} for n, (id_, text) in enumerate(captions)]
    boxes = [
        {"image_id": id_, "category_id": kind, "bbox": box, "segmentation": [[1, 2.5]] if n % 2 else {"counts": [1]}}
        for n, (id_, kind, box) in enumerate(instances)
    ]
    categories = [{"id": 17, "name": "cat"}, {"id": 18, "name": "dog"}]
    files = {
        f"captions_{split}": {"info": {}, "images": listing, "annotations": texts},
        f"instances_{split}": {"images": listing, "annotations": boxes, "categories": categories},
    }
    for name, content in files.items():
        (root / "annotations" / f"{name}.json").write_text(json.dumps(content))
    for id_, name in images.items():
        (root / split / name).write_bytes(picture(id_, format="JPEG"))
    return root


def records(folder):
    """Rows of ``records.parquet`` as dicts."""
    return pq.read_table(folder / "records.parquet").to_pylist()


def rejects(folder):
    """Rows of ``rejects.parquet`` as dicts."""
    return pq.read_table(folder / "rejects.parquet").to_pylist()


def ids(folder):
    return [row["record_id"] for row in records(folder)]


def stored_bytes(folder):
    return [read_image_bytes(ref) for ref in load_records(folder).image_refs()]


def fields(**names):
    return ReaderOptions(fields=Fields(**names))


def write_pictures(folder, names):
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(number))


def table(folder, name, text, *, encoding="utf-8"):
    """Writes a table as text; its path."""
    (folder / name).write_bytes(text.encode(encoding))
    return folder / name


def captions(folder):
    """Record id → captions."""
    return {row["record_id"]: row["captions"] for row in records(folder)}


def labels(folder):
    """record_id → its label and objects."""
    return {row["record_id"]: (row["label"], row["objects"]) for row in records(folder)}
