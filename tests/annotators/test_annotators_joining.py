"""Which records labels of a file belong to, and where their boxes are on the stored images."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from import_sources import OPTIONAL, image_cells, write_pictures, write_rows, write_samples, write_tar
from PIL import Image

from memometer import annotate
from memometer.annotators.boxes import clip_boxes
from memometer.data import import_records
from memometer.data.sources.class_names import load_class_names


def labelled(records, tmp_path, rows, *, columns="image,label"):
    """Labels by record id, and the summary."""
    (tmp_path / "labels.csv").write_text("\n".join([columns, *rows]) + "\n")
    summary = annotate(records=records, with_=f"table:{tmp_path / 'labels.csv'}", out=tmp_path / "out", overwrite=True)
    found = pq.read_table(tmp_path / "out" / "records.parquet").to_pylist()
    return {row["record_id"]: row["objects"] for row in found if row["objects"]}, summary


def test_images_in_tars_join_by_the_name_of_their_member_or_its_key(tmp_path):
    write_samples(tmp_path / "shards" / "a.tar", range(4))
    import_records(tmp_path / "shards" / "a.tar", tmp_path / "records")
    rows = ["s0000.png,one", "photos/s0001.png,two", "s0002,three", "s0003.v2.png,four", "s0009.png,five"]
    found, summary = labelled(tmp_path / "records", tmp_path, rows)
    assert found == {"s0000": ["one"], "s0001": ["two"], "s0002": ["three"], "s0003": ["four"]}
    assert "1 images of the file are no record's" in summary.remarks


def test_samples_of_several_tars_are_told_apart_by_their_folders(tmp_path):
    from import_sources import picture

    for name in ("a", "b"):
        members = [(f"{name}/1.png", picture(ord(name))), (f"{name}/1.txt", b"a picture")]
        write_tar(tmp_path / "shards" / f"{name}.tar", members)
    import_records(str(tmp_path / "shards" / "*.tar"), tmp_path / "records")
    found, summary = labelled(
        tmp_path / "records", tmp_path, ["x/a/1.png,one", "b/1,two", "c/1.png,three", "1.png,four"]
    )
    assert found == {"a/1": ["one"], "b/1": ["two"]}
    assert "2 images of the file could be of several records, or share one" in summary.remarks


def test_images_in_tables_join_by_what_their_cells_are_called(tmp_path):
    for part, numbers in (("x", range(3)), ("y", range(2, 4))):
        table = pa.table({"image": image_cells(numbers), "caption": [f"picture {n}" for n in numbers]})
        write_rows(tmp_path / "set" / f"{part}.parquet", table)
    import_records(tmp_path / "set", tmp_path / "records")
    found, summary = labelled(
        tmp_path / "records", tmp_path, ["0.png,zero", "photos/1.png,one", "2.png,two", "3,three"]
    )
    assert found == {"x/000000000": ["zero"], "x/000000001": ["one"], "y/000000001": ["three"]}
    assert (
        "1 images of the file could be of several records, or share one" in summary.remarks
    )  # both tables have a 2.png
    assert labelled(tmp_path / "records", tmp_path, ["y/000000000,two"])[0] == {"y/000000000": ["two"]}


@pytest.fixture
def folders(tmp_path):
    """Records of photographs that share their names, in folders."""
    write_pictures(tmp_path / "photos", ["cat/1.png", "dog/1.png", "dog/2.png", "x/cat/3.png", "y/dog/3.png"])
    import_records(tmp_path / "photos", tmp_path / "records", options=OPTIONAL)
    return tmp_path / "records"


def test_an_id_goes_before_a_name_and_stands_in_for_one(tmp_path):
    write_pictures(tmp_path / "photos", ["a/b/r2.png", "a/b/x.png"])
    table = pa.table({"record_id": ["r1", "r2"], "image_path": ["photos/a/b/r2.png", "photos/a/b/x.png"]})
    (tmp_path / "records").mkdir()
    pq.write_table(table, tmp_path / "records" / "records.parquet")
    rows = ["r1,one", "photos/a/b/r2.png,two", "r2,three"]
    found, summary = labelled(tmp_path / "records", tmp_path, rows)
    assert found == {"r1": ["one"], "r2": ["three"]}
    assert "1 images of the file could be of several records, or share one" in summary.remarks
    assert labelled(tmp_path / "records", tmp_path, ["labels/r1.png,one"])[0] == {"r1": ["one"]}


@pytest.mark.parametrize(
    ("rows", "expected", "unclear"),
    [
        (["cat/1.png,a", "dog/1.png,b"], {"cat/1": ["a"], "dog/1": ["b"]}, 0),
        (["C:\\photos\\cat\\1.png,a"], {"cat/1": ["a"]}, 0),
        (["/else/photos/dog/1.jpg,a"], {"dog/1": ["a"]}, 0),
        (["1.png,a"], {}, 1),  # two records could be meant
        (["yak/1.png,a", "2.png,b"], {"dog/2": ["b"]}, 1),
        (["yak/2.png,a", "gnu/2.png,b", "dog/1.png,c"], {"dog/1": ["c"]}, 2),  # one of them, and nothing says which
        (["yak/2.png,a", "dog/2.png,b"], {"dog/2": ["b"]}, 1),  # the other is of another file of that name
        (["ab12cd34-2.png,a"], {"dog/2": ["a"]}, 0),
        (["x/dog/3.png,a"], {"y/dog/3": ["a"]}, 0),  # what counts is how far they agree from the end
        (["2.jpg,a", "dog/1.png,c"], {"dog/2": ["a"], "dog/1": ["c"]}, 0),
    ],
)
def test_names_that_several_files_share_are_told_apart_by_folders(folders, tmp_path, rows, expected, unclear):
    if not expected:
        rows = [*rows, "cat/1.png,z"]
        expected = {"cat/1": ["z"]}
    found, summary = labelled(folders, tmp_path, rows)
    assert found == expected
    said = f"{unclear} images of the file could be of several records, or share one"
    assert (said in summary.remarks) == (unclear > 0)


@pytest.mark.parametrize(
    ("orientation", "box"), [(6, [10, 8, 20, 32]), (8, [34, 8, 20, 32]), (1, [32 / 3, 7.5, 128 / 3, 15])]
)
def test_boxes_on_an_upright_photograph_are_turned_back_with_it(tmp_path, orientation, box):
    exif = Image.Exif()
    exif[0x0112] = orientation
    (tmp_path / "photos").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photos" / "1.jpg", exif=exif)
    import_records(tmp_path / "photos", tmp_path / "records", options=OPTIONAL)
    content = {
        "images": [{"id": 1, "file_name": "1.jpg", "width": 48, "height": 64}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": [8, 10, 32, 20]}],
        "categories": [{"id": 1, "name": "dog"}],
    }
    (tmp_path / "boxes.json").write_text(json.dumps(content))
    summary = annotate(records=tmp_path / "records", with_=f"coco:{tmp_path / 'boxes.json'}", out=tmp_path / "out")
    (row,) = pq.read_table(tmp_path / "out" / "records.parquet").to_pylist()
    assert row["boxes"] == [pytest.approx(box, abs=1e-4)]
    what = "turned with the photograph (EXIF)" if orientation > 1 else "scaled to the stored image"
    assert summary.boxes == {what: 1}


def test_shares_of_an_image_whose_size_is_not_known_are_told(folders, tmp_path):
    table = pq.read_table(folders / "records.parquet").drop_columns(["width", "height"])
    (tmp_path / "bare").mkdir()
    pq.write_table(table, tmp_path / "bare" / "records.parquet")
    rows = ["cat/1.png,a,0.1,0.1,0.5,0.5", "dog/1.png,b,3,4,5,6", "dog/2.png,c,,,,"]
    found, summary = labelled(tmp_path / "bare", tmp_path, rows, columns="image,label,x,y,w,h")
    assert found == {"dog/1": ["b"], "dog/2": ["c"]}
    assert summary.boxes == {"left out: a share of an image whose size the records do not have": 1}


def test_boxes_are_clipped_by_one_rule():
    rng = np.random.default_rng(0)
    corners = rng.uniform(-5, 15, (500, 4))
    corners[rng.random((500, 4)) < 0.02] = np.nan
    sizes = rng.uniform(2, 12, (500, 2))
    boxes, kept, clipped = clip_boxes(corners, sizes)
    for (left, top, right, bottom), (width, height), box, stays, cut in zip(
        corners.tolist(), sizes.tolist(), boxes.tolist(), kept, clipped, strict=True
    ):
        near, far = (max(left, 0.0), max(top, 0.0)), (min(right, width), min(bottom, height))
        whole = not np.isnan([left, top, right, bottom]).any()
        assert stays == (whole and far[0] > near[0] and far[1] > near[1])
        if stays:
            assert box == pytest.approx([*near, far[0] - near[0], far[1] - near[1]])
            assert cut == (near != (left, top) or far != (right, bottom))
    assert 0 < clipped.sum() < kept.sum() < 500


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("/m/01,Person\n/m/02,Cat\n", {"/m/01": "Person", "/m/02": "Cat"}),
        (
            'LabelName,DisplayName\n/m/01,"Person, of any age"\n/g/2,Cat\n',
            {"/m/01": "Person, of any age", "/g/2": "Cat"},
        ),
        ("n01440764 tench, Tinca tinca\n", {"n01440764": "tench"}),
    ],
)
def test_names_of_classes_are_read_as_open_images_and_imagenet_write_them(tmp_path, text, names):
    (tmp_path / "names.csv").write_text(text)
    assert load_class_names(tmp_path / "names.csv").names == names


TREES = {
    "Ultralytics": ("yolo:", "images/{}/1.png", "labels/{}/1.txt"),
    "Ultralytics, by its labels": ("yolo:labels", "images/{}/1.png", "labels/{}/1.txt"),
    "Roboflow": ("yolo:", "{}/images/1.png", "{}/labels/1.txt"),
    "beside the images": ("yolo:", "{}/1.png", "{}/1.txt"),
    "Pascal VOC by folders": ("voc:Annotations", "JPEGImages/{}/1.png", "Annotations/{}/1.xml"),
    "Pascal VOC of two years": ("voc:", "{}/JPEGImages/1.png", "{}/Annotations/1.xml"),
}
"""Which labels, where the images of two splits lie, and where their labels."""


@pytest.mark.parametrize(("with_", "image", "label"), TREES.values(), ids=TREES)
def test_labels_of_two_splits_whose_files_share_their_names_go_to_their_own(tmp_path, with_, image, label):
    tree = tmp_path / "tree"
    write_pictures(tree, [image.format(split) for split in ("train", "valid")])
    texts = {"train": ("0", "cat"), "valid": ("1", "dog")}
    for split, (number, name) in texts.items():
        xml = f"<annotation><object><name>{name}</name></object></annotation>"
        path = tree / label.format(split)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(xml if path.suffix == ".xml" else f"{number} 0.5 0.5 0.2 0.2\n")
    (tree / "data.yaml").write_text("names: [cat, dog]\n")
    import_records(tree, tmp_path / "records", options=OPTIONAL)
    kind, _, place = with_.partition(":")
    annotate(records=tmp_path / "records", with_=f"{kind}:{tree / place}", out=tmp_path / "out")
    found = pq.read_table(tmp_path / "out" / "records.parquet").to_pylist()
    assert {split: row["objects"] for row in found for split in texts if split in row["image_path"]} == {
        "train": ["cat"],
        "valid": ["dog"],
    }
