"""Texts beside images, in folders and shards: captions, YOLO's labels, numbers of classes."""

import pytest
from import_sources import OPTIONAL, labels, options, picture, records, write, write_tar

from memometer.data import ReaderOptions, import_records

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
