"""What other programs than COCO's own write in its form, and where they put the images."""

import json

import pytest
from import_sources import Imported, check_import, picture, put, write, write_coco, write_pictures

from memometer.data import ReaderOptions, import_records
from memometer.data.sources import json_kind as kinds
from memometer.data.sources.finding import ImageFolders, name_parts
from memometer.data.sources.json_kind import json_kind
from memometer.data.sources.recognise import open_source
from memometer.errors import InputError, SourceError

DOG = [{"id": 1, "name": "dog", "supercategory": "pets"}]


def photo(root, *names):
    write_pictures(root, names)


def captions(names, **more):
    """A captions file of images named ``0``, ``1``, …"""
    images = [{"id": n, "file_name": name, **more} for n, name in enumerate(names)]
    return {"images": images, "annotations": [{"image_id": n, "caption": f"x{n}"} for n in range(len(names))]}


def instances(names, *, boxes=(0, 0, 5, 5), **more):
    images = [{"id": n, "file_name": name, "width": 16, "height": 12, **more} for n, name in enumerate(names)]
    annotations = [{"image_id": n, "category_id": 1, "bbox": list(boxes)} for n in range(len(names))]
    return {"images": images, "annotations": annotations, "categories": DOG}


# --- where the images are ---


@pytest.mark.parametrize("place", ["mine", "images/mine", "mine/images", "images", "data", "JPEGImages", "."])
def test_the_folders_in_which_images_usually_are(tmp_path, place):
    put(tmp_path / "in" / "annotations" / "captions_mine.json", captions(["0.png", "1.png"]))
    photo(tmp_path / "in" / place, "0.png", "1.png")
    expected = {"format": "coco", "ids": ["0", "1"], "left_aside": {}}
    check_import(tmp_path / "in", tmp_path / "out", {}, expected)


@pytest.mark.parametrize(
    "name",
    [
        "train2017/7.png",
        "./train2017/7.png",
        "/mnt/d/coco/train2017/7.png",
        "C:\\data\\coco\\train2017\\7.png",
        "images/7.png",
        "http://images.cocodataset.org/train2017/7.png",
        "7.png",
    ],
)
def test_names_of_other_machines(tmp_path, name):
    put(tmp_path / "in" / "annotations" / "captions_x.json", captions([name]))
    photo(tmp_path / "elsewhere" / "train2017", "7.png")
    folder = str(tmp_path / "elsewhere" / "train2017")
    for images in (folder, str(tmp_path / "elsewhere")) if "train2017" in name else (folder,):
        found = Imported(tmp_path / "in", tmp_path / f"out-{len(images)}", images=(str(tmp_path), images))
        assert found.of("image_path") == {"7": (f"{folder}/7.png",)}


@pytest.mark.parametrize(
    ("file", "place"),
    [
        ("nocaps_val_4500_captions.json", "val"),
        ("annotations/zhiyuan_objv2_train.json", "train/patch8"),
        ("annotations/lvis_v1_train.json", "train2017"),
        ("annotations/captions_train.json", "images/train2014"),
    ],
)
def test_folders_that_the_files_name_names_among_other_things(tmp_path, file, place):
    put(tmp_path / "in" / file, captions([f"images/v1/{place.rpartition('/')[2]}/1.png"]))
    photo(tmp_path / "in" / place, "1.png")
    assert Imported(tmp_path / "in", tmp_path / "out").ids == ["1"]


def test_names_are_shortened_only_as_far_as_they_stay_distinct(tmp_path):
    """``b/1.png`` is not there at first; the file 1.png may be another image."""
    put(tmp_path / "in" / "annotations" / "captions_x.json", captions(["a/1.png", "b/1.png"]))
    photo(tmp_path / "in" / "images", "a/1.png", "1.png")
    found = Imported(tmp_path / "in", tmp_path / "out", max_rejects=1)
    assert found.reasons == {"missing image": 1}
    assert "b/1.png is in none of" in found.rejects[0]["reason"]
    assert found.left_aside == {"image of no record": 1}
    photo(tmp_path / "in" / "images", "a/1.png", "b/1.png")
    assert Imported(tmp_path / "in", tmp_path / "both").ids == ["a/1", "b/1"]


def test_no_image_at_all_names_the_folders_and_the_option(tmp_path):
    put(tmp_path / "in" / "annotations" / "captions_x.json", captions(["1.png"]))
    with pytest.raises(SourceError, match=r"captions_x.json has no images: 1.png .* none of .*in/x, .*--images FOLDER"):
        import_records(tmp_path / "in", tmp_path / "out")
    with pytest.raises(SourceError, match=r"there is no folder of images at .*gone; check --images"):
        import_records(tmp_path / "in", tmp_path / "out", options=ReaderOptions(images=(str(tmp_path / "gone"),)))


@pytest.mark.parametrize("name", ["../1.png", "a/../../1.png", "..\\1.png", "a\0.png", "", "/", "C:\\"])
def test_names_that_are_none(tmp_path, name):
    root = write_coco(tmp_path / "in", {1: "1.jpg"}, captions=[(1, "x")], instances=[])
    put(root / "annotations" / "captions_val2017.json", captions(["1.jpg", name]))
    found = Imported(root, tmp_path / "out", max_rejects=1)
    assert found.ids == ["1"]
    assert found.why[0] in {"unsafe name", "no image"}


def test_no_name_leads_out_of_the_folders(tmp_path):
    put(tmp_path / "secret.png", picture(1))
    folders = ImageFolders.of([tmp_path / "in"], [])
    assert folders.find(name_parts(str(tmp_path / "secret.png"))) is None


# --- what is annotated ---


def test_instances_without_captions(tmp_path):
    put(tmp_path / "in" / "annotations" / "instances_default.json", instances(["0.png", "1.png"]))
    photo(tmp_path / "in" / "images" / "default", "0.png", "1.png")
    with pytest.raises(SourceError, match=r"instances_default.json has no captions.*--captions optional"):
        import_records(tmp_path / "in", tmp_path / "out")
    found = Imported(tmp_path / "in", tmp_path / "out", captions="optional")
    assert found.objects == {"0": ["dog"], "1": ["dog"]}


def test_a_split_without_captions_beside_one_with(tmp_path):
    root = tmp_path / "in"
    files = {"captions_val": captions(["0.png"]), "instances_val": instances(["0.png", "9.png"])}
    files["instances_train"] = instances(["1.png"])
    write(root / "annotations", {f"{name}.json": content for name, content in files.items()})
    photo(root, "val/0.png", "val/9.png", "train/1.png")
    strict = Imported(root, tmp_path / "strict")
    assert strict.objects == {"0": ["dog"]}
    assert strict.left_aside["image of the instances that the captions do not name"] == 1
    assert strict.left_aside[".json"] == 1
    assert "instances_train.json; --split reads others, here: train" in strict.remarks[0]
    free = Imported(root, tmp_path / "free", captions="optional")
    assert free.objects == {"0": ["dog"], "9": ["dog"], "1": ["dog"]}
    assert (free.left_aside, free.summary.n_without_captions) == ({}, 2)
    with pytest.raises(SourceError, match=r"instances_train.json has no captions"):
        Imported(root, tmp_path / "none", splits=("train",))


def test_captions_and_boxes_in_one_file(tmp_path):
    content = instances(["0.png", "1.png"])
    content["annotations"] += [{"image_id": 0, "caption": "a dog"}, {"image_id": 1, "caption": "two", "category_id": 1}]
    put(tmp_path / "in" / "result.json", content)
    photo(tmp_path / "in" / "images", "0.png", "1.png")
    found = Imported(tmp_path / "in", tmp_path / "out")
    assert found.captions == {"0": ["a dog"], "1": ["two"]}
    assert found.boxes == {"0": [[0, 0, 5, 5]], "1": [[0, 0, 5, 5], None]}


def test_the_folder_that_the_archive_made(tmp_path):
    put(tmp_path / "in" / "annotations_trainval" / "annotations" / "captions_val.json", captions(["0.png"]))
    photo(tmp_path / "in" / "val", "0.png")
    assert import_records(tmp_path / "in", tmp_path / "out").format == "coco"


def test_roboflow(tmp_path):
    for split in ("train", "valid"):
        put(tmp_path / "in" / split / "_annotations.coco.json", instances(["a_jpg.rf.01.png"]))
        photo(tmp_path / "in" / split, "a_jpg.rf.01.png")
    found = Imported(tmp_path / "in", tmp_path / "out", captions="optional")
    one = (None, ["dog"], [[0, 0, 5, 5]])
    assert found.of("label", "objects", "boxes") == {"train/a_jpg.rf.01": one, "valid/a_jpg.rf.01": one}
    assert found.left_aside == {}
    assert len(Imported(tmp_path / "in", tmp_path / "valid", captions="optional", splits=("valid",)).rows) == 1


@pytest.mark.parametrize("name", ["labels.json", "_annotations.coco.json", "train.json", "annotations/instances.json"])
def test_other_names_of_the_one_file(tmp_path, name):
    put(tmp_path / "in" / name, instances(["0.png"]))
    photo(tmp_path / "in" / "data", "0.png")
    expected = {"format": "coco", "objects": {"0": ["dog"]}}
    check_import(tmp_path / "in", tmp_path / "out", {"captions": "optional"}, expected)


def test_lvis(tmp_path):
    content = instances([None, None], neg_category_ids=[7], not_exhaustive_category_ids=[])
    for number, image in enumerate(content["images"]):
        image["coco_url"] = f"http://images.cocodataset.org/train2017/00000000000{number}.png"
    content["categories"] = [{"id": 1, "name": "aerosol_can", "synset": "aerosol.n.02", "synonyms": ["spray_can"]}]
    put(tmp_path / "in" / "annotations" / "lvis_v1_train.json", content)
    photo(tmp_path / "in" / "train2017", "000000000000.png", "000000000001.png")
    found = Imported(tmp_path / "in", tmp_path / "out", captions="optional")
    can = (["aerosol_can"], None)
    assert found.of("objects", "label") == {"000000000000": can, "000000000001": can}
    assert found.remarks[0].startswith("2 images have LVIS's lists of categories that are known to be absent")


def test_keypoints_and_the_like_are_named_and_read_where_asked_for_or_alone(tmp_path):
    root = write_coco(tmp_path / "in", {0: "0.png"}, captions=[(0, "x")], instances=[(0, 17, [0, 0, 1, 1])])
    for kind in ("person_keypoints", "stuff"):
        put(root / "annotations" / f"{kind}_val2017.json", instances(["0.png"]))
    put(root / "annotations" / "other.json", {"anything": 1})
    plain = Imported(root, tmp_path / "out")
    assert plain.objects == {"0": ["cat"]}
    assert plain.left_aside == {".json": 3}
    assert plain.remarks[0].startswith("2 files of annotations were not read, e.g. ")
    asked = {"splits": ("stuff_val2017",), "images": (str(root / "val2017"),)}
    assert Imported(root, tmp_path / "stuff", captions="optional", **asked).objects == {"0": ["dog"]}
    put(tmp_path / "pose" / "annotations" / "person_keypoints_default.json", instances(["0.png"]))
    photo(tmp_path / "pose" / "images", "0.png")
    assert Imported(tmp_path / "pose", tmp_path / "posed", captions="optional").objects == {"0": ["dog"]}


def test_one_file_as_the_source(tmp_path):
    root = write_coco(tmp_path / "in", {0: "0.jpg"}, captions=[(0, "x")], instances=[(0, 18, [0, 0, 1, 1])])
    file = root / "annotations" / "captions_val2017.json"
    beside = Imported(file, tmp_path / "beside")
    assert beside.objects == {"0": ["dog"]}, "the instances beside the captions are read as well"
    lone = put(tmp_path / "lone" / "x.json", json.loads(file.read_text()))
    assert Imported(lone, tmp_path / "out", images=(str(root / "val2017"),)).objects == {"0": None}
    with pytest.raises(SourceError, match=r"y.json holds no list of images that memometer knows"):
        open_source(put(tmp_path / "y.json", {"images": []}))
    photo(tmp_path / "f", "0.png")
    with pytest.raises(InputError, match="--crowds means nothing"):
        Imported(tmp_path / "f", tmp_path / "no", crowds="drop")


def test_the_json_of_single_images_are_no_annotations_of_all(tmp_path):
    photo(tmp_path / "f", "0.png")
    put(tmp_path / "f" / "0.json", {"caption": "x", "images": [], "annotations": []})
    assert open_source(tmp_path / "f").format == "folder"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"images": [], "annotations": []}', "coco"),
        ('\ufeff {"annotations": [], "info": {}, "images": []}', "coco"),
        ('{"images": [{"sentences": [], "sentids": []}], "dataset": "coco"}', "karpathy"),
        ('{"images": []}', None),
        ('[{"images": 1, "annotations": 2}]', None),
        ("", None),
    ],
)
def test_the_kind_of_a_json_file(tmp_path, monkeypatch, text, kind):
    path = put(tmp_path / "x.json", text.encode())
    assert json_kind(path) == kind
    monkeypatch.setattr(kinds, "BLOCK", 7)  # keys that two blocks share
    if kind != "karpathy":
        assert json_kind(path) == kind


# --- ids, sizes, crowds ---


@pytest.mark.parametrize(
    ("image", "annotation"), [("0", "0"), (0, "0"), ("a b", " a b"), (7, "000000007"), ("000000007", 7), (7.0, 7)]
)
def test_ids_of_every_type(tmp_path, image, annotation):
    images = [{"id": image, "file_name": "0.png"}, {"id": "other", "file_name": "1.png"}]
    texts = [{"image_id": annotation, "caption": "x"}, {"image_id": "other", "caption": "y"}]
    boxes = [{"image_id": annotation, "category_id": "c1", "bbox": [0, 0, 1, 1]}]
    named = {"images": images, "annotations": boxes, "categories": [{"id": "c1", "name": " dog "}]}
    files = {"captions_x.json": {"images": images, "annotations": texts}, "instances_x.json": named}
    write(tmp_path / "in" / "annotations", files)
    photo(tmp_path / "in" / "images", "0.png", "1.png")
    expected = {"captions": {"0": ["x"], "1": ["y"]}, "objects": {"0": ["dog"], "1": []}, "left_aside": {}}
    check_import(tmp_path / "in", tmp_path / "out", {}, expected)


def test_ids_that_name_no_image_or_two(tmp_path):
    content = captions(["0.png", "1.png", "2.png", "3.png"])
    for row, id_ in ((1, 0), (2, None), (3, True)):
        content["images"][row]["id"] = id_
    put(tmp_path / "in" / "annotations" / "captions_x.json", content)
    photo(tmp_path / "in" / "images", "0.png", "1.png", "2.png", "3.png")
    expected = {"ids": ["0"], "reasons": {"malformed annotation": 2, "duplicate id": 1}}
    expected["left_aside"] = {"annotation of an unknown image": 3, "image of no record": 3}
    check_import(tmp_path / "in", tmp_path / "out", {}, expected)


@pytest.mark.parametrize(
    ("size", "box"),
    [
        ({"width": 32, "height": 12}, [0.5, 2, 1.5, 4]),
        ({"width": "32", "height": 12}, [1, 2, 3, 4]),
        ({"width": 0, "height": 0}, [1, 2, 3, 4]),
        ({"width": None}, [1, 2, 3, 4]),
        ({"width": True, "height": -1}, [1, 2, 3, 4]),
    ],
)
def test_boxes_are_scaled_to_the_stored_image(tmp_path, size, box):
    content = instances(["0.png"], boxes=(1, 2, 3, 4))
    content["images"][0] = {"id": 0, "file_name": "0.png", **size}
    put(tmp_path / "in" / "labels.json", content)
    photo(tmp_path / "in", "0.png")
    assert Imported(tmp_path / "in", tmp_path / "out", captions="optional").boxes == {"0": [box]}


def test_crowds_are_kept_or_dropped(tmp_path):
    content = instances(["0.png"])
    content["annotations"].append({**content["annotations"][0], "iscrowd": 1})
    put(tmp_path / "in" / "labels.json", content)
    photo(tmp_path / "in", "0.png")
    assert Imported(tmp_path / "in", tmp_path / "kept", captions="optional").objects == {"0": ["dog", "dog"]}
    expected = {"objects": {"0": ["dog"]}, "left_aside": {"crowd region": 1}}
    check_import(tmp_path / "in", tmp_path / "dropped", {"captions": "optional", "crowds": "drop"}, expected)


def test_panoptic_files_have_their_objects_in_segments(tmp_path):
    write_pictures(tmp_path / "in" / "val2017", ["1.jpg", "2.jpg"])
    content = {
        "images": [{"id": n, "file_name": f"{n}.jpg", "width": 16, "height": 12} for n in (1, 2)],
        "annotations": [
            {"image_id": 1, "file_name": "1.png", "segments_info": [
                {"id": 9, "category_id": 1, "bbox": [1, 2, 3, 4], "iscrowd": 0, "area": 12},
                {"id": 8, "category_id": 92, "bbox": [0, 0, 16, 12], "iscrowd": 1},
                {"id": 7, "category_id": 5, "bbox": [0, 0, 1, 1]}]},
            {"image_id": 2, "file_name": "2.png", "segments_info": []},
        ],
        "categories": [{"id": 1, "name": "cat", "isthing": 1}, {"id": 92, "name": "grass", "isthing": 0}],
    }  # fmt: skip
    put(tmp_path / "in" / "annotations" / "panoptic_val2017.json", content)
    expected = {"objects": {"1": ["cat", "grass"], "2": []}, "boxes": {"1": [[1, 2, 3, 4], [0, 0, 16, 12]], "2": []}}
    expected["left_aside"] = {"annotation of an unknown category": 1}
    check_import(tmp_path / "in", tmp_path / "out", {"captions": "optional"}, expected)
