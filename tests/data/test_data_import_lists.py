"""Lists and tables of other tools: JSON lines, Karpathy's splits, Hugging Face's folders, classes and objects."""

import json

import pyarrow as pa
import pytest
from import_sources import (
    STRUCT,
    Imported,
    check_import,
    image_cells,
    picture,
    rejects,
    stored_bytes,
    table,
    write,
    write_pictures,
    write_rows,
)

from memometer.data import import_records
from memometer.data.sources import grouping
from memometer.errors import SourceError


def test_lists_of_lines_by_their_suffixes(pictures):
    """As DOCCI has them, whose folder holds images beside."""
    lines = [json.dumps({"image_file": f"{n}.png", "description": f"d{n}", "split": "train"}) for n in range(2)]
    for suffix in ("jsonl", "ndjson", "jsonlines"):
        path = pictures / f"docci_descriptions.{suffix}"
        path.write_text("\n".join(lines))
        for number, source in enumerate((path, pictures)):
            found = Imported(source, pictures / f"out-{suffix}{number}")
            assert found.captions == {"0": ["d0"], "1": ["d1"]}
        path.unlink()


@pytest.mark.parametrize("source", [".", "metadata.jsonl"])
def test_hugging_faces_image_folder(pictures, source):
    lines = [json.dumps({"file_name": f"{n}.png", "text": f"t{n}"}) for n in range(3)]
    table(pictures, "metadata.jsonl", "\n".join([*lines, "not json", "3"]) + "\n")
    expected = {"captions": {"0": ["t0"], "1": ["t1"], "2": ["t2"]}, "reasons": {"malformed JSON": 2}}
    check_import(pictures / source, pictures / "out", {}, expected)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "list.json",
            json.dumps([{"image": f"{n % 2}.png", "caption": f"c{n}"} for n in range(4)]),
            {"captions": {"0": ["c0", "c2"], "1": ["c1", "c3"]}},
        ),
        (
            "t.jsonl",
            '{"image": "0.png", "text": "a"}\n\n{"image": "1.png", "text": "b"}\n\n',
            {"captions": {"0": ["a"], "1": ["b"]}, "left_aside": {"blank line": 2}},
        ),
        (
            "t.jsonl",  # a number that is none is no caption
            '{"image": "0.png", "text": NaN}\n{"image": "1.png", "text": ["a", NaN]}\n',
            {"captions": {"1": ["a"]}, "why": ["no caption"]},
        ),
    ],
)
def test_json_arrays_and_lines(pictures, name, text, expected):
    check_import(table(pictures, name, text), pictures / "out", {}, expected)


@pytest.mark.parametrize("source", ["k", "k/dataset.json"])
def test_karpathys_splits(tmp_path, source):
    images = [
        {"filename": f"{n}.png", "imgid": n, "split": ("train", "test")[n], **({"filepath": "val2014"} if n else {}),
         "sentences": [{"raw": f"a {n}", "tokens": ["a"]}, {"raw": f"b {n}", "tokens": ["b"]}]}
        for n in range(2)
    ]  # fmt: skip
    write_pictures(tmp_path / "k", ["flickr30k-images/0.png", "val2014/1.png"])
    write(tmp_path / "k", {"dataset.json": {"images": images, "dataset": "coco"}})
    found = Imported(tmp_path / source, tmp_path / "out")
    assert list(found.of("captions", "role").values()) == [(["a 0", "b 0"], "train"), (["a 1", "b 1"], "test")]


def coco_of_karpathy(folder):
    """COCO as Karpathy split it: two folders of images, four splits, captions with their tokens."""
    splits = ("train", "restval", "val", "test", "restval", "train")
    images = []
    for number, split in enumerate(splits):
        place = "train2014" if split == "train" else "val2014"
        name = f"COCO_{place}_{number:012d}.png"
        write(folder, {f"{place}/{name}": picture(number)})
        sentences = [
            {"tokens": [word, "dog"], "raw": f"{word} dog {number}.", "imgid": number, "sentid": 5 * number + place_}
            for place_, word in enumerate(("A", "The", "One", "Some", "This"))
        ]
        images.append({"filepath": place, "sentids": [s["sentid"] for s in sentences], "filename": name,
                       "imgid": number, "split": split, "sentences": sentences, "cocoid": 391895 + number})  # fmt: skip
    return write(folder, {"dataset_coco.json": {"images": images, "dataset": "coco"}})


@pytest.mark.parametrize("prefix", ["", "karpathy:"])
def test_coco_as_karpathy_split_it(tmp_path, prefix):
    coco_of_karpathy(tmp_path / "in")
    found = Imported(f"{prefix}{tmp_path / 'in' / 'dataset_coco.json'}", tmp_path / "out")
    assert list(found.role.values()) == ["train", "restval", "val", "test", "restval", "train"]
    assert set(map(len, found.captions.values())) == {5}
    assert stored_bytes(tmp_path / "out") == [picture(n) for n in range(6)]


def test_some_splits_of_karpathys(tmp_path):
    coco_of_karpathy(tmp_path / "in")
    found = Imported(f"karpathy:{tmp_path / 'in'}/dataset_coco.json", tmp_path / "out", splits=("train", "restval"))
    assert list(found.role.values()) == ["train", "restval", "restval", "train"]
    assert found.left_aside == {"split 'test'": 1, "split 'val'": 1}
    with pytest.raises(SourceError, match="no split 'dev'; its splits are restval, test, train, val"):
        Imported(f"karpathy:{tmp_path / 'in'}/dataset_coco.json", tmp_path / "other", splits=("dev",))


def test_karpathys_json_that_is_cut_short(tmp_path):
    coco_of_karpathy(tmp_path / "in")
    whole = (tmp_path / "in" / "dataset_coco.json").read_bytes()
    (tmp_path / "in" / "dataset_coco.json").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match="cannot be read as JSON"):
        import_records(f"karpathy:{tmp_path / 'in'}/dataset_coco.json", tmp_path / "out")


@pytest.mark.parametrize("separator", ["| ", "|"])
def test_the_broken_row_of_flickr30ks_results(tmp_path, separator):
    """One row of the file that people have lacks the mark between its number and its comment."""
    lines = ["image_name| comment_number| comment"]
    for image in range(3):
        lines += [f"{image}.png{separator}{n}{separator}A dog , number {n} ." for n in range(5)]
    lines[9] = f"1.png{separator}3   A dog runs across the grass ."
    write_pictures(tmp_path / "in" / "flickr30k_images", [f"{n}.png" for n in range(3)])
    table(tmp_path / "in", "results.csv", "\n".join(lines) + "\n")
    found = Imported(tmp_path / "in" / "results.csv", tmp_path / "out", max_rejects=0.3)
    assert list(map(len, found.captions.values())) == [5, 4, 5]
    assert (found.why, found.members) == (["malformed row"], ["row 9"])


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("captions.txt", ["image,caption", '0.png,"A dog , running ."', "0.png,A dog .", "1.png,A cat ."]),
        ("Flickr8k.token.txt", ["0.png#0\tA dog , running .", "0.png#1\tA dog .", "1.png#0\tA cat ."]),
        ("results_20130124.token", ["0.png#0\tA dog , running .", "0.png#1\tA dog .", "1.png#0\tA cat ."]),
        ("results.csv", ["image_name| comment_number| comment", "0.png| 0| A dog , running .", "0.png| 1| A dog .",
                         "1.png| 0| A cat ."]),
    ],
)  # fmt: skip
def test_the_lists_of_flickr(tmp_path, name, lines):
    write_pictures(tmp_path / "in" / "images", ["0.png", "1.png"])
    table(tmp_path / "in", name, "\n".join(lines) + "\n")
    found = Imported(tmp_path / "in" / name, tmp_path / "out")
    assert list(found.captions.values()) == [["A dog , running .", "A dog ."], ["A cat ."]]


def features(**columns):
    return {b"huggingface": json.dumps({"info": {"features": columns}}).encode()}


def test_class_names_of_the_schema(tmp_path):
    label = {"names": ["cat", "dog"], "_type": "ClassLabel"}
    written = pa.table({"image": image_cells(range(3), named=False), "label": [1, 0, -1]})
    write_rows(tmp_path / "t.parquet", written.replace_schema_metadata(features(label=label)))
    found = Imported(tmp_path / "t.parquet", tmp_path / "out", captions="optional")
    assert list(found.label.values()) == ["dog", "cat", None]


@pytest.mark.parametrize(
    ("objects", "feature"),
    [
        ({"id": [7, 8], "bbox": [[1, 2, 3, 4], [0, 0, 2, 2]], "category": [1, 0], "area": [12, 4]},
         {"feature": {"category": {"names": ["cat", "dog"]}}}),
        ([{"bbox": [1, 2, 3, 4], "category": 1}, {"bbox": [0, 0, 2, 2], "category": 0}],
         [{"category": {"names": ["cat", "dog"]}}]),
        ({"bbox": [[1, 2, 3, 4], [0, 0, 2, 2]], "label": ["dog", "cat"]}, {}),
        ({"bboxes_xyxy": [[1, 2, 4, 6], [0, 0, 2, 2]], "categories": ["dog", "cat"]}, {}),
        ({"boxes": [[1, 2, 3, 4], [0, 0, 2, 2]], "category_id": [1, 0]},
         {"category_id": {"feature": {"names": ["cat", "dog"]}}}),
    ],
)  # fmt: skip
def test_objects_as_a_struct(tmp_path, objects, feature):
    written = pa.table({"image": image_cells([0]), "text": ["x"], "objects": pa.array([objects])})
    write_rows(tmp_path / "t.parquet", written.replace_schema_metadata(features(objects=feature)))
    (row,) = Imported(tmp_path / "t.parquet", tmp_path / "out").rows
    assert (row["objects"], row["boxes"]) == (["dog", "cat"], [[1, 2, 3, 4], [0, 0, 2, 2]])


def test_a_column_that_cannot_be_read_never_costs_the_captions(tmp_path):
    written = pa.table({"image": image_cells([0]), "text": ["x"], "objects": pa.array([{"what": 1}])})
    found = Imported(write_rows(tmp_path / "t.parquet", written), tmp_path / "out")
    assert [(row["captions"], row["objects"]) for row in found.rows] == [(["x"], None)]
    assert [kind for kind in found.left_aside if kind.startswith("column 'objects' not read")]
    with pytest.raises(SourceError, match="holds no record that can be used"):
        Imported(tmp_path / "t.parquet", tmp_path / "asked", fields={"objects": "objects"}, max_rejects=1)
    assert rejects(tmp_path / "asked")[0]["reason"].startswith("objects are not text")


def test_one_name_per_split(tmp_path):
    for split in ("train", "test"):
        written = pa.table({"image": image_cells([len(split)], named=False), "text": [split]})
        write_rows(tmp_path / "default" / split / "0000.parquet", written)
    found = Imported(tmp_path / "default" / "*" / "0000.parquet", tmp_path / "out")
    assert found.ids == ["test/0000/000000000", "train/0000/000000000"]


@pytest.mark.parametrize("layout", ["", "train"])
def test_save_to_disk(tmp_path, layout):
    folder = tmp_path / "d" / layout
    data = pa.table({"image": image_cells(range(3)), "text": ["a", "b", None]})
    write_rows(folder / "data-00000-of-00001.arrow", data, max_chunksize=2)
    write(folder, {"dataset_info.json": {}, "state.json": {}})
    found = Imported(tmp_path / "d", tmp_path / "out", max_rejects=1)
    assert (found.format, found.reasons) == ("arrow", {"no caption": 1})
    assert list(found.captions.values()) == [["a"], ["b"]]
    assert stored_bytes(tmp_path / "out") == [picture(0), picture(1)]


@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl"])
@pytest.mark.parametrize("field", ["file_name", "image_file_name"])
def test_a_list_in_each_splits_folder(tmp_path, suffix, field):
    for split in ("train", "test"):
        write_pictures(tmp_path / "in" / split, ["0.png", "1.png"])
        rows = {field: ["0.png", "1.png", "0.png"], "text": [f"{split} 0", f"{split} 1", f"{split} again"]}
        write_rows(tmp_path / "in" / split / f"metadata.{suffix}", pa.table(rows))
    found = Imported(tmp_path / "in", tmp_path / "out")
    of_one = {"0": ["0", "again"], "1": ["1"]}
    assert found.captions == {
        f"{split}/{n}": [f"{split} {text}" for text in texts]
        for split in ("test", "train")
        for n, texts in of_one.items()
    }
    assert set(found.role.items()) == {(name, name.split("/")[0]) for name in found.ids}


@pytest.mark.parametrize("format", ["parquet", "arrow"])
@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view(), STRUCT])
def test_named_images_of_any_type_join_their_rows(pictures, format, kind):
    names = ["0.png", "1.png", "0.png"]
    cells = [{"bytes": None, "path": name} for name in names] if kind == STRUCT else names
    place = write_rows(pictures / f"t.{format}", pa.table({"image": pa.array(cells, kind), "text": ["a", "b", "c"]}))
    assert Imported(place, pictures / "out").captions == {"0": ["a", "c"], "1": ["b"]}


@pytest.mark.parametrize("format", ["parquet", "arrow"])
@pytest.mark.parametrize(("column", "kind"), [("jpg", pa.binary()), ("image_bytes", pa.binary_view())])
def test_images_as_bytes_of_any_type(tmp_path, format, column, kind):
    data = [picture(number) for number in range(2)]
    place = write_rows(tmp_path / f"t.{format}", pa.table({column: pa.array(data, kind), "txt": ["a", "b"]}))
    import_records(place, tmp_path / "out")
    assert stored_bytes(tmp_path / "out") == data


def test_a_saved_dataset_that_was_written_anew_is_read_anew(pictures):
    for text in ("a", "b"):
        write_rows(pictures / "t.arrow", [{"image": "0.png", "text": text}])
        assert Imported(pictures / "t.arrow", pictures / text).captions == {"0": [text]}


@pytest.mark.parametrize("column", ["image", "text"])
def test_offsets_beyond_an_arrow_file_cost_its_rows_and_not_the_process(pictures, column):
    content = pa.table({"image": ["0.png", "11.png", "2.png"], "text": ["first", "2", "other"]})
    data = write_rows(pictures / "t.arrow", content).read_bytes()
    offsets = content[column].chunk(0).buffers()[1].to_pybytes()[:16]
    assert data.count(offsets) == 1
    (pictures / "t.arrow").write_bytes(data.replace(offsets, offsets[:4] + b"\xff\xff\xff\x0f" + offsets[8:]))
    words = r"t\.arrow is damaged: " if column == "image" else r"holds no record .*: 1 × damaged Arrow"
    with pytest.raises(SourceError, match=words):
        import_records(pictures / "t.arrow", pictures / "out", max_rejects=1)


@pytest.mark.parametrize("format", ["parquet", "arrow"])
def test_a_full_disk_is_no_damage_of_the_table(pictures, monkeypatch, format):
    place = write_rows(pictures / f"t.{format}", pa.table({"image": ["0.png", "0.png"], "text": ["a", "b"]}))

    def full(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(grouping.pa, "OSFile", full)
    with pytest.raises(OSError, match="No space left"):
        import_records(place, pictures / "out")
