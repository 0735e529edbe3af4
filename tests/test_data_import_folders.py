"""Folders and shards as people have them: what is a class, what is a caption, what is counted."""

import io
import json
import tarfile

import numpy as np
import pytest
from import_sources import ids, picture, records, rejects, sample, write_pictures, write_tar
from PIL import Image

from memometer.data import ReaderOptions, import_records
from memometer.errors import SourceError

OPTIONAL = ReaderOptions(captions="optional")


def options(**more):
    return ReaderOptions(captions="optional", **more)


def encoded(image, kind):
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def write(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def labels(folder):
    return {row["record_id"]: (row["label"], row["objects"]) for row in records(folder)}


# --- classes


@pytest.mark.parametrize(
    "names",
    [
        ["00000/000000000.png", "00000/000000001.png", "00001/000010000.png"],  # img2dataset
        ["images/a.png", "images/b.png"],
        ["train2017/1.png", "val2017/2.png"],
        ["JPEGImages/2007_000027.png", "JPEGImages/2007_000032.png"],
        ["train/images/a.png", "valid/images/b.png", "test/images/c.png"],  # Roboflow's YOLO
        ["train/a.png", "valid/b.png"],  # Roboflow's COCO
        ["images/train/1.png", "images/val/2.png"],
        ["train/0/a.png", "train/1/b.png"],  # numbers: shards as often as classes
        ["part-1/x/a.png", "part-1/y/b.png"],
        ["cat/1.png", "dog/1.png"],  # perhaps classes, perhaps albums: the user says so
    ],
)
def test_folders_that_may_be_no_classes_give_no_label(tmp_path, names):
    write_pictures(tmp_path / "f", names)
    summary = import_records(tmp_path / "f", tmp_path / "out", options=OPTIONAL)
    assert set(labels(tmp_path / "out").values()) == {(None, None)}
    assert summary.objects_from is None


@pytest.mark.parametrize(
    ("source", "names", "expected"),
    [
        (".", ["n01440764/a.png", "n01443537/b.png"], {"n01440764", "n01443537"}),
        (".", ["train/n01440764/images/a.png", "train/n01443537/images/b.png"], {"n01440764", "n01443537"}),
        (".", ["train/cat/a.png", "train/dog/b.png", "val/cat/c.png"], {"cat", "dog"}),
        (".", ["data/train/cat/a.png", "data/test/dog/c.png"], {"cat", "dog"}),
        ("train", ["train/cat/a.png", "train/dog/b.png"], {"cat", "dog"}),
    ],
)
def test_layouts_that_can_be_nothing_else_give_labels(tmp_path, source, names, expected):
    write_pictures(tmp_path / "f", names)
    summary = import_records(tmp_path / "f" / source, tmp_path / "out", options=OPTIONAL)
    found = labels(tmp_path / "out").values()
    assert {label for label, _ in found} == expected
    assert all(objects == [label] for label, objects in found)
    assert "class" in " ".join(summary.remarks)


def test_the_user_has_the_last_word(tmp_path):
    write_pictures(tmp_path / "f", ["cat/1.png", "dog/images/1.png", "7/1.png", "top.png"])
    summary = import_records(tmp_path / "f", tmp_path / "auto", options=OPTIONAL)
    assert any("--label-from folder" in remark for remark in summary.remarks)
    import_records(tmp_path / "f", tmp_path / "folder", options=options(label_from="folder"))
    assert {name: label for name, (label, _) in labels(tmp_path / "folder").items()} == {
        "7/1": "7", "cat/1": "cat", "dog/images/1": "dog", "top": None,
    }  # fmt: skip
    write_pictures(tmp_path / "g", ["train/cat/1.png", "train/dog/1.png"])
    import_records(tmp_path / "g", tmp_path / "none", options=options(label_from="none"))
    assert {label for label, _ in labels(tmp_path / "none").values()} == {None}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("LOC_synset_mapping.txt", "n01440764 tench, Tinca tinca\nn01443537 goldfish, Carassius auratus\n"),
        ("imagenet_class_index.json", '{"0": ["n01440764", "tench"], "1": ["n01443537", "goldfish"]}'),
        ("names.json", '{"n01440764": "tench", "n01443537": "goldfish"}'),
        ("names.yaml", "names: {n01440764: tench, n01443537: goldfish}"),
    ],
)
def test_synsets_get_names_in_labels_objects_and_captions(tmp_path, name, content):
    write_pictures(tmp_path / "f", ["n01440764/1.png", "n01443537/1.png"])
    write(tmp_path, {name: content})
    plain = import_records(tmp_path / "f", tmp_path / "plain", options=OPTIONAL)
    assert any("WordNet ids such as n01440764" in remark for remark in plain.remarks)
    given = ReaderOptions(class_names=tmp_path / name, caption_template="a photo of a {label}")
    import_records(tmp_path / "f", tmp_path / "out", options=given)
    assert labels(tmp_path / "out")["n01440764/1"] == ("tench", ["tench"])
    assert records(tmp_path / "out")[1]["captions"] == ["a photo of a goldfish"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.yaml", "names: !!python/object/apply:os.system ['touch ran']"),
        ("x.yaml", "a: [" * 2000),
        ("x.json", "[" * 100_000),
        ("x.json", "3"),
        ("x.txt", ""),
        ("x.txt", b"\xff\xfe\xff"),
        ("nowhere.txt", None),
    ],
)
def test_files_that_hold_no_class_names_are_a_sentence(tmp_path, name, content):
    write_pictures(tmp_path / "f", ["n01440764/1.png"])
    if content is not None:
        write(tmp_path, {name: content})
    with pytest.raises(SourceError, match=r"class names"):
        import_records(tmp_path / "f", tmp_path / "out", options=options(class_names=tmp_path / name))
    assert not (tmp_path / "ran").exists()


# --- texts beside images


YOLO = "0 0.5 0.5 0.25 0.5\n1 0.25 0.25 0.5 0.5\n"


def boxes(folder):
    return {row["record_id"]: (row["captions"], row["objects"], row["boxes"]) for row in records(folder)}


EXPECTED = ([], ["cat", "dog"], [[6, 3, 4, 6], [0, 0, 8, 6]])  # of a picture of 16 × 12 px


@pytest.mark.parametrize(
    ("source", "files", "record_id"),
    [
        (".", {"1.txt": YOLO, "1.png": picture(1), "classes.txt": "cat\ndog\n"}, "1"),
        (".", {"1.txt": YOLO, "1.png": picture(1), "data.yaml": "names: [cat, dog]"}, "1"),
        (".", {"images/train/1.png": picture(1), "labels/train/1.txt": YOLO, "data.yaml": "names: {0: cat, 1: dog}"},
         "images/train/1"),
        ("images", {"images/train/1.png": picture(1), "labels/train/1.txt": YOLO, "data.yaml": "names: [cat, dog]"},
         "train/1"),
        (".", {"train/images/1.png": picture(1), "train/labels/1.txt": YOLO, "data.yaml": "nc: 2\nnames: [cat, dog]"},
         "train/images/1"),
        (".", {"images/1.png": picture(1), "labels/1.txt": YOLO, "labels/classes.txt": "cat\ndog"}, "images/1"),
        (".", {"1.png": picture(1), "1.txt": "0 .375 .25 .625 .25 .625 .75 .375 .75\n1 0 0 .5 0 .5 .5 0 .5",
               "classes.txt": "cat\ndog"}, "1"),
        (".", {"1.png": picture(1), "1.txt": "0 0.5 0.5 0.25 0.5 0.9\n1 2.5e-1 0.25 0.5 0.5 0.8",
               "obj.names": "cat\ndog"}, "1"),
    ],
)  # fmt: skip
def test_yolos_labels_are_boxes(tmp_path, source, files, record_id):
    write(tmp_path / "f", files)
    summary = import_records(tmp_path / "f" / source, tmp_path / "out", options=OPTIONAL)
    (found,) = boxes(tmp_path / "out").items()
    assert found == (record_id, EXPECTED)
    assert not [kind for kind in summary.left_aside if "txt" in kind]


def test_yolos_labels_in_a_tar(tmp_path):
    write_tar(tmp_path / "s" / "0.tar", [("1.png", picture(1)), ("1.txt", YOLO.encode())])
    write(tmp_path / "s", {"classes.txt": "cat\ndog"})
    given = options(class_names=tmp_path / "s" / "classes.txt")
    import_records(tmp_path / "s" / "0.tar", tmp_path / "out", options=given)
    assert boxes(tmp_path / "out")["1"] == EXPECTED


def test_yolos_labels_without_names_are_named_and_never_a_caption(tmp_path):
    write(tmp_path / "f", {"1.png": picture(1), "1.txt": YOLO, "2.png": picture(2), "2.txt": "a cat\n"})
    summary = import_records(tmp_path / "f", tmp_path / "out", options=OPTIONAL)
    assert boxes(tmp_path / "out")["1"] == ([], None, None)
    assert boxes(tmp_path / "out")["2"][0] == ["a cat"]
    assert [kind for kind in summary.left_aside if "--class-names FILE" in kind]


def test_a_class_without_a_name_and_an_empty_text(tmp_path):
    files = {"images/1.png": picture(1), "labels/1.txt": "7 .5 .5 .1 .1\n" + YOLO, "images/2.png": picture(2)}
    write(tmp_path / "f", {**files, "labels/2.txt": "", "data.yaml": "names: [cat, dog]"})
    summary = import_records(tmp_path / "f", tmp_path / "out", options=OPTIONAL)
    assert boxes(tmp_path / "out") == {"images/1": EXPECTED, "images/2": ([], [], [])}
    assert summary.left_aside == {"YOLO box of a class without a name": 1}


def test_a_text_of_several_lines_is_several_captions_or_one(tmp_path):
    write(tmp_path / "f", {"1.png": picture(1), "1.txt": "a cat on a mat\n\n a feline \n", "2.png": picture(2)})
    write(tmp_path / "f", {"2.png.txt": "named after the whole file"})
    import_records(tmp_path / "f", tmp_path / "lines")
    assert [row["captions"] for row in records(tmp_path / "lines")] == [
        ["a cat on a mat", "a feline"],
        ["named after the whole file"],
    ]
    import_records(tmp_path / "f", tmp_path / "whole", options=ReaderOptions(text="whole"))
    assert records(tmp_path / "whole")[0]["captions"] == ["a cat on a mat\n\n a feline"]


@pytest.mark.parametrize("place", ["s/classnames.txt", "classnames.txt"])
def test_a_cls_is_the_label_by_its_name(tmp_path, place):
    members = [part for n in range(3) for part in ((f"{n}.png", picture(n)), (f"{n}.cls", str(n).encode()))]
    write_tar(tmp_path / "s" / "0.tar", members)
    import_records(tmp_path / "s", tmp_path / "plain", options=OPTIONAL)
    assert [label for label, _ in labels(tmp_path / "plain").values()] == ["0", "1", "2"]
    write(tmp_path, {place: "cat\ndog\n"})
    import_records(tmp_path / "s", tmp_path / "out", options=OPTIONAL)
    assert [label for label, _ in labels(tmp_path / "out").values()] == ["cat", "dog", "2"]


# --- names and places in a tar


def test_members_need_not_stand_side_by_side(tmp_path):
    members = [(f"{n:04d}.png", picture(n)) for n in range(3)] + [(f"{n:04d}.txt", f"t{n}".encode()) for n in range(3)]
    write_tar(tmp_path / "0.tar", members)
    summary = import_records(tmp_path / "0.tar", tmp_path / "out")
    assert [(row["record_id"], row["captions"]) for row in records(tmp_path / "out")] == [
        ("0000", ["t0"]), ("0001", ["t1"]), ("0002", ["t2"]),
    ]  # fmt: skip
    assert summary.n_rejected == 0


def test_what_was_appended_later_is_paired_or_refused(tmp_path):
    write_tar(tmp_path / "0.tar", [("1.png", picture(1)), ("1.txt", b"a dog"), ("2.png", picture(2))])
    with tarfile.open(tmp_path / "0.tar", "a") as tar:
        for name, data in (("2.txt", b"a cow"), ("1.png", picture(3)), ("1.txt", b"a cat")):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    summary = import_records(tmp_path / "0.tar", tmp_path / "out", max_rejects=1)
    assert [(row["record_id"], row["captions"]) for row in records(tmp_path / "out")] == [
        ("1", ["a dog"]),
        ("2", ["a cow"]),
    ]
    assert summary.reasons == {"duplicate id": 1}


@pytest.mark.parametrize("kind", ["tar", "folder"])
@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["img_22.05.png", "img_22.05.txt", "img_22.06.png", "img_22.06.txt"], {"img_22.05": 1, "img_22.06": 3}),
        (["a.b.c.png", "a.b.c.json"], {"a.b.c": 1}),
        (["a.png", "a.txt", "a.b.png", "a.b.txt"], {"a": 1, "a.b": 3}),
        (["v1.0.png", "v1.txt"], {"v1.0": 1}),  # the text of the shorter name
        (["x.PNG", "x.TXT"], {"x": 1}),
    ],
)
def test_names_with_dots(tmp_path, kind, names, expected):
    def content(n, name):
        if name.lower().endswith("png"):
            return picture(n)
        return f'{{"caption": "{n}"}}'.encode() if name.endswith("json") else str(n).encode()

    files = {name: content(n, name) for n, name in enumerate(names)}
    source = write_tar(tmp_path / "0.tar", list(files.items())) if kind == "tar" else write(tmp_path / "f", files)
    import_records(source, tmp_path / "out")
    assert {row["record_id"]: row["captions"] for row in records(tmp_path / "out")} == {
        name: [str(n)] for name, n in expected.items()
    }


# --- ids


def test_two_sets_of_shards_with_the_same_keys(tmp_path):
    for name in ("one", "two"):
        write_tar(tmp_path / name / "00000.tar", sample(1) + sample(2))
    import_records(tmp_path / "*" / "00000.tar", tmp_path / "out")
    assert ids(tmp_path / "out") == [f"{name}/00000/s000{n}" for name in ("one", "two") for n in (1, 2)]


def test_two_formats_of_one_name(tmp_path):
    files = {"1.png": picture(1), "1.bmp": picture(2, format="BMP"), "1.txt": "x", "2.png": picture(3), "2.txt": "y"}
    import_records(write(tmp_path / "f", files), tmp_path / "out")
    assert ids(tmp_path / "out") == ["1.bmp", "1.png", "2"]


# --- masks


MASK = encoded(Image.fromarray(np.eye(12, 16, dtype=np.uint8) * 255), "BMP")


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
    kind = {"bmp": "BMP", "png": "PNG", "gif": "GIF"}[mask.rsplit(".", 1)[1]]
    flat = encoded(Image.open(io.BytesIO(MASK)), kind)
    photograph = picture(1, format="JPEG")
    text = photo.replace("jpg", "txt")
    write(tmp_path / "f", {photo: photograph, mask: flat, text: "a dog"})
    summary = import_records(tmp_path / "f", tmp_path / "out")
    (row,) = records(tmp_path / "out")
    assert row["image_path"].endswith(photo)
    assert row["captions"] == ["a dog"]
    assert summary.left_aside == {"mask of another image": 1}


def test_photographs_of_people_with_masks_are_no_masks(tmp_path):
    write_pictures(tmp_path / "f", ["with_mask/1.png", "without/1.png"])
    import_records(tmp_path / "f", tmp_path / "out", options=OPTIONAL)
    assert ids(tmp_path / "out") == ["with_mask/1", "without/1"]


# --- accounting


@pytest.mark.parametrize("suffix", ["jfif", "jpe", "JPG", "pjpeg", ""])
def test_every_suffix_of_an_image_counts(tmp_path, suffix):
    name = f"a.{suffix}".rstrip(".")
    write(tmp_path / "f", {name: picture(1, format="JPEG"), "a.txt": "x"})
    import_records(tmp_path / "f", tmp_path / "out")
    assert ids(tmp_path / "out") == ["a"]
    write_tar(tmp_path / "0.tar", [(name, picture(1, format="JPEG")), ("a.txt", b"x")])
    import_records(tmp_path / "0.tar", tmp_path / "tar")
    assert ids(tmp_path / "tar") == ["a"]


def test_an_image_that_cannot_be_decoded_is_a_reject(tmp_path):
    write(tmp_path / "f", {"a.heic": b"\0\0\0\x18ftypheic", "a.txt": "x", "b.png": picture(1), "b.txt": "y"})
    import_records(tmp_path / "f", tmp_path / "out", max_rejects=1)
    assert [row["record_id"] for row in rejects(tmp_path / "out")] == ["a"]


def test_files_beside_shards_are_counted(tmp_path):
    write_tar(tmp_path / "s" / "00000.tar", sample(1))
    write(
        tmp_path / "s",
        {"00000.parquet": b"PAR1", "00000_stats.json": "{}", "00000.idx": "", ".DS_Store": "", "x.png": ""},
    )
    summary = import_records(tmp_path / "s", tmp_path / "out")
    assert summary.left_aside == {
        ".idx": 1, ".json": 1, ".parquet": 1, "hidden file": 1, "image of no record": 1,
    }  # fmt: skip
    assert json.loads((tmp_path / "out" / "import.json").read_text())["summary"]["left_aside"] == summary.left_aside
    assert any("--format folder" in remark for remark in summary.remarks)


def test_metadata_beside_images_is_no_source(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    write(tmp_path / "f", {"00000/1.png": picture(1), "00000/1.txt": "a dog", "00000_stats.json": "{}"})
    pq.write_table(pa.table({"url": ["x"], "key": ["1"], "caption": ["a dog"]}), tmp_path / "f" / "00000.parquet")
    summary = import_records(tmp_path / "f", tmp_path / "out")
    assert (summary.format, ids(tmp_path / "out")) == ("folder", ["00000/1"])
    assert summary.left_aside == {".json of no image": 1, ".parquet": 1}
    assert any("--format parquet" in remark for remark in summary.remarks)


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


def test_names_of_open_images_classes(pictures):
    (pictures / "names.csv").write_text("/m/01g317,Person\n/m/0_284d,Car seat, red\n")
    (pictures / "t.csv").write_text("image,label\n0.png,/m/01g317\n1.png,/m/0_284d\n2.png,/m/9\n")
    options = ReaderOptions(captions="optional", class_names=pictures / "names.csv")
    import_records(pictures / "t.csv", pictures / "out", options=options)
    assert [row["label"] for row in records(pictures / "out")] == ["Person", "Car seat", "/m/9"]


def test_cvats_own_xml_is_named_for_what_it_is(pictures):
    (pictures / "annotations.xml").write_text("<?xml version='1.0'?><annotations><version>1.1</version></annotations>")
    summary = import_records(pictures, pictures / "out", options=ReaderOptions(captions="optional"))
    assert any("annotations.xml; CVAT's own XML is not read: export" in remark for remark in summary.remarks)
    with pytest.raises(SourceError, match="CVAT's own XML is not read"):
        import_records(pictures / "annotations.xml", pictures / "other")
