"""Small sources of every kind, drawn in a folder of the test, and what an import made of them."""

import io
import json
import struct
import tarfile
import zlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from memometer.data import Fields, ReaderOptions, import_records, load_records
from memometer.data.images import read_image_bytes

OPTIONAL = ReaderOptions(captions="optional")
STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
OF_IMPORT = {"objects", "vocabulary", "max_rejects", "limit", "workers", "overwrite"}


def encoded(image, kind, **options):
    """An image as bytes of a format."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def write(folder, files):
    """Files of a folder by name: bytes, text, or what becomes JSON."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str | bytes) else json.dumps(content)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def put(path, content):
    """Writes one such file; its path."""
    return write(path.parent, {path.name: content}) / path.name


def write_rows(path, rows, **options):
    """Rows (dicts, or an Arrow table) in the format that the path's suffix names; the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(rows)
    kind = path.suffix[1:]
    if kind == "parquet":
        pq.write_table(content, path, **options)
    elif kind == "arrow":
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, content.schema) as writer:
            writer.write_table(content, **options)
    elif kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in content.to_pylist()))
    else:
        separator = "\t" if kind == "tsv" else ","
        lines = [content.column_names, *(map(str, row.values()) for row in content.to_pylist())]
        path.write_text("".join(separator.join(line) + "\n" for line in lines))
    return path


def image_cells(numbers, *, named=True):
    """Pictures as Hugging Face's datasets keep them in a column."""
    cells = [{"bytes": picture(n), "path": f"{n}.png" if named else None} for n in numbers]
    return pa.array(cells, STRUCT)


def picture(number=0, *, size=(16, 12), format="PNG"):
    """Encoded bytes of a picture that depends on ``number``."""
    pixels = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return encoded(Image.fromarray(pixels), format)


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


def write_tar(path, members, mode="w"):
    """A tar of (name, bytes) members; returns the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as tar:
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


def write_pictures(folder, names):
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(number))


def table(folder, name, text, *, encoding="utf-8"):
    """Writes a table as text; its path."""
    (folder / name).write_bytes(text.encode(encoding))
    return folder / name


class Imported:
    """An import: what its summary tells and what its folder holds, each by its name.

    Args:
        source: what is read.
        out: the folder of records.
        options: of the import and of the reader; ``fields`` as a dict of names.

    Attributes:
        summary: of the import; its reasons, left_aside, remarks, format and objects_from stand here too.
        rows: of the records; each of their columns is here by its name, record id → value.
        ids: of the records, in order.
        rejects: rows of the rejects; ``why`` has the kinds of their reasons and ``members`` their places, in order.
    """

    def __init__(self, source, out, **options):
        of_import = {name: options.pop(name) for name in OF_IMPORT & options.keys()}
        options["fields"] = Fields(**options.get("fields", {}))
        self.summary = import_records(source, out, options=ReaderOptions(**options), **of_import)
        self.rows, self.ids, self.rejects = records(out), ids(out), rejects(out)
        self.why = [row["reason"].partition(":")[0] for row in self.rejects]
        self.members = [row["member"] for row in self.rejects]
        for name in ("captions", "label", "objects", "boxes", "role"):
            setattr(self, name, {row["record_id"]: row[name] for row in self.rows})
        for name in ("format", "reasons", "left_aside", "remarks", "objects_from"):
            setattr(self, name, getattr(self.summary, name))

    def of(self, *columns):
        """Record id → the values of some columns."""
        return {row["record_id"]: tuple(row[name] for name in columns) for row in self.rows}


def check_import(source, out, options, expected):
    """Imports, and compares what a case names, by `Imported`'s names; nothing is rejected unless it names rejects."""
    rejected = {"reasons", "why", "members"} & expected.keys()
    found = Imported(source, out, max_rejects=float(bool(rejected)), **options)
    assert {name: vars(found)[name] for name in expected} == expected
