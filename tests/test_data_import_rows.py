"""Tables and lists as people have them: separators, quotes, encodings, rows of one image, where the images are."""

import base64
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from import_sources import ids, picture, records, rejects, stored_bytes, write_pictures

from memometer.data import Fields, ReaderOptions, import_records
from memometer.errors import InputError, SourceError

OPTIONAL = ReaderOptions(captions="optional")


@pytest.fixture
def pictures(tmp_path):
    write_pictures(tmp_path, [f"{n}.png" for n in range(5)])
    return tmp_path


def table(folder, name, text, *, encoding="utf-8"):
    (folder / name).write_bytes(text.encode(encoding))
    return folder / name


def captions(folder):
    return {row["record_id"]: row["captions"] for row in records(folder)}


# --- separators, headers, encodings


@pytest.mark.parametrize(
    ("name", "text", "options"),
    [
        ("t.csv", "filepath;title\n0.png;a dog, sitting\n", {}),
        ("t.csv", "Image|Caption\n0.png|a dog, sitting\n", {}),
        ("t.csv", " image_name | comment_number| comment\n0.png| 0| a dog, sitting\n", {}),  # Flickr30k's results.csv
        ("t.csv", '\ufeffFile Name,Description\n0.png,"a dog, sitting"\n', {}),
        ("t.tsv", "IMAGE_PATH\tAlt Text\n0.png\ta dog, sitting\n", {}),
        ("t.csv", "0.png;a dog, sitting\n", {"columns": ("image", "caption"), "separator": ";"}),
        ("t.tsv", "0.png\ta dog, sitting\n", {"columns": ("image", "caption")}),
        ("captions.txt", 'image,caption\n0.png,"a dog, sitting"\n', {}),
        ("t.csv", "\ufefffilepath;title\n0.png;a dog, sitting\n", {}),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_what_a_table_looks_like_is_recognised(pictures, name, text, options, encoding):
    source = table(pictures, name, text.removeprefix("\ufeff") if encoding == "utf-16" else text, encoding=encoding)
    import_records(source, pictures / "out", options=ReaderOptions(**options))
    assert captions(pictures / "out") == {"0": ["a dog, sitting"]}


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "shift_jis", "gb18030"])
def test_the_encoding_is_the_users_to_say(pictures, encoding):
    text = {"latin-1": "café", "cp1252": "café €", "shift_jis": "犬と猫", "gb18030": "狗和猫"}[encoding]
    source = table(pictures, "t.csv", f"filepath,title\n0.png,{text}\n1.png,ok\n", encoding=encoding)
    import_records(source, pictures / "plain", max_rejects=1)
    assert [row["reason"].split(":")[0] for row in rejects(pictures / "plain")] == ["not UTF-8"]
    import_records(source, pictures / "out", options=ReaderOptions(encoding=encoding))
    assert captions(pictures / "out") == {"0": [text], "1": ["ok"]}


@pytest.mark.parametrize("encoding", ["latin-2000", "base64", "rot13"])
def test_encodings_that_are_none(pictures, encoding):
    source = table(pictures, "t.csv", "filepath,title\n0.png,x\n")
    with pytest.raises(InputError, match=f"no encoding '{encoding}'"):
        import_records(source, pictures / "out", options=ReaderOptions(encoding=encoding))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("image,caption,caption\n0.png,a,b\n", "several columns called 'caption'"),
        ("0.png,a dog\n1.png,a cat\n", r"has no header: .*--columns image,caption"),
        ("url,words\nx,y\n", "no column 'filepath' for images"),
        ("\n\n", "is empty"),
    ],
)
def test_tables_that_cannot_be_read_as_they_are(pictures, text, words):
    with pytest.raises(SourceError, match=words):
        import_records(table(pictures, "t.csv", text), pictures / "out")


# --- quotes and lines


def test_a_tab_separated_table_has_no_quotes(pictures):
    text = 'filepath\ttitle\n0.png\ta 6" pipe\n1.png\tplain\n2.png\t"only open\n3.png\tthree\n4.png\tfour"\n'
    import_records(table(pictures, "t.tsv", text), pictures / "out")
    assert captions(pictures / "out") == {
        "0": ['a 6" pipe'], "1": ["plain"], "2": ['"only open'], "3": ["three"], "4": ['four"'],
    }  # fmt: skip
    import_records(
        table(pictures, "q.tsv", 'filepath\ttitle\n0.png\t"a\tb"\n'),
        pictures / "q",
        options=ReaderOptions(quoting=True),
    )
    assert captions(pictures / "q") == {"0": ["a\tb"]}


def test_a_quote_that_does_not_close_costs_its_line(pictures):
    text = 'filepath,title\n0.png,ok\n1.png,"open\n2.png,two\n3.png,three\n4.png,closed"\n'
    summary = import_records(table(pictures, "t.csv", text), pictures / "out", max_rejects=1)
    assert captions(pictures / "out") == {"0": ["ok"], "2": ["two"], "3": ["three"], "4": ['closed"']}
    (reject,) = rejects(pictures / "out")
    assert reject["member"] == "row 2"
    assert "--quoting reads cells of several lines" in reject["reason"]
    assert summary.n_records + summary.n_rejected == 5


def test_cells_of_several_lines_where_the_user_says_so(pictures):
    text = 'filepath,title\n0.png,"one\ntwo, ""three"""\n1.png,"never closed\n2.png,x\n'
    options = ReaderOptions(quoting=True)
    import_records(table(pictures, "t.csv", text), pictures / "out", options=options, max_rejects=1)
    assert captions(pictures / "out") == {"0": ['one\ntwo, "three"'], "2": ["x"]}
    assert [row["member"] for row in rejects(pictures / "out")] == ["row 2"]


def test_every_line_is_accounted_for(pictures):
    lines = ["0.png,a", "", "1.png,b,c", "2.png", "   ", '3.png,"', "4.png,nan", "0.png,again"]
    source = table(pictures, "t.csv", "filepath,title\n" + "\n".join(lines) + "\n")
    summary = import_records(source, pictures / "out", max_rejects=1)
    assert summary.left_aside == {"blank line": 2}
    assert summary.reasons == {"malformed row": 3, "no caption": 1}
    assert captions(pictures / "out") == {"0": ["a", "again"]}


@pytest.mark.parametrize("word", ["nan", "NaN", "NULL", "None", "N/A", "<NA>", " null "])
def test_words_for_nothing_are_no_caption(pictures, word):
    source = table(pictures, "t.csv", f"filepath,title\n0.png,{word}\n1.png,nan bread\n")
    summary = import_records(source, pictures / "out", max_rejects=1)
    assert captions(pictures / "out") == {"1": ["nan bread"]}
    assert summary.reasons == {"no caption": 1}


# --- lists in cells


@pytest.mark.parametrize(
    "cell",
    ['["a dog", "a cat"]', "['a dog', 'a cat']", "('a dog', 'a cat')", "['a dog' 'a cat']", "[\"a dog\", 'a cat']"],
)
def test_a_list_in_a_cell_is_a_list(pictures, cell):
    if cell.startswith("("):
        cell = cell.replace("(", "[").replace(")", "]")
    source = table(pictures, "t.tsv", f"image\tcaption\tobjects\n0.png\t{cell}\t{cell}\n")
    import_records(source, pictures / "out")
    (row,) = records(pictures / "out")
    assert row["captions"] == row["objects"] == ["a dog", "a cat"]


@pytest.mark.parametrize(
    "cell", ["[sic] a dog", "[a dog", "a dog]", "[__import__('os').system('touch ran')]", "[" * 5000 + "]" * 5000]
)
def test_what_is_no_list_stays_a_text_and_never_runs(pictures, cell):
    import_records(table(pictures, "t.tsv", f"image\tcaption\n0.png\t{cell}\n"), pictures / "out")
    assert captions(pictures / "out") == {"0": [cell]}
    assert not (pictures / "ran").exists()


def test_objects_and_boxes_in_cells(pictures):
    text = 'image,caption,objects,boxes\n0.png,a,"[""dog"", ""cat""]","[[1,2,3,4],[5,6,7,5]]"\n'
    import_records(table(pictures, "t.csv", text), pictures / "out")
    (row,) = records(pictures / "out")
    assert (row["objects"], row["boxes"]) == (["dog", "cat"], [[1, 2, 3, 4], [5, 6, 7, 5]])


# --- rows of one image


ROWS = [(n, k) for k in range(3) for n in (0, 1, 2)]  # not side by side


def write_rows(folder, kind, rows):
    """A table of rows in one of the formats; the columns are image and caption, and those of ``more``."""
    path = folder / f"t.{kind}"
    if kind in ("csv", "tsv"):
        separator = {"csv": ",", "tsv": "\t"}[kind]
        lines = [separator.join(map(str, row.values())) for row in rows]
        path.write_text("\n".join([separator.join(rows[0]), *lines]) + "\n")
    elif kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=2)
    else:
        path.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    return path


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet", "jsonl"])
@pytest.mark.parametrize("workers", [0, 2])
def test_rows_of_one_image_make_one_record(pictures, kind, workers):
    source = write_rows(pictures, kind, [{"image": f"{n}.png", "caption": f"{k} of {n}"} for n, k in ROWS])
    summary = import_records(source, pictures / "out", workers=workers)
    assert captions(pictures / "out") == {str(n): [f"{k} of {n}" for k in range(3)] for n in range(3)}
    assert any("9 rows are of 3 images" in remark for remark in summary.remarks)
    assert summary.n_rejected == 0
    import_records(source, pictures / "each", options=ReaderOptions(one_row_per="image"), max_rejects=1)
    assert captions(pictures / "each") == {str(n): [f"0 of {n}"] for n in range(3)}


def test_rows_of_one_image_in_pieces(pictures, monkeypatch):
    from memometer.data.sources import delimited, grouping

    monkeypatch.setattr(delimited, "PIECE_ROWS", 2)
    monkeypatch.setattr(grouping, "PIECE_ROWS", 2)
    source = write_rows(pictures, "csv", [{"image": f"{n}.png", "caption": f"{k} of {n}"} for n, k in ROWS])
    import_records(source, pictures / "out")
    assert captions(pictures / "out") == {str(n): [f"{k} of {n}" for k in range(3)] for n in range(3)}


@pytest.mark.parametrize(
    ("columns", "box"),
    [
        ("xmin,ymin,xmax,ymax", "1,2,4,6"),
        ("x,y,w,h", "1,2,3,4"),
        ("XMin,YMin,XMax,YMax", f"{1 / 16},{2 / 12},{4 / 16},{6 / 12}"),  # shares, as Open Images has them
        ("width,height,xmin,ymin,xmax,ymax", "32,24,2,4,8,12"),  # drawn on an image of twice the size
    ],
)
def test_a_row_may_stand_for_an_object(pictures, columns, box):
    text = f"filename,class,{columns}\n0.png,dog,{box}\n1.png,cat,{box}\n0.png,dog,{box}\n"
    import_records(
        table(pictures, "t.csv", text),
        pictures / "out",
        options=ReaderOptions(captions="optional", one_row_per="object"),
    )
    found = {row["record_id"]: (row["objects"], row["boxes"]) for row in records(pictures / "out")}
    assert found == {
        "0": (["dog", "dog"], [pytest.approx([1, 2, 3, 4])] * 2),
        "1": (["cat"], [pytest.approx([1, 2, 3, 4])]),
    }


def test_objects_that_differ_between_rows_are_all_of_the_image(pictures):
    text = "image,label,caption\n0.png,dog,x\n0.png,cat,x\n1.png,cow,y\n1.png,cow,z\n"
    import_records(table(pictures, "t.csv", text), pictures / "out")
    found = [(row["label"], row["objects"], row["captions"]) for row in records(pictures / "out")]
    assert found == [(None, ["dog", "cat"], ["x"]), ("cow", None, ["y", "z"])]


def test_numbered_columns_of_captions(pictures):
    import_records(table(pictures, "t.csv", "image,caption_1,caption_2,caption_10\n0.png,a,b,c\n"), pictures / "out")
    assert captions(pictures / "out") == {"0": ["a", "b", "c"]}


# --- where the images are


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("images\\0.png", "images/0"),
        ("C:\\data\\images\\0.png", "images/0"),
        ("/home/somebody/data/images/0.png", "images/0"),
        ("https://example.org/images/0.png", "images/0"),
        ("0.png", "0"),
        ("0", "0"),
        ("0.png#3", "0"),
    ],
)
def test_images_of_another_machine_are_found_by_the_ends_of_their_names(tmp_path, name, expected):
    write_pictures(tmp_path / "here" / "images", ["0.png"])
    source = table(tmp_path, "t.tsv", f"filepath\ttitle\n{name}\tx\n")
    where = tmp_path / "here" if "images" in name else tmp_path / "here" / "images"
    import_records(
        source, tmp_path / "out", options=ReaderOptions(images=(str(tmp_path / "nowhere2"[:-9]), str(where)))
    )
    assert ids(tmp_path / "out") == [expected]
    assert stored_bytes(tmp_path / "out") == [picture(0)]


def test_backslashes_and_a_folder_beside_the_table(tmp_path):
    write_pictures(tmp_path / "Images", ["0.png"])
    write_pictures(tmp_path / "sub", ["1.png"])
    source = table(tmp_path, "t.csv", "image,caption\n0.png,x\nsub\\1.png,y\n")
    import_records(source, tmp_path / "out")
    assert captions(tmp_path / "out") == {"0": ["x"], "sub/1": ["y"]}


def test_a_short_end_never_stands_for_another_image(tmp_path):
    write_pictures(tmp_path / "here", ["1.png", "val/1.png"])
    source = table(tmp_path, "t.csv", "image,caption\n/far/train/1.png,x\n/far/val/1.png,y\n")
    options = ReaderOptions(images=(str(tmp_path / "here"),))
    summary = import_records(source, tmp_path / "out", options=options, max_rejects=1)
    assert captions(tmp_path / "out") == {"val/1": ["y"]}
    assert summary.reasons == {"missing image": 1}


def test_an_image_that_is_nowhere_says_where_to_look(pictures):
    source = table(pictures, "t.csv", "image,caption\n9.png,x\n")
    with pytest.raises(Exception, match="--images FOLDER names another"):
        import_records(source, pictures / "out")
    with pytest.raises(InputError, match=r"no folder of images at .*nowhere"):
        import_records(source, pictures / "out", options=ReaderOptions(images=("nowhere",)))


@pytest.mark.parametrize("source", ["k", "k/captions.txt"])
def test_kaggles_flickr8k(tmp_path, source):
    write_pictures(tmp_path / "k" / "Images", ["0.png", "1.png"])
    lines = [f"{n}.png,caption {k} of {n} ." for n in range(2) for k in range(5)]
    table(tmp_path / "k", "captions.txt", "image,caption\n" + "\n".join(lines) + "\n")
    import_records(tmp_path / source, tmp_path / "out")
    assert captions(tmp_path / "out") == {str(n): [f"caption {k} of {n} ." for k in range(5)] for n in range(2)}


@pytest.mark.parametrize("format", [None, "tsv"])
def test_flickr8ks_token_file(pictures, format):
    lines = [f"{n}.png#{k}\tA dog {k} in {n} ." for n in range(2) for k in range(5)]
    source = table(pictures, "Flickr8k.token.txt", "\n".join(lines) + "\n")
    import_records(source, pictures / "out", options=ReaderOptions(format=format))
    assert captions(pictures / "out") == {str(n): [f"A dog {k} in {n} ." for k in range(5)] for n in range(2)}


def test_base64_is_named_in_a_short_reason(pictures):
    text = "image\tcaption\n" + base64.b64encode(picture(0) * 3).decode() + "\tx\n1.png\ty\n"
    import_records(table(pictures, "b.tsv", text), pictures / "out", max_rejects=1)
    (reject,) = rejects(pictures / "out")
    assert reject["reason"].startswith("image as base64")
    assert len(reject["reason"]) < 200
    assert reject["record_id"] is None


@pytest.mark.parametrize(
    "source", ["https://example.invalid/{00..02}.tar", "hf://datasets/owner/name", "s3://bucket/x"]
)
def test_addresses_are_no_source(tmp_path, source):
    with pytest.raises(SourceError, match="is an address; memometer reads local files alone"):
        import_records(source, tmp_path / "out")


# --- lists


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


# --- Hugging Face's tables


STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


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


# --- tables as spreadsheets, other machines and other tools leave them


def test_a_line_that_declares_the_separator_is_no_row(pictures):
    source = table(pictures, "t.csv", "\ufeffsep=;\r\nimage;caption\r\n0.png;a dog, sitting\r\n")
    import_records(source, pictures / "out")
    assert captions(pictures / "out") == {"0": ["a dog, sitting"]}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("options", [{}, {"quoting": True}])
def test_only_line_feeds_end_a_line(pictures, encoding, options):
    text = 'image\tcaption\tnote\n0.png\ta\u2028dog\x0b\x85 here\t"quoted"\n'
    import_records(
        table(pictures, "t.tsv", text, encoding=encoding), pictures / "out", options=ReaderOptions(**options)
    )
    assert captions(pictures / "out") == {"0": ["a\u2028dog\x0b\x85 here"]}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"image,caption\r0.png,a dog\r", "carriage returns"),
        ("image,caption\n0.png,a dog\n".encode("utf-16-le"), "--encoding"),
        (b"PAR1\0\0\0\n", "--format"),
        (b"picture of it,words\n0,a dog\n", r"read as csv; --format"),
    ],
)
def test_what_is_no_table_that_can_be_read_says_what_to_do(pictures, content, words):
    (pictures / "t.csv").write_bytes(content)
    with pytest.raises(SourceError, match=words):
        import_records(pictures / "t.csv", pictures / "out")


def test_names_that_go_up(tmp_path):
    write_pictures(tmp_path / "images", ["0.png", "1.png"])
    (tmp_path / "lists").mkdir()
    near = table(tmp_path / "lists", "near.csv", "image,caption\n../images/0.png,zero\n..\\images\\1.png,one\n")
    import_records(near, tmp_path / "near")
    assert list(captions(tmp_path / "near").values()) == [["zero"], ["one"]]
    far = table(
        tmp_path / "lists", "far.csv", "image,caption\n../../x/images/0.png,zero\n..\\..\\x\\images\\1.png,one\n"
    )
    import_records(far, tmp_path / "far", options=ReaderOptions(images=(str(tmp_path),)))
    assert captions(tmp_path / "far") == {"images/0": ["zero"], "images/1": ["one"]}


def test_spellings_of_one_path_are_of_one_image(tmp_path):
    write_pictures(tmp_path / "images", ["0.png"])
    names = ["images/0.png", "images\\0.png", "./images/0.png", str(tmp_path / "images/0.png")]
    text = "image,caption\n" + "".join(f"{name},{number}\n" for number, name in enumerate(names))
    import_records(table(tmp_path, "t.csv", text), tmp_path / "out")
    assert captions(tmp_path / "out") == {"images/0": ["0", "1", "2", "3"]}


def test_rows_that_contradict_each_other_are_counted(pictures):
    text = "image,caption,label,role\n0.png,a,cat,train\n0.png,b,dog,test\n1.png,c,cat,train\n1.png,d,cat,train\n"
    options = ReaderOptions(fields=Fields(role="role"))
    summary = import_records(table(pictures, "t.csv", text), pictures / "out", options=options)
    assert [row["role"] for row in records(pictures / "out")] == ["train", "train"]
    assert sorted(name.partition(":")[0] for name in summary.left_aside) == ["label", "role"]
    assert set(summary.left_aside.values()) == {1}


def test_blank_lines_of_a_list_are_counted(pictures):
    text = '{"image": "0.png", "text": "a"}\n\n{"image": "1.png", "text": "b"}\n\n'
    summary = import_records(table(pictures, "t.jsonl", text), pictures / "out")
    assert summary.left_aside == {"blank line": 2}
    assert captions(pictures / "out") == {"0": ["a"], "1": ["b"]}


def test_images_that_are_numbers(pictures):
    entries = [{"image_id": 1, "caption": "a"}, {"image_id": 3, "caption": "b"}, {"image_id": 1, "caption": "c"}]
    import_records(table(pictures, "t.json", json.dumps(entries)), pictures / "out")
    assert captions(pictures / "out") == {"1": ["a", "c"], "3": ["b"]}


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


@pytest.mark.parametrize("source", ["", "flickr30k_images", "flickr30k_images/results.csv"])
def test_kaggles_flickr30k(tmp_path, source):
    write_pictures(tmp_path / "in/flickr30k_images/flickr30k_images", ["0.png", "1.png"])
    text = "image_name| comment_number| comment\n0.png| 0| Two, men .\n0.png| 1| A man .\n1.png| 0| A dog .\n"
    table(tmp_path / "in/flickr30k_images", "results.csv", text)
    import_records(tmp_path / "in" / source, tmp_path / "out")
    assert list(captions(tmp_path / "out").values()) == [["Two, men .", "A man ."], ["A dog ."]]


def test_flickr30ks_token_file(pictures):
    source = table(pictures, "results_20130124.token", "0.png#0\tone .\n0.png#1\ttwo .\n1.png#0\tthree .\n")
    for place in (source, pictures):
        import_records(place, pictures / "out", overwrite=True)
        assert captions(pictures / "out") == {"0": ["one .", "two ."], "1": ["three ."]}


STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


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
