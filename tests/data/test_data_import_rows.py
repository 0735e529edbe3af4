"""Tables as people have them: separators, quotes, encodings, lists in cells, rows of one image."""

import pytest
from import_sources import Imported, check_import, table, write_rows

from memometer.data import ReaderOptions, import_records
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
        ("t.csv", "\ufeffsep=;\r\nimage;caption\r\n0.png;a dog, sitting\r\n", {}),  # declares the separator
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_what_a_table_looks_like_is_recognised(pictures, name, text, options, encoding):
    source = table(pictures, name, text.removeprefix("\ufeff") if encoding == "utf-16" else text, encoding=encoding)
    assert Imported(source, pictures / "out", **options).captions == {"0": ["a dog, sitting"]}


@pytest.mark.parametrize(
    ("encoding", "text"), [("latin-1", "café"), ("cp1252", "café €"), ("shift_jis", "犬と猫"), ("gb18030", "狗和猫")]
)
def test_the_encoding_is_the_users_to_say(pictures, encoding, text):
    source = table(pictures, "t.csv", f"filepath,title\n0.png,{text}\n1.png,ok\n", encoding=encoding)
    assert Imported(source, pictures / "plain", max_rejects=1).why == ["not UTF-8"]
    assert Imported(source, pictures / "out", encoding=encoding).captions == {"0": [text], "1": ["ok"]}


@pytest.mark.parametrize(
    ("name", "content", "encoding", "words"),
    [
        *[("t.csv", b"filepath,title\n0.png,x\n", e, f"no encoding '{e}'") for e in ("latin-2000", "base64", "rot13")],
        *[("t.jsonl", '{"image": "0.png", "text":"é"}\n'.encode(e), None, "in UTF-8: ") for e in ("latin-1", "utf-16")],
        ("t.csv", b"image,caption,caption\n0.png,a,b\n", None, "several columns called 'caption'"),
        ("t.csv", b"0.png,a dog\n1.png,a cat\n", None, r"has no header: .*--columns image,caption"),
        ("t.csv", b"url,words\nx,y\n", None, "no column 'filepath' for images"),
        ("t.csv", b"\n\n", None, "is empty"),
        ("t.csv", b"image,caption\r0.png,a dog\r", None, "carriage returns"),
        ("t.csv", "image,caption\n0.png,a dog\n".encode("utf-16-le"), None, "--encoding"),
        ("t.csv", b"PAR1\0\0\0\n", None, "--format"),
        ("t.csv", b"picture of it,words\n0,a dog\n", None, r"read as csv; --format"),
        ("q.tsv", b'"image"\t"caption"\n"0.png"\t"a"\n', None, r"are in quotes, .*pass --quoting"),
        ("cc.tsv", b"a bus\thttps://x.org/1\n", None, r"no header and names images by address, .*img2dataset"),
    ],
)
def test_what_is_no_table_that_can_be_read_says_what_to_do(pictures, name, content, encoding, words):
    (pictures / name).write_bytes(content)
    with pytest.raises(InputError if encoding else SourceError, match=words):
        import_records(pictures / name, pictures / "out", options=ReaderOptions(encoding=encoding))


EVERY_LINE = ["0.png,a", "", "1.png,b,c", "2.png", "   ", '3.png,"', "4.png,nan", "0.png,again"]
PANDAS = "['a \\'nan\\' b', nan, None, \"nan c\"]"
TABLES = {  # text, options, what is told
    "a tab-separated table has no quotes": (
        'filepath\ttitle\n0.png\ta 6" pipe\n1.png\tplain\n2.png\t"only open\n3.png\tthree\n4.png\tfour"\n',
        {},
        {"captions": {"0": ['a 6" pipe'], "1": ["plain"], "2": ['"only open'], "3": ["three"], "4": ['four"']}},
    ),
    "but where the user says so": (
        'filepath\ttitle\n0.png\t"a\tb"\n',
        {"quoting": True},
        {"captions": {"0": ["a\tb"]}},
    ),
    "cells of several lines where the user says so": (
        'filepath,title\n0.png,"one\ntwo, ""three"""\n1.png,"never closed\n2.png,x\n',
        {"quoting": True},
        {"captions": {"0": ['one\ntwo, "three"'], "2": ["x"]}, "members": ["row 2"]},
    ),
    "every line is accounted for": (
        "filepath,title\n" + "\n".join(EVERY_LINE) + "\n",
        {},
        {
            "left_aside": {"blank line": 2},
            "reasons": {"malformed row": 3, "no caption": 1},
            "captions": {"0": ["a", "again"]},
        },
    ),
    "numbered columns of captions": (
        "image,caption_1,caption_2,caption_10\n0.png,a,b,c\n",
        {},
        {"captions": {"0": ["a", "b", "c"]}},
    ),
    "rows that contradict each other are counted": (
        "image,caption,label,role\n0.png,a,cat,train\n0.png,b,dog,test\n1.png,c,cat,train\n1.png,d,cat,train\n",
        {"fields": {"role": "role"}},
        {
            "role": {"0": "train", "1": "train"},
            "left_aside": {
                "label: rows of an image differ, so it has none": 1,
                "role: rows of an image differ, the first row's stays": 1,
            },
        },
    ),
    "rows without any value are counted": (
        "image;caption;price\n0.png;a;1\n;;\n1.png;b;2\n0.png;c;1\n;; ;\n;\n",
        {},
        {"captions": {"0": ["a", "c"], "1": ["b"]}, "left_aside": {"row without any value": 3}, "rejects": []},
    ),
    "objects and boxes in cells": (
        'image,caption,objects,boxes\n0.png,a,"[""dog"", ""cat""]","[[1,2,3,4],[5,6,7,5]]"\n',
        {},
        {"objects": {"0": ["dog", "cat"]}, "boxes": {"0": [[1, 2, 3, 4], [5, 6, 7, 5]]}},
    ),
    "objects that differ between rows are all of the image": (
        "image,label,caption\n0.png,dog,x\n0.png,cat,x\n1.png,cow,y\n1.png,cow,z\n",
        {},
        {
            "label": {"0": None, "1": "cow"},
            "objects": {"0": ["dog", "cat"], "1": None},
            "captions": {"0": ["x"], "1": ["y", "z"]},
        },
    ),
    "lists as pandas writes them": (
        f"image\tcaption\n0.png\t['x', nan]\n1.png\t{PANDAS}\n2.png\t[sic] a dog [!]\n3.png\t['open, 'list']\n",
        {},
        {
            "captions": {"0": ["x"], "1": ["a 'nan' b", "nan c"], "2": ["[sic] a dog [!]"]},
            "why": ["malformed list"],
        },
    ),
    **{
        f"{word!r} is no caption": (
            f"filepath,title\n0.png,{word}\n1.png,nan bread\n",
            {},
            {"captions": {"1": ["nan bread"]}, "reasons": {"no caption": 1}},
        )
        for word in ("nan", "NaN", "NULL", "None", "N/A", "<NA>", " null ")
    },
}


@pytest.mark.parametrize("case", TABLES)
def test_tables(pictures, case):
    text, options, expected = TABLES[case]
    check_import(table(pictures, "t.tsv" if "\t" in text else "t.csv", text), pictures / "out", options, expected)


def test_a_quote_that_does_not_close_costs_its_line(pictures):
    text = 'filepath,title\n0.png,ok\n1.png,"open\n2.png,two\n3.png,three\n4.png,closed"\n'
    found = Imported(table(pictures, "t.csv", text), pictures / "out", max_rejects=1)
    assert found.captions == {"0": ["ok"], "2": ["two"], "3": ["three"], "4": ['closed"']}
    assert found.members == ["row 2"]
    assert "--quoting reads cells of several lines" in found.rejects[0]["reason"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("options", [{}, {"quoting": True}])
def test_only_line_feeds_end_a_line(pictures, encoding, options):
    text = 'image\tcaption\tnote\n0.png\ta\u2028dog\x0b\x85 here\t"quoted"\n'
    found = Imported(table(pictures, "t.tsv", text, encoding=encoding), pictures / "out", **options)
    assert found.captions == {"0": ["a\u2028dog\x0b\x85 here"]}


def test_columns_that_are_not_read_are_named(pictures):
    found = Imported(table(pictures, "t.csv", "image,caption,text,class,price\n0.png,a,b,c,1\n"), pictures / "out")
    assert found.remarks[0].startswith("not read: column 'text', 'class'; captions are those of 'caption'")


@pytest.mark.parametrize(
    "cell", ['["a dog", "a cat"]', "['a dog', 'a cat']", "['a dog' 'a cat']", "[\"a dog\", 'a cat']"]
)
def test_a_list_in_a_cell_is_a_list(pictures, cell):
    source = table(pictures, "t.tsv", f"image\tcaption\tobjects\n0.png\t{cell}\t{cell}\n")
    (row,) = Imported(source, pictures / "out").rows
    assert row["captions"] == row["objects"] == ["a dog", "a cat"]


@pytest.mark.parametrize(
    "cell", ["[sic] a dog", "[a dog", "a dog]", "[__import__('os').system('touch ran')]", "[" * 5000 + "]" * 5000]
)
def test_what_is_no_list_stays_a_text_and_never_runs(pictures, cell):
    source = table(pictures, "t.tsv", f"image\tcaption\n0.png\t{cell}\n")
    assert Imported(source, pictures / "out").captions == {"0": [cell]}
    assert not (pictures / "ran").exists()


ROWS_OF_THREE = [{"image": f"{n}.png", "caption": f"{k} of {n}"} for n, k in ROWS]
OF_THREE = {str(n): [f"{k} of {n}" for k in range(3)] for n in range(3)}


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet", "jsonl"])
@pytest.mark.parametrize("workers", [0, 2])
def test_rows_of_one_image_make_one_record(pictures, kind, workers):
    options = {"row_group_size": 2} if kind == "parquet" else {}
    source = write_rows(pictures / f"t.{kind}", ROWS_OF_THREE, **options)
    found = Imported(source, pictures / "out", workers=workers)
    assert found.captions == OF_THREE
    assert any("9 rows are of 3 images" in remark for remark in found.remarks)
    assert found.rejects == []
    each = Imported(source, pictures / "each", one_row_per="image", max_rejects=1)
    assert each.captions == {name: texts[:1] for name, texts in OF_THREE.items()}


def test_rows_of_one_image_in_pieces(pictures, monkeypatch):
    for module in ("delimited", "grouping"):
        monkeypatch.setattr(f"memometer.data.sources.{module}.PIECE_ROWS", 2)
    assert Imported(write_rows(pictures / "t.csv", ROWS_OF_THREE), pictures / "out").captions == OF_THREE


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
    source = table(pictures, "t.csv", text)
    found = Imported(source, pictures / "out", captions="optional", one_row_per="object")
    assert found.objects == {"0": ["dog", "dog"], "1": ["cat"]}
    assert found.boxes == {"0": [pytest.approx([1, 2, 3, 4])] * 2, "1": [pytest.approx([1, 2, 3, 4])]}


def test_a_table_of_other_columns_says_how_it_differs(pictures):
    table(pictures, "a.csv", "image,caption,label\n0.png,a,x\n")
    table(pictures, "b.csv", "image,caption\n1.png,b\n")
    with pytest.raises(SourceError, match=r"b\.csv has no column 'label', which .*a\.csv has; import tables of other"):
        import_records(pictures, pictures / "out")


def test_captions_of_an_image_in_several_tables_and_spellings(pictures):
    """However its name is written: the order of captions is that of the rows, and a split that differs is counted."""
    first = "image,caption\n0.png,a\n0.png,b\n./0.png,c\n0.png,d\n1.png,e\n0.png,b\n"
    table(pictures, "test.csv", first)
    table(pictures, "train.csv", "image,caption\n0.png,f\n2.png,g\n")
    found = Imported(pictures / "t*.csv", pictures / "out")
    assert found.captions == {"0": ["a", "b", "c", "d", "f"], "1": ["e"], "2": ["g"]}
    assert found.role == {"0": "test", "1": "test", "2": "train"}
    assert found.left_aside == {"role: rows of an image differ, the first row's stays": 1}
