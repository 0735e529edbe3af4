"""Splits that files and folders are named by: they tell ids apart where needed, and become roles."""

import json

import pyarrow as pa
import pytest
from import_sources import (
    OPTIONAL,
    Imported,
    image_cells,
    records,
    sample,
    table,
    write,
    write_coco,
    write_pictures,
    write_rows,
    write_tar,
)

from memometer.data import import_records, split_records
from memometer.errors import SourceError


def rows_of(numbers):
    return pa.table({"image": image_cells(numbers), "text": [f"t{n}" for n in numbers]})


def test_a_saved_dict_of_datasets(tmp_path):
    for split, numbers in {"train": (0, 1), "validation": (2,), "test": (3,)}.items():
        write_rows(tmp_path / "d" / split / "data-00000-of-00001.arrow", rows_of(numbers))
        write(tmp_path / "d" / split, {"dataset_info.json": {}})
    write_rows(tmp_path / "d" / "train" / "cache-0123456789abcdef.arrow", rows_of((0,)))
    write(tmp_path / "d", {"dataset_dict.json": {"splits": ["train", "validation", "test"]}})
    found = Imported(tmp_path / "d", tmp_path / "out")
    assert found.role == {
        "test/data-00000-of-00001/000000000": "test",
        "train/data-00000-of-00001/000000000": "train",
        "data-00000-of-00001/000000001": "train",
        "validation/data-00000-of-00001/000000000": "validation",
    }
    assert found.left_aside == {".json": 4, ".arrow": 1}
    assert any(remark.startswith("roles are the splits ") for remark in found.remarks)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (
            ("data/train-00000-of-00002-1a", "data/train-00001-of-00002-b", "data/test-00000-of-1"),
            ["train", "train", "test"],
        ),
        (("default/train/0000", "default/train/0001", "default/test/0000"), ["train", "train", "test"]),
        (("my-data-train", "my-data-train2", "my-data-test"), ["train", "train", "test"]),
        (("train-00000-of-00002", "train-00001-of-00002"), [None, None]),  # one split alone is no role
    ],
)
def test_parquet_files_named_by_their_splits(tmp_path, names, told):
    for number, name in enumerate(names):
        write_rows(tmp_path / "d" / f"{name}.parquet", rows_of((number,)))
    found = Imported(tmp_path / "d", tmp_path / "out")
    pairs = sorted((row["captions"], row["role"]) for row in found.rows)
    assert pairs == [([f"t{n}"], role) for n, role in enumerate(told)]
    assert len(set(found.ids)) == len(names)


@pytest.mark.parametrize("column", ["split", "Split", "fold"])
def test_a_column_of_splits_goes_before_the_names(pictures, column):
    for name, rows in {"train": "0.png,a,dev\n", "test": "1.png,b,\n"}.items():
        table(pictures, f"{name}.csv", f"image,caption,{column}\n{rows}")
    asked = {"role": "fold"} if column == "fold" else {}
    assert Imported(pictures, pictures / "out", fields=asked).role == {"0": "dev", "1": None}


def test_a_split_that_is_no_text_costs_nothing(pictures):
    rows = [{"image": f"{n}.png", "caption": "a", "split": [n] if n else "train"} for n in range(2)]
    table(pictures, "t.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    found = Imported(pictures / "t.jsonl", pictures / "out")
    assert found.role == {"0": "train", "1": None}
    assert found.left_aside == {"column 'split' not read: value is not text": 1}
    asked = Imported(pictures / "t.jsonl", pictures / "asked", fields={"role": "split"}, max_rejects=1)
    assert asked.why == ["value is not text"]


def test_shards_folders_and_coco_alike(tmp_path):
    for number, name in enumerate(("cc3m-train-0000.tar", "cc3m-validation-0000.tar")):
        write_tar(tmp_path / "tars" / name, sample(number))
    assert Imported(tmp_path / "tars", tmp_path / "of tars").role == {"s0000": "train", "s0001": "validation"}

    write_pictures(tmp_path / "yolo", ["images/train/0.png", "images/val/1.png"])
    found = Imported(tmp_path / "yolo", tmp_path / "of yolo", captions="optional")
    assert found.role == {"images/train/0": "train", "images/val/1": "val"}

    for number, split in enumerate(("train2017", "val2017")):
        write_coco(tmp_path / "coco", {number: f"{number}.jpg"}, captions=[(number, "x")], instances=[], split=split)
    assert Imported(tmp_path / "coco", tmp_path / "of coco").role == {"0": "train2017", "1": "val2017"}


def test_splits_can_be_split_anew(tmp_path):
    write_pictures(tmp_path / "d", [f"{split}/{split}{n}.png" for split in ("train", "test") for n in range(4)])
    import_records(tmp_path / "d", tmp_path / "out", options=OPTIONAL)
    split_records(tmp_path / "out", "a=2,b=2,public=rest")
    assert {row["role"] for row in records(tmp_path / "out")} == {"a", "b", "public"}


def test_two_kinds_of_annotations_of_one_split_are_no_roles(tmp_path):
    content = {"images": [{"id": 0, "file_name": "0.png"}], "annotations": [], "categories": []}
    write(tmp_path / "in" / "annotations", {f"{kind}_val2017.json": content for kind in ("panoptic", "stuff")})
    write_pictures(tmp_path / "in" / "val2017", ["0.png"])
    found = Imported(tmp_path / "in", tmp_path / "out", captions="optional", max_rejects=1)
    assert found.role == {"0": None}
    assert not any(remark.startswith("roles are") for remark in found.remarks)


@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl"])
@pytest.mark.parametrize("lacking", ["a", "b"])
def test_of_two_tables_one_lacks_the_column_of_splits(tmp_path, kind, lacking):
    """Whichever comes first, no split is passed over: fields of JSON lines may be absent, columns of tables may not."""
    write_pictures(tmp_path / "f", [f"{n}.png" for n in range(4)])
    rows = [{"image": f"{n}.png", "caption": f"c{n}", "split": "train" if n % 2 else "test"} for n in range(4)]
    for name, part in (("a", rows[:2]), ("b", rows[2:])):
        kept = [{key: row[key] for key in row if key != "split" or name != lacking} for row in part]
        write_rows(tmp_path / "f" / f"{name}.{kind}", kept)
    if kind == "jsonl":
        told = {"0": "test", "1": "train", "2": "test", "3": "train"}
        without = {"a": ("0", "1"), "b": ("2", "3")}[lacking]
        assert Imported(tmp_path / "f", tmp_path / "out").role == told | dict.fromkeys(without)
        return
    words = "has no column 'split', which" if lacking == "b" else "has a column 'split', which"
    with pytest.raises(SourceError, match=rf"b\.{kind} {words} .*a\.{kind} (has|lacks); import .* one by one"):
        import_records(tmp_path / "f", tmp_path / "out")
