"""A damaged COCO file costs the entry that is, or says in a sentence what is wrong; it never ends the process."""

import contextlib
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from import_sources import Imported, records, rejects, write_coco

from memometer.data import import_records
from memometer.data.sources.coco_json import CocoFile, read_coco
from memometer.errors import SourceError

GOOD = '"images": [{"id": 1, "file_name": "1.jpg"}]'


def written(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("null", "is not a COCO annotations file: Expected `object`, got `null`"),
        ("[" * 1_000_000, "is not a COCO annotations file: Expected `object`, got `array`"),
        ('{"a":' * 1_000_000, "nested too deep"),
        ('{"images": ' + "[" * 1_000_000 + "]" * 1_000_000 + "}", "(nested too deep|is not a COCO)"),
        (f'{{{GOOD}, "annotations": [{{"seg": {"[" * 100_000}{"]" * 100_000}}}]}}', "nested too deep"),
        ('{"images": null, "annotations": null}', "its list 'images' is empty"),
        ('{"images": [null, 3], "annotations": {}}', r"Expected `array \| null`, got `object`"),
        (f"{{{GOOD}}}", "missing required field `annotations`"),
        (f'{{{GOOD}, "annotations": [', "cannot be read as COCO annotations: Input data was truncated; mend it"),
        ('{"images": [NaN], "x": "' + '\\"' * 100_000, "truncated"),
        ("NaN" * 100_000, "is not a COCO annotations file"),
        (json.dumps({"images": [], "annotations": []}).encode("utf-16"), "cannot be read as COCO"),
        ("", "truncated"),
    ],
)
def test_files_that_are_none_say_so(tmp_path, text, message):
    with pytest.raises(SourceError, match=message):
        read_coco(written(tmp_path, text))


def test_python_writes_numbers_that_json_does_not_know(tmp_path):
    entry = '{"caption": "NaN \\" -Infinity", "bbox": [NaN, -Infinity, 1]}'
    text = f'\ufeff{{"info": NaN, {GOOD}, "annotations": [{entry}]}}'
    (annotation,) = read_coco(written(tmp_path, text)).annotations
    assert annotation.caption == 'NaN " -Infinity'
    assert str(annotation.bbox) == "[nan, -inf, 1]"


def with_captions(folder, captions, written):
    """A COCO folder in whose captions file ``XX`` is what was written instead."""
    root = write_coco(folder, {1: "1.jpg", 2: "2.jpg"}, captions=[*captions, (2, "XX")], instances=[])
    file = root / "annotations" / "captions_val2017.json"
    file.write_bytes(file.read_bytes().replace(b'"XX"', written))
    return root


@pytest.mark.parametrize(
    "caption",
    [
        rb'"half \ud83d of a pair"',
        rb'"the other \udc00 half"',
        rb'"both \ud83d\ude00 and half \ud83d"',
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b"9" * 5000,
        b"1e999",
        b"true",
        b'{"a": 1}',
        b"[[]]",
        b"NaN",
    ],
)
def test_a_caption_that_is_none_costs_one_record(tmp_path, caption):
    found = Imported(with_captions(tmp_path / "in", [(1, "ok")], caption), tmp_path / "out", max_rejects=0.5)
    assert (found.ids, [row["record_id"] for row in found.rejects]) == (["1"], ["2"])


def test_whole_pairs_and_escaped_backslashes_are_texts_like_others(tmp_path):
    root = with_captions(tmp_path / "in", [(1, "\U0001f600"), (1, "\\ud83d")], rb'"\ud83d"')
    assert Imported(root, tmp_path / "out", max_rejects=0.5).captions == {"1": ["\U0001f600", "\\ud83d"]}


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ("[1, 2, 3]", "boxes do not match the objects"),
        ("[1, 2, 3, 4, 5]", "boxes do not match the objects"),
        ('"1 2 3 4"', "boxes do not match the objects"),
        ('{"x": 1}', "boxes do not match the objects"),
        ('[1, 2, "3", 4]', "boxes are not numbers"),
        ("[1, 2, null, 4]", "boxes are not numbers"),
        ("[NaN, 0, 1, 1]", "impossible box"),
        ("[0, 0, Infinity, 1]", "impossible box"),
        ("[5, 5, -3, 4]", "impossible box"),
        ("[500, 5, 3, 4]", "impossible box"),
        (f"[{'9' * 400}, 1, 1, 1]", "boxes are not numbers"),
        (f"[{'9' * 5000}, 1, 1, 1]", "malformed annotation"),
    ],
)
def test_a_box_that_is_none_costs_one_record(tmp_path, box, reason):
    root = write_coco(
        tmp_path / "in",
        {1: "1.jpg", 2: "2.jpg"},
        captions=[(1, "x"), (2, "y")],
        instances=[(1, 17, [0, 0, 1, 1]), (2, 17, "XX"), (1, 17, None), (1, 18, [])],
    )
    file = root / "annotations" / "instances_val2017.json"
    file.write_text(file.read_text().replace('"XX"', box))
    import_records(root, tmp_path / "out", max_rejects=0.5)
    assert [row["boxes"] for row in records(tmp_path / "out")] == [[[0, 0, 1, 1], None, None]]
    (reject,) = rejects(tmp_path / "out")
    assert reject["reason"].startswith(reason)
    assert reject["record_id"] == "2"


def test_entries_of_other_types_cost_themselves(tmp_path):
    root = write_coco(tmp_path / "in", {1: "1.jpg"}, captions=[(1, "x")], instances=[(1, 17, [0, 0, 1, 1])])
    for kind in ("captions", "instances"):
        file = root / "annotations" / f"{kind}_val2017.json"
        content = json.loads(file.read_text())
        content["images"] += [None, 7, {"id": 5, "file_name": ["1.jpg"]}]
        content["annotations"] += [None, "x", {"image_id": [1]}]
        content["categories"] = [*content.get("categories", []), None, {"id": 3}, {"id": [], "name": "x"}]
        file.write_text(json.dumps(content))
    summary = import_records(root, tmp_path / "out", max_rejects=1)
    assert [(row["captions"], row["objects"]) for row in records(tmp_path / "out")] == [(["x"], ["cat"])]
    assert summary.reasons == {"malformed annotation": 3}
    assert summary.left_aside["annotation of an unknown image"] >= 3


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32), n_bytes=st.integers(1, 8), cut=st.booleans())
def test_damaged_files(tmp_path_factory, seed, n_bytes, cut):
    content = {
        "images": [{"id": n, "file_name": f"{n}.jpg", "width": 9, "height": 1e3} for n in range(4)],
        "annotations": [{"image_id": n, "caption": "\U0001f600 \\", "bbox": [1, 2, 3.5, 4]} for n in range(4)],
        "categories": [{"id": 1, "name": "dog"}],
    }
    data = bytearray(json.dumps(content).encode())
    source = random.Random(seed)  # noqa: S311 (no secret)
    for _ in range(n_bytes):
        data[source.randrange(len(data))] = source.choice([source.randrange(256), *b'"\\[]{},:0dDn'])
    path = tmp_path_factory.getbasetemp() / "damaged.json"
    path.write_bytes(data[: source.randrange(len(data))] if cut else data)
    found = None
    with contextlib.suppress(SourceError):  # and nothing else
        found = read_coco(path)
    assert found is None or (isinstance(found, CocoFile) and found.images)
