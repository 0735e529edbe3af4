"""COCO's annotations become the records that they hold."""

import pytest
from import_sources import ids, records, rejects, write_coco

from memometer.data import ReaderOptions, import_records
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
    summary = import_records(root, tmp_path / "out", max_rejects=1)
    rows = records(tmp_path / "out")
    assert [row["record_id"] for row in rows] == ["000000000009", "000000000025"]
    assert [row["captions"] for row in rows] == [["a1", "a2"], ["b"]]
    assert [row["objects"] for row in rows] == [["cat"], ["dog", "cat", "dog"]]
    assert rows[1]["boxes"] == [[1, 2, 3.5, 4], None, [5, 5, 5, 5]]
    assert summary.reasons == {"missing image": 1, "no caption": 1}
    assert summary.left_aside == {
        "annotation of an unknown category": 1,
        "annotation of an unknown image": 1,
        "image of no record": 1,  # 30, a reject
    }
    assert {row["record_id"] for row in rejects(tmp_path / "out")} == {"000000000030", "000000000034"}


def test_coco_splits_and_images_without_instances(tmp_path):
    root = tmp_path / "coco"
    write_coco(root, {1: "1.jpg", 2: "2.jpg"}, captions=[(1, "x"), (2, "y")], instances=[(1, 17, [0, 0, 1, 1])])
    write_coco(root, {3: "3.jpg"}, captions=[(3, "z")], instances=[], split="train2017")
    (root / "annotations" / "instances_train2017.json").unlink()
    both = import_records(root, tmp_path / "both")
    assert [row["objects"] for row in records(tmp_path / "both")] == [None, ["cat"], []]
    assert (both.n_files, both.n_without_objects) == (3, 2)
    import_records(root, tmp_path / "one", options=ReaderOptions(splits=("train2017",)))
    assert ids(tmp_path / "one") == ["3"]
    with pytest.raises(SourceError, match=r"no split 'test2017'; its splits are train2017, val2017"):
        import_records(root, tmp_path / "none", options=ReaderOptions(splits=("test2017",)))


def test_coco_keeps_the_order_of_captions_and_boxes(tmp_path):
    captions = [(1 + n % 3, f"caption {n}") for n in range(120)]
    instances = [(1 + n % 3, 17 + n % 2, [0, 0, 1, n]) for n in range(120)]
    write_coco(tmp_path / "coco", {n: f"{n}.jpg" for n in (1, 2, 3)}, captions=captions, instances=instances)
    import_records(tmp_path / "coco", tmp_path / "out")
    for row in records(tmp_path / "out"):
        image = int(row["record_id"])
        assert row["captions"] == [text for id_, text in captions if id_ == image]
        assert row["boxes"] == [box for id_, _, box in instances if id_ == image]


@pytest.mark.parametrize("text", ["", "{bad", "[1]", '{"images": []}', '{"images": [{"id": "x"}]}', '{"images": 3}'])
def test_malformed_coco_stops_at_once(tmp_path, text):
    root = write_coco(tmp_path / "coco", {1: "1.jpg"}, captions=[(1, "x")], instances=[])
    (root / "annotations" / "captions_val2017.json").write_text(text)
    with pytest.raises(SourceError, match=r"captions_val2017.json (cannot be read as|is not a) COCO"):
        import_records(root, tmp_path / "out")
