"""Where the images of a table are: on another machine, beside it, as Flickr8k and 30k have them, or nowhere."""

import base64
import json
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from import_sources import captions, ids, picture, rejects, stored_bytes, table, write_pictures, write_tar

from memometer.data import ReaderOptions, import_records
from memometer.data.sources import grouping
from memometer.data.sources.finding import telling_parts
from memometer.errors import InputError, SourceError


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("images\\0.png", "images/0"),
        ("C:\\data\\images\\0.png", "images/0"),
        ("/home/somebody/data/images/0.png", "images/0"),
        ("https://example.org/images/0.png", "images/0"),
        ("0.png", "0"),
        ("0", "0"),
        ("0.png#3", "0"),
    ],
)
def test_images_of_another_machine_are_found_by_the_ends_of_their_names(tmp_path, name, expected):
    write_pictures(tmp_path / "here" / "images", ["0.png"])
    source = table(tmp_path, "t.tsv", f"filepath\ttitle\n{name}\tx\n")
    where = tmp_path / "here" if "images" in name else tmp_path / "here" / "images"
    import_records(
        source, tmp_path / "out", options=ReaderOptions(images=(str(tmp_path / "nowhere2"[:-9]), str(where)))
    )
    assert ids(tmp_path / "out") == [expected]
    assert stored_bytes(tmp_path / "out") == [picture(0)]


def test_backslashes_and_a_folder_beside_the_table(tmp_path):
    write_pictures(tmp_path / "Images", ["0.png"])
    write_pictures(tmp_path / "sub", ["1.png"])
    source = table(tmp_path, "t.csv", "image,caption\n0.png,x\nsub\\1.png,y\n")
    import_records(source, tmp_path / "out")
    assert captions(tmp_path / "out") == {"0": ["x"], "sub/1": ["y"]}


def test_a_short_end_never_stands_for_another_image(tmp_path):
    write_pictures(tmp_path / "here", ["1.png", "val/1.png"])
    source = table(tmp_path, "t.csv", "image,caption\n/far/train/1.png,x\n/far/val/1.png,y\n")
    options = ReaderOptions(images=(str(tmp_path / "here"),))
    summary = import_records(source, tmp_path / "out", options=options, max_rejects=1)
    assert captions(tmp_path / "out") == {"val/1": ["y"]}
    assert summary.reasons == {"missing image": 1}


def test_an_image_that_is_nowhere_says_where_to_look(pictures):
    source = table(pictures, "t.csv", "image,caption\n9.png,x\n")
    with pytest.raises(Exception, match="--images FOLDER names another"):
        import_records(source, pictures / "out")
    with pytest.raises(InputError, match=r"no folder of images at .*nowhere"):
        import_records(source, pictures / "out", options=ReaderOptions(images=("nowhere",)))


@pytest.mark.parametrize("source", ["k", "k/captions.txt"])
def test_kaggles_flickr8k(tmp_path, source):
    write_pictures(tmp_path / "k" / "Images", ["0.png", "1.png"])
    lines = [f"{n}.png,caption {k} of {n} ." for n in range(2) for k in range(5)]
    table(tmp_path / "k", "captions.txt", "image,caption\n" + "\n".join(lines) + "\n")
    import_records(tmp_path / source, tmp_path / "out")
    assert captions(tmp_path / "out") == {str(n): [f"caption {k} of {n} ." for k in range(5)] for n in range(2)}


@pytest.mark.parametrize("format", [None, "tsv"])
def test_flickr8ks_token_file(pictures, format):
    lines = [f"{n}.png#{k}\tA dog {k} in {n} ." for n in range(2) for k in range(5)]
    source = table(pictures, "Flickr8k.token.txt", "\n".join(lines) + "\n")
    import_records(source, pictures / "out", options=ReaderOptions(format=format))
    assert captions(pictures / "out") == {str(n): [f"A dog {k} in {n} ." for k in range(5)] for n in range(2)}


def test_base64_is_named_in_a_short_reason(pictures):
    text = "image\tcaption\n" + base64.b64encode(picture(0) * 3).decode() + "\tx\n1.png\ty\n"
    import_records(table(pictures, "b.tsv", text), pictures / "out", max_rejects=1)
    (reject,) = rejects(pictures / "out")
    assert reject["reason"].startswith("image as base64")
    assert len(reject["reason"]) < 200
    assert reject["record_id"] is None


@pytest.mark.parametrize(
    "source", ["https://example.invalid/{00..02}.tar", "hf://datasets/owner/name", "s3://bucket/x"]
)
def test_addresses_are_no_source(tmp_path, source):
    with pytest.raises(SourceError, match="is an address; memometer reads local files alone"):
        import_records(source, tmp_path / "out")


def test_names_that_go_up(tmp_path):
    write_pictures(tmp_path / "images", ["0.png", "1.png"])
    (tmp_path / "lists").mkdir()
    near = table(tmp_path / "lists", "near.csv", "image,caption\n../images/0.png,zero\n..\\images\\1.png,one\n")
    import_records(near, tmp_path / "near")
    assert list(captions(tmp_path / "near").values()) == [["zero"], ["one"]]
    far = table(
        tmp_path / "lists", "far.csv", "image,caption\n../../x/images/0.png,zero\n..\\..\\x\\images\\1.png,one\n"
    )
    import_records(far, tmp_path / "far", options=ReaderOptions(images=(str(tmp_path),)))
    assert captions(tmp_path / "far") == {"images/0": ["zero"], "images/1": ["one"]}


def test_spellings_of_one_path_are_of_one_image(tmp_path):
    write_pictures(tmp_path / "images", ["0.png"])
    names = ["images/0.png", "images\\0.png", "./images/0.png", str(tmp_path / "images/0.png")]
    text = "image,caption\n" + "".join(f"{name},{number}\n" for number, name in enumerate(names))
    import_records(table(tmp_path, "t.csv", text), tmp_path / "out")
    assert captions(tmp_path / "out") == {"images/0": ["0", "1", "2", "3"]}


def test_images_that_are_numbers(pictures):
    entries = [{"image_id": 1, "caption": "a"}, {"image_id": 3, "caption": "b"}, {"image_id": 1, "caption": "c"}]
    import_records(table(pictures, "t.json", json.dumps(entries)), pictures / "out")
    assert captions(pictures / "out") == {"1": ["a", "c"], "3": ["b"]}


@pytest.mark.parametrize("source", ["", "flickr30k_images", "flickr30k_images/results.csv"])
def test_kaggles_flickr30k(tmp_path, source):
    write_pictures(tmp_path / "in/flickr30k_images/flickr30k_images", ["0.png", "1.png"])
    text = "image_name| comment_number| comment\n0.png| 0| Two, men .\n0.png| 1| A man .\n1.png| 0| A dog .\n"
    table(tmp_path / "in/flickr30k_images", "results.csv", text)
    import_records(tmp_path / "in" / source, tmp_path / "out")
    assert list(captions(tmp_path / "out").values()) == [["Two, men .", "A man ."], ["A dog ."]]


def test_flickr30ks_token_file(pictures):
    source = table(pictures, "results_20130124.token", "0.png#0\tone .\n0.png#1\ttwo .\n1.png#0\tthree .\n")
    for place in (source, pictures):
        import_records(place, pictures / "out", overwrite=True)
        assert captions(pictures / "out") == {"0": ["one .", "two ."], "1": ["three ."]}


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("kind", ["csv", "coco", "folder", "tar"])
def test_accents_are_the_same_however_they_are_composed(tmp_path, form, kind):
    other = {"NFC": "NFD", "NFD": "NFC"}[form]
    name, text = unicodedata.normalize(form, "café é.png"), unicodedata.normalize(other, "café é")
    write_pictures(tmp_path / "in", [name])
    source = tmp_path / "in"
    if kind == "csv":
        source = table(tmp_path / "in", "t.csv", f"image,caption\n{text}.png,x\n")
    elif kind == "coco":
        content = {"images": [{"id": 1, "file_name": f"{text}.png"}], "annotations": [{"image_id": 1, "caption": "x"}]}
        source = table(tmp_path / "in", "c.json", json.dumps(content))
    elif kind == "folder":
        table(tmp_path / "in", f"{text}.txt", "x")
    else:
        source = write_tar(tmp_path / "in.tar", [(name, picture(0)), (f"{text}.txt", b"x")])
    import_records(source, tmp_path / "out")
    assert list(captions(tmp_path / "out").values()) == [["x"]]


def test_names_as_addresses_write_them(tmp_path):
    write_pictures(tmp_path / "photos", ["a b.png", "c%20d.png", "c d.png", "Schön & neu.png", "up.png"])
    names = [
        "a%20b.png", "c%20d.png", "http://host/x/Sch%C3%B6n%20%26%20neu.png?size=1", "%2e%2e%2fphotos%2fup.png",
        "e%2f%FF.png",
    ]  # fmt: skip
    text = "image,caption\n" + "".join(f"{name},t{place}\n" for place, name in enumerate(names))
    options = ReaderOptions(images=(str(tmp_path / "photos"),))
    import_records(table(tmp_path, "t.csv", text), tmp_path / "out", options=options, max_rejects=1)
    assert captions(tmp_path / "out") == {"a b": ["t0"], "c%20d": ["t1"], "Schön & neu": ["t2"]}
    assert [row["reason"].split(":")[0] for row in rejects(tmp_path / "out")] == ["missing image"] * 2


def test_files_as_addresses(tmp_path):
    write_pictures(tmp_path, ["a b.png"])
    address = (tmp_path / "a b.png").as_uri()
    import_records(table(tmp_path, "t.csv", f"image,caption\n{address},x\n"), tmp_path / "out")
    assert captions(tmp_path / "out") == {"a b": ["x"]}


@pytest.mark.parametrize("cell", ["\"{'bytes': b'\\x89PNG', 'path': '0.png'}\"", " no path" * 625])
def test_a_cell_that_is_no_path_costs_a_short_reject(pictures, cell):
    source = table(pictures, "t.csv", f"image,caption\n{cell},x\n1.png,y\n")
    import_records(source, pictures / "out", max_rejects=1)
    (row,) = rejects(pictures / "out")
    assert row["reason"].startswith(("image as text: ", "missing image: the cell holds 4,999 characters"))
    assert len(row["reason"]) < 200
    assert row["record_id"] is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(tuple), max_size=6))
def test_the_parts_that_tell_names_apart(names):
    distinct, longest = set(names), max(map(len, names), default=1)
    slow = next((n for n in range(1, longest) if len({name[-n:] for name in distinct}) == len(distinct)), longest)
    assert telling_parts(names) == slow


def test_rows_of_an_image_come_together_a_bucket_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(grouping, "PIECE_ROWS", 3)
    monkeypatch.setattr(grouping, "BUCKET_PIECES", 2)
    images = np.random.default_rng(0).integers(0, 20, 60)
    _, images = np.unique(images, return_inverse=True)
    rows = (grouping.Payload("t", number, str(number).encode()) for number in range(len(images)))
    pieces = grouping.bring_together(rows, images, tmp_path)
    groups = [[row.number for row in group] for piece in pieces for group in grouping.grouped_rows(piece)]
    assert groups == [np.flatnonzero(images == image).tolist() for image in range(images.max() + 1)]
    assert all(piece.n_rows >= 3 for piece in pieces[:-1])
    assert [path.name for path in tmp_path.iterdir()] == [grouping.GROUPED]
