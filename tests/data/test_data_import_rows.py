"""Tables as people have them: separators, quotes, encodings, lists in cells, rows of one image."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from import_sources import captions, records, rejects, table

from memometer.data import Fields, ReaderOptions, import_records
from memometer.errors import InputError, SourceError

ROWS = [(n, k) for k in range(3) for n in (0, 1, 2)]  # not side by side


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


def test_rows_that_contradict_each_other_are_counted(pictures):
    text = "image,caption,label,role\n0.png,a,cat,train\n0.png,b,dog,test\n1.png,c,cat,train\n1.png,d,cat,train\n"
    options = ReaderOptions(fields=Fields(role="role"))
    summary = import_records(table(pictures, "t.csv", text), pictures / "out", options=options)
    assert [row["role"] for row in records(pictures / "out")] == ["train", "train"]
    assert sorted(name.partition(":")[0] for name in summary.left_aside) == ["label", "role"]
    assert set(summary.left_aside.values()) == {1}


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("['x', nan]", ["x"]),
        ("['a \\'nan\\' b', nan, None, \"nan c\"]", ["a 'nan' b", "nan c"]),
        ("[sic] a dog [!]", ["[sic] a dog [!]"]),
        ("['open, 'list']", None),
    ],
)
def test_lists_as_pandas_writes_them(pictures, cell, expected):
    source = table(pictures, "t.tsv", f"image\tcaption\n0.png\t{cell}\n1.png\ty\n")
    import_records(source, pictures / "out", max_rejects=1)
    assert captions(pictures / "out").get("0") == expected
    assert [row["reason"].split(":")[0] for row in rejects(pictures / "out")] == (
        [] if expected else ["malformed list"]
    )


def test_rows_without_any_value_are_counted(pictures):
    text = "image;caption;price\n0.png;a;1\n;;\n1.png;b;2\n0.png;c;1\n;; ;\n;\n"
    summary = import_records(table(pictures, "t.csv", text), pictures / "out")
    assert captions(pictures / "out") == {"0": ["a", "c"], "1": ["b"]}
    assert summary.left_aside == {"row without any value": 3}


def test_columns_that_are_not_read_are_named(pictures):
    text = "image,caption,text,class,price\n0.png,a,b,c,1\n"
    summary = import_records(table(pictures, "t.csv", text), pictures / "out")
    assert summary.remarks[0].startswith("not read: column 'text', 'class'; captions are those of 'caption'")


def test_a_table_of_other_columns_says_how_it_differs(pictures):
    table(pictures, "a.csv", "image,caption,label\n0.png,a,x\n")
    table(pictures, "b.csv", "image,caption\n1.png,b\n")
    with pytest.raises(SourceError, match=r"b\.csv has no column 'label', which .*a\.csv has; import tables of other"):
        import_records(pictures, pictures / "out")


def test_quoted_columns_of_a_tsv_and_addresses_without_a_header_say_what_to_do(pictures):
    with pytest.raises(SourceError, match=r"are in quotes, .*pass --quoting"):
        import_records(table(pictures, "q.tsv", '"image"\t"caption"\n"0.png"\t"a"\n'), pictures / "out")
    with pytest.raises(SourceError, match=r"has no header and names images by address, .*img2dataset"):
        import_records(table(pictures, "cc.tsv", "a bus\thttps://x.org/1\n"), pictures / "out")
