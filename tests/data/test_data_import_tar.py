"""Tar shards become the records that they hold."""

import json
import tarfile

import pyarrow as pa
import pytest
from import_sources import (
    Imported,
    check_import,
    image_cells,
    picture,
    sample,
    stored_bytes,
    write,
    write_rows,
    write_samples,
    write_tar,
)

from memometer.data import load_records
from memometer.data.fingerprints import perceptual_hash
from memometer.data.images import open_image
from memometer.errors import SourceError
from memometer.files import hash_bytes


def test_tar_record_is_complete(tmp_path):
    tar = write_samples(tmp_path / "shards" / "0.tar", [7])
    found = Imported(tar, tmp_path / "out")
    (row,) = found.rows
    data = picture(7)
    with tarfile.open(tar) as plain:
        info = plain.getmember("s0007.png")
    nothing = ("label", "boxes", "scores", "group", "role", "image_row", "image_column")
    assert row == dict.fromkeys(nothing) | {
        "record_id": "s0007",
        "image_path": str(tar),
        "image_offset": info.offset_data,
        "image_length": info.size,
        "captions": ["picture 7", "again 7"],
        "objects": ["cat", "kind1"],
        "width": 16,
        "height": 12,
        "image_hash": hash_bytes(data),
        "image_phash": perceptual_hash(open_image(next(load_records(tmp_path / "out").image_refs()))),
    }
    assert stored_bytes(tmp_path / "out") == [data]
    summary = found.summary
    assert (summary.format, summary.n_files, summary.n_records, summary.n_rejected) == ("webdataset", 1, 1, 0)
    assert (summary.n_captions, summary.n_objects, summary.objects_from) == (2, 2, "source")
    assert (summary.width, summary.height) == ((16, 16, 16), (12, 12, 12))
    assert found.rejects == []


@pytest.mark.parametrize(
    ("files", "captions"),
    [
        ({"json": None, "txt": b"  a dog \n\nruns \n"}, ["a dog", "runs"]),
        ({"json": None, "caption": b"a dog"}, ["a dog"]),
        ({"json": b'{"caption": "one", "key": "0", "status": "success"}', "txt": b"one"}, ["one"]),
        ({"json": b'{"captions": ["one", " ", null, "two "]}', "txt": b"three"}, ["one", "two"]),
        ({"json": b'{"captions": [], "caption": "one"}'}, ["one"]),
        ({"json": b'{"url": "x"}', "txt": "\ufeffé".encode()}, ["é"]),
        ({"json": b'{"caption": "nul \\u0000 and \\u001b[31m"}'}, ["nul \0 and \x1b[31m"]),
    ],
)
def test_tar_captions(tmp_path, files, captions):
    source = write_tar(tmp_path / "0.tar", sample(1, **files))
    assert Imported(source, tmp_path / "out").captions == {"s0001": captions}


def test_tar_fields_by_option(tmp_path):
    content = {"alt": "one", "more": ["two"], "tags": "cat; dog", "boxes": [[0, 1, 2, 3], None], "scores": [1, 0.5]}
    content |= {"person": 3, "part": "train", "class": 17, "label": "not this"}
    source = write_tar(tmp_path / "0.tar", sample(1, json=json.dumps(content).encode()))
    names = {"captions": ("alt", "more"), "label": "class", "objects": "tags", "objects_separator": ";"}
    found = Imported(source, tmp_path / "out", fields={**names, "group": "person", "role": "part"})
    assert found.of("captions", "objects", "boxes", "scores", "label", "group", "role") == {
        "s0001": (["one", "two"], ["cat", "dog"], [[0, 1, 2, 3], None], [1, 0.5], "17", "3", "train")
    }


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ('"dog"', "dog"),
        ("3", "3"),
        ("3.0", "3"),
        ('["dog", "dog"]', "dog"),
        ('["dog", "cat"]', None),
        ("[]", None),
        ('" "', None),
        ("null", None),
        ("NaN", None),
    ],
)
def test_tar_label(tmp_path, label, expected):
    source = write_tar(tmp_path / "0.tar", sample(1, json=f'{{"caption": "x", "label": {label}}}'.encode()))
    assert Imported(source, tmp_path / "out").label == {"s0001": expected}


def test_the_usual_label_column_of_a_table_is_found(tmp_path):
    columns = {"image": image_cells(range(2), named=False), "text": ["x", "y"], "label": [4, None]}
    source = write_rows(tmp_path / "t.parquet", pa.table(columns))
    assert list(Imported(source, tmp_path / "out").label.values()) == ["4", None]
    with pytest.raises(SourceError, match="has no column 'class'; its columns are image, text, label"):
        Imported(source, tmp_path / "other", fields={"label": "class"})


def test_records_without_the_column_load_with_null_labels(tmp_path):
    write_rows(tmp_path / "records.parquet", pa.table({"record_id": ["a", "b"], "objects": [["cat"], None]}))
    assert load_records(tmp_path).column("label").to_pylist() == [None, None]


def test_tar_keys_are_webdatasets(tmp_path):
    members = {
        "./a/x.1.jpg": picture(5, format="JPEG"),
        "a/x.1.txt": b"a dot in the name",
        "a/y.seg.png": b"no image of its own",
        "a/y.PNG": picture(1),
        "a/y.txt": b"one",
        "b/y.png": picture(2),
        "b/y.txt": b"two",
        "b/y.pyd": b"\x80\x04never unpickled",
        "README.md": b"no sample",
        "b/._z.png": b"a Mac's shadow file",
        "./z.webp": picture(3, format="WEBP"),
        "./z.jpg": picture(4, format="JPEG"),
        "./z.txt": b"the first image counts",
    }
    left = {"further image of a sample": 2, ".md": 1, ".pyd": 1, "hidden file": 1}
    source = write_tar(tmp_path / "0.tar", list(members.items()))
    check_import(source, tmp_path / "out", {}, {"ids": ["a/x.1", "a/y", "b/y", "z"], "left_aside": left})
    kept = ("./a/x.1.jpg", "a/y.PNG", "b/y.png", "./z.webp")
    assert stored_bytes(tmp_path / "out") == [members[name] for name in kept]


@pytest.mark.parametrize("pattern", ["shards", "shards/*.tar", "shards/{00..02}.tar", "shards/{00,01,02}.tar"])
def test_shards_come_in_order(tmp_path, pattern):
    for shard in range(3):
        write_samples(tmp_path / "shards" / f"{shard:02d}.tar", range(shard * 2, shard * 2 + 2))
    write(tmp_path / "shards", {"00_stats.json": {}, "00.parquet": "img2dataset leaves one beside every shard"})
    found = Imported(tmp_path / pattern, tmp_path / "out")
    assert found.ids == [f"s{number:04d}" for number in range(6)]
    assert (found.summary.n_files, found.format) == (3, "webdataset")


def test_long_names_and_many_formats(tmp_path, monkeypatch):
    long = "d" * 80 + "/" + "é" * 120
    kinds = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "gif": "GIF", "bmp": "BMP", "tif": "TIFF"}
    members = []
    for suffix, kind in kinds.items():
        members += [(f"{long}{kind}.{suffix}", picture(1, format=kind)), (f"{long}{kind}.txt", b"x")]
    for layout in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        monkeypatch.setattr(tarfile, "DEFAULT_FORMAT", layout)
        source = write_tar(tmp_path / f"{layout}.tar", members)
        assert Imported(source, tmp_path / str(layout)).ids == [long + kind for kind in kinds.values()]
