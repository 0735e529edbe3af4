"""Files of tools that name images in a form of their own: what they are is said, and what to make of them."""

import json

import pytest
from import_sources import Imported, put, write, write_pictures

from memometer.errors import InputError

OID = {"$oid": "5f452471ef00e6374aad53c8"}
DETECTION = {"_id": OID, "_cls": "Detection", "attributes": {}, "label": "cat", "bounding_box": [0.1, 0.1, 0.5, 0.5]}
SAMPLE = {
    "filepath": "data/0.png", "tags": [], "metadata": None, "_media_type": "image", "_rand": 0.5,
    "ground_truth": {"_cls": "Detections", "detections": [DETECTION]},
}  # fmt: skip
FIELD = {"name": "filepath", "ftype": "fiftyone.core.fields.StringField", "db_field": "filepath"}
SHARE = {"x": 5.1, "y": 10.2, "width": 20.3, "height": 30.4, "rotation": 0, "rectanglelabels": ["Car"]}
RESULT = {"original_width": 600, "value": SHARE, "id": "Dx", "from_name": "tag", "to_name": "img"}
ANNOTATION = {"id": 8, "completed_by": 1, "result": [RESULT], "was_cancelled": False, "lead_time": 4.288, "task": 1}
TASK = {
    "id": 1, "annotations": [ANNOTATION], "file_upload": "0.png", "drafts": [], "predictions": [],
    "data": {"image": "/data/upload/1/0.png"}, "meta": {}, "project": 83,
}  # fmt: skip
TREE = {"synsets": ["tree.n.01"], "object_id": 58, "merged_object_ids": [], "names": ["trees"]}
BOX = {"h": 557, "w": 799, "y": 0, "x": 0}
URL = "https://cs.stanford.edu/people/rak248/VG_100K_2/1.jpg"
REGION = {"region_id": 1382, "width": 82, "height": 139, "image_id": 1, "phrase": "a green clock", "y": 57, "x": 421}
RELATION = {"predicate": "ON", "object": TREE | BOX, "relationship_id": 15, "synsets": [], "subject": TREE | BOX}
JSONS = {
    "samples.json": ("FiftyOne", {"samples": [SAMPLE]}),
    "metadata.json": ("FiftyOne", {"_id": OID, "name": "q", "media_type": "image", "sample_fields": [FIELD]}),
    "project-1-at-2021-03-09.json": ("Label Studio", [TASK]),
    "project-2.json": ("Label Studio", [{**TASK, "annotations": []}]),
    "project-1-min.json": (
        "Label Studio",
        [{"image": "/data/upload/1/0.png", "id": 1, "annotator": 1, "annotation_id": 8, "lead_time": 4.3}],
    ),
    "min-of-old.json": ("Label Studio", [{"image": "https://example.com/0.png", "tag": [SHARE]}]),
    "objects.json": ("Visual Genome", [{"image_id": 1, "objects": [TREE | BOX], "image_url": URL}]),
    "attributes.json": ("Visual Genome", [{"image_id": 1, "attributes": [TREE | BOX | {"attributes": ["green"]}]}]),
    "image_data.json": (
        "Visual Genome",
        [{"width": 800, "url": URL, "height": 600, "image_id": 1, "coco_id": None, "flickr_id": None}],
    ),
    "region_descriptions.json": ("Visual Genome", [{"regions": [REGION], "id": 1}]),
    "relationships.json": ("Visual Genome", [{"relationships": [RELATION], "image_id": 1}]),
}
SBU = ("SBU_captioned_photo_dataset_urls.txt", "SBU_captioned_photo_dataset_captions.txt")


def wholly(words, name):
    """A sentence that says whose file it is, and which fields to write."""
    return all(word in words for word in (name, "write JSON lines with", "'image'", "'caption'"))


def refusal(source, tool, **options):
    """The sentence by which an import is refused, which says it wholly."""
    with pytest.raises(InputError) as raised:
        Imported(source, source.parent / "out", **options)
    assert wholly(str(raised.value), tool), raised.value
    return str(raised.value)


@pytest.mark.parametrize("name", JSONS)
@pytest.mark.parametrize("wanted", ["required", "optional"])
def test_as_a_source_or_beside_images_it_is_named_with_what_to_do(tmp_path, name, wanted):
    tool, content = JSONS[name]
    write_pictures(tmp_path / "f", ["0.png", "1.png"])
    for indent in (None, 4):
        source = put(tmp_path / "f" / name, json.dumps(content, indent=indent))
        assert str(source) in refusal(source, tool, captions=wanted)
    if wanted == "required":
        refusal(tmp_path / "f", tool)
    else:
        found = Imported(tmp_path / "f", tmp_path / "out", captions=wanted)
        assert len(found.captions) == 2
        (remark,) = found.remarks
        assert wholly(remark, tool)


def test_a_folder_of_nothing_else_says_so_too(tmp_path):
    refusal(write(tmp_path / "f", {"samples.json": JSONS["samples.json"][1]}), "FiftyOne")


def test_sbus_two_texts_are_named(tmp_path):
    write_pictures(tmp_path / "f", ["0.png"])
    lines = ("http://static.flickr.com/2723/4385{n}_b92f.jpg\n", "A chair, number {n}, in the room\n")
    write(
        tmp_path / "f",
        {name: "".join(line.format(n=n) for n in range(30)) for name, line in zip(SBU, lines, strict=True)},
    )
    for source in (*SBU, "."):
        refusal(tmp_path / "f" / source, "SBU's two texts")
    found = Imported(tmp_path / "f", tmp_path / "out", captions="optional")
    assert (len(found.remarks), len(found.rows)) == (2, 1)


def test_a_plain_list_with_words_alike_is_read_as_before(pictures):
    rows = [{"image": f"{n}.png", "caption": f"c{n}", "image_id": n, "phrase": "x", "names": ["y"]} for n in range(3)]
    found = Imported(put(pictures / "list.json", rows), pictures / "out")
    assert found.captions == {"0": ["c0"], "1": ["c1"], "2": ["c2"]}
