"""COCO's annotations become the records that they hold."""

import pytest
from import_sources import Imported, write_coco

from memometer.data import import_records
from memometer.errors import SourceError


def test_coco(tmp_path):
    root = write_coco(
        tmp_path / "coco",
        {9: "000000000009.jpg", 25: "000000000025.jpg", 30: "000000000030.jpg", 34: "000000000034.jpg"},
        captions=[(25, "b"), (9, "a1 "), (9, "a2"), (34, "d"), (77, "of no image")],
        instances=[
            (25, 18, [1, 2, 3.5, 4]),
            (9, 17, [0, 0, 5, 5]),
            (25, 17, None),
            (25, 18, [5, 5, 5, 5]),
            (9, 99, [0] * 4),
        ],
    )
    (root / "val2017" / "000000000034.jpg").unlink()
    found = Imported(root, tmp_path / "out", max_rejects=1)
    assert found.ids == ["000000000009", "000000000025"]
    assert list(found.of("captions", "objects", "boxes").values()) == [
        (["a1", "a2"], ["cat"], [[0, 0, 5, 5]]),
        (["b"], ["dog", "cat", "dog"], [[1, 2, 3.5, 4], None, [5, 5, 5, 5]]),
    ]
    assert found.reasons == {"missing image": 1, "no caption": 1}
    assert found.left_aside == {
        "annotation of an unknown category": 1,
        "annotation of an unknown image": 1,
        "image of no record": 1,  # 30, a reject
    }
    assert {row["record_id"] for row in found.rejects} == {"000000000030", "000000000034"}


def test_coco_splits_and_images_without_instances(tmp_path):
    root = tmp_path / "coco"
    write_coco(root, {1: "1.jpg", 2: "2.jpg"}, captions=[(1, "x"), (2, "y")], instances=[(1, 17, [0, 0, 1, 1])])
    write_coco(root, {3: "3.jpg"}, captions=[(3, "z")], instances=[], split="train2017")
    (root / "annotations" / "instances_train2017.json").unlink()
    both = Imported(root, tmp_path / "both")
    assert [row["objects"] for row in both.rows] == [None, ["cat"], []]
    assert (both.summary.n_files, both.summary.n_without_objects) == (3, 2)
    assert Imported(root, tmp_path / "one", splits=("train2017",)).ids == ["3"]
    with pytest.raises(SourceError, match=r"no split 'test2017'; its splits are train2017, val2017"):
        Imported(root, tmp_path / "none", splits=("test2017",))


def test_coco_keeps_the_order_of_captions_and_boxes(tmp_path):
    captions = [(1 + n % 3, f"caption {n}") for n in range(120)]
    instances = [(1 + n % 3, 17 + n % 2, [0, 0, 1, n]) for n in range(120)]
    write_coco(tmp_path / "coco", {n: f"{n}.jpg" for n in (1, 2, 3)}, captions=captions, instances=instances)
    found = Imported(tmp_path / "coco", tmp_path / "out")
    assert found.captions == {f"{n}": [text for id_, text in captions if id_ == n] for n in (1, 2, 3)}
    assert found.boxes == {f"{n}": [box for id_, _, box in instances if id_ == n] for n in (1, 2, 3)}


@pytest.mark.parametrize("text", ["", "{bad", "[1]", '{"images": []}', '{"images": [{"id": "x"}]}', '{"images": 3}'])
def test_malformed_coco_stops_at_once(tmp_path, text):
    root = write_coco(tmp_path / "coco", {1: "1.jpg"}, captions=[(1, "x")], instances=[])
    (root / "annotations" / "captions_val2017.json").write_text(text)
    with pytest.raises(SourceError, match=r"captions_val2017.json (cannot be read as|is not a) COCO"):
        import_records(root, tmp_path / "out")
