"""JSON of other tools: lists under a key, images by name, columns; keys that stand twice; what other JSON is."""

import json

import pytest
from import_sources import Imported, picture, put, write, write_tar

from memometer.data import import_records
from memometer.errors import SourceError

TWO = {"0": ["c0", "d0"], "1": ["c1", "d1"]}
ROWS = [{"image": f"{n}.png", "caption": f"{text}{n}"} for text in "cd" for n in range(2)]


@pytest.mark.parametrize(
    "content",
    [
        ROWS,
        {"annotations": ROWS},
        {"data": ROWS, "dataset_name": "x", "version": 1},
        {"data": [{"image_id": "zz", "image_name": row["image"][:1], "caption_str": row["caption"]} for row in ROWS]},
        {"images": [{"file_name": f"{n}.png", "captions": TWO[f"{n}"]} for n in range(2)]},
        {"images": [{"file_name": f"{n}.png", "captions": [{"caption": each} for each in TWO[n]]} for n in TWO]},
        {f"{n}.png": TWO[f"{n}"] for n in range(2)},
        {f"{n}.png": {"caption": TWO[f"{n}"], "width": 16} for n in range(2)},
        {"image": ["0.png", "1.png"], "captions": [TWO["0"], TWO["1"]]},
        {"image": {"0": "0.png", "1": "1.png"}, "captions": {"0": TWO["0"], "1": TWO["1"]}},
        {"licenses": [{"id": 1, "name": "x"}], "images": [{"id": 7, "file_name": "0.png"}], "samples": ROWS},
    ],
)  # fmt: skip
@pytest.mark.parametrize("folder", [False, True])
@pytest.mark.parametrize("newline", ["", "\n"])
def test_images_and_captions_in_one_json_value(pictures, content, folder, newline):
    source = put(pictures / "list.json", json.dumps(content) + newline)
    assert Imported(pictures if folder else source, pictures / "out").captions == TWO


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"image_urls": ["http://x/1.jpg"], "captions": ["a"]}, "names images by address"),
        ({"a": 1, "b": {}}, 'its keys are "a", "b"; expected a list of objects'),
        ({"x": [{"image": "0.png"}], "y": [{"image": "0.png"}]}, "several lists that name images"),
        ({"image": ["0.png"], "caption": ["a", "b"]}, 'its keys are "image", "caption"'),
        ([{"url": "http://x/1.jpg", "caption": "a"}], "column 'url' has addresses"),
        ([{"image": "0.png", "conversations": [{"value": "a"}]}], "'conversations' holds dialogues"),
        ('"text"', "holds str"),
    ],
)
def test_json_that_is_no_list_of_images_says_what_it_is(pictures, content, words):
    with pytest.raises(SourceError, match=words):
        import_records(put(pictures / "list.json", content), pictures / "out")


def test_json_beside_images_that_is_not_read_is_named(pictures):
    write(pictures, {"samples.json": {"labels": {"0": 1}}, "00000_stats.json": {}})
    with pytest.raises(SourceError, match=r"1 \.json file was not read, e\.g\. samples\.json; --format coco"):
        import_records(pictures, pictures / "out")
    words = "samples.json; --format coco reads COCO's annotations, --format jsonl"
    assert any(words in each for each in Imported(pictures, pictures / "out", captions="optional").remarks)


def test_a_folder_of_json_lines_leaves_other_json_alone(pictures):
    for n, name in enumerate(("a.jsonl", "b.ndjson")):
        write(pictures, {name: {"image": f"{n}.png", "text": name}, "dataset_info.json": {"features": {}}})
    found = Imported(pictures, pictures / "out")
    assert found.captions == {"0": ["a.jsonl"], "1": ["b.ndjson"]}
    assert found.left_aside[".json"] == 1


TWICE = '{"image": "0.png", "caption": "first", "caption": "second"}'
GOOD = '{"image": "1.png", "caption": "good"}'
FAULT = 'malformed JSON: the key "caption" stands twice in one object'


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.jsonl", f"{TWICE}\n{GOOD}\n"),
        ("t.json", f"[{TWICE}, {GOOD}]"),
        ("t.json", f'{{"data": [{TWICE}, {GOOD}]}}'),
        ("t.json", '{"0.png": {"caption": "a", "caption": "b"}, "1.png": {"caption": "good"}}'),
        ("t.jsonl", f'{{"image": "0.png", "caption": [{{"caption": "a", "caption": "b"}}]}}\n{GOOD}\n'),
    ],
)
def test_a_key_that_stands_twice_costs_its_entry(pictures, name, text):
    found = Imported(put(pictures / name, text), pictures / "out", max_rejects=1)
    assert (found.captions, [row["reason"] for row in found.rejects]) == ({"1": ["good"]}, [FAULT])


@pytest.mark.parametrize("tar", [False, True])
def test_a_key_that_stands_twice_beside_an_image(tmp_path, tar):
    files = {"0.png": picture(0), "1.png": picture(1), "0.json": TWICE.encode(), "1.json": GOOD.encode()}
    source = write_tar(tmp_path / "in.tar", list(files.items())) if tar else write(tmp_path / "in", files)
    found = Imported(source, tmp_path / "out", max_rejects=1)
    assert (found.captions, [row["reason"] for row in found.rejects]) == ({"1": ["good"]}, [FAULT])


def test_a_key_that_stands_twice_in_karpathys_json(pictures):
    good = '{"filename": "1.png", "sentences": [{"raw": "good"}], "split": "test"}'
    bad = '{"filename": "0.png", "sentences": [{"raw": "a", "raw": "b"}], "split": "train"}'
    source = put(pictures / "k.json", f'{{"images": [{bad}, {good}], "dataset": "x"}}')
    found = Imported(source, pictures / "out", max_rejects=1)
    assert found.captions == {"1": ["good"]}
    assert [row["reason"] for row in found.rejects] == [FAULT.replace("caption", "raw")]
    put(source, f'{{"images": [{good}], "images": [{good}]}}')
    with pytest.raises(SourceError, match='the key "images" stands twice in one object; keep one'):
        import_records(source, pictures / "other")


COCO = {
    "images": [{"id": n, "file_name": f"{n}.png", "width": 16, "height": 12} for n in range(3)],
    "annotations": [{"id": n, "image_id": n, "caption": f"c{n}"} for n in range(3)],
}


@pytest.mark.parametrize(
    ("old", "new", "key", "lost"),
    [
        ('"caption": "c1"', '"caption": "c1", "caption": "d1"', "caption", "1"),
        ('"image_id": 1', '"image_id": 1, "image_id": 2', "image_id", None),
        ('"file_name": "2.png"', '"file_name": "2.png", "file_name": "1.png"', "file_name", "2"),
        ('"width": 16', '"width": 16, "license": {"a": 1, "a": 2}', None, None),  # nothing that is read
        ('"caption": "c1"', '"caption": "\\"caption\\": \\"caption\\""', None, None),
    ],
)
def test_a_key_that_stands_twice_in_coco(pictures, old, new, key, lost):
    source = put(pictures / "coco.json", json.dumps(COCO).replace(old, new, 1))
    found = Imported(source, pictures / "out", max_rejects=1)
    reasons = [row["reason"] for row in found.rejects]
    if key is None:
        assert (found.ids, reasons) == (["0", "1", "2"], [])
        return
    assert [reason for reason in reasons if reason != "no caption"] == (
        [f'malformed annotation: the key "{key}" stands twice in one object'] if lost else []
    )
    if lost is None:  # an annotation of nobody knows which image
        assert found.left_aside == {"annotation of an unknown image": 1}
    else:
        assert lost not in found.ids


@pytest.mark.parametrize("key", ["images", "annotations", "categories"])
def test_a_list_that_stands_twice_in_coco(pictures, key):
    text = json.dumps({**COCO, "categories": []})
    with pytest.raises(SourceError, match=f'the key "{key}" stands twice'):
        import_records(put(pictures / "coco.json", text[:-1] + f', "{key}": []}}'), pictures / "out")


def test_a_key_that_stands_twice_in_a_cell(pictures):
    text = 'image;caption;objects\n0.png;a;[{"label": "cat", "label": "dog"}]\n1.png;good;[]\n'
    found = Imported(put(pictures / "t.csv", text), pictures / "out", fields={"objects": "objects"}, max_rejects=1)
    assert found.ids == ["1"]
