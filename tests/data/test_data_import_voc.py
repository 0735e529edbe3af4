"""Pascal VOC files beside images, in tars, and in a tree of their own, as ImageNet has them."""

import json

import numpy as np
import pytest
from commands import invoke
from import_sources import Imported, encoded, picture, records, sample, write, write_samples, write_tar
from PIL import Image

from memometer import audit_vl_dejavu, split_records
from memometer.cli import data_import
from memometer.data import import_records, load_records
from memometer.data.images import open_image
from memometer.data.sources.base import BadRecordError
from memometer.data.sources.voc import OtherXmlError, voc_labels
from memometer.errors import InputError, SourceError
from memometer.measures.image_dejavu.records import crop_records
from memometer.training import TrainConfig, train


def box_xml(*sides):
    names = ("xmin", "ymin", "xmax", "ymax")
    return (
        "<bndbox>" + "".join(f"<{name}>{side}</{name}>" for name, side in zip(names, sides, strict=False)) + "</bndbox>"
    )


def object_xml(name, *sides, more=""):
    return f"<object><name>{name}</name>{box_xml(*sides) if sides else ''}{more}</object>"


def voc_xml(*objects, size=(16, 12), head=""):
    """The XML of one image, as ImageNet's files look."""
    width, height = size
    written = f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>"
    return f"{head}<annotation><folder>f</folder>{written}{''.join(objects)}</annotation>".encode()


# --- one file ---


def test_boxes_count_from_one_and_hold_their_last_px():
    labels = voc_labels(voc_xml(object_xml("cat", 1, 1, 16, 12), object_xml(" dog ", 5, 6, 5, 8)))
    assert labels.objects == ["cat", "dog"]
    assert labels.boxes == [[0, 0, 16, 12], [4, 5, 1, 3]]
    assert labels.size == (16, 12)
    assert labels.scores is None


@pytest.mark.parametrize(
    ("objects", "names", "boxes"),
    [
        ([], [], []),
        ([object_xml("cat")], ["cat"], [None]),
        ([object_xml(" "), object_xml("cat", 2, 2, 3, 3)], ["cat"], [[1, 1, 2, 2]]),
        ([object_xml("cat", 0, 0, 9, 9)], ["cat"], [[0, 0, 9, 9]]),  # counted from 0: cut off at the edge
        ([object_xml("cat", "2.5", " 3 ", "4.5", "1e1")], ["cat"], [[1.5, 2, 3, 8]]),
        ([object_xml("a&amp;b &#233;", 1, 1, 2, 2)], ["a&b é"], [[0, 0, 2, 2]]),
        (
            [object_xml("cat", 1, 1, 9, 9, more=f"<part><name>head</name>{box_xml(2, 2, 3, 3)}</part>")],
            ["cat"],
            [[0, 0, 9, 9]],
        ),
        (
            [
                "<object><bndbox><ymax>4</ymax><xmin>1</xmin><ymin>3</ymin><xmax>2</xmax></bndbox><name>cat</name></object>"
            ],
            ["cat"],
            [[0, 2, 2, 2]],
        ),
    ],
)
def test_objects_of_a_file(objects, names, boxes):
    labels = voc_labels(voc_xml(*objects))
    assert (labels.objects, labels.boxes) == (names, boxes)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"])
def test_encodings(encoding):
    head = "" if encoding == "utf-8-sig" else f'<?xml version="1.0" encoding="{encoding}"?>'
    text = voc_xml(object_xml("café", 1, 1, 2, 2), head=head).decode()
    assert voc_labels(text.encode(encoding)).objects == ["café"]


@pytest.mark.parametrize("size", [(0, 0), (16, 0), (-1, 12)])
def test_sizes_of_zero_are_unknown(size):
    assert voc_labels(voc_xml(object_xml("cat", 1, 1, 2, 2), size=size)).size is None
    assert voc_labels(b"<annotation/>").size is None


BOMB = '<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>'
EXTERNAL = '<!DOCTYPE x [<!ENTITY secret SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (voc_xml(object_xml("&c;"), head=BOMB), "unsafe XML: it declares a document type or entities"),
        (voc_xml(object_xml("&secret;"), head=EXTERNAL), "unsafe XML: "),
        (voc_xml(head='<!DOCTYPE annotation SYSTEM "http://example.org/voc.dtd">'), "unsafe XML: "),
        (voc_xml(head="<!DOCTYPE annotation>"), "unsafe XML: "),
        (voc_xml(head='<!DOCTYPE a [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]>'), "unsafe XML: "),
        (b"<html>" + voc_xml(head=BOMB), "malformed XML: |not Pascal VOC: "),
        (voc_xml(object_xml("&nbsp;")), "malformed XML: undefined entity"),
        (b"<annotation>" + b"<a>" * 100_000, "unsafe XML: elements are nested more than 64 deep"),
        (b"", "malformed XML: no element found"),
        (b"<annotation>", "malformed XML: no element found"),
        (b"<annotation>\xe9</annotation>", "malformed XML: "),
        (b'<?xml version="1.0" encoding="x-unknown"?><annotation/>', "malformed XML: unknown encoding"),
        (b'<?xml version="1.0" encoding="utf-7"?><annotation/>', "malformed XML: "),
        (
            voc_xml(object_xml("cat", 1, 1, 2)),
            "impossible box: it has xmin, ymin, xmax; expected xmin, ymin, xmax, ymax",
        ),
        (voc_xml(object_xml("cat", 5, 1, 4, 9)), "impossible box: xmin 5, ymin 1, xmax 4, ymax 9"),
        (voc_xml(object_xml("cat", 1, 9, 4, 8)), "impossible box: "),
        (voc_xml(object_xml("cat", 1, 1, "1e300", 9)), "impossible box: "),
        (voc_xml(object_xml("cat", 1, 1, "inf", 9)), "impossible box: xmax is 'inf'"),
        (voc_xml(object_xml("cat", 1, 1, "nan", 9)), "impossible box: xmax is 'nan'"),
        (voc_xml(object_xml("cat", 1, 1, "9px", 9)), "not a number: xmax is '9px'"),
        (voc_xml(object_xml("cat", "", 1, 9, 9)), "not a number: xmin is ''"),
        (voc_xml(size=("wide", 9)), "not a number: size/width is 'wide'"),
    ],
)
def test_bad_files(data, reason):
    with pytest.raises(BadRecordError, match=f"^({reason})") as caught:
        voc_labels(data)
    assert "root:" not in str(caught.value)


def test_xml_of_another_kind():
    with pytest.raises(OtherXmlError, match="not Pascal VOC: the root of the XML is not 'annotation'"):
        voc_labels(b"<svg><annotation/></svg>")


# --- beside images, and in tars ---


def test_beside_images_in_folders(tmp_path):
    files = {f"{name}.png": picture(1) for name in ("cat/1", "cat/2", "cat/3", "flat")} | {
        "cat/1.xml": voc_xml(object_xml("tail", 3, 3, 4, 4), object_xml("cat", 1, 1, 8, 6)),
        "cat/2.xml": voc_xml(object_xml("cat", 1, 1, 2, 2)),
        "cat/2.json": {"caption": "c", "objects": ["sofa"]},
        "cat/3.xml": "<notes><!-- of another kind -->",
        "flat.xml": voc_xml(object_xml("dog", 1, 1, 2, 2)),
    }
    found = Imported(write(tmp_path / "f", files), tmp_path / "out", captions="optional", label_from="folder")
    assert found.of("label", "objects", "boxes") == {
        "cat/1": ("cat", ["tail", "cat"], [[2, 2, 2, 2], [0, 0, 8, 6]]),
        "cat/2": ("cat", ["sofa"], None),
        "cat/3": ("cat", ["cat"], None),
        "flat": (None, ["dog"], [[0, 0, 2, 2]]),
    }


def test_an_xml_is_no_caption(tmp_path):
    source = write(tmp_path / "f", {"1.png": picture(1), "1.xml": voc_xml()})
    with pytest.raises(SourceError, match=r"none of the 1 images .* --captions optional to do without"):
        import_records(source, tmp_path / "out")


@pytest.mark.parametrize("first", ["png", "xml"])
def test_in_tars_before_or_after_the_image(tmp_path, first):
    members = [[(f"{n}.png", picture(n)), (f"{n}.xml", voc_xml(object_xml(f"kind{n}", 1, 1, n, n)))] for n in (1, 2)]
    members = [member for pair in members for member in (pair if first == "png" else pair[::-1])]
    found = Imported(write_tar(tmp_path / "0.tar", members), tmp_path / "out", captions="optional")
    told = list(found.of("label", "objects", "boxes").values())
    assert told == [(None, [f"kind{n}"], [[0, 0, n, n]]) for n in (1, 2)]


def test_stray_xml_in_a_tar_is_passed_over(tmp_path):
    """As it was before: alone it is no sample, and it does not tear one apart."""
    unread = b"<annotation>&stray;"
    image, text = sample(1)
    members = [("readme.xml", unread), image, ("other.xml", unread), text, *sample(2), ("s0001.xml", unread)]
    found = Imported(write_tar(tmp_path / "0.tar", members), tmp_path / "out")
    plain = Imported(write_samples(tmp_path / "1.tar", [1, 2]), tmp_path / "plain")
    kept = [name for name in found.rows[0] if not name.startswith("image_")]
    assert found.of(*kept) == plain.of(*kept)
    assert found.rejects == []


@pytest.mark.parametrize("layout", ["tar", "folder"])
def test_hostile_files_are_rejects(tmp_path, layout, monkeypatch):
    monkeypatch.setattr("memometer.data.sources.folders.MAX_SIDECAR_BYTES", 5_000)
    monkeypatch.setattr("memometer.data.sources.webdataset.MAX_SIDECAR_BYTES", 5_000)
    files = {
        "bomb": voc_xml(object_xml("&c;"), head=BOMB),
        "external": voc_xml(object_xml("&secret;"), head=EXTERNAL),
        "good": voc_xml(object_xml("cat", 1, 1, 2, 2)),
        "long": voc_xml(head=" " * 6_000),
    }
    members = [(f"{n}.{end}", data) for n, xml in files.items() for end, data in (("png", picture(1)), ("xml", xml))]
    source = write_tar(tmp_path / "0.tar", members) if layout == "tar" else write(tmp_path / "f", dict(members))
    found = Imported(source, tmp_path / "out", captions="optional", max_rejects=1)
    assert found.ids == ["good"]
    reasons = dict(zip((row["record_id"] for row in found.rejects), found.why, strict=True))
    assert reasons == {"bomb": "unsafe XML", "external": "unsafe XML", "long": "too large"}


# --- a tree of annotations, as ImageNet's ---

RED = (255, 0, 0)
CLASSES = ("n01440764", "n02084071")


def write_imagenet(root, *, per_class=6):
    """train/CLASS/*.JPEG, grey with one red object, and Annotations/CLASS/*.xml; some images were resized since."""
    rng = np.random.default_rng(0)
    for folder in CLASSES:
        for number in range(per_class):
            name = f"{folder}/{folder}_{number}"
            width, height = (60, 48) if number % 2 else (48, 60)
            pixels = np.full((height, width, 3), rng.integers(90, 160), np.uint8)
            x, y, w, h = (int(side) for side in (*rng.integers(0, 20, 2), *rng.integers(8, 24, 2)))
            pixels[y : y + h, x : x + w] = RED
            scale = (1, 2, 2.5)[number % 3]  # what the annotators saw was larger
            sides = [side * scale for side in (x, y, x + w, y + h)]
            size = (0, 0) if scale == 1 else (round(width * scale), round(height * scale))
            annotated = object_xml(folder, sides[0] + 1, sides[1] + 1, *sides[2:])
            image = encoded(Image.fromarray(pixels), "JPEG", quality=100, subsampling=0)
            write(root, {f"train/{name}.JPEG": image, f"Annotations/{name}.xml": voc_xml(annotated, size=size)})
    (root / "Annotations" / CLASSES[0] / f"{CLASSES[0]}_0.xml").unlink()  # not every image of ImageNet has boxes
    return root


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory):
    root = write_imagenet(tmp_path_factory.mktemp("imagenet"))
    flags = ("--captions", "optional", "--annotations", root / "Annotations", "--workers", 0, "--json")
    result = invoke(data_import.command, root / "train", "--out", root / "records", *flags)
    assert result.exit_code == 0, result
    return root, json.loads(result.stdout)


def test_imagenet_becomes_records(imagenet):
    root, summary = imagenet
    assert (summary["n_records"], summary["n_rejected"], summary["n_without_captions"]) == (12, 0, 12)
    assert summary["n_files"] == 12 + 11
    rows = {row["record_id"]: row for row in records(root / "records")}
    assert list(rows) == [f"{folder}/{folder}_{number}" for folder in CLASSES for number in range(6)]
    for record_id, row in rows.items():
        assert [row["label"], *row["objects"]] == [record_id.split("/")[0]] * 2
        assert (row["boxes"] is None) == (record_id == f"{CLASSES[0]}/{CLASSES[0]}_0")


def test_image_dejavu_crops_hold_no_foreground(imagenet):
    root, _ = imagenet
    found = crop_records(load_records(root / "records"), kind="background", min_side=0.2, fraction=0.3)
    assert found.skipped == {"a box has no known place": 1}
    assert len(found.records) == found.n_all - 1 == 11
    assert len(found.clipped_ids) == 0
    for ref, (x, y, w, h) in zip(found.records.image_refs(), found.crops.tolist(), strict=True):
        picture = open_image(ref)
        seen = np.asarray(picture.crop((x, y, x + w, y + h)), int)
        assert not is_red(seen).any()
    for ref, (x, y, w, h) in zip(found.records.image_refs(), found.boxes.xywh.tolist(), strict=True):
        red = is_red(np.asarray(open_image(ref), int))
        assert red.any(axis=0).nonzero()[0][[0, -1]].tolist() == [round(x), round(x + w) - 1]
        assert red.any(axis=1).nonzero()[0][[0, -1]].tolist() == [round(y), round(y + h) - 1]


def is_red(pixels):
    return (pixels[..., 0] - pixels[..., 1]) > 120


def test_what_needs_captions_names_them(imagenet, tmp_path):
    root, _ = imagenet
    (tmp_path / "records.parquet").write_bytes((root / "records" / "records.parquet").read_bytes())
    split_records(tmp_path, "a=4,public=rest")
    config = TrainConfig.checked(records=tmp_path, out=tmp_path / "m", role="a", batch_size=4, device="cpu")
    with pytest.raises(InputError, match=r"4 of 4 records have no caption, e.g. .*; training on pairs needs both"):
        train(config)
    options = {"records": tmp_path, "role": "a", "public": tmp_path, "public_role": "public", "k": 2}
    with pytest.raises(InputError, match=r"none of the 4 forward records has a caption, .* audit image-dejavu"):
        audit_vl_dejavu(target=Blind(), reference=Blind(), **options)


class Blind:
    """Two towers that see nothing."""

    spec = identity = "blind"

    @staticmethod
    def preprocess(_):
        return np.zeros(1, np.uint8)

    @staticmethod
    def encode_images(inputs):
        return np.ones((len(inputs), 2), np.float32)

    encode_texts = encode_images


@pytest.mark.parametrize(
    ("source", "tree", "words"),
    [
        (".", "Annotations", r"none of the 12 images in .* has an annotation in .*: expected FOLDER/NAME"),
        ("train", "nowhere", r"no folder of annotations at .*/nowhere: .* exists and holds"),
        ("0.tar", "Annotations", "read as webdataset, where --annotations means nothing; it is for folder"),
    ],
)
def test_trees_that_do_not_correspond(imagenet, tmp_path, source, tree, words):
    root, _ = imagenet
    place = write_samples(tmp_path / "0.tar", [1]) if source == "0.tar" else root / source
    with pytest.raises(InputError if source == "0.tar" else SourceError, match=words):
        Imported(place, tmp_path / "out", captions="optional", annotations=root / tree)


def test_the_tree_goes_before_what_lies_beside_and_must_be_voc(tmp_path):
    beside, tree, other = (voc_xml(object_xml(name, 1, 1, 2, 2)) for name in ("beside", "tree", "other"))
    images = {f"train/a/{n}.png": picture(n) for n in (1, 2, 3)}
    write(tmp_path, images | {"train/a/1.xml": beside, "train/a/3.xml": beside})
    write(tmp_path / "tree" / "a", {"1.xml": tree, "2.xml": "<svg/>"})
    options = {"captions": "optional", "annotations": tmp_path / "tree", "max_rejects": 0.5}
    found = Imported(tmp_path / "train", tmp_path / "out", **options)
    assert found.objects == {"a/1": ["tree"], "a/3": ["beside"]}
    assert found.why == ["not Pascal VOC"]
    write(tmp_path / "tree" / "a", {"1.xml": other})
    with pytest.raises(InputError, match="already holds other records"):
        Imported(tmp_path / "train", tmp_path / "out", **options)
