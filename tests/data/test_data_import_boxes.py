"""Records without captions, and tables that say where the objects are."""

import csv
import json

import pyarrow as pa
import pytest
from commands import invoke
from import_sources import (
    OPTIONAL,
    Imported,
    picture,
    put,
    records,
    sample,
    table,
    write,
    write_coco,
    write_rows,
    write_samples,
    write_tar,
)

from memometer.cli import data_import
from memometer.data import ReaderOptions, import_records, importing, load_records
from memometer.data.sources import FORMATS
from memometer.data.sources.recognise import open_source
from memometer.errors import InputError, SourceError

# --- captions are optional ---


def write_source(root, kind):
    """A source whose second record has no caption."""
    if kind == "webdataset":
        return write_tar(root / "0.tar", sample(1) + sample(2, json=None))
    if kind == "coco":
        named = {1: "1.jpg", 2: "2.jpg"}
        return write_coco(root / "coco", named, captions=[(1, "x")], instances=[(2, 17, [0, 0, 1, 1])])
    if kind == "folder":
        return write(root / "f", {"a/1.png": picture(1), "b/2.png": picture(1), "a/1.txt": "x"})
    if kind == "karpathy":
        images = [{"filename": "1.png", "sentences": [{"raw": "x"}]}, {"filename": "2.png", "sentences": []}]
        return put(write(root, {"1.png": picture(1), "2.png": picture(1)}) / "t.json", {"images": images})
    if kind in {"parquet", "arrow"}:
        rows = [{"image": picture(1), "text": "x"}, {"image": picture(2), "text": None}]
    else:
        write(root, {"1.png": picture(1), "2.png": picture(1)})
        rows = [{"filepath": "1.png", "title": "x"}, {"filepath": "2.png", "title": " "}]
    return write_rows(root / f"t.{kind}", rows)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_record_without_caption_is_kept_where_captions_are_optional(tmp_path, kind):
    source = write_source(tmp_path, kind)
    strict = Imported(source, tmp_path / "strict", max_rejects=0.5)
    assert (len(strict.rows), strict.reasons, strict.summary.n_without_captions) == (1, {"no caption": 1}, 0)
    free = Imported(source, tmp_path / "free", captions="optional")
    assert (len(free.rows), free.rejects, free.summary.n_without_captions) == (2, [], 1)
    with_caption, without = free.rows
    assert without["captions"] == []
    assert without["image_hash"] is not None
    assert [with_caption] == strict.rows, "other records are what they were"
    kept = json.loads((tmp_path / "free" / "import.json").read_text())
    assert (kept["settings"]["captions"], kept["summary"]["n_without_captions"]) == ("optional", 1)
    assert import_records(source, tmp_path / "free", options=OPTIONAL) == free.summary, "a second run is free"
    with pytest.raises(InputError, match="already holds other records"):
        import_records(source, tmp_path / "free", max_rejects=0.5)


def test_a_source_without_any_caption(pictures):
    source = table(pictures, "t.csv", "filepath,label\n0.png,cat\n")
    with pytest.raises(SourceError, match=r"no column 'title' for captions; .* or --captions optional"):
        import_records(source, pictures / "out")
    summary = import_records(source, pictures / "out", options=OPTIONAL)
    assert (summary.n_records, summary.n_captions, summary.n_without_captions) == (1, 0, 1)
    with pytest.raises(SourceError, match="no column 'alt'"):
        Imported(source, pictures / "other", captions="optional", fields={"captions": ("alt",)})


def test_captions_that_name_objects_must_be_there(tmp_path):
    write_tar(tmp_path / "0.tar", sample(1, json=None))
    with pytest.raises(InputError, match="no record has a caption that could name objects"):
        import_records(tmp_path / "0.tar", tmp_path / "out", options=OPTIONAL, objects="captions")
    (tmp_path / "nouns.tsv").write_text("cat\tcat\n")
    summary = import_records(tmp_path / "0.tar", tmp_path / "out", options=OPTIONAL, vocabulary=tmp_path / "nouns.tsv")
    assert summary.objects_from is None
    assert records(tmp_path / "out")[0]["objects"] is None


def test_captions_are_required_or_optional(tmp_path):
    with pytest.raises(InputError, match="--captions takes 'required' or 'optional'; got 'none'"):
        open_source(write_samples(tmp_path / "0.tar", [1]), ReaderOptions(captions="none"))


def test_the_command_says_how_many_have_none(tmp_path):
    words = ("--out", tmp_path / "out", "--captions", "optional", "--workers", 0)
    result = invoke(data_import.command, write_source(tmp_path, "folder"), *words)
    assert result.exit_code == 0
    assert "captions 1, 0.5 per record; 1 records without any" in " ".join(result.stdout.split())


def test_what_enters_the_key_of_an_import(tmp_path):
    """Options that are not used leave no trace, so that an import keeps its key when others come."""
    tar = open_source(write_samples(tmp_path / "0.tar", [1]))
    assert importing._settings(tar) == {"sidecars": {"text": "lines", "renamed": False}}
    folder = open_source(write_source(tmp_path, "folder"))
    assert importing._settings(folder) == {"sidecars": {"text": "lines", "renamed": False}, "label_from": "auto"}
    delimited = open_source(write_source(tmp_path, "csv"))
    named = {"image": "filepath", "captions": ("title",)}
    assert importing._settings(delimited) == {"rows": {"fields": named, "shortest": 1}, "separator": ","}
    assert importing._settings(open_source(write_source(tmp_path, "coco"))) == {}
    import_records(tmp_path / "0.tar", tmp_path / "out")
    content = json.loads((tmp_path / "out" / "import.json").read_text())
    assert list(content["settings"]) == ["paths", "sidecars", "objects", "limit"]
    assert "n_without_captions" not in content["summary"]


# --- boxes and scores in tables ---

OBJECTS = [["cat", "dog"], ["cat"], [], None]
BOXES = [[[0, 1, 2.5, 3], None], [[4, 5, 6, 7]], [], None]
SCORES = [[0.5, 0.25], None, [], None]


@pytest.mark.parametrize("kind", [None, pa.list_(pa.list_(pa.float32(), 4)), pa.large_list(pa.list_(pa.int16()))])
def test_parquet_boxes_and_scores(tmp_path, kind):
    boxes = BOXES if kind is None or pa.types.is_list(kind) else [[[0, 1, 2, 3], None], [[4, 5, 6, 7]], [], None]
    columns = {"image": [picture(n) for n in range(4)], "objects": OBJECTS, "scores": SCORES}
    source = write_rows(tmp_path / "t.parquet", pa.table(columns | {"boxes": pa.array(boxes, kind)}))
    found = Imported(source, tmp_path / "out", captions="optional").of("objects", "boxes", "scores")
    assert list(found.values()) == list(zip(OBJECTS, boxes, SCORES, strict=True))


def write_csv(folder, header, *rows):
    for number in range(len(rows)):
        (folder / f"{number}.png").write_bytes(picture(0))
    with (folder / "t.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["filepath", "title", "record_id", *header]])
        csv.writer(file).writerows([[f"{number}.png", "x", number, *row] for number, row in enumerate(rows)])
    return folder / "t.csv"


@pytest.mark.parametrize("names", [("boxes", "scores"), ("xywh", "sure")])
def test_csv_boxes_and_scores_are_json(tmp_path, names):
    rows = [
        ("cat|dog", "[[0, 1, 2.5, 3], null]", "[0.5, 1]"),
        ("cat", " [[4, 5, 6, 7]] ", ""),
        ("", "[]", ""),
        (" ", "", "[]"),
        ("cat", "null", ""),
    ]
    source = write_csv(tmp_path, ("objects", *names), *rows)
    flags = [] if names[0] == "boxes" else ["--boxes-column", names[0], "--scores-column", names[1]]
    words = (source, "--out", tmp_path / "out", "--objects-separator", "|", "--workers", 0, *flags)
    assert invoke(data_import.command, *words).exit_code == 0
    found = [[row[name] for name in ("objects", "boxes", "scores")] for row in records(tmp_path / "out")]
    assert found == [
        [["cat", "dog"], [[0, 1, 2.5, 3], None], [0.5, 1]],
        [["cat"], [[4, 5, 6, 7]], None],
        [[], [], None],
        [[], None, []],
        [["cat"], None, None],
    ]


def test_without_a_column_of_objects_boxes_are_the_labels(tmp_path):
    rows = [("cat", "[[0, 0, 1, 1], [2, 2, 3, 3]]"), ("dog", ""), ("", ""), ("", "[[0, 0, 1, 1]]")]
    source = write_csv(tmp_path, ("label", "boxes"), *rows)
    asked = {"label": "label", "boxes": "boxes"}
    found = Imported(source, tmp_path / "out", fields=asked, max_rejects=0.5)
    assert list(found.of("label", "objects", "boxes").values()) == [
        ("cat", ["cat", "cat"], [[0, 0, 1, 1], [2, 2, 3, 3]]),
        ("dog", None, None),
        (None, None, None),
    ]
    assert found.rejects[0]["reason"] == "boxes do not match the objects: 1 boxes for 0 objects"


def test_columns_that_belong_to_nothing(tmp_path):
    source = write_csv(tmp_path, ("boxes", "scores"), ("[[1, 2, 3, 4]]", "0.7"))
    found = Imported(source, tmp_path / "out")
    assert found.rows[0]["boxes"] is None, "the usual names mean nothing without objects or a label"
    nothing = r"no column of objects that .* could belong to; .* --objects-column"
    for fields, words in (
        ({"boxes": "boxes"}, nothing),
        ({"scores": "scores"}, nothing),
        ({"boxes": "xywh"}, "no column 'xywh'"),
    ):
        with pytest.raises(SourceError, match=words):
            Imported(source, tmp_path / "other", fields=fields)
    scored = Imported(write_csv(tmp_path, ("label", "scores"), ("cat", "0.7")), tmp_path / "scored")
    assert scored.rows[0]["scores"] is None, "a classifier's score, as far as anyone can tell"


@pytest.mark.parametrize(
    ("boxes", "scores", "reason"),
    [
        ("[[1, 2, 3, 4]", "", "malformed JSON: column 'boxes': "),
        ("[" * 60_000, "", "malformed JSON: column 'boxes': "),
        ("{}", "", "value is not a list: column 'boxes' holds dict"),
        ("7", "", "value is not a list: column 'boxes' holds int"),
        ("[1, 2, 3, 4]", "", "boxes do not match the objects: 4 boxes for 1 objects"),
        ("[]", "", "boxes do not match the objects: 0 boxes for 1 objects"),
        ("[[1, 2, 3]]", "", "boxes do not match the objects: a box is x, y, width, height"),
        ('["1 2 3 4"]', "", "boxes do not match the objects: a box is x, y, width, height"),
        ('[[1, 2, 3, "4"]]', "", "boxes are not numbers: str"),
        ("[[1, 2, 3, true]]", "", "boxes are not numbers: bool"),
        ("[[1, 2, 3, NaN]]", "", "impossible box: x, y, width, height are 1, 2, 3, nan px"),
        ("[[1, Infinity, 3, 4]]", "", "impossible box: "),
        ("[[1, 1e30, 3, 4]]", "", "impossible box: "),
        ("[[1, 2, -3, 4]]", "", "impossible box: "),
        ("", "0.5", "value is not a list: column 'scores' holds float"),
        ("", "[0.5, 0.5]", "scores do not match the objects: 2 scores for 1 objects"),
        ("", '["high"]', "scores are not numbers: str"),
        ("", "[NaN]", "impossible score: nan"),
    ],
)
def test_bad_boxes_and_scores_are_rejects(tmp_path, boxes, scores, reason):
    names = ("objects", "boxes", "scores")
    source = write_csv(tmp_path, names, ("cat", "[[0, 0, 1, 1]]", "[1]"), ("cat", boxes, scores))
    found = Imported(source, tmp_path / "out", fields={name: name for name in names}, max_rejects=0.5)
    (reject,) = found.rejects
    assert reject["reason"].startswith(reason)
    assert (reject["record_id"], reject["member"]) == ("1", "row 2")
    assert len(load_records(tmp_path / "out")) == 1
    kept = import_records(source, tmp_path / "unasked", max_rejects=0.5)
    if reason.startswith("impossible box"):
        assert kept.reasons == {"impossible box": 1}, "as in every format"
        return
    assert kept.n_rejected == 0, "columns that nobody asked for never cost a record"
    assert [kind for kind in kept.left_aside if "not read" in kind and reason.split(":")[0] in kind]


def test_boxes_of_no_objects_are_a_reject(tmp_path):
    columns = {"image": [picture(0), picture(1)], "objects": [None, ["a"]], "boxes": [[[0, 0, 1, 1]], [[0, 0, 1, 1]]]}
    source = write_rows(tmp_path / "t.parquet", pa.table(columns))
    asked = {"objects": "objects", "boxes": "boxes"}
    found = Imported(source, tmp_path / "out", captions="optional", fields=asked, max_rejects=0.5)
    assert found.rejects[0]["reason"] == "boxes do not match the objects: 1 boxes for 0 objects"


def test_names_of_json_fields_hold_for_sidecars_too(tmp_path):
    content = {"objects": ["cat"], "bbox": [[1, 2, 3, 4]], "conf": [0.25]}
    source = write_tar(tmp_path / "0.tar", sample(1, json=json.dumps(content).encode()))
    found = Imported(source, tmp_path / "out", captions="optional", fields={"boxes": "bbox", "scores": "conf"})
    assert list(found.of("boxes", "scores").values()) == [([[1, 2, 3, 4]], [0.25])]
