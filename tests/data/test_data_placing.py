"""Boxes end where they were drawn, whatever happened to the image since, or they are left out and counted."""

import csv
import dataclasses
import io
import json
import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from import_sources import picture, records, rejects, write_coco, write_tar
from PIL import Image, ImageOps

from memometer.data import ReaderOptions, import_records, load_records
from memometer.data.placing import LEFT_OUT, SCALED, TURNED, orientation_of, place_boxes
from memometer.data.sources.base import BadRecordError, Labels
from memometer.runs.manifest import describe_records

OPTIONAL = ReaderOptions(captions="optional")


def placed(box, *, size=None, width=64, height=48, orientation=1):
    found = place_boxes(Labels(["dog"], [box], size=size), width=width, height=height, orientation=orientation)
    return found.boxes[0], found.treatment


# --- photographs that EXIF turns ---


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_a_box_on_the_upright_photograph_is_turned_back_with_it(orientation):
    """Marks a box in the stored pixels; Pillow turns the photograph upright; the box that is seen there leads back."""
    pixels = np.zeros((48, 64), np.uint8)
    pixels[5:12, 20:50] = 255
    stored = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    stored.save(buffer, "PNG", exif=exif)
    image = Image.open(io.BytesIO(buffer.getvalue()))
    assert orientation_of(image) == orientation
    left, top, right, bottom = ImageOps.exif_transpose(image).getbbox()
    seen = [left, top, right - left, bottom - top]
    assert placed(seen, size=(48, 64), orientation=orientation) == ([20, 5, 30, 7], TURNED)
    half = [side / 2 for side in seen]
    assert placed(half, size=(24, 32), orientation=orientation) == ([20, 5, 30, 7], TURNED)


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_a_box_on_the_stored_photograph_stays(orientation):
    assert placed([1, 2, 3, 4], size=(64, 48), orientation=orientation) == ([1, 2, 3, 4], None)
    assert placed([1, 2, 3, 4], size=(128, 96), orientation=orientation) == ([0.5, 1, 1.5, 2], SCALED)


@pytest.mark.parametrize(
    ("orientation", "size", "width", "height"),
    [
        (6, None, 64, 48),
        (6, (1, 1), 64, 48),
        (6, (50, 50), 64, 48),
        (6, (64, 64), 64, 64),
        (6, (64, 640), 64, 48),
        (3, (64, 48), 64, 48),
        (2, None, 64, 48),
        (4, (64, 48), 64, 48),
    ],
)
def test_where_nothing_tells_the_boxes_are_left_out(orientation, size, width, height):
    labels = Labels(["dog", "cat", "dog"], [[0, 0, 1, 1], None, [0, 0, 1, 1]], size=size)
    found = place_boxes(labels, width=width, height=height, orientation=orientation)
    assert (found.boxes, found.treatment, found.n_treated) == ([None] * 3, LEFT_OUT, 2)


def test_images_without_boxes_are_nobodys_trouble():
    for labels in (Labels(), Labels(["dog"]), Labels(["dog"], [None]), Labels([], [])):
        assert place_boxes(labels, width=4, height=4, orientation=3).treatment is None


@pytest.mark.parametrize("exif", [b"", b"Exif\0\0", b"Exif\0\0MM\0*" + b"\xff" * 40, b"\0" * 20])
def test_damaged_exif_says_nothing(exif):
    image = Image.new("RGB", (4, 4))
    image.info["exif"] = exif
    assert orientation_of(image) == 1
    for value in (0, 9, 65535):
        image = Image.new("RGB", (4, 4))
        image.getexif()[0x0112] = value
        assert orientation_of(image) == 1


def jpeg(number, *, size, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    Image.open(io.BytesIO(picture(number, size=size))).save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


VOC = """<annotation><size><width>{0}</width><height>{1}</height></size><object><name>dog</name><bndbox><xmin>9</xmin>
<ymin>11</ymin><xmax>40</xmax><ymax>30</ymax></bndbox></object></annotation>"""


def test_the_import_counts_what_it_did(tmp_path):
    folder = tmp_path / "f"
    folder.mkdir()
    sizes = {"turned": (48, 64), "stored": (64, 48), "neither": (50, 50)}
    for name, size in sizes.items():
        (folder / f"{name}.jpg").write_bytes(jpeg(1, size=(64, 48), orientation=6))
        (folder / f"{name}.xml").write_text(VOC.format(*size))
    (folder / "scaled.jpg").write_bytes(jpeg(1, size=(32, 24), orientation=1))
    (folder / "scaled.xml").write_text(VOC.format(64, 48))
    summary = import_records(folder, tmp_path / "out", options=OPTIONAL)
    assert {row["record_id"]: row["boxes"] for row in records(tmp_path / "out")} == {
        "turned": [[10, 8, 20, 32]],
        "stored": [[8, 10, 32, 20]],
        "neither": [None],
        "scaled": [[4, 5, 16, 10]],
    }
    assert summary.boxes == {LEFT_OUT: 1, SCALED: 1, TURNED: 1}
    assert json.loads((tmp_path / "out" / "import.json").read_text())["summary"]["boxes"] == summary.boxes

    found = load_records(tmp_path / "out")
    described = describe_records(found, None, with_boxes=True)
    assert described["boxes"] == summary.boxes, "as the manifest of an audit that uses boxes has it"
    place = found.table.schema.get_field_index("boxes")
    nothing = pa.nulls(len(found), found.table.schema.field("boxes").type)
    others = dataclasses.replace(found, table=found.table.set_column(place, "boxes", nothing))
    assert describe_records(others, None, with_boxes=True)["hash"] != described["hash"]
    assert describe_records(others, None)["hash"] == describe_records(found, None)["hash"]


# --- boxes that are no place in the image, in every format ---

WIDTH, HEIGHT = 16, 12
IMPOSSIBLE = {
    "nan": [float("nan"), 0, 1, 1],
    "infinite": [0, 0, float("inf"), 1],
    "negative": [5, 5, -3, 4],
    "outside": [100, 0, 5, 5],
    "beside": [WIDTH, 0, 5, 5],
    "above": [0, -9, 5, 5],
    "beyond": [0, 1e30, 5, 5],
}
POSSIBLE = {"edge": [WIDTH, HEIGHT, 0, 0], "partly": [-2, -2, 5, 5], "larger": [-5, -5, 99, 99]}


def write_coco_boxes(root, boxes):
    images = {n: f"{name}.jpg" for n, name in enumerate(boxes)}
    captions = [(n, "x") for n in images]
    return write_coco(root, images, captions=captions, instances=[(n, 17, box) for n, box in enumerate(boxes.values())])


def write_sidecars(root, boxes):
    root.mkdir()
    for name, box in boxes.items():
        (root / f"{name}.png").write_bytes(picture(1))
        (root / f"{name}.json").write_text(json.dumps({"caption": "x", "objects": ["cat"], "boxes": [box]}))
    return root


def write_tar_boxes(root, boxes):
    members = []
    for name, box in boxes.items():
        content = {"caption": "x", "objects": ["cat"], "boxes": [box]}
        members += [(f"{name}.png", picture(1)), (f"{name}.json", json.dumps(content).encode())]
    return write_tar(root / "0.tar", members)


def write_csv_boxes(root, boxes):
    root.mkdir()
    for name in boxes:
        (root / f"{name}.png").write_bytes(picture(1))
    with (root / "t.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["filepath", "title", "record_id", "objects", "boxes"]])
        csv.writer(file).writerows([f"{name}.png", "x", name, "cat", json.dumps([box])] for name, box in boxes.items())
    return root / "t.csv"


def write_parquet_boxes(root, boxes):
    root.mkdir()
    columns = {
        "record_id": list(boxes),
        "image": [picture(number) for number in range(len(boxes))],
        "text": ["x"] * len(boxes),
    }
    columns |= {"objects": [["cat"]] * len(boxes), "boxes": [[list(map(float, box))] for box in boxes.values()]}
    pq.write_table(pa.table(columns), root / "t.parquet")
    return root / "t.parquet"


def write_voc_boxes(root, boxes):
    root.mkdir()
    for name, (x, y, width, height) in boxes.items():
        (root / f"{name}.png").write_bytes(picture(1))
        (root / f"{name}.txt").write_text("x")
        sides = {"xmin": x + 1, "ymin": y + 1, "xmax": x + width, "ymax": y + height}
        content = "".join(f"<{side}>{value}</{side}>" for side, value in sides.items())
        xml = f"<annotation><object><name>cat</name><bndbox>{content}</bndbox></object></annotation>"
        (root / f"{name}.xml").write_text(xml)
    return root


@pytest.mark.parametrize(
    "write",
    [write_coco_boxes, write_sidecars, write_tar_boxes, write_csv_boxes, write_parquet_boxes, write_voc_boxes],
)
def test_impossible_boxes_are_counted_alike_in_every_format(tmp_path, write):
    possible = {"partly": POSSIBLE["partly"], "larger": POSSIBLE["larger"]} if write is write_voc_boxes else POSSIBLE
    source = write(tmp_path / "in", IMPOSSIBLE | possible)
    summary = import_records(source, tmp_path / "out", max_rejects=1)
    kinds = {row["record_id"]: row["reason"].split(":")[0] for row in rejects(tmp_path / "out")}
    assert kinds == dict.fromkeys(IMPOSSIBLE, "impossible box")
    assert sum(summary.reasons.values()) == len(IMPOSSIBLE)
    assert {row["record_id"] for row in records(tmp_path / "out")} == set(possible)


@given(
    box=st.lists(st.floats(width=32) | st.integers(-(10**12), 10**12), min_size=4, max_size=4),
    size=st.none() | st.tuples(st.floats(0.5, 1e6), st.floats(0.5, 1e6)),
    orientation=st.integers(1, 8),
)
def test_any_box_ends_in_the_image_or_is_refused(box, size, orientation):
    try:
        found, _ = placed(box, size=size, orientation=orientation)
    except BadRecordError as error:
        assert str(error).startswith("impossible box: ")  # noqa: PT017 (either way is right)
        return
    if found is not None:
        x, y, width, height = found
        assert all(map(math.isfinite, found))
        assert min(width, height) >= 0
        assert x <= 64
        assert y <= 48
        assert min(x + width, y + height) >= 0


def test_sidecars_that_say_the_size(tmp_path):
    (tmp_path / "f").mkdir()
    for name, size in {"half": (32, 24), "same": (16, 12), "turned": (12, 16)}.items():
        content = {"objects": ["dog"], "boxes": [[2, 2, 4, 4]], "width": size[0], "height": size[1]}
        (tmp_path / "f" / f"{name}.json").write_text(json.dumps(content))
        (tmp_path / "f" / f"{name}.jpg").write_bytes(jpeg(1, size=(16, 12), orientation=6 if name == "turned" else 1))
    import_records(tmp_path / "f", tmp_path / "out", options=OPTIONAL)
    assert {row["record_id"]: row["boxes"] for row in records(tmp_path / "out")} == {
        "half": [[1, 1, 2, 2]],
        "same": [[2, 2, 4, 4]],
        "turned": [[2, 6, 4, 4]],
    }


def test_yolo_boxes_that_are_none(tmp_path):
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "classes.txt").write_text("dog\n")
    lines = {"good": "0 0.5 0.5 1 1", "nan": "0 nan 0.5 1 1", "negative": "0 0.5 0.5 -1 1", "outside": "0 3 3 1 1"}
    for name, line in lines.items():
        (tmp_path / "f" / f"{name}.png").write_bytes(picture(1))
        (tmp_path / "f" / f"{name}.txt").write_text(line)
    summary = import_records(tmp_path / "f", tmp_path / "out", options=OPTIONAL, max_rejects=1)
    assert summary.reasons == {"impossible box": 3}
    assert [(row["captions"], row["boxes"]) for row in records(tmp_path / "out")] == [([], [[0, 0, 16, 12]])]


def test_a_box_of_three_numbers_is_none():
    with pytest.raises(BadRecordError, match="impossible box"):
        placed([0, 0, -1, 5])
    assert placed([WIDTH, 0, 0, 0]) == ([WIDTH, 0, 0, 0], None)


# --- images of one colour ---


def test_images_of_one_colour_are_counted_and_named(tmp_path):
    members = []
    for number in range(5):
        buffer = io.BytesIO()
        Image.new("RGB", (8, 8), (number, 0, 0)).save(buffer, "PNG")
        members += [(f"{number}.png", buffer.getvalue()), (f"{number}.txt", b"x")]
    members += [("good.png", picture(1)), ("good.txt", b"x")]
    summary = import_records(write_tar(tmp_path / "0.tar", members), tmp_path / "out")
    assert (summary.n_records, summary.n_constant) == (6, 5)
    assert summary.remarks == ("5 images are of one colour, with nothing that a model could see: 0, 1, 2, …",)
    assert json.loads((tmp_path / "out" / "import.json").read_text())["summary"]["n_constant"] == 5
