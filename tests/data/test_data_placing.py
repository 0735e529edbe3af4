"""Boxes end where they were drawn, whatever happened to the image since, or they are left out and counted."""

import dataclasses
import io
import json
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from import_sources import Imported, check_import, encoded, picture, write, write_coco, write_rows, write_tar
from PIL import Image, ImageOps

from memometer.data import import_records, load_records
from memometer.data.placing import LEFT_OUT, SCALED, TURNED, orientation_of, place_boxes
from memometer.data.sources.base import BadRecordError, Labels
from memometer.runs.manifest import describe_records


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
    return encoded(Image.open(io.BytesIO(picture(number, size=size))), "JPEG", exif=exif)


VOC = """<annotation><size><width>{0}</width><height>{1}</height></size><object><name>dog</name><bndbox><xmin>9</xmin>
<ymin>11</ymin><xmax>40</xmax><ymax>30</ymax></bndbox></object></annotation>"""


def test_the_import_counts_what_it_did(tmp_path):
    folder = tmp_path / "f"
    sizes = {"turned": (48, 64), "stored": (64, 48), "neither": (50, 50)}
    for name, size in sizes.items():
        write(folder, {f"{name}.jpg": jpeg(1, size=(64, 48), orientation=6), f"{name}.xml": VOC.format(*size)})
    write(folder, {"scaled.jpg": jpeg(1, size=(32, 24), orientation=1), "scaled.xml": VOC.format(64, 48)})
    made = Imported(folder, tmp_path / "out", captions="optional")
    assert made.boxes == {
        "turned": [[10, 8, 20, 32]],
        "stored": [[8, 10, 32, 20]],
        "neither": [None],
        "scaled": [[4, 5, 16, 10]],
    }
    summary = made.summary
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


def write_boxes(root, boxes, kind):
    """A source whose records have one box each, by name."""
    if kind == "coco":
        images = {n: f"{name}.jpg" for n, name in enumerate(boxes)}
        instances = [(n, 17, box) for n, box in enumerate(boxes.values())]
        return write_coco(root, images, captions=[(n, "x") for n in images], instances=instances)
    if kind == "parquet":
        rows = [
            {"record_id": name, "image": picture(n), "text": "x", "objects": ["cat"], "boxes": [list(map(float, box))]}
            for n, (name, box) in enumerate(boxes.items())
        ]
        return write_rows(root / "t.parquet", rows)
    files = {f"{name}.png": picture(1) for name in boxes}
    if kind == "csv":
        cells = ((f"{name}.png", "x", name, "cat", json.dumps([box])) for name, box in boxes.items())
        lines = ["filepath;title;record_id;objects;boxes", *map(";".join, cells)]
        return write(root, files | {"t.csv": "\n".join(lines) + "\n"}) / "t.csv"
    if kind == "voc":
        return write_voc_boxes(write(root, files), boxes)
    contents = {f"{name}.json": {"caption": "x", "objects": ["cat"], "boxes": [box]} for name, box in boxes.items()}
    if kind == "tar":
        members = files | {name: json.dumps(content).encode() for name, content in contents.items()}
        return write_tar(root / "0.tar", list(members.items()))
    return write(root, files | contents)


def write_voc_boxes(root, boxes):
    for name, (x, y, width, height) in boxes.items():
        sides = {"xmin": x + 1, "ymin": y + 1, "xmax": x + width, "ymax": y + height}
        content = "".join(f"<{side}>{value}</{side}>" for side, value in sides.items())
        xml = f"<annotation><object><name>cat</name><bndbox>{content}</bndbox></object></annotation>"
        write(root, {f"{name}.txt": "x", f"{name}.xml": xml})
    return root


@pytest.mark.parametrize("kind", ["coco", "sidecars", "tar", "csv", "parquet", "voc"])
def test_impossible_boxes_are_counted_alike_in_every_format(tmp_path, kind):
    possible = {"partly": POSSIBLE["partly"], "larger": POSSIBLE["larger"]} if kind == "voc" else POSSIBLE
    found = Imported(write_boxes(tmp_path / "in", IMPOSSIBLE | possible, kind), tmp_path / "out", max_rejects=1)
    assert {row["record_id"] for row in found.rejects} == IMPOSSIBLE.keys()
    assert set(found.why) == {"impossible box"}
    assert sum(found.reasons.values()) == len(IMPOSSIBLE)
    assert set(found.ids) == set(possible)


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
    for name, size in {"half": (32, 24), "same": (16, 12), "turned": (12, 16)}.items():
        content = {"objects": ["dog"], "boxes": [[2, 2, 4, 4]], "width": size[0], "height": size[1]}
        image = jpeg(1, size=(16, 12), orientation=6 if name == "turned" else 1)
        write(tmp_path / "f", {f"{name}.json": content, f"{name}.jpg": image})
    expected = {"half": [[1, 1, 2, 2]], "same": [[2, 2, 4, 4]], "turned": [[2, 6, 4, 4]]}
    check_import(tmp_path / "f", tmp_path / "out", {"captions": "optional"}, {"boxes": expected})


def test_yolo_boxes_that_are_none(tmp_path):
    lines = {"good": "0 0.5 0.5 1 1", "nan": "0 nan 0.5 1 1", "negative": "0 0.5 0.5 -1 1", "outside": "0 3 3 1 1"}
    files = {"classes.txt": "dog\n"} | {f"{name}.txt": line for name, line in lines.items()}
    write(tmp_path / "f", files | {f"{name}.png": picture(1) for name in lines})
    expected = {"reasons": {"impossible box": 3}, "captions": {"good": []}, "boxes": {"good": [[0, 0, 16, 12]]}}
    check_import(tmp_path / "f", tmp_path / "out", {"captions": "optional"}, expected)


def test_a_box_of_no_size_is_one_and_of_less_is_none():
    with pytest.raises(BadRecordError, match="impossible box"):
        placed([0, 0, -1, 5])
    assert placed([WIDTH, 0, 0, 0]) == ([WIDTH, 0, 0, 0], None)


# --- images of one colour ---


def test_images_of_one_colour_are_counted_and_named(tmp_path):
    images = {f"{n}.png": encoded(Image.new("RGB", (8, 8), (n, 0, 0)), "PNG") for n in range(5)}
    images["good.png"] = picture(1)
    members = [each for name, data in images.items() for each in ((name, data), (name.replace("png", "txt"), b"x"))]
    summary = import_records(write_tar(tmp_path / "0.tar", members), tmp_path / "out")
    assert (summary.n_records, summary.n_constant) == (6, 5)
    assert summary.remarks == ("5 images are of one colour, with nothing that a model could see: 0, 1, 2, …",)
    assert json.loads((tmp_path / "out" / "import.json").read_text())["summary"]["n_constant"] == 5
