"""Texts beside images, in folders and shards: captions, YOLO's labels, numbers of classes."""

import pytest
from import_sources import Imported, picture, put, write, write_tar

YOLO = "0 0.5 0.5 0.25 0.5\n1 0.25 0.25 0.5 0.5\n"


BOXED = ("captions", "objects", "boxes")


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
    found = Imported(write(tmp_path / "f", files) / source, tmp_path / "out", captions="optional")
    assert found.of(*BOXED) == {record_id: EXPECTED}
    assert not [kind for kind in found.left_aside if "txt" in kind]


def test_yolos_labels_in_a_tar(tmp_path):
    source = write_tar(tmp_path / "s" / "0.tar", [("1.png", picture(1)), ("1.txt", YOLO.encode())])
    names = put(tmp_path / "s" / "classes.txt", "cat\ndog")
    assert Imported(source, tmp_path / "out", captions="optional", class_names=names).of(*BOXED) == {"1": EXPECTED}


def test_yolos_labels_without_names_are_named_and_never_a_caption(tmp_path):
    write(tmp_path / "f", {"1.png": picture(1), "1.txt": YOLO, "2.png": picture(2), "2.txt": "a cat\n"})
    found = Imported(tmp_path / "f", tmp_path / "out", captions="optional")
    assert found.of(*BOXED)["1"] == ([], None, None)
    assert found.captions["2"] == ["a cat"]
    assert [kind for kind in found.left_aside if "--class-names FILE" in kind]


def test_a_class_without_a_name_and_an_empty_text(tmp_path):
    files = {"images/1.png": picture(1), "labels/1.txt": "7 .5 .5 .1 .1\n" + YOLO, "images/2.png": picture(2)}
    write(tmp_path / "f", {**files, "labels/2.txt": "", "data.yaml": "names: [cat, dog]"})
    found = Imported(tmp_path / "f", tmp_path / "out", captions="optional")
    assert found.of(*BOXED) == {"images/1": EXPECTED, "images/2": ([], [], [])}
    assert found.left_aside == {"YOLO box of a class without a name": 1}


def test_a_text_of_several_lines_is_several_captions_or_one(tmp_path):
    texts = {"1.txt": "a cat on a mat\n\n a feline \n", "2.png.txt": "named after the whole file"}
    write(tmp_path / "f", texts | {"1.png": picture(1), "2.png": picture(2)})
    second = ["named after the whole file"]
    lines = Imported(tmp_path / "f", tmp_path / "lines")
    assert lines.captions == {"1": ["a cat on a mat", "a feline"], "2": second}
    whole = Imported(tmp_path / "f", tmp_path / "whole", text="whole")
    assert whole.captions == {"1": ["a cat on a mat\n\n a feline"], "2": second}


@pytest.mark.parametrize("place", ["s/classnames.txt", "classnames.txt"])
def test_a_cls_is_the_label_by_its_name(tmp_path, place):
    members = [part for n in range(3) for part in ((f"{n}.png", picture(n)), (f"{n}.cls", str(n).encode()))]
    write_tar(tmp_path / "s" / "0.tar", members)
    plain = Imported(tmp_path / "s", tmp_path / "plain", captions="optional")
    assert list(plain.label.values()) == ["0", "1", "2"]
    write(tmp_path, {place: "cat\ndog\n"})
    named = Imported(tmp_path / "s", tmp_path / "out", captions="optional")
    assert list(named.label.values()) == ["cat", "dog", "2"]
