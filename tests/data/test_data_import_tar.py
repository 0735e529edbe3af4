"""Tar shards become the records that they hold."""

import json
import tarfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from import_sources import (
    fields,
    ids,
    picture,
    records,
    rejects,
    sample,
    stored_bytes,
    write_samples,
    write_tar,
)

from memometer.data import import_records, load_records
from memometer.data.fingerprints import perceptual_hash
from memometer.data.images import open_image
from memometer.errors import SourceError
from memometer.files import hash_bytes


def test_tar_record_is_complete(tmp_path):
    tar = write_samples(tmp_path / "shards" / "0.tar", [7])
    summary = import_records(tar, tmp_path / "out")
    (row,) = records(tmp_path / "out")
    data = picture(7)
    assert row["record_id"] == "s0007"
    assert row["image_path"] == str(tar)
    assert row["captions"] == ["picture 7", "again 7"]
    assert row["objects"] == ["cat", "kind1"]
    assert row["label"] is None
    assert (row["width"], row["height"]) == (16, 12)
    assert row["image_hash"] == hash_bytes(data)
    with tarfile.open(tar) as plain:
        info = plain.getmember("s0007.png")
        assert (row["image_offset"], row["image_length"]) == (info.offset_data, info.size)
    assert stored_bytes(tmp_path / "out") == [data]
    assert row["image_phash"] == perceptual_hash(open_image(next(load_records(tmp_path / "out").image_refs())))
    assert row["boxes"] is row["scores"] is row["group"] is row["role"] is row["image_row"] is None
    assert (summary.format, summary.n_files, summary.n_records, summary.n_rejected) == ("webdataset", 1, 1, 0)
    assert (summary.n_captions, summary.n_objects, summary.objects_from) == (2, 2, "source")
    assert (summary.width, summary.height) == ((16, 16, 16), (12, 12, 12))
    assert rejects(tmp_path / "out") == []


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
    write_tar(tmp_path / "0.tar", sample(1, **files))
    import_records(tmp_path / "0.tar", tmp_path / "out")
    assert records(tmp_path / "out")[0]["captions"] == captions


def test_tar_fields_by_option(tmp_path):
    content = {"alt": "one", "more": ["two"], "tags": "cat; dog", "boxes": [[0, 1, 2, 3], None], "scores": [1, 0.5]}
    content |= {"person": 3, "part": "train", "class": 17, "label": "not this"}
    write_tar(tmp_path / "0.tar", sample(1, json=json.dumps(content).encode()))
    names = fields(
        captions=("alt", "more"), label="class", objects="tags", objects_separator=";", group="person", role="part"
    )
    import_records(tmp_path / "0.tar", tmp_path / "out", options=names)
    (row,) = records(tmp_path / "out")
    assert row["captions"] == ["one", "two"]
    assert row["objects"] == ["cat", "dog"]
    assert row["boxes"] == [[0, 1, 2, 3], None]
    assert row["scores"] == [1, 0.5]
    assert row["label"] == "17"
    assert (row["group"], row["role"]) == ("3", "train")


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
    write_tar(tmp_path / "0.tar", sample(1, json=f'{{"caption": "x", "label": {label}}}'.encode()))
    import_records(tmp_path / "0.tar", tmp_path / "out")
    assert records(tmp_path / "out")[0]["label"] == expected


@pytest.mark.parametrize("label", ['{"id": 3}', '[["dog"]]'])
def test_a_label_that_is_no_text_is_a_reject(tmp_path, label):
    write_tar(tmp_path / "0.tar", sample(1) + sample(2, json=f'{{"caption": "x", "label": {label}}}'.encode()))
    import_records(tmp_path / "0.tar", tmp_path / "out", max_rejects=0.5)
    (reject,) = rejects(tmp_path / "out")
    assert reject["reason"].startswith("label is not text: 'label' holds ")


def test_the_usual_label_column_of_a_table_is_found(tmp_path):
    images = [{"bytes": picture(number), "path": None} for number in range(2)]
    pq.write_table(pa.table({"image": images, "text": ["x", "y"], "label": [4, None]}), tmp_path / "t.parquet")
    import_records(tmp_path / "t.parquet", tmp_path / "out")
    assert [row["label"] for row in records(tmp_path / "out")] == ["4", None]
    with pytest.raises(SourceError, match="has no column 'class'; its columns are image, text, label"):
        import_records(tmp_path / "t.parquet", tmp_path / "other", options=fields(label="class"))


def test_records_without_the_column_load_with_null_labels(tmp_path):
    pq.write_table(pa.table({"record_id": ["a", "b"], "objects": [["cat"], None]}), tmp_path / "records.parquet")
    assert load_records(tmp_path).column("label").to_pylist() == [None, None]


def test_tar_keys_are_webdatasets(tmp_path):
    members = [
        ("./a/x.1.jpg", picture(5, format="JPEG")),
        ("a/x.1.txt", b"a dot in the name"),
        ("a/y.seg.png", b"no image of its own"),
        ("a/y.PNG", picture(1)),
        ("a/y.txt", b"one"),
        ("b/y.png", picture(2)),
        ("b/y.txt", b"two"),
        ("b/y.pyd", b"\x80\x04never unpickled"),
        ("README.md", b"no sample"),
        ("b/._z.png", b"a Mac's shadow file"),
        ("./z.webp", picture(3, format="WEBP")),
        ("./z.jpg", picture(4, format="JPEG")),
        ("./z.txt", b"the first image counts"),
    ]
    write_tar(tmp_path / "0.tar", members)
    summary = import_records(tmp_path / "0.tar", tmp_path / "out")
    assert ids(tmp_path / "out") == ["a/x.1", "a/y", "b/y", "z"]
    kept = [picture(5, format="JPEG"), picture(1), picture(2), picture(3, format="WEBP")]
    assert stored_bytes(tmp_path / "out") == kept
    assert rejects(tmp_path / "out") == []
    assert summary.left_aside == {"further image of a sample": 2, ".md": 1, ".pyd": 1, "hidden file": 1}


@pytest.mark.parametrize("pattern", ["shards", "shards/*.tar", "shards/{00..02}.tar", "shards/{00,01,02}.tar"])
def test_shards_come_in_order(tmp_path, pattern):
    for shard in range(3):
        write_samples(tmp_path / "shards" / f"{shard:02d}.tar", range(shard * 2, shard * 2 + 2))
    (tmp_path / "shards" / "00_stats.json").write_text("{}")
    (tmp_path / "shards" / "00.parquet").write_text("img2dataset leaves one beside every shard")
    summary = import_records(tmp_path / pattern, tmp_path / "out")
    assert ids(tmp_path / "out") == [f"s{number:04d}" for number in range(6)]
    assert (summary.n_files, summary.format) == (3, "webdataset")


def test_long_names_and_many_formats(tmp_path):
    long = "d" * 80 + "/" + "é" * 120
    kinds = {"a": "JPEG", "b": "PNG", "c": "WEBP", "d": "GIF", "e": "BMP", "f": "TIFF"}
    suffixes = {"a": "jpeg", "b": "png", "c": "webp", "d": "gif", "e": "bmp", "f": "tif"}
    members = [(f"{long}{key}.{suffixes[key]}", picture(1, format=kind)) for key, kind in kinds.items()]
    members = [pair for name, data in members for pair in ((name, data), (name.rsplit(".", 1)[0] + ".txt", b"x"))]
    for layout in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        tarfile.DEFAULT_FORMAT, before = layout, tarfile.DEFAULT_FORMAT
        try:
            write_tar(tmp_path / f"{layout}.tar", members)
        finally:
            tarfile.DEFAULT_FORMAT = before
        import_records(tmp_path / f"{layout}.tar", tmp_path / str(layout))
        assert ids(tmp_path / str(layout)) == [long + key for key in kinds]
