"""Folders of classes: what is a class, what is none, and what classes are called."""

import pytest
from import_sources import Imported, put, table, write_pictures

from memometer.errors import SourceError


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
    found = Imported(tmp_path / "f", tmp_path / "out", captions="optional")
    assert set(found.of("label", "objects").values()) == {(None, None)}
    assert found.objects_from is None


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
    found = Imported(tmp_path / "f" / source, tmp_path / "out", captions="optional")
    assert set(found.label.values()) == expected
    assert found.objects == {name: [label] for name, label in found.label.items()}
    assert "class" in " ".join(found.remarks)


def test_the_user_has_the_last_word(tmp_path):
    write_pictures(tmp_path / "f", ["cat/1.png", "dog/images/1.png", "7/1.png", "top.png"])
    auto = Imported(tmp_path / "f", tmp_path / "auto", captions="optional")
    assert any("--label-from folder" in remark for remark in auto.remarks)
    folder = Imported(tmp_path / "f", tmp_path / "folder", captions="optional", label_from="folder")
    assert folder.label == {"7/1": "7", "cat/1": "cat", "dog/images/1": "dog", "top": None}
    write_pictures(tmp_path / "g", ["train/cat/1.png", "train/dog/1.png"])
    none = Imported(tmp_path / "g", tmp_path / "none", captions="optional", label_from="none")
    assert set(none.label.values()) == {None}


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
    plain = Imported(tmp_path / "f", tmp_path / "plain", captions="optional")
    assert any("WordNet ids such as n01440764" in remark for remark in plain.remarks)
    given = {"class_names": put(tmp_path / name, content), "caption_template": "a photo of a {label}"}
    found = Imported(tmp_path / "f", tmp_path / "out", **given)
    assert found.of("label", "objects")["n01440764/1"] == ("tench", ["tench"])
    assert found.rows[1]["captions"] == ["a photo of a goldfish"]


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
        put(tmp_path / name, content)
    with pytest.raises(SourceError, match=r"class names"):
        Imported(tmp_path / "f", tmp_path / "out", captions="optional", class_names=tmp_path / name)
    assert not (tmp_path / "ran").exists()


def test_names_of_open_images_classes(pictures):
    names = table(pictures, "names.csv", "/m/01g317,Person\n/m/0_284d,Car seat, red\n")
    source = table(pictures, "t.csv", "image,label\n0.png,/m/01g317\n1.png,/m/0_284d\n2.png,/m/9\n")
    found = Imported(source, pictures / "out", captions="optional", class_names=names)
    assert found.label == {"0": "Person", "1": "Car seat", "2": "/m/9"}
