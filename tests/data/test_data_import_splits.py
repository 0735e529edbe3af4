"""Splits that files and folders are named by: they tell ids apart where needed, and become roles."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from import_sources import ids, picture, records, rejects, sample, write_coco, write_pictures, write_tar

from memometer.data import Fields, ReaderOptions, import_records, split_records
from memometer.errors import SourceError

STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
OPTIONAL = ReaderOptions(captions="optional")


def rows_of(numbers):
    image = pa.array([{"bytes": picture(n), "path": f"{n}.png"} for n in numbers], STRUCT)
    return pa.table({"image": image, "text": [f"t{n}" for n in numbers]})


def write_arrow(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, content.schema) as writer:
        writer.write_table(content)


def roles(folder):
    return {row["record_id"]: row["role"] for row in records(folder)}


def test_a_saved_dict_of_datasets(tmp_path):
    for split, numbers in {"train": (0, 1), "validation": (2,), "test": (3,)}.items():
        write_arrow(tmp_path / "d" / split / "data-00000-of-00001.arrow", rows_of(numbers))
        (tmp_path / "d" / split / "dataset_info.json").write_text("{}")
    write_arrow(tmp_path / "d" / "train" / "cache-0123456789abcdef.arrow", rows_of((0,)))
    (tmp_path / "d" / "dataset_dict.json").write_text('{"splits": ["train", "validation", "test"]}')
    summary = import_records(tmp_path / "d", tmp_path / "out")
    assert roles(tmp_path / "out") == {
        "test/data-00000-of-00001/000000000": "test",
        "train/data-00000-of-00001/000000000": "train",
        "data-00000-of-00001/000000001": "train",
        "validation/data-00000-of-00001/000000000": "validation",
    }
    assert summary.left_aside == {".json": 4, ".arrow": 1}
    assert any(remark.startswith("roles are the splits ") for remark in summary.remarks)


@pytest.mark.parametrize(
    "names",
    [
        ("data/train-00000-of-00002-1a.parquet", "data/train-00001-of-00002-b.parquet", "data/test-00000-of-1.parquet"),
        ("default/train/0000.parquet", "default/train/0001.parquet", "default/test/0000.parquet"),
        ("my-data-train.parquet", "my-data-train2.parquet", "my-data-test.parquet"),
    ],
)  # fmt: skip
def test_parquet_files_named_by_their_splits(tmp_path, names):
    for number, name in enumerate(names):
        path = tmp_path / "d" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows_of((number,)), path)
    import_records(tmp_path / "d", tmp_path / "out")
    assert sorted((row["captions"], row["role"]) for row in records(tmp_path / "out")) == [
        (["t0"], "train"),
        (["t1"], "train"),
        (["t2"], "test"),
    ]
    assert len(set(ids(tmp_path / "out"))) == 3


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_lists_in_the_folders_of_splits(tmp_path, suffix):
    for split in ("train", "val"):
        write_pictures(tmp_path / "d" / split, ["0.png"])
        text = "file_name,text\n0.png,x\n" if suffix == "csv" else '{"file_name": "0.png", "text": "x"}\n'
        (tmp_path / "d" / split / f"metadata.{suffix}").write_text(text)
    import_records(tmp_path / "d", tmp_path / "out")
    assert roles(tmp_path / "out") == {"train/0": "train", "val/0": "val"}


def test_one_split_alone_is_no_role(tmp_path):
    for number in range(2):
        (tmp_path / "d").mkdir(exist_ok=True)
        pq.write_table(rows_of((number,)), tmp_path / "d" / f"train-0000{number}-of-00002.parquet")
    import_records(tmp_path / "d", tmp_path / "out")
    assert set(roles(tmp_path / "out").values()) == {None}


@pytest.mark.parametrize("column", ["split", "Split", "fold"])
def test_a_column_of_splits_goes_before_the_names(pictures, column):
    for name, rows in {"train": "0.png,a,dev\n", "test": "1.png,b,\n"}.items():
        (pictures / f"{name}.csv").write_text(f"image,caption,{column}\n{rows}")
    asked = ReaderOptions(fields=Fields(role="fold" if column == "fold" else None))
    import_records(pictures, pictures / "out", options=asked)
    assert roles(pictures / "out") == {"0": "dev", "1": None}


def test_a_split_that_is_no_text_costs_nothing(pictures):
    rows = [{"image": f"{n}.png", "caption": "a", "split": [n] if n else "train"} for n in range(2)]
    (pictures / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    summary = import_records(pictures / "t.jsonl", pictures / "out")
    assert roles(pictures / "out") == {"0": "train", "1": None}
    assert summary.left_aside == {"column 'split' not read: value is not text": 1}
    asked = ReaderOptions(fields=Fields(role="split"))
    import_records(pictures / "t.jsonl", pictures / "asked", options=asked, max_rejects=1)
    assert [row["reason"].split(":")[0] for row in rejects(pictures / "asked")] == ["value is not text"]


def test_shards_folders_and_coco_alike(tmp_path):
    for number, name in enumerate(("cc3m-train-0000.tar", "cc3m-validation-0000.tar")):
        write_tar(tmp_path / "tars" / name, sample(number))
    import_records(tmp_path / "tars", tmp_path / "of tars")
    assert roles(tmp_path / "of tars") == {"s0000": "train", "s0001": "validation"}

    write_pictures(tmp_path / "yolo", ["images/train/0.png", "images/val/1.png"])
    import_records(tmp_path / "yolo", tmp_path / "of yolo", options=OPTIONAL)
    assert roles(tmp_path / "of yolo") == {"images/train/0": "train", "images/val/1": "val"}

    for number, split in enumerate(("train2017", "val2017")):
        write_coco(tmp_path / "coco", {number: f"{number}.jpg"}, captions=[(number, "x")], instances=[], split=split)
    import_records(tmp_path / "coco", tmp_path / "of coco")
    assert roles(tmp_path / "of coco") == {"0": "train2017", "1": "val2017"}


def test_splits_can_be_split_anew(tmp_path):
    for number, split in enumerate(("train", "test")):
        write_pictures(tmp_path / "d" / split, [f"{number}{n}.png" for n in range(4)])
    import_records(tmp_path / "d", tmp_path / "out", options=OPTIONAL)
    split_records(tmp_path / "out", "a=2,b=2,public=rest")
    assert set(roles(tmp_path / "out").values()) == {"a", "b", "public"}


def test_two_kinds_of_annotations_of_one_split_are_no_roles(tmp_path):
    for kind in ("panoptic", "stuff"):
        content = {"images": [{"id": 0, "file_name": "0.png"}], "annotations": [], "categories": []}
        path = tmp_path / "in" / "annotations" / f"{kind}_val2017.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    write_pictures(tmp_path / "in" / "val2017", ["0.png"])
    summary = import_records(tmp_path / "in", tmp_path / "out", options=OPTIONAL, max_rejects=1)
    assert roles(tmp_path / "out") == {"0": None}
    assert not any(remark.startswith("roles are") for remark in summary.remarks)


@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl"])
@pytest.mark.parametrize("lacking", ["a", "b"])
def test_of_two_tables_one_lacks_the_column_of_splits(tmp_path, kind, lacking):
    """Whichever comes first, no split is passed over: fields of JSON lines may be absent, columns of tables may not."""
    write_pictures(tmp_path / "f", [f"{n}.png" for n in range(4)])
    rows = [{"image": f"{n}.png", "caption": f"c{n}", "split": "train" if n % 2 else "test"} for n in range(4)]
    for name, part in (("a", rows[:2]), ("b", rows[2:])):
        kept = [{key: row[key] for key in row if key != "split" or name != lacking} for row in part]
        path = tmp_path / "f" / f"{name}.{kind}"
        if kind == "csv":
            path.write_text("\n".join(",".join(row) for row in (list(kept[0]), *(row.values() for row in kept))) + "\n")
        elif kind == "parquet":
            pq.write_table(pa.Table.from_pylist(kept), path)
        else:
            path.write_text("".join(json.dumps(row) + "\n" for row in kept))
    if kind == "jsonl":
        import_records(tmp_path / "f", tmp_path / "out")
        told = {"0": "test", "1": "train", "2": "test", "3": "train"}
        without = {"a": ("0", "1"), "b": ("2", "3")}[lacking]
        assert roles(tmp_path / "out") == told | dict.fromkeys(without)
        return
    words = "has no column 'split', which" if lacking == "b" else "has a column 'split', which"
    with pytest.raises(SourceError, match=rf"b\.{kind} {words} .*a\.{kind} (has|lacks); import .* one by one"):
        import_records(tmp_path / "f", tmp_path / "out")
