"""Labels that are there already: each kind in its published layout, and what is wrong with files."""

import contextlib
import json
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pictures import write_picture_records

from memometer import annotate
from memometer.data.beside import read_annotation
from memometer.errors import InputError, MemometerError, SourceError

BOXES = [[1.0, 2.0, 3.0, 4.0], [9.0, 0.0, 6.0, 6.0], [20.0, 0.0, 2.0, 2.0]]
"""On images of 12 by 12: inside, clipped, beside."""


@pytest.fixture
def records(tmp_path):
    folder = write_picture_records(tmp_path / "records", 3)
    table = pq.read_table(folder / "records.parquet")
    for side in ("width", "height"):
        table = table.append_column(side, pa.array([12] * 3, pa.int32()))
    pq.write_table(table, folder / "records.parquet")
    return folder


def coco(folder):
    images = [{"id": n, "file_name": f"000{n}.png", "width": 12, "height": 12} for n in (0, 1, 7)]
    owned = [(0, box) for box in BOXES] + [(7, BOXES[0])]
    annotations = [{"id": n, "image_id": i, "category_id": 3, "bbox": box} for n, (i, box) in enumerate(owned)]
    categories = [{"id": 3, "name": "dog"}]
    path = folder / "instances.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return f"coco:{path}"


def openimages(folder):
    (folder / "class-descriptions-boxable.csv").write_text("/m/0bt9lr,Dog\n/m/01yrx,Cat\n".replace("Dog", "dog"))
    lines = ["ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded"]
    for image, box in [*(("0000", box) for box in BOXES), ("0007", BOXES[0])]:
        x, y, w, h = (side / 12 for side in box)
        lines.append(f"{image},xclick,/m/0bt9lr,1,{x!r},{x + w!r},{y!r},{y + h!r},0")
    (folder / "boxes.csv").write_text("\n".join(lines) + "\n")
    return f"openimages:{folder / 'boxes.csv'}"


def voc(folder):
    (folder / "voc").mkdir()
    for image, boxes in (("0000", BOXES), ("0007", BOXES[:1])):
        objects = "".join(
            f"<object><name>dog</name><bndbox><xmin>{x + 1}</xmin><ymin>{y + 1}</ymin><xmax>{x + w}</xmax>"
            f"<ymax>{y + h}</ymax></bndbox></object>"
            for x, y, w, h in boxes
        )
        size = "<size><width>12</width><height>12</height><depth>3</depth></size>"
        (folder / "voc" / f"{image}.xml").write_text(f"<annotation>{size}{objects}</annotation>")
    (folder / "voc" / "0001.xml").write_text('<!DOCTYPE a [<!ENTITY b "c">]><annotation>&b;</annotation>')
    return f"voc:{folder / 'voc'}"


def yolo(folder):
    (folder / "labels").mkdir()
    (folder / "data.yaml").write_text("names: [cat, dog]\n")
    for image, boxes in (("0000", BOXES), ("0007", BOXES[:1])):
        lines = [f"1 {(x + w / 2) / 12} {(y + h / 2) / 12} {w / 12} {h / 12}" for x, y, w, h in boxes]
        (folder / "labels" / f"{image}.txt").write_text("\n".join(lines))
    return f"yolo:{folder / 'labels'}"


def table(folder):
    rows = [("r0000", *box) for box in BOXES] + [("r0007", *BOXES[0])]
    names = ["record_id", "x", "y", "width", "height"]
    columns = dict(zip(names, (list(column) for column in zip(*rows, strict=True)), strict=True))
    pq.write_table(pa.table({**columns, "label": ["dog"] * 4}), folder / "labels.parquet")
    return f"table:{folder / 'labels.parquet'}"


def labelstudio(folder):
    tasks = []
    for image, boxes in (("0000", BOXES), ("0007", BOXES[:1])):
        values = [dict(zip(("x", "y", "width", "height"), (s / 0.12 for s in box), strict=True)) for box in boxes]
        results = [
            {"type": "rectanglelabels", "value": {**value, "rotation": 0, "rectanglelabels": ["dog"]}}
            for value in values
        ]
        data = {"image": f"/data/local-files/?d=photos/{image}.png"}
        tasks.append({"id": 1, "data": data, "annotations": [{"was_cancelled": False, "result": results}]})
    (folder / "tasks.json").write_text(json.dumps(tasks))
    return f"labelstudio:{folder / 'tasks.json'}"


def fiftyone(folder):
    (folder / "export").mkdir()
    samples = []
    for image, boxes in (("0000", BOXES), ("0007", BOXES[:1])):
        found = [
            {"_cls": "Detection", "label": "dog", "bounding_box": [side / 12 for side in box], "confidence": None}
            for box in boxes
        ]
        truth = {"_cls": "Detections", "detections": found}
        samples.append({"filepath": f"data/{image}.png", "ground_truth": truth})
    (folder / "export" / "samples.json").write_text(json.dumps({"samples": samples}))
    return f"fiftyone:{folder / 'export'}"


def lvis(folder):
    """LVIS names images by address alone, as all of COCO's that it is made of."""
    path = Path(coco(folder).partition(":")[2])
    content = json.loads(path.read_text())
    for image in content["images"]:
        image["coco_url"] = f"http://images.cocodataset.org/train2017/{image.pop('file_name')}"
    for category in content["categories"]:
        category.update(synset="dog.n.01", synonyms=["dog"], frequency="f")
    path.write_text(json.dumps(content))
    return f"lvis:{path}"


WRITTEN = [coco, lvis, openimages, voc, yolo, table, labelstudio, fiftyone]


@pytest.mark.parametrize("write", WRITTEN)
def test_labels_of_a_file_become_those_of_records(records, tmp_path, write):
    with_ = write(tmp_path)
    summary = annotate(records=records, with_=with_, out=tmp_path / "out")
    found = pq.read_table(tmp_path / "out" / "records.parquet").to_pylist()
    assert [row["objects"] for row in found] == [["dog", "dog"], [], []]
    assert found[0]["boxes"][0] == pytest.approx(BOXES[0], abs=1e-4)
    assert found[0]["boxes"][1] == pytest.approx([9, 0, 3, 6], abs=1e-4)
    assert summary.boxes == {"clipped to the image": 1, "left out: beside the image": 1}
    assert any(remark.startswith("1 images of the file are no record") for remark in summary.remarks)
    assert read_annotation(tmp_path / "out")["annotator"]["kind"] == with_.partition(":")[0]
    before = (tmp_path / "out" / "records.parquet").stat().st_mtime_ns
    assert annotate(records=records, with_=with_, out=tmp_path / "out") == summary
    assert (tmp_path / "out" / "records.parquet").stat().st_mtime_ns == before


def test_captions_name_objects(records, tmp_path):
    (tmp_path / "terms.tsv").write_text("picture\tpicture\n")
    annotate(records=records, with_="captions", vocabulary=tmp_path / "terms.tsv", out=tmp_path / "out")
    found = pq.read_table(tmp_path / "out" / "records.parquet").to_pylist()
    assert [row["objects"] for row in found] == [["picture"]] * 3


def test_a_threshold_leaves_out_labels_with_a_lower_score_alone(records, tmp_path):
    rows = "record_id,label,score\n0000,dog,0.2\n0000,cat,0.8\n0001,cow,\n"
    (tmp_path / "labels.csv").write_text(rows)
    for threshold, expected in ((None, [["cat", "dog"], ["cow"], []]), (0.5, [["cat"], ["cow"], []])):
        out = tmp_path / f"out-{threshold}"
        summary = annotate(records=records, with_=f"table:{tmp_path / 'labels.csv'}", threshold=threshold, out=out)
        found = pq.read_table(out / "records.parquet").to_pylist()
        assert [sorted(row["objects"]) for row in found] == expected
        assert ("1 entries left out: score not above the threshold" in summary.remarks) is (threshold is not None)


@pytest.mark.parametrize(
    "options", [{"vocabulary": "lvis"}, {"templates": 7}, {"temperature": 1.0}, {"probability": "sigmoid"}]
)
def test_options_of_annotators_are_refused(records, tmp_path, options):
    with pytest.raises(InputError, match=f"coco: takes no --{next(iter(options))}"):
        annotate(records=records, with_=coco(tmp_path), out=tmp_path / "out", **options)


def test_columns_of_other_names_are_read_where_they_are_named(records, tmp_path):
    header = "nr,photo,what,sure,l,t,r,b,dx,dy"
    (tmp_path / "a.csv").write_text(f"{header}\nr0000,0001.png,dog,0.5,1,2,4,6,3,4\n")
    expected = [("dog", 0.5, BOXES[0])]
    near, far = "x=l,y=t,width=dx,height=dy", "xmin=l, ymin=t, xmax=r, ymax=b"
    for where, owner, boxes in (({"id_column": "nr"}, 0, near), ({"image_column": "photo"}, 1, far)):
        named = {**where, "label_column": "what", "scores_column": "sure", "boxes_column": boxes}
        assert labels_of(records, tmp_path, "table:a.csv", **named)[owner] == expected
    assert labels_of(records, tmp_path, "table:a.csv", id_column="nr", label_column="what")[0] == [("dog", None, None)]
    table = pa.table({"file": ["0000.png"], "kind": ["dog"], "place": [BOXES[0]], "p": [0.5]})
    pq.write_table(table, tmp_path / "b.parquet")
    named = {"image_column": "file", "label_column": "kind", "boxes_column": "place", "scores_column": "p"}
    assert labels_of(records, tmp_path, "table:b.parquet", **named)[0] == expected
    for sides in ("1, 2, 3, 4", f"{1 / 12}, {2 / 12}, {3 / 12}, {4 / 12}"):  # px, or shares
        (tmp_path / "c.csv").write_text(f'record_id;label;bbox\nr0000;dog;"[{sides}]"\n')
        assert labels_of(records, tmp_path, "table:c.csv")[0] == [("dog", None, pytest.approx(BOXES[0], abs=1e-5))]
    again = annotate(
        records=records, with_=f"table:{tmp_path / 'b.parquet'}", out=tmp_path / "out", **named, overwrite=True
    )
    assert annotate(records=records, with_=f"table:{tmp_path / 'b.parquet'}", out=tmp_path / "out", **named) == again
    with pytest.raises(InputError, match="already holds other records"):  # another column is another question
        annotate(
            records=records,
            with_=f"table:{tmp_path / 'b.parquet'}",
            out=tmp_path / "out",
            **{**named, "scores_column": None},
        )


def test_labels_of_one_folder_of_records_are_a_table_for_another(records, tmp_path):
    annotate(records=records, with_=coco(tmp_path), out=tmp_path / "labelled")
    found = labels_of(records, tmp_path, "table:labelled/records.parquet")
    assert found == [[("dog", None, BOXES[0]), ("dog", None, [9, 0, 3, 6])], [], []]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"label_column": "kind"}, "has no column 'kind'; its columns are file, what, left, top"),
        ({"image_column": "photo", "label_column": "what"}, "has no column 'photo'; its columns are file, what"),
        ({}, "has the columns file, what, left, top; expected record_id or image, and label: name others with --image"),
        (
            {"label_column": "what", "boxes_column": "x=left,y=top"},
            "the columns of boxes are 'x=left,y=top'; expected one",
        ),
        (
            {"label_column": "what", "boxes_column": "x=left,y=top,width=w,height=h"},
            "has no column 'w'; its columns are",
        ),
    ],
)
def test_columns_that_are_not_there_are_told_with_those_that_are(records, tmp_path, options, said):
    (tmp_path / "a.csv").write_text("file,what,left,top\n0000.png,dog,1,2\n")
    with pytest.raises(MemometerError, match=said):
        labels_of(records, tmp_path, "table:a.csv", **options)


def test_options_of_other_kinds_are_refused(records, tmp_path):
    with pytest.raises(InputError, match="coco: takes no --label-column, labelstudio and fiftyone and table do"):
        annotate(records=records, with_=coco(tmp_path), out=tmp_path / "out", label_column="a")
    with pytest.raises(InputError, match="--label-column says where labels are in a file, and owlv2 reads none"):
        annotate(records=records, with_="owlv2", out=tmp_path / "out", label_column="a")


def test_rows_that_are_no_label_are_counted(records, tmp_path):
    rows = [
        *("record_id,label,score,x,y,w,h", "r0000,dog,0.5,1,2,3,4", "r0000,cat,0.5,1,2", ",dog,0.5,1,2,3,4"),
        *("r0000,,0.5,1,2,3,4", "r0000,dog,0.5,1,,3,4", "r0000,dog,0.5,1,2,-3,4", "r0000,dog,inf,1,2,3,4"),
    ]
    (tmp_path / "a.csv").write_text("\n".join(rows) + "\n")
    summary = annotate(records=records, with_=f"table:{tmp_path / 'a.csv'}", out=tmp_path / "out")
    assert summary.n_objects == 1
    assert {remark for remark in summary.remarks if "entries" in remark} == {
        "1 entries left out: malformed row",
        "2 entries left out: row without image or label",
        "2 entries left out: impossible box",
        "1 entries left out: impossible score",
    }


def test_an_xml_bomb_is_counted_and_not_expanded(records, tmp_path):
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 30))
    bomb = f'<!DOCTYPE x [<!ENTITY a0 "ha">{entities}]><annotation><object><name>&a29;</name></object></annotation>'
    (tmp_path / "voc" / "Annotations").mkdir(parents=True)
    (tmp_path / "voc" / "Annotations" / "0000.xml").write_text(bomb)
    (tmp_path / "voc" / "Annotations" / "0001.xml").write_text("<annotation>" + "<a>" * 100_000)
    file = tmp_path / "voc" / "Annotations" / "0002.xml"
    file.write_text("<annotation><object><name>dog</name></object></annotation>")
    started = time.monotonic()
    summary = annotate(records=records, with_=f"voc:{tmp_path / 'voc'}", out=tmp_path / "out")
    assert time.monotonic() - started < 20
    assert "2 entries left out: whole file: unsafe XML" in summary.remarks
    assert summary.n_objects == 1
    file.unlink()
    with pytest.raises(SourceError, match="no label that can be used: 2 entries left out: whole file: unsafe XML"):
        annotate(records=records, with_=f"voc:{tmp_path / 'voc'}", out=tmp_path / "other")


def labels_of(records, folder, with_, **options):
    """Of each record its labels as (label, score, box)."""
    kind, _, place = with_.partition(":")
    out = folder / "out"
    annotate(records=records, with_=f"{kind}:{folder / place}", out=out, overwrite=True, **options)
    found = []
    for row in pq.read_table(out / "records.parquet").to_pylist():
        nothing = [None] * len(row["objects"])
        found.append(list(zip(row["objects"], row["scores"] or nothing, row["boxes"] or nothing, strict=True)))
    return found


CUT = ("coco", "lvis", "labelstudio", "fiftyone")


@pytest.mark.parametrize("kind", CUT)
def test_json_that_is_cut_short_is_a_sentence(records, tmp_path, kind):
    write = {"coco": coco, "lvis": lvis, "labelstudio": labelstudio, "fiftyone": fiftyone}[kind]
    path = Path(write(tmp_path).partition(":")[2])
    file = path / "samples.json" if path.is_dir() else path
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(SourceError, match=r"cannot be read.*; mend it, or (export|download) it again if it was cut"):
        annotate(records=records, with_=f"{kind}:{path}", out=tmp_path / "out")
    assert not (tmp_path / "out" / "records.parquet").exists()


def test_wrong_files_are_sentences(records, tmp_path):
    (tmp_path / "cut.parquet").write_bytes(b"PAR1")
    write = {"labels.csv": "image,label\nelsewhere.png,dog\n", "empty.json": '{"images": [], "annotations": []}'}
    for name, text in write.items():
        (tmp_path / name).write_text(text)
    for with_, said in (
        ("table:cut.parquet", "cut.parquet cannot be read as a table of labels"),
        (
            "table:labels.csv",
            "labels.csv names no image of .*: it has e.g. 'elsewhere.png', the records 'pictures/0000",
        ),
        ("coco:empty.json", "its list 'images' is empty"),
        ("voc:none", "there is no file of labels"),
        ("folders:labels.csv", "labels.csv is no folder; expected one with a folder of images per class"),
    ):
        kind, _, name = with_.partition(":")
        with pytest.raises(SourceError, match=said):
            annotate(records=records, with_=f"{kind}:{tmp_path / name}", out=tmp_path / "out")


@pytest.mark.parametrize("write", WRITTEN)
def test_broken_bytes_are_counted_or_a_sentence(records, tmp_path, write):
    kind, _, place = write(tmp_path).partition(":")
    path = Path(place)
    files = [path] if path.is_file() else sorted(path.iterdir())
    rng = np.random.default_rng(0)
    whole = files[0].read_bytes()
    for attempt in range(25):
        data = bytearray(whole[: rng.integers(1, len(whole))] if attempt % 2 else whole)
        for at in rng.integers(0, len(data), 4):
            data[at] = rng.integers(0, 256)
        files[0].write_bytes(data)
        with contextlib.suppress(MemometerError):
            annotate(records=records, with_=f"{kind}:{path}", out=tmp_path / "out", overwrite=True)


@pytest.mark.parametrize(
    ("with_", "change"),
    [
        ("yolo:train/labels", ("data.yaml", "names: [cow, dog]\n")),
        ("yolo:data.yaml", ("train/labels/0001.txt", "1 0.5 0.5 0.2 0.2\n")),
        ("folders:classes", ("classes/cat/0001.png", "")),
        ("folders:classes", ("LOC_synset_mapping.txt", "n02084071 hound\n")),
    ],
)
def test_what_labels_are_read_from_makes_another_question(records, tmp_path, with_, change):
    (tmp_path / "train" / "labels").mkdir(parents=True)
    (tmp_path / "classes" / "n02084071").mkdir(parents=True)
    (tmp_path / "classes" / "cat").mkdir()
    for name, text in (
        ("data.yaml", "names: [cat, dog]\n"),
        ("train/labels/0000.txt", "1 0.5 0.5 0.2 0.2\n"),
        ("classes/n02084071/0000.png", ""),
        ("LOC_synset_mapping.txt", "n02084071 dog\n"),
    ):
        (tmp_path / name).write_text(text)
    kind, _, place = with_.partition(":")
    given = {"records": records, "with_": f"{kind}:{tmp_path / place}", "out": tmp_path / "out"}
    first = annotate(**given)
    assert annotate(**given) == first
    (tmp_path / change[0]).write_text(change[1])
    with pytest.raises(InputError, match="already holds other records"):
        annotate(**given)
