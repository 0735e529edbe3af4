"""Folders and shards as people have them: what is a photograph, and that every file is counted."""

import json

import numpy as np
import pytest
from import_sources import (
    OPTIONAL,
    Imported,
    encoded,
    ids,
    picture,
    rejects,
    sample,
    write,
    write_pictures,
    write_rows,
    write_tar,
)
from PIL import Image

from memometer.data import ReaderOptions, import_records
from memometer.errors import SourceError

# --- masks


MASK = Image.fromarray(np.eye(12, 16, dtype=np.uint8) * 255)


@pytest.mark.parametrize(
    ("photo", "mask"),
    [
        ("1.jpg", "1.bmp"),
        ("1.jpg", "1_mask.png"),
        ("images/1.jpg", "masks/1.png"),
        ("train/1.jpg", "train_masks/1_mask.gif"),
        ("JPEGImages/1.jpg", "SegmentationClass/1.png"),
    ],
)
def test_a_mask_is_no_photograph(tmp_path, photo, mask):
    flat = encoded(MASK, mask.rpartition(".")[2].upper())
    files = {photo: picture(1, format="JPEG"), mask: flat, photo.replace("jpg", "txt"): "a dog"}
    found = Imported(write(tmp_path / "f", files), tmp_path / "out")
    (row,) = found.rows
    assert row["image_path"].endswith(photo)
    assert row["captions"] == ["a dog"]
    assert found.left_aside == {"mask of another image": 1}


def test_photographs_of_people_with_masks_are_no_masks(tmp_path):
    write_pictures(tmp_path / "f", ["with_mask/1.png", "without/1.png"])
    assert Imported(tmp_path / "f", tmp_path / "out", captions="optional").ids == ["with_mask/1", "without/1"]


# --- accounting


@pytest.mark.parametrize("suffix", ["jfif", "jpe", "JPG", "pjpeg", ""])
def test_every_suffix_of_an_image_counts(tmp_path, suffix):
    files = {f"a.{suffix}".rstrip("."): picture(1, format="JPEG"), "a.txt": b"x"}
    for source in (write(tmp_path / "f", files), write_tar(tmp_path / "0.tar", list(files.items()))):
        assert Imported(source, tmp_path / f"of {source.name}").ids == ["a"]


def test_an_image_that_cannot_be_decoded_is_a_reject(tmp_path):
    write(tmp_path / "f", {"a.heic": b"\0\0\0\x18ftypheic", "a.txt": "x", "b.png": picture(1), "b.txt": "y"})
    found = Imported(tmp_path / "f", tmp_path / "out", max_rejects=1)
    assert [row["record_id"] for row in found.rejects] == ["a"]


def test_files_beside_shards_are_counted(tmp_path):
    write_tar(tmp_path / "s" / "00000.tar", sample(1))
    beside = {"00000.parquet": b"PAR1", "00000_stats.json": {}, "00000.idx": "", ".DS_Store": "", "x.png": ""}
    found = Imported(write(tmp_path / "s", beside), tmp_path / "out")
    assert found.left_aside == {
        ".idx": 1, ".json": 1, ".parquet": 1, "hidden file": 1, "image of no record": 1,
    }  # fmt: skip
    assert json.loads((tmp_path / "out" / "import.json").read_text())["summary"]["left_aside"] == found.left_aside
    assert any("--format folder" in remark for remark in found.remarks)


def test_metadata_beside_images_is_no_source(tmp_path):
    write(tmp_path / "f", {"00000/1.png": picture(1), "00000/1.txt": "a dog", "00000_stats.json": {}})
    write_rows(tmp_path / "f" / "00000.parquet", [{"url": "x", "key": "1", "caption": "a dog"}])
    found = Imported(tmp_path / "f", tmp_path / "out")
    assert (found.format, found.ids) == ("folder", ["00000/1"])
    assert found.left_aside == {".json of no image": 1, ".parquet": 1}
    assert any("--format parquet" in remark for remark in found.remarks)


NAMES = ["a.png", "a.txt", "a.json", "b.png", "b.1.png", "b.txt", "c.xml", "d.idx", ".h", "e", "k.png.txt", "k.png",
         "f.seg.png", "f.png", "g.cls", "h.caption", "i.csv", "j.v2.txt", "j.png"]  # fmt: skip


def content_of(name, rng):
    if name.endswith("png") or name == "e":
        return picture(int(rng.integers(99)))
    return b'{"caption": "x"}' if name.endswith("json") else b"<annotation/>" if name.endswith("xml") else b"x"


@pytest.mark.parametrize("kind", ["tar", "folder"])
@pytest.mark.parametrize("seed", range(12))
def test_every_file_is_a_part_of_a_record_or_a_reject_or_is_counted(tmp_path, kind, seed):
    rng = np.random.default_rng(seed)
    names = [f"{folder}{name}" for folder in ("", "x/") for name in rng.permutation(NAMES)[: int(rng.integers(3, 18))]]
    files = {**{name: content_of(name.split("/")[-1], rng) for name in names}, "ok.png": picture(1), "ok.txt": b"x"}
    source = write_tar(tmp_path / "0.tar", list(files.items())) if kind == "tar" else write(tmp_path / "f", files)
    summary = import_records(source, tmp_path / "out", options=OPTIONAL, max_rejects=1)
    stems = set(ids(tmp_path / "out"))
    refused = {row["record_id"] for row in rejects(tmp_path / "out")}
    images = [name for name in files if name.endswith("png") or name.split("/")[-1] == "e"]
    extra = sum(n for what, n in summary.left_aside.items() if what.startswith(("further image", "mask")))
    assert len(stems) + extra == len(images)
    texts = [name for name in files if name not in images]
    rest = [name for name in texts if not belongs(name, stems) and name.rsplit(".", 1)[0] not in refused]
    assert sum(summary.left_aside.values()) - extra == len(rest)


def belongs(name, stems):
    """Whether a text is read with a record; ``a.png.txt`` is not where there is ``a.txt``, nor is ``d.idx`` ever."""
    stem, suffix = name.rsplit(".", 1)
    if suffix not in {"txt", "json", "xml", "cls", "caption"} or name.split("/")[-1].startswith("."):
        return False
    return stem in stems or stem.removesuffix(".png") in stems or any(other.startswith(f"{stem}.") for other in stems)


def test_cvats_own_xml_is_named_for_what_it_is(pictures):
    (pictures / "annotations.xml").write_text("<?xml version='1.0'?><annotations><version>1.1</version></annotations>")
    summary = import_records(pictures, pictures / "out", options=ReaderOptions(captions="optional"))
    assert any("annotations.xml; CVAT's own XML is not read: export" in remark for remark in summary.remarks)
    with pytest.raises(SourceError, match="CVAT's own XML is not read"):
        import_records(pictures / "annotations.xml", pictures / "other")
