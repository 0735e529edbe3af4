"""Records without captions, and tables that say where the objects are."""

import csv
import dataclasses
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from import_sources import picture, records, rejects, sample, write_coco, write_samples, write_tar
from typer.testing import CliRunner

from memometer.cli import data_import
from memometer.data import Fields, ReaderOptions, import_records, importing, load_records
from memometer.data.sources import FORMATS
from memometer.data.sources.recognise import open_source
from memometer.errors import InputError, SourceError

OPTIONAL = ReaderOptions(captions="optional")


def run(*arguments):
    app = typer.Typer()
    app.command()(data_import.command)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


# --- captions are optional ---


def write_jsonl(root):
    (root / "t.jsonl").write_text('{"image": "1.png", "text": "x"}\n{"image": "2.png", "text": null}\n')
    return root / "t.jsonl"


def write_karpathy(root):
    images = [{"filename": "1.png", "sentences": [{"raw": "x"}]}, {"filename": "2.png", "sentences": []}]
    (root / "t.json").write_text(json.dumps({"images": images}))
    return root / "t.json"


def write_arrow(root):
    data = pa.table({"image": [picture(1), picture(2)], "text": ["x", None]})
    with pa.OSFile(str(root / "t.arrow"), "wb") as file, pa.ipc.new_stream(file, data.schema) as out:
        out.write_table(data)
    return root / "t.arrow"


_LISTS = {"jsonl": write_jsonl, "karpathy": write_karpathy, "arrow": write_arrow}


def write_source(root, kind):
    """A source whose second record has no caption."""
    if kind == "webdataset":
        return write_tar(root / "0.tar", sample(1) + sample(2, json=None))
    if kind == "coco":
        return write_coco(
            root / "coco", {1: "1.jpg", 2: "2.jpg"}, captions=[(1, "x")], instances=[(2, 17, [0, 0, 1, 1])]
        )
    if kind == "folder":
        for name in ("a/1.png", "b/2.png"):
            (root / "f" / name).parent.mkdir(parents=True)
            (root / "f" / name).write_bytes(picture(1))
        (root / "f" / "a" / "1.txt").write_text("x")
        return root / "f"
    if kind == "parquet":
        pq.write_table(pa.table({"image": [picture(1), picture(2)], "text": ["x", None]}), root / "t.parquet")
        return root / "t.parquet"
    for name in ("1.png", "2.png"):
        (root / name).write_bytes(picture(1))
    if kind in _LISTS:
        return _LISTS[kind](root)
    separator = "\t" if kind == "tsv" else ","
    (root / f"t.{kind}").write_text("filepath,title\n1.png,x\n2.png, \n".replace(",", separator))
    return root / f"t.{kind}"


@pytest.mark.parametrize("kind", FORMATS)
def test_a_record_without_caption_is_kept_where_captions_are_optional(tmp_path, kind):
    source = write_source(tmp_path, kind)
    strict = import_records(source, tmp_path / "strict", max_rejects=0.5)
    assert (strict.n_records, strict.reasons, strict.n_without_captions) == (1, {"no caption": 1}, 0)
    free = import_records(source, tmp_path / "free", options=OPTIONAL)
    assert (free.n_records, free.n_rejected, free.n_without_captions) == (2, 0, 1)
    with_caption, without = records(tmp_path / "free")
    assert without["captions"] == []
    assert without["image_hash"] is not None
    assert [with_caption] == records(tmp_path / "strict"), "other records are what they were"
    kept = json.loads((tmp_path / "free" / "import.json").read_text())
    assert (kept["settings"]["captions"], kept["summary"]["n_without_captions"]) == ("optional", 1)
    assert import_records(source, tmp_path / "free", options=OPTIONAL) == free, "a second run is free"
    with pytest.raises(InputError, match="already holds other records"):
        import_records(source, tmp_path / "free", max_rejects=0.5)


def test_a_source_without_any_caption(tmp_path):
    (tmp_path / "0.png").write_bytes(picture(0))
    (tmp_path / "t.csv").write_text("filepath,label\n0.png,cat\n")
    with pytest.raises(SourceError, match=r"no column 'title' for captions; .* or --captions optional"):
        import_records(tmp_path / "t.csv", tmp_path / "out")
    summary = import_records(tmp_path / "t.csv", tmp_path / "out", options=OPTIONAL)
    assert (summary.n_records, summary.n_captions, summary.n_without_captions) == (1, 0, 1)
    options = ReaderOptions(captions="optional", fields=Fields(captions=("alt",)))
    with pytest.raises(SourceError, match="no column 'alt'"):
        import_records(tmp_path / "t.csv", tmp_path / "other", options=options)


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
    source = write_source(tmp_path, "folder")
    result = run(source, "--out", tmp_path / "out", "--captions", "optional", "--workers", 0)
    assert result.exit_code == 0
    assert "captions 1, 0.5 per record; 1 records without any" in " ".join(result.stdout.split())


def test_what_enters_the_key_of_an_import(tmp_path):
    """Options that are not used leave no trace, so that an import keeps its key when others come."""
    tar = open_source(write_samples(tmp_path / "0.tar", [1]))
    assert importing._settings(tar) == {"sidecars": {"text": "lines", "renamed": False}}
    folder = open_source(write_source(tmp_path, "folder"))
    assert importing._settings(folder) == {"sidecars": {"text": "lines", "renamed": False}, "label_from": "auto"}
    table = open_source(write_source(tmp_path, "csv"))
    named = {"image": "filepath", "captions": ("title",)}
    assert importing._settings(table) == {"rows": {"fields": named, "shortest": 1}, "separator": ","}
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
    table = {"image": [picture(n) for n in range(4)], "objects": OBJECTS, "scores": SCORES}
    pq.write_table(pa.table(table | {"boxes": pa.array(boxes, kind)}), tmp_path / "t.parquet")
    import_records(tmp_path / "t.parquet", tmp_path / "out", options=OPTIONAL)
    rows = records(tmp_path / "out")
    assert [row["objects"] for row in rows] == OBJECTS
    assert [row["boxes"] for row in rows] == boxes
    assert [row["scores"] for row in rows] == SCORES


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
    table = write_csv(tmp_path, ("objects", *names), *rows)
    flags = [] if names[0] == "boxes" else ["--boxes-column", names[0], "--scores-column", names[1]]
    result = run(table, "--out", tmp_path / "out", "--objects-separator", "|", "--workers", 0, *flags)
    assert result.exit_code == 0
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
    asked = ReaderOptions(fields=Fields(label="label", boxes="boxes"))
    import_records(write_csv(tmp_path, ("label", "boxes"), *rows), tmp_path / "out", options=asked, max_rejects=0.5)
    found = [[row[name] for name in ("label", "objects", "boxes")] for row in records(tmp_path / "out")]
    assert found == [
        ["cat", ["cat", "cat"], [[0, 0, 1, 1], [2, 2, 3, 3]]],
        ["dog", None, None],
        [None, None, None],
    ]
    assert rejects(tmp_path / "out")[0]["reason"] == "boxes do not match the objects: 1 boxes for 0 objects"


def test_columns_that_belong_to_nothing(tmp_path):
    table = write_csv(tmp_path, ("boxes", "scores"), ("[[1, 2, 3, 4]]", "0.7"))
    import_records(table, tmp_path / "out")
    assert records(tmp_path / "out")[0]["boxes"] is None, "the usual names mean nothing without objects or a label"
    for fields in (Fields(boxes="boxes"), Fields(scores="scores")):
        with pytest.raises(SourceError, match=r"no column of objects that .* could belong to; .* --objects-column"):
            import_records(table, tmp_path / "other", options=ReaderOptions(fields=fields))
    with pytest.raises(SourceError, match="no column 'xywh'"):
        import_records(table, tmp_path / "other", options=ReaderOptions(fields=Fields(boxes="xywh")))
    import_records(write_csv(tmp_path, ("label", "scores"), ("cat", "0.7")), tmp_path / "scored")
    assert records(tmp_path / "scored")[0]["scores"] is None, "a classifier's score, as far as anyone can tell"


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
    table = write_csv(
        tmp_path, ("objects", "boxes", "scores"), ("cat", "[[0, 0, 1, 1]]", "[1]"), ("cat", boxes, scores)
    )
    asked = ReaderOptions(fields=Fields(objects="objects", boxes="boxes", scores="scores"))
    import_records(table, tmp_path / "out", options=asked, max_rejects=0.5)
    (reject,) = rejects(tmp_path / "out")
    assert reject["reason"].startswith(reason)
    assert (reject["record_id"], reject["member"]) == ("1", "row 2")
    assert len(load_records(tmp_path / "out")) == 1
    kept = import_records(table, tmp_path / "unasked", max_rejects=0.5)
    if reason.startswith("impossible box"):
        assert kept.reasons == {"impossible box": 1}, "as in every format"
        return
    assert kept.n_rejected == 0, "columns that nobody asked for never cost a record"
    assert [kind for kind in kept.left_aside if "not read" in kind and reason.split(":")[0] in kind]


def test_boxes_of_no_objects_are_a_reject(tmp_path):
    table = {"image": [picture(0), picture(1)], "objects": [None, ["a"]], "boxes": [[[0, 0, 1, 1]], [[0, 0, 1, 1]]]}
    pq.write_table(pa.table(table), tmp_path / "t.parquet")
    asked = dataclasses.replace(OPTIONAL, fields=Fields(objects="objects", boxes="boxes"))
    import_records(tmp_path / "t.parquet", tmp_path / "out", options=asked, max_rejects=0.5)
    assert rejects(tmp_path / "out")[0]["reason"] == "boxes do not match the objects: 1 boxes for 0 objects"


def test_names_of_json_fields_hold_for_sidecars_too(tmp_path):
    content = {"objects": ["cat"], "bbox": [[1, 2, 3, 4]], "conf": [0.25]}
    write_tar(tmp_path / "0.tar", sample(1, json=json.dumps(content).encode()))
    options = ReaderOptions(captions="optional", fields=Fields(boxes="bbox", scores="conf"))
    import_records(tmp_path / "0.tar", tmp_path / "out", options=options)
    assert [records(tmp_path / "out")[0][name] for name in ("boxes", "scores")] == [[[1, 2, 3, 4]], [0.25]]
