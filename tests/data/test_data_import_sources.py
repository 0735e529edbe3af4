"""Image folders become records; sources and options that are none are refused at once."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from import_sources import picture, records, write_pictures, write_samples
from PIL import Image

from memometer.data import Fields, ReaderOptions, import_records
from memometer.data.fingerprints import perceptual_hash
from memometer.data.images import MAX_PIXELS
from memometer.errors import InputError, SourceError


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
    import_records(tmp_path / "f", tmp_path / "out", options=ReaderOptions(label_from="folder"))
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
        (
            "t.csv",
            r"its columns are url, title; column 'url' has addresses, .*--image-column 'url'",
        ),
        ("u.csv", r"no column 'title' for captions; its columns are image, url; pass --caption-column"),
        ("empty.csv", "no header|is empty"),
        ("fake.parquet", "cannot be read as Parquet"),
        ("coco", "pass their folder with --images FOLDER, or choose other splits"),
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
    (tmp_path / "coco" / "annotations" / "captions_val2017.json").write_text(
        '{"images": [{"id": 1, "file_name": "1.jpg"}], "annotations": [{"image_id": 1, "caption": "x"}]}'
    )
    with pytest.raises(SourceError, match=message):
        import_records(tmp_path / source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (ReaderOptions(format="lmdb"), "unknown format 'lmdb'; memometer reads webdataset, csv"),
        (ReaderOptions(splits=("a",)), "read as webdataset, where --split means nothing; it is for coco"),
        (ReaderOptions(caption_template="x"), "--caption-template means nothing"),
        (ReaderOptions(format="folder"), "read from one folder"),
        (ReaderOptions(format="csv", separator=";;"), "the separator is ';;'"),
        (ReaderOptions(format="csv", fields=Fields(image="img")), "was read as delimited text and is none"),
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
