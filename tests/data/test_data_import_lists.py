"""Lists and tables of other tools: JSON lines, Karpathy's splits, Hugging Face's folders, classes and objects."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from import_sources import captions, ids, picture, records, rejects, stored_bytes, table, write_pictures

from memometer.data import Fields, ReaderOptions, import_records
from memometer.data.sources import grouping
from memometer.errors import SourceError

OPTIONAL = ReaderOptions(captions="optional")
STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


@pytest.mark.parametrize("source", [".", "metadata.jsonl"])
def test_hugging_faces_image_folder(pictures, source):
    lines = [json.dumps({"file_name": f"{n}.png", "text": f"t{n}"}) for n in range(3)]
    (pictures / "metadata.jsonl").write_text("\n".join([*lines, "not json", "3"]) + "\n")
    summary = import_records(pictures / source, pictures / "out", max_rejects=1)
    assert captions(pictures / "out") == {"0": ["t0"], "1": ["t1"], "2": ["t2"]}
    assert summary.reasons == {"malformed JSON": 2}


def test_an_image_folder_with_a_list_per_split(tmp_path):
    for split in ("train", "test"):
        write_pictures(tmp_path / "f" / split, ["0.png"])
        (tmp_path / "f" / split / "metadata.jsonl").write_text(json.dumps({"file_name": "0.png", "text": split}) + "\n")
    import_records(tmp_path / "f", tmp_path / "out")
    assert captions(tmp_path / "out") == {"test/0": ["test"], "train/0": ["train"]}


def test_a_json_array(pictures):
    content = [{"image": f"{n % 2}.png", "caption": f"c{n}"} for n in range(4)]
    (pictures / "list.json").write_text(json.dumps(content))
    import_records(pictures / "list.json", pictures / "out")
    assert captions(pictures / "out") == {"0": ["c0", "c2"], "1": ["c1", "c3"]}


@pytest.mark.parametrize("source", ["k", "k/dataset.json"])
def test_karpathys_splits(tmp_path, source):
    write_pictures(tmp_path / "k" / "flickr30k-images", ["0.png"])
    write_pictures(tmp_path / "k" / "val2014", ["1.png"])
    images = [
        {"filename": f"{n}.png", "imgid": n, "split": ("train", "test")[n], **({"filepath": "val2014"} if n else {}),
         "sentences": [{"raw": f"a {n}", "tokens": ["a"]}, {"raw": f"b {n}", "tokens": ["b"]}]}
        for n in range(2)
    ]  # fmt: skip
    (tmp_path / "k" / "dataset.json").write_text(json.dumps({"images": images, "dataset": "coco"}))
    import_records(tmp_path / source, tmp_path / "out")
    assert [(row["captions"], row["role"]) for row in records(tmp_path / "out")] == [
        (["a 0", "b 0"], "train"),
        (["a 1", "b 1"], "test"),
    ]


def features(**columns):
    return {b"huggingface": json.dumps({"info": {"features": columns}}).encode()}


def test_class_names_of_the_schema(tmp_path):
    label = {"names": ["cat", "dog"], "_type": "ClassLabel"}
    image = pa.array([{"bytes": picture(n), "path": None} for n in range(3)], STRUCT)
    written = pa.table({"image": image, "label": [1, 0, -1]}).replace_schema_metadata(features(label=label))
    pq.write_table(written, tmp_path / "t.parquet")
    import_records(tmp_path / "t.parquet", tmp_path / "out", options=OPTIONAL)
    assert [row["label"] for row in records(tmp_path / "out")] == ["dog", "cat", None]


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
    image = pa.array([{"bytes": picture(0), "path": "0.png"}], STRUCT)
    written = pa.table({"image": image, "text": ["x"], "objects": pa.array([objects])})
    pq.write_table(written.replace_schema_metadata(features(objects=feature)), tmp_path / "t.parquet")
    import_records(tmp_path / "t.parquet", tmp_path / "out")
    (row,) = records(tmp_path / "out")
    assert (row["objects"], row["boxes"]) == (["dog", "cat"], [[1, 2, 3, 4], [0, 0, 2, 2]])


def test_a_column_that_cannot_be_read_never_costs_the_captions(tmp_path):
    image = pa.array([{"bytes": picture(0), "path": "0.png"}], STRUCT)
    pq.write_table(
        pa.table({"image": image, "text": ["x"], "objects": pa.array([{"what": 1}])}), tmp_path / "t.parquet"
    )
    summary = import_records(tmp_path / "t.parquet", tmp_path / "out")
    assert [(row["captions"], row["objects"]) for row in records(tmp_path / "out")] == [(["x"], None)]
    assert [kind for kind in summary.left_aside if kind.startswith("column 'objects' not read")]
    asked = ReaderOptions(fields=Fields(objects="objects"))
    with pytest.raises(SourceError, match="holds no record that can be used"):
        import_records(tmp_path / "t.parquet", tmp_path / "asked", options=asked, max_rejects=1)
    assert rejects(tmp_path / "asked")[0]["reason"].startswith("objects are not text")


def test_one_name_per_split(tmp_path):
    for split in ("train", "test"):
        (tmp_path / "default" / split).mkdir(parents=True)
        image = pa.array([{"bytes": picture(len(split)), "path": None}], STRUCT)
        pq.write_table(pa.table({"image": image, "text": [split]}), tmp_path / "default" / split / "0000.parquet")
    import_records(tmp_path / "default" / "*" / "0000.parquet", tmp_path / "out")
    assert ids(tmp_path / "out") == ["test/0000/000000000", "train/0000/000000000"]


@pytest.mark.parametrize("layout", ["", "train"])
def test_save_to_disk(tmp_path, layout):
    folder = tmp_path / "d" / layout
    folder.mkdir(parents=True)
    image = pa.array([{"bytes": picture(n), "path": f"{n}.png"} for n in range(3)], STRUCT)
    data = pa.table({"image": image, "text": ["a", "b", None]})
    with (
        pa.OSFile(str(folder / "data-00000-of-00001.arrow"), "wb") as file,
        pa.ipc.new_stream(file, data.schema) as out,
    ):
        out.write_table(data, max_chunksize=2)
    (folder / "dataset_info.json").write_text("{}")
    (folder / "state.json").write_text("{}")
    summary = import_records(tmp_path / "d", tmp_path / "out", max_rejects=1)
    assert (summary.format, summary.reasons) == ("arrow", {"no caption": 1})
    assert [row["captions"] for row in records(tmp_path / "out")] == [["a"], ["b"]]
    assert stored_bytes(tmp_path / "out") == [picture(0), picture(1)]


def test_blank_lines_of_a_list_are_counted(pictures):
    text = '{"image": "0.png", "text": "a"}\n\n{"image": "1.png", "text": "b"}\n\n'
    summary = import_records(table(pictures, "t.jsonl", text), pictures / "out")
    assert summary.left_aside == {"blank line": 2}
    assert captions(pictures / "out") == {"0": ["a"], "1": ["b"]}


@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl"])
@pytest.mark.parametrize("field", ["file_name", "image_file_name"])
def test_a_list_in_each_splits_folder(tmp_path, suffix, field):
    for split in ("train", "test"):
        write_pictures(tmp_path / "in" / split, ["0.png", "1.png"])
        rows = {field: ["0.png", "1.png", "0.png"], "text": [f"{split} 0", f"{split} 1", f"{split} again"]}
        place = tmp_path / "in" / split / f"metadata.{suffix}"
        if suffix == "parquet":
            pq.write_table(pa.table(rows), place)
        elif suffix == "csv":
            place.write_text(
                "".join(f"{name},{text}\n" for name, text in [rows.keys(), *zip(*rows.values(), strict=True)])
            )
        else:
            place.write_text("".join(json.dumps(row) + "\n" for row in pa.table(rows).to_pylist()))
    import_records(tmp_path / "in", tmp_path / "out")
    assert captions(tmp_path / "out") == {
        f"{split}/{number}": [f"{split} {number}", *([f"{split} again"] if number == 0 else [])]
        for split in ("test", "train")
        for number in (0, 1)
    }


@pytest.mark.parametrize("format", ["parquet", "arrow"])
@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view(), STRUCT])
def test_named_images_of_any_type_join_their_rows(pictures, format, kind):
    names = ["0.png", "1.png", "0.png"]
    cells = [{"bytes": None, "path": name} for name in names] if kind == STRUCT else names
    content = pa.table({"image": pa.array(cells, kind), "text": ["a", "b", "c"]})
    place = pictures / f"t.{format}"
    if format == "parquet":
        pq.write_table(content, place)
    else:
        with pa.OSFile(str(place), "wb") as file, pa.ipc.new_stream(file, content.schema) as writer:
            writer.write_table(content)
    import_records(place, pictures / "out")
    assert captions(pictures / "out") == {"0": ["a", "c"], "1": ["b"]}


@pytest.mark.parametrize("format", ["parquet", "arrow"])
@pytest.mark.parametrize(("column", "kind"), [("jpg", pa.binary()), ("image_bytes", pa.binary_view())])
def test_images_as_bytes_of_any_type(tmp_path, format, column, kind):
    data = [picture(number) for number in range(2)]
    content = pa.table({column: pa.array(data, kind), "txt": ["a", "b"]})
    place = tmp_path / f"t.{format}"
    if format == "parquet":
        pq.write_table(content, place)
    else:
        with pa.OSFile(str(place), "wb") as file, pa.ipc.new_stream(file, content.schema) as writer:
            writer.write_table(content)
    import_records(place, tmp_path / "out")
    assert stored_bytes(tmp_path / "out") == data


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_json_lines_of_another_encoding_say_so(pictures, encoding):
    source = table(pictures, "t.jsonl", '{"image": "0.png", "text": "café"}\n', encoding=encoding)
    with pytest.raises(SourceError, match="in UTF-8: "):
        import_records(source, pictures / "out")


def test_a_number_that_is_none_is_no_caption(pictures):
    text = '{"image": "0.png", "text": NaN}\n{"image": "1.png", "text": ["a", NaN]}\n'
    import_records(table(pictures, "t.jsonl", text), pictures / "out", max_rejects=1)
    assert captions(pictures / "out") == {"1": ["a"]}
    assert [row["reason"] for row in rejects(pictures / "out")] == ["no caption"]


def write_arrow(place, content):
    with pa.OSFile(str(place), "wb") as file, pa.ipc.new_stream(file, content.schema) as writer:
        writer.write_table(content)


def test_a_saved_dataset_that_was_written_anew_is_read_anew(pictures):
    for text in ("a", "b"):
        write_arrow(pictures / "t.arrow", pa.table({"image": ["0.png"], "text": [text]}))
        import_records(pictures / "t.arrow", pictures / text)
    assert captions(pictures / "b") == {"0": ["b"]}


@pytest.mark.parametrize("column", ["image", "text"])
def test_offsets_beyond_an_arrow_file_cost_its_rows_and_not_the_process(pictures, column):
    content = pa.table({"image": ["0.png", "11.png", "2.png"], "text": ["first", "2", "other"]})
    write_arrow(pictures / "t.arrow", content)
    data = (pictures / "t.arrow").read_bytes()
    offsets = content[column].chunk(0).buffers()[1].to_pybytes()[:16]
    assert data.count(offsets) == 1
    (pictures / "t.arrow").write_bytes(data.replace(offsets, offsets[:4] + b"\xff\xff\xff\x0f" + offsets[8:]))
    words = r"t\.arrow is damaged: " if column == "image" else r"holds no record .*: 1 × damaged Arrow"
    with pytest.raises(SourceError, match=words):
        import_records(pictures / "t.arrow", pictures / "out", max_rejects=1)


@pytest.mark.parametrize("format", ["parquet", "arrow"])
def test_a_full_disk_is_no_damage_of_the_table(pictures, monkeypatch, format):
    content = pa.table({"image": ["0.png", "0.png"], "text": ["a", "b"]})
    place = pictures / f"t.{format}"
    if format == "parquet":
        pq.write_table(content, place)
    else:
        write_arrow(place, content)

    def full(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(grouping.pa, "OSFile", full)
    with pytest.raises(OSError, match="No space left"):
        import_records(place, pictures / "out")
