"""Tables (CSV, TSV, Parquet) become the records that they hold."""

import pyarrow as pa
import pytest
from import_sources import Imported, image_cells, picture, stored_bytes, table, write_pictures, write_rows

from memometer.data import import_records
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
    found = Imported(table(tmp_path, name, text), tmp_path / "out", quoting=True, **options)  # a cell spans lines
    assert found.of("captions", "image_path", "objects") == {
        "images/0": (["a cat, black"], str(tmp_path / "images" / "0.png"), None),
        "images/1": (["line\none"], str(tmp_path / "images" / "1.png"), None),
    }
    assert stored_bytes(tmp_path / "out") == [picture(0), picture(1)]
    assert found.objects_from is None


def test_delimited_columns_by_option(pictures):
    head, first, second = "img,a,b,tags,who,part,n,of", "0.png,x,y,cat|dog|,p,train,9, cat", "1.png,,z,,q,val,8,"
    names = {"image": "img", "captions": ("b", "a"), "label": "of", "objects": "tags", "objects_separator": "|"}
    names |= {"group": "who", "role": "part", "record_id": "n"}
    found = Imported(table(pictures, "t.csv", f"{head}\n{first}\n{second}\n"), pictures / "out", fields=names)
    assert found.ids == ["9", "8"]
    assert found.of("captions", "objects", "label", "group", "role") == {
        "9": (["y", "x"], ["cat", "dog"], "cat", "p", "train"),
        "8": (["z"], [], None, "q", "val"),
    }


def test_delimited_ids_from_paths(tmp_path):
    write_pictures(tmp_path, ["a/1.png", "b/1.v2.png", "c.png"])
    source = table(tmp_path, "t.csv", f"filepath,title\n./a/1.png,x\n{tmp_path}/b/1.v2.png,x\nc.png,x\n")
    assert Imported(source, tmp_path / "out").ids == ["a/1", "b/1.v2", "c"]


def test_delimited_pieces_join_without_seam(tmp_path, monkeypatch):
    monkeypatch.setattr("memometer.data.sources.delimited.PIECE_ROWS", 3)
    write_pictures(tmp_path, [f"{number}.png" for number in range(10)])
    rows = "".join(f'{number}.png,"é {number}\n""q""",{number}\n' for number in range(10))
    found = Imported(table(tmp_path, "t.csv", "filepath,title,record_id\n" + rows), tmp_path / "out", quoting=True)
    assert found.ids == [str(number) for number in range(10)]
    assert found.captions["7"] == ['é 7\n"q"']


def test_images_below_the_records_are_stored_relative(tmp_path):
    write_pictures(tmp_path / "out", ["images/0.png"])
    found = Imported(table(tmp_path / "out", "t.csv", "filepath,title\nimages/0.png,x\n"), tmp_path / "out")
    assert found.rows[0]["image_path"] == "images/0.png"
    (tmp_path / "out").rename(tmp_path / "moved")
    assert stored_bytes(tmp_path / "moved") == [picture(0)]


# --- Parquet ---


def test_parquet_of_paths(pictures):
    columns = {
        "filepath": ["0.png", "1.png"],
        "captions": [["x", "y"], ["z"]],
        "objects": [["cat"], None],
        "id": [4, 5],
    }
    source = write_rows(pictures / "t.parquet", pa.table(columns))
    found = Imported(source, pictures / "out", fields={"record_id": "id"})
    assert found.of("captions", "objects") == {"4": (["x", "y"], ["cat"]), "5": (["z"], None)}
    assert stored_bytes(pictures / "out") == [picture(0), picture(1)]


@pytest.mark.parametrize("kind", ["bytes", "struct"])
@pytest.mark.parametrize("piece_rows", [2_048, 2])
def test_parquet_of_bytes(tmp_path, monkeypatch, kind, piece_rows):
    monkeypatch.setattr("memometer.data.sources.parquet.PIECE_ROWS", piece_rows)
    cells = [picture(number) for number in range(8)]
    image = cells if kind == "bytes" else image_cells(range(8), named=False).to_pylist()
    for part in range(2):
        rows = [{"image": image[part * 4 + row], "text": f"t{part}{row}"} for row in range(4)]
        write_rows(tmp_path / "data" / f"train-{part}.parquet", rows, row_group_size=3)
    found = Imported(tmp_path / "data", tmp_path / "out")
    assert found.captions == {f"train-{p}/{r:09d}": [f"t{p}{r}"] for p in range(2) for r in range(4)}
    assert [(row["image_row"], row["image_column"]) for row in found.rows[:2]] == [(0, "image"), (1, "image")]
    assert stored_bytes(tmp_path / "out") == cells


def test_parquet_row_groups_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr("memometer.data.sources.parquet.MAX_GROUP_BYTES", 1_000)
    rows = [{"image": picture(n), "text": "x"} for n in range(2)]
    with pytest.raises(SourceError, match="row_group_size=1000"):
        import_records(write_rows(tmp_path / "t.parquet", rows), tmp_path / "out")
    assert not (tmp_path / "out").exists()
