"""Every kind of source is recognised, and becomes the records that it holds."""

import json
import tarfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from import_sources import picture, records, rejects, sample, write_coco, write_samples, write_tar
from PIL import Image

from memometer.data import Fields, ReaderOptions, import_records, load_records
from memometer.data.fingerprints import perceptual_hash
from memometer.data.images import MAX_PIXELS, open_image, read_image_bytes
from memometer.errors import InputError, SourceError
from memometer.files import hash_bytes


def ids(folder):
    return [row["record_id"] for row in records(folder)]


def stored_bytes(folder):
    return [read_image_bytes(ref) for ref in load_records(folder).image_refs()]


def fields(**names):
    return ReaderOptions(fields=Fields(**names))


# --- tar shards ---


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
        ({"json": None, "txt": b"  a dog\nruns \n"}, ["a dog\nruns"]),
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
        ("./a/x.1.jpg", b"ignored: the suffix is .1.jpg"),
        ("a/y.seg.png", b"ignored"),
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
    import_records(tmp_path / "0.tar", tmp_path / "out")
    assert ids(tmp_path / "out") == ["a/y", "b/y", "z"]
    assert stored_bytes(tmp_path / "out") == [picture(1), picture(2), picture(3, format="WEBP")]
    assert rejects(tmp_path / "out") == []


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


# --- CSV and TSV ---


def write_pictures(folder, names):
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(number))


@pytest.mark.parametrize(
    ("name", "text", "options"),
    [
        ("t.csv", 'filepath,title\nimages/0.png,"a cat, black"\nimages/1.png,"line\none"\n', {}),
        ("t.csv", 'filepath\ttitle\nimages/0.png\ta cat, black\nimages/1.png\t"line\none"\n', {}),
        ("t.tsv", 'filepath\ttitle\nimages/0.png\ta cat, black\nimages/1.png\t"line\none"\n', {}),
        (
            "t.csv",
            '\ufefffilepath;title\r\nimages/0.png;a cat, black\r\n\r\nimages/1.png;"line\none"',
            {"separator": ";"},
        ),
        ("t.data", 'filepath\ttitle\nimages/0.png\ta cat, black\nimages/1.png\t"line\none"\n', {"format": "tsv"}),
    ],
)
def test_delimited(tmp_path, name, text, options):
    write_pictures(tmp_path, ["images/0.png", "images/1.png"])
    (tmp_path / name).write_text(text, newline="")
    summary = import_records(tmp_path / name, tmp_path / "out", options=ReaderOptions(**options))
    rows = records(tmp_path / "out")
    assert [row["record_id"] for row in rows] == ["images/0", "images/1"]
    assert [row["captions"] for row in rows] == [["a cat, black"], ["line\none"]]
    assert [row["image_path"] for row in rows] == [str(tmp_path / "images" / f"{n}.png") for n in range(2)]
    assert stored_bytes(tmp_path / "out") == [picture(0), picture(1)]
    assert summary.objects_from is None
    assert rows[0]["objects"] is None


def test_delimited_columns_by_option(tmp_path):
    write_pictures(tmp_path, ["0.png", "1.png"])
    head, first, second = "img,a,b,tags,who,part,n,of", "0.png,x,y,cat|dog|,p,train,9, cat", "1.png,,z,,q,val,8,"
    (tmp_path / "t.csv").write_text(f"{head}\n{first}\n{second}\n")
    names = fields(
        image="img",
        captions=("b", "a"),
        label="of",
        objects="tags",
        objects_separator="|",
        group="who",
        role="part",
        record_id="n",
    )
    import_records(tmp_path / "t.csv", tmp_path / "out", options=names)
    rows = records(tmp_path / "out")
    assert [row["record_id"] for row in rows] == ["9", "8"]
    assert [row["captions"] for row in rows] == [["y", "x"], ["z"]]
    assert [row["objects"] for row in rows] == [["cat", "dog"], []]
    assert [row["label"] for row in rows] == ["cat", None]
    assert [(row["group"], row["role"]) for row in rows] == [("p", "train"), ("q", "val")]


def test_delimited_ids_from_paths(tmp_path):
    write_pictures(tmp_path, ["a/1.png", "b/1.v2.png", "c.png"])
    (tmp_path / "t.csv").write_text(f"filepath,title\n./a/1.png,x\n{tmp_path}/b/1.v2.png,x\nc.png,x\n")
    import_records(tmp_path / "t.csv", tmp_path / "out")
    assert ids(tmp_path / "out") == ["a/1", "b/1.v2", "c"]


def test_delimited_pieces_join_without_seam(tmp_path, monkeypatch):
    monkeypatch.setattr("memometer.data.sources.delimited.PIECE_ROWS", 3)
    write_pictures(tmp_path, ["0.png"])
    rows = "".join(f'0.png,"é {number}\n""q""",{number}\n' for number in range(10))
    (tmp_path / "t.csv").write_text("filepath,title,record_id\n" + rows)
    import_records(tmp_path / "t.csv", tmp_path / "out")
    assert ids(tmp_path / "out") == [str(number) for number in range(10)]
    assert records(tmp_path / "out")[7]["captions"] == ['é 7\n"q"']


def test_images_below_the_records_are_stored_relative(tmp_path):
    write_pictures(tmp_path / "out", ["images/0.png"])
    (tmp_path / "out" / "t.csv").write_text("filepath,title\nimages/0.png,x\n")
    import_records(tmp_path / "out" / "t.csv", tmp_path / "out")
    assert records(tmp_path / "out")[0]["image_path"] == "images/0.png"
    (tmp_path / "out").rename(tmp_path / "moved")
    assert stored_bytes(tmp_path / "moved") == [picture(0)]


# --- Parquet ---


def test_parquet_of_paths(tmp_path):
    write_pictures(tmp_path, ["0.png", "1.png"])
    table = {"filepath": ["0.png", "1.png"], "captions": [["x", "y"], ["z"]], "objects": [["cat"], None], "id": [4, 5]}
    pq.write_table(pa.table(table), tmp_path / "t.parquet")
    import_records(tmp_path / "t.parquet", tmp_path / "out", options=fields(record_id="id"))
    rows = records(tmp_path / "out")
    assert [row["record_id"] for row in rows] == ["4", "5"]
    assert [row["captions"] for row in rows] == [["x", "y"], ["z"]]
    assert [row["objects"] for row in rows] == [["cat"], None]
    assert stored_bytes(tmp_path / "out") == [picture(0), picture(1)]


@pytest.mark.parametrize("kind", ["bytes", "struct"])
@pytest.mark.parametrize("piece_rows", [2_048, 2])
def test_parquet_of_bytes(tmp_path, monkeypatch, kind, piece_rows):
    monkeypatch.setattr("memometer.data.sources.parquet.PIECE_ROWS", piece_rows)
    cells = [picture(number) for number in range(8)]
    image = cells if kind == "bytes" else [{"bytes": cell, "path": None} for cell in cells]
    (tmp_path / "data").mkdir()
    for part in range(2):
        table = pa.table({"image": image[part * 4 : part * 4 + 4], "text": [f"t{part}{row}" for row in range(4)]})
        pq.write_table(table, tmp_path / "data" / f"train-{part}.parquet", row_group_size=3)
    import_records(tmp_path / "data", tmp_path / "out")
    rows = records(tmp_path / "out")
    assert [row["record_id"] for row in rows] == [f"train-{p}/{r:09d}" for p in range(2) for r in range(4)]
    assert [row["captions"] for row in rows] == [[f"t{p}{r}"] for p in range(2) for r in range(4)]
    assert [(row["image_row"], row["image_column"]) for row in rows[:2]] == [(0, "image"), (1, "image")]
    assert stored_bytes(tmp_path / "out") == cells


def test_parquet_row_groups_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr("memometer.data.sources.parquet.MAX_GROUP_BYTES", 1_000)
    pq.write_table(pa.table({"image": [picture(0), picture(1)], "text": ["x", "y"]}), tmp_path / "t.parquet")
    with pytest.raises(SourceError, match="row_group_size=1000"):
        import_records(tmp_path / "t.parquet", tmp_path / "out")
    assert not (tmp_path / "out").exists()


# --- COCO ---


def test_coco(tmp_path):
    root = write_coco(
        tmp_path / "coco",
        {9: "000000000009.jpg", 25: "000000000025.jpg", 30: "000000000030.jpg", 34: "000000000034.jpg"},
        captions=[(25, "b"), (9, "a1 "), (9, "a2"), (34, "d"), (77, "of no image")],
        instances=[
            (25, 18, [1, 2, 3.5, 4]),
            (9, 17, [0, 0, 5, 5]),
            (25, 17, [9, 9, 1]),
            (25, 18, [5, 5, 5, 5]),
            (9, 99, [0] * 4),
        ],
    )
    (root / "val2017" / "000000000034.jpg").unlink()
    summary = import_records(root, tmp_path / "out", max_rejects=1)
    rows = records(tmp_path / "out")
    assert [row["record_id"] for row in rows] == ["000000000009", "000000000025"]
    assert [row["captions"] for row in rows] == [["a1", "a2"], ["b"]]
    assert [row["objects"] for row in rows] == [["cat"], ["dog", "cat", "dog"]]
    assert rows[1]["boxes"] == [[1, 2, 3.5, 4], None, [5, 5, 5, 5]]
    assert summary.reasons == {"missing image": 1, "no caption": 1}
    assert {row["record_id"] for row in rejects(tmp_path / "out")} == {"000000000030", "000000000034"}


def test_coco_splits_and_images_without_instances(tmp_path):
    root = tmp_path / "coco"
    write_coco(root, {1: "1.jpg", 2: "2.jpg"}, captions=[(1, "x"), (2, "y")], instances=[(1, 17, [0, 0, 1, 1])])
    write_coco(root, {3: "3.jpg"}, captions=[(3, "z")], instances=[], split="train2017")
    (root / "annotations" / "instances_train2017.json").unlink()
    both = import_records(root, tmp_path / "both")
    assert [row["objects"] for row in records(tmp_path / "both")] == [None, ["cat"], []]
    assert (both.n_files, both.n_without_objects) == (3, 2)
    import_records(root, tmp_path / "one", options=ReaderOptions(splits=("train2017",)))
    assert ids(tmp_path / "one") == ["3"]
    with pytest.raises(SourceError, match=r"no split 'test2017'; its splits are train2017, val2017"):
        import_records(root, tmp_path / "none", options=ReaderOptions(splits=("test2017",)))


def test_coco_keeps_the_order_of_captions_and_boxes(tmp_path):
    captions = [(1 + n % 3, f"caption {n}") for n in range(120)]
    instances = [(1 + n % 3, 17 + n % 2, [n, 0, 1, 1]) for n in range(120)]
    write_coco(tmp_path / "coco", {n: f"{n}.jpg" for n in (1, 2, 3)}, captions=captions, instances=instances)
    import_records(tmp_path / "coco", tmp_path / "out")
    for row in records(tmp_path / "out"):
        image = int(row["record_id"])
        assert row["captions"] == [text for id_, text in captions if id_ == image]
        assert row["boxes"] == [box for id_, _, box in instances if id_ == image]


# --- image folders ---


def test_folder_with_template(tmp_path):
    write_pictures(tmp_path / "f", ["train/golden_retriever/1.png", "train/cat/1.png", "top.png"])
    (tmp_path / "f" / ".hidden").mkdir()
    (tmp_path / "f" / ".hidden" / "x.png").write_bytes(picture())
    options = ReaderOptions(caption_template="a photo of a {label}")
    summary = import_records(tmp_path / "f", tmp_path / "out", options=options, max_rejects=0.5)
    rows = {row["record_id"]: row for row in records(tmp_path / "out")}
    assert list(rows) == ["train/cat/1", "train/golden_retriever/1"]
    assert rows["train/golden_retriever/1"]["captions"] == ["a photo of a golden retriever"]
    assert rows["train/golden_retriever/1"]["objects"] == ["golden_retriever"]
    assert rows["train/golden_retriever/1"]["label"] == "golden_retriever"
    assert summary.reasons == {"no caption": 1}


def test_folder_with_texts(tmp_path):
    write_pictures(tmp_path / "f", ["cat/1.png", "cat/2.png", "cat/3.png", "flat.png"])
    (tmp_path / "f" / "cat" / "1.txt").write_text("a cat")
    (tmp_path / "f" / "cat" / "2.json").write_text('{"captions": ["b"], "objects": ["sofa"]}')
    (tmp_path / "f" / "cat" / "3.json").write_text('{"captions": ["c"], "label": "tomcat"}')
    (tmp_path / "f" / "flat.txt").write_text("flat")
    import_records(tmp_path / "f", tmp_path / "out")
    found = {row["record_id"]: (row["captions"], row["label"], row["objects"]) for row in records(tmp_path / "out")}
    assert found == {
        "cat/1": (["a cat"], "cat", ["cat"]),
        "cat/2": (["b"], "cat", ["sofa"]),
        "cat/3": (["c"], "tomcat", ["cat"]),
        "flat": (["flat"], None, None),
    }


def test_folder_without_captions_says_what_to_do(tmp_path):
    write_pictures(tmp_path / "f", ["cat/1.png", "cat/2.png"])
    (tmp_path / "f" / "README.txt").write_text("beside no image")
    with pytest.raises(SourceError, match=r"none of the 2 images .* --caption-template 'a photo of a \{label\}'"):
        import_records(tmp_path / "f", tmp_path / "out")


# --- the source as a whole ---


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nowhere/x.tar", r"nothing at .*nowhere/x.tar: .* exists and holds .*empty.csv"),
        ("shards/{00..03}.tar", r"2 of the 4 files of .* are missing, e.g. .*02.tar"),
        ("shards/*.csv", "there is nothing at"),
        ("shards/{3..1}.tar", r"the range \{3..1\}"),
        ("notes.md", "cannot tell the format"),
        ("x.tar.gz", "decompress it to a plain .tar"),
        ("gz.tar", "is compressed"),
        ("empty", "found no records in .*empty, which holds nothing"),
        ("{t.csv,shards/00.tar}", "one format; got csv, webdataset"),
        ("t.csv", r"no column 'filepath' for images; its columns are url, title; pass --image-column"),
        ("u.csv", r"no column 'title' for captions; its columns are image, url; pass --caption-column"),
        ("empty.csv", "no header|is empty"),
        ("fake.parquet", "cannot be read as Parquet"),
        ("coco", "download it, or choose other splits"),
    ],
)
def test_wrong_sources_stop_at_once(tmp_path, source, message):
    for shard in range(2):
        write_samples(tmp_path / "shards" / f"{shard:02d}.tar", [shard])
    (tmp_path / "notes.md").write_text("no data")
    (tmp_path / "x.tar.gz").write_bytes(b"\x1f\x8b")
    (tmp_path / "gz.tar").write_bytes(b"\x1f\x8b\x08\x00")
    (tmp_path / "empty").mkdir()
    (tmp_path / "t.csv").write_text("url,title\nhttp://x,y\n")
    (tmp_path / "u.csv").write_text("image,url\nx,y\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "fake.parquet").write_text("PAR1 but no more")
    (tmp_path / "coco" / "annotations").mkdir(parents=True)
    (tmp_path / "coco" / "annotations" / "captions_val2017.json").write_text("{}")
    with pytest.raises(SourceError, match=message):
        import_records(tmp_path / source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["", "{bad", "[1]", '{"images": []}', '{"images": [{"id": "x"}]}', '{"images": 3}'])
def test_malformed_coco_stops_at_once(tmp_path, text):
    root = write_coco(tmp_path / "coco", {1: "1.jpg"}, captions=[(1, "x")], instances=[])
    (root / "annotations" / "captions_val2017.json").write_text(text)
    with pytest.raises(SourceError, match=r"captions_val2017.json (cannot be read as|is not a) COCO"):
        import_records(root, tmp_path / "out")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (ReaderOptions(format="lmdb"), "unknown format 'lmdb'; memometer reads webdataset, csv"),
        (ReaderOptions(splits=("a",)), "read as webdataset, where --split means nothing; it is for coco"),
        (ReaderOptions(caption_template="x"), "--caption-template means nothing"),
        (ReaderOptions(format="coco"), "read from one folder"),
        (ReaderOptions(format="csv", separator=";;"), "the separator is ';;'"),
        (ReaderOptions(format="csv", fields=Fields(image="img")), "no column 'img'"),
    ],
)
def test_wrong_options_stop_at_once(tmp_path, options, message):
    write_samples(tmp_path / "0.tar", [1])
    with pytest.raises(InputError, match=message):
        import_records(tmp_path / "0.tar", tmp_path / "out", options=options)


def test_image_column_of_another_type(tmp_path):
    pq.write_table(pa.table({"image": [1.5], "text": ["x"]}), tmp_path / "t.parquet")
    with pytest.raises(SourceError, match="is double; expected paths, bytes"):
        import_records(tmp_path / "t.parquet", tmp_path / "out")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "F", "I"])
def test_every_mode_has_a_hash(mode):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 40), dtype=np.uint8)
    image = (
        Image.fromarray(pixels).convert("RGB").convert(mode) if mode != "I;16" else Image.fromarray(pixels.astype("u2"))
    )
    assert 0 <= perceptual_hash(image) < 2**64
    assert MAX_PIXELS >= 50_000_000
