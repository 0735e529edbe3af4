"""Image folders become records; sources and options that are none are refused at once."""

import numpy as np
import pytest
from import_sources import Imported, write, write_pictures, write_rows, write_samples
from PIL import Image

from memometer.data import import_records
from memometer.data.fingerprints import perceptual_hash
from memometer.data.images import MAX_PIXELS
from memometer.errors import InputError, SourceError


def test_folder_with_template(tmp_path):
    write_pictures(tmp_path / "f", ["train/golden_retriever/1.png", "train/cat/1.png", "top.png", ".hidden/x.png"])
    found = Imported(tmp_path / "f", tmp_path / "out", caption_template="a photo of a {label}", max_rejects=0.5)
    assert found.ids == ["train/cat/1", "train/golden_retriever/1"]
    told = found.of("captions", "objects", "label")["train/golden_retriever/1"]
    assert told == (["a photo of a golden retriever"], ["golden_retriever"], "golden_retriever")
    assert found.reasons == {"no caption": 1}


def test_folder_with_texts(tmp_path):
    write_pictures(tmp_path / "f", ["cat/1.png", "cat/2.png", "cat/3.png", "flat.png"])
    texts = {"cat/1.txt": "a cat", "flat.txt": "flat", "cat/2.json": {"captions": ["b"], "objects": ["sofa"]}}
    write(tmp_path / "f", texts | {"cat/3.json": {"captions": ["c"], "label": "tomcat"}})
    assert Imported(tmp_path / "f", tmp_path / "out", label_from="folder").of("captions", "label", "objects") == {
        "cat/1": (["a cat"], "cat", ["cat"]),
        "cat/2": (["b"], "cat", ["sofa"]),
        "cat/3": (["c"], "tomcat", ["cat"]),
        "flat": (["flat"], None, None),
    }


def test_folder_without_captions_says_what_to_do(tmp_path):
    write_pictures(tmp_path / "f", ["cat/1.png", "cat/2.png"])
    write(tmp_path / "f", {"README.txt": "beside no image"})
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
        ("t.csv", r"its columns are url, title; column 'url' has addresses, .*--image-column 'url'"),
        ("u.csv", r"no column 'title' for captions; its columns are image, url; pass --caption-column"),
        ("empty.csv", "no header|is empty"),
        ("fake.parquet", "cannot be read as Parquet"),
        ("coco", "pass their folder with --images FOLDER, or choose other splits"),
    ],
)
def test_wrong_sources_stop_at_once(tmp_path, source, message):
    for shard in range(2):
        write_samples(tmp_path / "shards" / f"{shard:02d}.tar", [shard])
    (tmp_path / "empty").mkdir()
    coco = {"images": [{"id": 1, "file_name": "1.jpg"}], "annotations": [{"image_id": 1, "caption": "x"}]}
    files = {
        "notes.md": "no data",
        "x.tar.gz": b"\x1f\x8b",
        "gz.tar": b"\x1f\x8b\x08\x00",
        "t.csv": "url,title\nhttp://x,y\n",
        "u.csv": "image,url\nx,y\n",
        "empty.csv": "",
        "fake.parquet": "PAR1 but no more",
        "coco/annotations/captions_val2017.json": coco,
    }
    write(tmp_path, files)
    with pytest.raises(SourceError, match=message):
        import_records(tmp_path / source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "lmdb"}, "unknown format 'lmdb'; memometer reads webdataset, csv"),
        ({"splits": ("a",)}, "read as webdataset, where --split means nothing; it is for coco"),
        ({"caption_template": "x"}, "--caption-template means nothing"),
        ({"format": "folder"}, "read from one folder"),
        ({"format": "csv", "separator": ";;"}, "the separator is ';;'"),
        ({"format": "csv", "fields": {"image": "img"}}, "was read as delimited text and is none"),
    ],
)
def test_wrong_options_stop_at_once(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        Imported(write_samples(tmp_path / "0.tar", [1]), tmp_path / "out", **options)


def test_image_column_of_another_type(tmp_path):
    with pytest.raises(SourceError, match="is double; expected paths, bytes"):
        import_records(write_rows(tmp_path / "t.parquet", [{"image": 1.5, "text": "x"}]), tmp_path / "out")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "F", "I"])
def test_every_mode_has_a_hash(mode):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 40), dtype=np.uint8)
    image = (
        Image.fromarray(pixels).convert("RGB").convert(mode) if mode != "I;16" else Image.fromarray(pixels.astype("u2"))
    )
    assert 0 <= perceptual_hash(image) < 2**64
    assert MAX_PIXELS >= 50_000_000
