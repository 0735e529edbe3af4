"""Files of labels as the tools that people label with write them: layouts, names and what else stands in them."""

import contextlib
import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from import_sources import write
from pictures import write_picture_records

from memometer import annotate, load_records
from memometer.annotators.label_files.base import LabelColumns
from memometer.annotators.label_files.joining import joined
from memometer.annotators.label_files.labelling import KINDS
from memometer.errors import MemometerError, SourceError

BOX = [1.0, 2.0, 3.0, 4.0]
"""On an image of 12 by 12."""

SHARES = [side / 12 for side in BOX]
CENTRED = f"{2.5 / 12} {4 / 12} {3 / 12} {4 / 12}"
"""The box as YOLO writes it."""

RLE = {"counts": [3, 4, 5], "size": [12, 12]}


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Three photographs of 12 by 12: ``pictures/0000.png`` and so on."""
    folder = write_picture_records(tmp_path_factory.mktemp("world") / "records", 3)
    table = pq.read_table(folder / "records.parquet")
    for side in ("width", "height"):
        table = table.append_column(side, pa.array([12] * 3, pa.int32()))
    pq.write_table(table, folder / "records.parquet")
    return folder


def coco(images, annotations, categories=({"id": 1, "name": "dog"},), **more):
    return {"images": images, "annotations": annotations, "categories": list(categories), **more}


def voc(name, objects, *, more=""):
    inside = "".join(
        f"<object><name>{label}</name><pose>Unspecified</pose><bndbox><xmin>{x + 1}</xmin><ymin>{y + 1}</ymin>"
        f"<xmax>{x + w}</xmax><ymax>{y + h}</ymax></bndbox>{parts}</object>"
        for label, (x, y, w, h), parts in objects
    )
    size = "<size><width>12</width><height>12</height><depth>3</depth></size>"
    return f"<annotation><folder>f</folder><filename>{name}</filename>{more}{size}{inside}</annotation>"


def task(image, results, *, key="image", made=None):
    annotations = [{"was_cancelled": False, "ground_truth": False, "result": results}] if made is None else made
    return {"id": 1, "annotations": annotations, "predictions": [], "data": {key: image}}


def rectangle(label, box, *, control="label"):
    value = {"x": box[0] / 0.12, "y": box[1] / 0.12, "width": box[2] / 0.12, "height": box[3] / 0.12, "rotation": 0}
    return {
        "original_width": 12,
        "original_height": 12,
        "image_rotation": 0,
        "value": {**value, "rectanglelabels": [label]},
        "from_name": control,
        "to_name": "image",
        "type": "rectanglelabels",
    }


def sample(name, **fields):
    return {"filepath": f"data/{name}", "tags": [], "_media_type": "image", "_rand": 0.1, **fields}


def detections(*labels):
    each = {"_id": {"$oid": "6"}, "_cls": "Detection", "attributes": {}, "bounding_box": SHARES, "confidence": None}
    return {"_cls": "Detections", "detections": [{**each, "label": label} for label in labels]}


DOG = {0: [("dog", BOX)]}
"""What is expected: record → labels and boxes."""

EXPORTS = {
    "COCO's crowds, masks without boxes, ids as text": (
        "coco:instances.json",
        {
            "instances.json": coco(
                [{"id": 9, "file_name": "0000.png", "width": 12, "height": 12}],
                [
                    {"id": 1, "image_id": "9", "category_id": 1, "bbox": BOX, "iscrowd": 1, "segmentation": RLE},
                    {"id": 2, "image_id": 9, "category_id": "1", "bbox": [], "iscrowd": 0, "segmentation": RLE},
                ],
            )
        },
        {0: [("dog", BOX), ("dog", None)]},
    ),
    "a detector's output in COCO's layout": (
        "coco:found.json",
        {
            "found.json": coco(
                [{"id": 9, "file_name": "0000.png"}],
                [
                    {"image_id": 9, "category_id": 1, "bbox": BOX, "score": 0.9},
                    {"image_id": 9, "category_id": 1, "bbox": BOX, "score": 0.1},
                ],
            )
        },
        DOG,
        {"threshold": 0.5},
    ),
    "CVAT's COCO": (
        "coco:cvat/annotations/instances_default.json",
        {
            "cvat/annotations/instances_default.json": coco(
                [{"id": 1, "width": 12, "height": 12, "file_name": "0000.png", "coco_url": "", "flickr_url": ""}],
                [
                    {
                        "id": 1, "image_id": 1, "category_id": 1, "bbox": BOX, "segmentation": [], "iscrowd": 0,
                        "area": 12.0, "attributes": {"occluded": False, "rotation": 0.0},
                    }
                ],
                licenses=[{"name": "", "id": 0, "url": ""}],
                info={"description": ""},
            )
        },
        DOG,
    ),
    "Roboflow's COCO": (
        "coco:train/_annotations.coco.json",
        {
            "train/_annotations.coco.json": coco(
                [{"id": 0, "license": 1, "file_name": "0000.png", "height": 12, "width": 12, "extra": {"name": "a"}}],
                [{"id": 0, "image_id": 0, "category_id": 1, "bbox": [1, 2, 3, 4], "segmentation": [], "iscrowd": 0}],
                ({"id": 0, "name": "pets", "supercategory": "none"}, {"id": 1, "name": "dog", "supercategory": "pets"}),
                licenses=[{"id": 1, "url": "", "name": "CC BY 4.0"}],
            )
        },
        DOG,
    ),
    "Label Studio's COCO": (
        "coco:result.json",
        {
            "result.json": coco(
                [{"width": 12, "height": 12, "id": 0, "file_name": "images\\ab12cd34-0000.png"}],
                [{"id": 0, "image_id": 0, "category_id": 1, "segmentation": [], "bbox": BOX, "iscrowd": 0}],
            )
        },
        DOG,
    ),
    "LVIS v1": (
        "lvis:lvis_v1_val.json",
        {
            "lvis_v1_val.json": coco(
                [
                    {
                        "id": 0, "coco_url": "http://images.cocodataset.org/val2017/0000.png", "width": 12,
                        "height": 12, "neg_category_ids": [1], "not_exhaustive_category_ids": [],
                    }
                ],
                [{"id": 1, "image_id": 0, "category_id": 1, "bbox": BOX, "segmentation": [[1, 2, 4, 2, 4, 6]]}],
                ({"id": 1, "name": "hot_dog", "synset": "hot_dog.n.01", "synonyms": ["hot_dog"], "frequency": "f"},),
            )
        },
        {0: [("hot_dog", BOX)]},
    ),
    "CVAT's Pascal VOC": (
        "voc:cvat",
        {
            "cvat/labelmap.txt": "# label:color_rgb:parts:actions\ndog:12,3,4::\n",
            "cvat/ImageSets/Main/default.txt": "0000\n",
            "cvat/Annotations/0000.xml": voc("0000.png", [("dog", BOX, "<attributes/>")]),
        },
        DOG,
    ),
    "Pascal VOC's parts of people": (
        "voc:VOC2007/Annotations",
        {
            "VOC2007/Annotations/0000.xml": voc(
                "0000.png",
                [("person", BOX, "<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin></bndbox></part>")],
                more="<source><database>The VOC2007 Database</database></source>",
            )
        },
        {0: [("person", BOX)]},
    ),
    "labelImg's XML": (
        "voc:",
        {"0000.xml": voc("0000.png", [("dog", BOX, "")], more="<path>/home/me/0000.png</path>"), "notes.txt": "hi"},
        DOG,
    ),
    "Supervisely's Pascal VOC, named by image": (
        "voc:Annotations",
        {"Annotations/0000.png.xml": voc("0000.png", [("dog", BOX, "")])},
        DOG,
    ),
    "Roboflow's YOLO": (
        "yolo:",
        {
            "data.yaml": "train: ../train/images\n\nnc: 2\nnames: ['cat', 'dog']\n\nroboflow:\n  version: 1\n",
            "README.roboflow.txt": "\npets - v1\n=========\n",
            "train/labels/0000.txt": f"1 {CENTRED}\n",
            "valid/labels/0001.txt": "",
        },
        DOG,
    ),
    "Roboflow's YOLO, one split": (
        "yolo:train/labels",
        {"data.yaml": "nc: 2\nnames: ['cat', 'dog']\n", "train/labels/0000.txt": f"1 {CENTRED}\n"},
        DOG,
    ),
    "Ultralytics' segments and names by number, by its YAML": (
        "yolo:coco8-seg.yaml",
        {
            "coco8-seg.yaml": "path: ../coco8-seg # root\ntrain: images/train\nnames:\n  0: cat\n  16: dog\n",
            "labels/train/0000.txt": f"16 {1 / 12} {2 / 12} {4 / 12} {2 / 12} {4 / 12} {6 / 12}\n",
        },
        DOG,
    ),
    "Ultralytics' poses": (
        "yolo:labels",
        {
            "data.yaml": "kpt_shape: [3, 2]\nnames:\n  0: dog\n",
            "labels/train/0000.txt": f"0 {CENTRED} 0.9 0.9 0.8 0.8 0.7 0.7\n",
        },
        DOG,
    ),
    "Ultralytics' detections with confidence": (
        "yolo:labels",
        {"classes.txt": "cat\ndog\n", "labels/0000.txt": f"1 {CENTRED} 0.9\n1 {CENTRED} 0.1\n"},
        DOG,
        {"threshold": 0.5},
    ),
    "CVAT's YOLO 1.1": (
        "yolo:",
        {
            "obj.data": "classes = 1\nnames = data/obj.names\n",
            "obj.names": "dog\n",
            "train.txt": "data/obj_train_data/0000.png\n",
            "obj_train_data/0000.txt": f"0 {CENTRED}\n",
        },
        DOG,
    ),
    "Label Studio's YOLO": (
        "yolo:",
        {"classes.txt": "dog\n", "notes.json": {"categories": []}, "labels/ab12cd34-0000.txt": f"0 {CENTRED}\n"},
        DOG,
    ),
    "Open Images V4": (
        "openimages:boxes.csv",
        {
            "boxes.csv": "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf\n"
            f"0000,xclick,/m/0bt9lr,1,{1 / 12},{4 / 12},{2 / 12},{6 / 12},0,0,1\n",
            "class-descriptions-boxable.csv": "/m/011k07,Tortoise\n/m/0bt9lr,dog\n",
        },
        DOG,
    ),
    "Open Images V7's labels of images": (
        "openimages:oidv7-val-annotations-human-imagelabels.csv",
        {
            "oidv7-val-annotations-human-imagelabels.csv": "ImageID,Source,LabelName,Confidence\n"
            "0000,verification,/m/0bt9lr,1\n0000,verification,/m/04b5v,0\n0001,verification,/m/04b5v,0\n",
            "oidv7-class-descriptions.csv": 'LabelName,DisplayName\n/m/0bt9lr,"dog, the animal"\n/m/04b5v,Sky\n',
        },
        {0: [("dog, the animal", None)]},
    ),
    "VoTT's CSV": (
        "table:vott-csv-export/pets-export.csv",
        {
            "vott-csv-export/pets-export.csv": '"image","xmin","ymin","xmax","ymax","label"\n'
            '"0000.png",1.0,2.0,4.0,6.0,"dog"\n'
        },
        DOG,
    ),
    "TensorFlow's CSV, of images of another size": (
        "table:train_labels.csv",
        {
            "train_labels.csv": "filename,width,height,class,xmin,ymin,xmax,ymax\n0000.png,24,24,dog,2,4,8,12\n",
        },
        DOG,
    ),
    "a CSV of shares": (
        "table:labels.csv",
        {"labels.csv": "image,label,x,y,w,h\n0000.png,dog,{},{},{},{}\n".format(*SHARES)},
        DOG,
    ),
    "Label Studio's uploads": (
        "labelstudio:project-1.json",
        {"project-1.json": [task("/data/upload/3/ab12cd34-0000.png", [rectangle("dog", BOX)])]},
        DOG,
    ),
    "Label Studio's local files, under another name": (
        "labelstudio:project-1.json",
        {
            "project-1.json": [
                task("/data/local-files/?d=my%20photos/pictures/0000.png", [rectangle("dog", BOX)], key="photo")
            ]
        },
        DOG,
    ),
    "Label Studio's buckets, polygons, choices, people": (
        "labelstudio:project-1.json",
        {
            "project-1.json": [
                task(
                    "s3://bucket/pictures/0000.png",
                    None,
                    made=[
                        {"was_cancelled": True, "result": [rectangle("yak", BOX)]},
                        {"was_cancelled": False, "result": [rectangle("cow", BOX)]},
                        {
                            "was_cancelled": False,
                            "ground_truth": True,
                            "result": [
                                {
                                    "type": "polygonlabels",
                                    "value": {
                                        "points": [[100 / 12, 200 / 12], [400 / 12, 200 / 12], [400 / 12, 50]],
                                        "polygonlabels": ["dog"],
                                    },
                                },
                                {"type": "choices", "value": {"choices": ["indoors"]}},
                                {"type": "brushlabels", "value": {"rle": [1], "brushlabels": ["dog"]}},
                            ],
                        },
                    ],
                )
            ]
        },
        {0: [("dog", BOX), ("indoors", None)]},
    ),
    "one control of Label Studio's": (
        "labelstudio:project-1.json",
        {
            "project-1.json": [
                task("upload/1/ab12cd34-0000.png", [rectangle("dog", BOX), rectangle("ear", BOX, control="parts")])
            ]
        },
        DOG,
        {"label_column": "label"},
    ),
    "FiftyOneDataset": (
        "fiftyone:",
        {
            "metadata.json": {"name": "pets", "media_type": "image", "sample_fields": []},
            "samples.json": {"samples": [sample("0000.png", ground_truth=detections("dog"), metadata={"width": 12})]},
        },
        DOG,
    ),
    "one field of a FiftyOneDataset": (
        "fiftyone:",
        {"samples.json": {"samples": [sample("0000.png", truth=detections("dog"), found=detections("cat"))]}},
        DOG,
        {"label_column": "truth"},
    ),
    "FiftyOneImageDetectionDataset": (
        "fiftyone:",
        {
            "labels.json": {
                "classes": ["cat", "dog"],
                "labels": {"0000": [{"label": 1, "bounding_box": SHARES, "confidence": 0.9}], "0001": None},
            }
        },
        DOG,
    ),
    "FiftyOneImageClassificationDataset": (
        "fiftyone:",
        {"labels.json": {"classes": ["cat", "dog"], "labels": {"0000": 1}}},
        {0: [("dog", None)]},
    ),
    "class folders": (
        "folders:photos",
        {"photos/dog/0000.png": b"", "photos/cat/images/0001.png": b"", "photos/cat/a.txt": "", "photos/x.png": b""},
        {0: [("dog", None)], 1: [("cat", None)]},
    ),
    "class folders named by synset, below a split": (
        "folders:train",
        {"train/n02084071/0000.png": b"", "LOC_synset_mapping.txt": "n02084071 dog, domestic dog\n"},
        {0: [("dog", None)]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", EXPORTS.values(), ids=EXPORTS)
def test_exports_are_read_as_tools_write_them(records, tmp_path, case):
    with_, files, expected, *options = case
    kind, _, place = with_.partition(":")
    write(tmp_path / "export", files)
    where = f"{kind}:{tmp_path / 'export' / place}"
    annotate(records=records, with_=where, out=tmp_path / "out", **(options[0] if options else {}))
    for number, row in enumerate(pq.read_table(tmp_path / "out" / "records.parquet").to_pylist()):
        wanted = expected.get(number, [])
        boxes = row["boxes"] or [None] * len(row["objects"])
        assert row["objects"] == [label for label, _ in wanted]
        for found, (_, box) in zip(boxes, wanted, strict=True):
            assert found == (None if box is None else pytest.approx(box, abs=1e-4))


REFUSED = {
    "Label Studio's JSON-MIN": (
        "labelstudio:min.json",
        {"min.json": [{"image": "/data/upload/1/ab12cd34-0000.png", "id": 1, "annotation_id": 3, "label": []}]},
        "is Label Studio's JSON-MIN, .*; export as JSON",
    ),
    "two fields of FiftyOne's": (
        "fiftyone:",
        {"samples.json": {"samples": [sample("0000.png", truth=detections("dog"), found=detections("cat"))]}},
        "does not say which labels .*: its fields of .* are truth, found; pass --label-column NAME",
    ),
    "a field of FiftyOne's that is not there": (
        "fiftyone:",
        {"samples.json": {"samples": [sample("0000.png", mask={"_cls": "Segmentation"})]}},
        "no field of its samples holds detections or classifications",
    ),
    "CVAT's own XML": (
        "voc:annotations.xml",
        {"annotations.xml": '<annotations><image id="0" name="0000.png"/></annotations>'},
        "its root is not 'annotation'; CVAT's own XML is not read, export the task as Pascal VOC or as COCO",
    ),
    "Supervisely's own JSON": (
        "voc:ann",
        {"ann/0000.png.json": {"objects": [{"classTitle": "dog"}]}},
        "holds no .xml; expected Pascal VOC's folder of annotations",
    ),
    "a folder of COCO's": (
        "coco:",
        {"annotations/captions_val2017.json": {}, "annotations/instances_val2017.json": {}},
        "is a folder; name one of its files of instances: annotations/instances_val2017.json",
    ),
    "results of COCO's without their images": (
        "coco:results.json",
        {"results.json": [{"image_id": 1, "category_id": 1, "bbox": BOX, "score": 0.5}]},
        "is not a COCO annotations file",
    ),
    "YOLO without names": (
        "yolo:labels",
        {"labels/0000.txt": f"0 {CENTRED}\n"},
        "has YOLO labels without class names; expected data.yaml or classes.txt, or name the YAML .*, yolo:FILE.yaml",
    ),
    "Open Images' relations": (
        "openimages:vrd.csv",
        {"vrd.csv": "ImageID,LabelName1,LabelName2,XMin1,XMax1\n0000,/m/1,/m/2,0,1\n"},
        "has the columns ImageID, LabelName1, .*; expected record_id or image, and label",
    ),
    "nothing but entries that are no label": (
        "openimages:labels.csv",
        {"labels.csv": "ImageID,Source,LabelName,Confidence\n0000,verification,/m/04b5v,0\n"},
        "holds no label that can be used: 1 entries left out: label that is said to be absent",
    ),
    "a folder without classes": ("folders:", {"images/0000.png": b""}, "has no folder of images per class; expected"),
}


@pytest.mark.parametrize(("with_", "files", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_read_is_told_with_what_to_do(records, tmp_path, with_, files, said):
    kind, _, place = with_.partition(":")
    write(tmp_path / "export", files)
    with pytest.raises(SourceError, match=said):
        annotate(records=records, with_=f"{kind}:{tmp_path / 'export' / place}", out=tmp_path / "out")
    assert not (tmp_path / "out" / "records.parquet").exists()


def test_classes_that_nothing_names_are_told(records, tmp_path):
    (tmp_path / "labels.csv").write_text("ImageID,LabelName\n0000,/m/0bt9lr\n")
    summary = annotate(records=records, with_=f"openimages:{tmp_path / 'labels.csv'}", out=tmp_path / "out")
    assert "1 classes stay numbers such as /m/0bt9lr: no list of classes lies beside it" in summary.remarks[-1]


def test_what_is_left_out_of_an_export_is_counted(records, tmp_path):
    tasks = [
        task("0000.png", [rectangle("dog", BOX), {**rectangle("dog", BOX), "image_rotation": 90}]),
        task(None, [], made=[{"was_cancelled": True}]),
        task("0001.png", None, made=[{"result": []}, {"result": []}, {"was_cancelled": True, "result": []}]),
        task("0002.png", [{"value": {**rectangle("dog", BOX)["value"], "choices": ["red"], "rectanglelabels": []}}]),
    ]  # fmt: skip
    tasks[3]["annotations"][0]["result"][0]["value"].pop("rectanglelabels")
    (tmp_path / "tasks.json").write_text(json.dumps(tasks))
    summary = annotate(records=records, with_=f"labelstudio:{tmp_path / 'tasks.json'}", out=tmp_path / "out")
    assert summary.n_objects == 1
    assert set(summary.remarks) == {
        f"1 entries left out: {reason}"
        for reason in (
            "annotation by a further person",
            "cancelled annotation",
            "result of another type",
            "rotated region",
            "task without an image",
        )
    }


BROKEN = (b"null", b"-1", b"1e999", b"[]", b"{}", b'"x"', b"NaN", b"\xff", b'"', b"\x00", b"9" * 30)


def test_exports_with_broken_bytes_are_counted_or_a_sentence(records, tmp_path):
    loaded, rng = load_records(records), np.random.default_rng(0)
    n_read = 0
    for with_, files, *_ in (*EXPORTS.values(), *REFUSED.values()):
        kind, _, place = with_.partition(":")
        for attempt in range(6):
            folder = write(tmp_path / "export", files)
            broken = folder / sorted(files)[attempt % len(files)]
            data = bytearray(broken.read_bytes())
            for at in rng.integers(0, len(data) + 1, 2).tolist():
                data[at : at + int(rng.integers(0, 5))] = BROKEN[rng.integers(len(BROKEN))]
            broken.write_bytes(data[: rng.integers(1, len(data))] if attempt % 3 == 0 else data)
            with contextlib.suppress(MemometerError):
                joined(KINDS[kind](folder / place, LabelColumns()), loaded)
                n_read += 1
            shutil.rmtree(folder)
    assert 20 < n_read < 6 * (len(EXPORTS) + len(REFUSED)) - 20
