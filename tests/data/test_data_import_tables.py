"""Tables (CSV, TSV, Parquet) become the records that they hold."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from import_sources import fields, ids, picture, records, stored_bytes, write_pictures

from memometer.data import ReaderOptions, import_records
from memometer.errors import SourceError


@pytest.mark.parametrize(
    ("name", "text", "options"),
    [
        ("t.csv", 'filepath,title\nimages/0.png,"a cat, black"\nimages/1.png,"line\none"\n', {}),
        ("t.csv", 'filepath\ttitle\nimages/0.png\ta cat, black\nimages/1.png\t"line\none"\n', {}),
        ("t.tsv", 'filepath\ttitle\nimages/0.png\ta cat, black\nimages/1.png\t"line\none"\n', {}),
        (
            "t.csv",
            '\ufefffilepath;title\r\nimages/0.png;a cat, black\r\n\r\nimages/1.png;"line\none"',
            {"separator": ";"},
        ),
        ("t.data", 'filepath\ttitle\nimages/0.png\ta cat, black\nimages/1.png\t"line\none"\n', {"format": "tsv"}),
    ],
)
def test_delimited(tmp_path, name, text, options):
    write_pictures(tmp_path, ["images/0.png", "images/1.png"])
    (tmp_path / name).write_text(text, newline="")
    given = ReaderOptions(quoting=True, **options)  # a cell spans lines
    summary = import_records(tmp_path / name, tmp_path / "out", options=given)
    rows = records(tmp_path / "out")
    assert [row["record_id"] for row in rows] == ["images/0", "images/1"]
    assert [row["captions"] for row in rows] == [["a cat, black"], ["line\none"]]
    assert [row["image_path"] for row in rows] == [str(tmp_path / "images" / f"{n}.png") for n in range(2)]
    assert stored_bytes(tmp_path / "out") == [picture(0), picture(1)]
    assert summary.objects_from is None
    assert rows[0]["objects"] is None


def test_delimited_columns_by_option(tmp_path):
    write_pictures(tmp_path, ["0.png", "1.png"])
    head, first, second = "img,a,b,tags,who,part,n,of", "0.png,x,y,cat|dog|,p,train,9, cat", "1.png,,z,,q,val,8,"
    (tmp_path / "t.csv").write_text(f"{head}\n{first}\n{second}\n")
    names = fields(
        image="img",
        captions=("b", "a"),
        label="of",
        objects="tags",
        objects_separator="|",
        group="who",
        role="part",
        record_id="n",
    )
    import_records(tmp_path / "t.csv", tmp_path / "out", options=names)
    rows = records(tmp_path / "out")
    assert [row["record_id"] for row in rows] == ["9", "8"]
    assert [row["captions"] for row in rows] == [["y", "x"], ["z"]]
    assert [row["objects"] for row in rows] == [["cat", "dog"], []]
    assert [row["label"] for row in rows] == ["cat", None]
    assert [(row["group"], row["role"]) for row in rows] == [("p", "train"), ("q", "val")]


def test_delimited_ids_from_paths(tmp_path):
    write_pictures(tmp_path, ["a/1.png", "b/1.v2.png", "c.png"])
    (tmp_path / "t.csv").write_text(f"filepath,title\n./a/1.png,x\n{tmp_path}/b/1.v2.png,x\nc.png,x\n")
    import_records(tmp_path / "t.csv", tmp_path / "out")
    assert ids(tmp_path / "out") == ["a/1", "b/1.v2", "c"]


def test_delimited_pieces_join_without_seam(tmp_path, monkeypatch):
    monkeypatch.setattr("memometer.data.sources.delimited.PIECE_ROWS", 3)
    write_pictures(tmp_path, [f"{number}.png" for number in range(10)])
    rows = "".join(f'{number}.png,"é {number}\n""q""",{number}\n' for number in range(10))
    (tmp_path / "t.csv").write_text("filepath,title,record_id\n" + rows)
    import_records(tmp_path / "t.csv", tmp_path / "out", options=ReaderOptions(quoting=True))
    assert ids(tmp_path / "out") == [str(number) for number in range(10)]
    assert records(tmp_path / "out")[7]["captions"] == ['é 7\n"q"']


def test_images_below_the_records_are_stored_relative(tmp_path):
    write_pictures(tmp_path / "out", ["images/0.png"])
    (tmp_path / "out" / "t.csv").write_text("filepath,title\nimages/0.png,x\n")
    import_records(tmp_path / "out" / "t.csv", tmp_path / "out")
    assert records(tmp_path / "out")[0]["image_path"] == "images/0.png"
    (tmp_path / "out").rename(tmp_path / "moved")
    assert stored_bytes(tmp_path / "moved") == [picture(0)]


# --- Parquet ---


def test_parquet_of_paths(tmp_path):
    write_pictures(tmp_path, ["0.png", "1.png"])
    table = {"filepath": ["0.png", "1.png"], "captions": [["x", "y"], ["z"]], "objects": [["cat"], None], "id": [4, 5]}
    pq.write_table(pa.table(table), tmp_path / "t.parquet")
    import_records(tmp_path / "t.parquet", tmp_path / "out", options=fields(record_id="id"))
    rows = records(tmp_path / "out")
    assert [row["record_id"] for row in rows] == ["4", "5"]
    assert [row["captions"] for row in rows] == [["x", "y"], ["z"]]
    assert [row["objects"] for row in rows] == [["cat"], None]
    assert stored_bytes(tmp_path / "out") == [picture(0), picture(1)]


@pytest.mark.parametrize("kind", ["bytes", "struct"])
@pytest.mark.parametrize("piece_rows", [2_048, 2])
def test_parquet_of_bytes(tmp_path, monkeypatch, kind, piece_rows):
    monkeypatch.setattr("memometer.data.sources.parquet.PIECE_ROWS", piece_rows)
    cells = [picture(number) for number in range(8)]
    image = cells if kind == "bytes" else [{"bytes": cell, "path": None} for cell in cells]
    (tmp_path / "data").mkdir()
    for part in range(2):
        table = pa.table({"image": image[part * 4 : part * 4 + 4], "text": [f"t{part}{row}" for row in range(4)]})
        pq.write_table(table, tmp_path / "data" / f"train-{part}.parquet", row_group_size=3)
    import_records(tmp_path / "data", tmp_path / "out")
    rows = records(tmp_path / "out")
    assert [row["record_id"] for row in rows] == [f"train-{p}/{r:09d}" for p in range(2) for r in range(4)]
    assert [row["captions"] for row in rows] == [[f"t{p}{r}"] for p in range(2) for r in range(4)]
    assert [(row["image_row"], row["image_column"]) for row in rows[:2]] == [(0, "image"), (1, "image")]
    assert stored_bytes(tmp_path / "out") == cells


def test_parquet_row_groups_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr("memometer.data.sources.parquet.MAX_GROUP_BYTES", 1_000)
    pq.write_table(pa.table({"image": [picture(0), picture(1)], "text": ["x", "y"]}), tmp_path / "t.parquet")
    with pytest.raises(SourceError, match="row_group_size=1000"):
        import_records(tmp_path / "t.parquet", tmp_path / "out")
    assert not (tmp_path / "out").exists()
