"""Where the images of a table are: on another machine, beside it, as Flickr8k and 30k have them, or nowhere."""

import base64
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from import_sources import Imported, check_import, picture, put, stored_bytes, table, write, write_pictures, write_tar

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
    assert Imported(source, tmp_path / "out", images=(str(tmp_path), str(where))).ids == [expected]
    assert stored_bytes(tmp_path / "out") == [picture(0)]


def test_backslashes_and_a_folder_beside_the_table(tmp_path):
    write_pictures(tmp_path, ["Images/0.png", "sub/1.png"])
    source = table(tmp_path, "t.csv", "image,caption\n0.png,x\nsub\\1.png,y\n")
    assert Imported(source, tmp_path / "out").captions == {"0": ["x"], "sub/1": ["y"]}


def test_a_short_end_never_stands_for_another_image(tmp_path):
    write_pictures(tmp_path / "here", ["1.png", "val/1.png"])
    source = table(tmp_path, "t.csv", "image,caption\n/far/train/1.png,x\n/far/val/1.png,y\n")
    expected = {"captions": {"val/1": ["y"]}, "reasons": {"missing image": 1}}
    check_import(source, tmp_path / "out", {"images": (str(tmp_path / "here"),)}, expected)


def test_an_image_that_is_nowhere_says_where_to_look(pictures):
    source = table(pictures, "t.csv", "image,caption\n9.png,x\n")
    with pytest.raises(Exception, match="--images FOLDER names another"):
        import_records(source, pictures / "out")
    with pytest.raises(InputError, match=r"no folder of images at .*nowhere"):
        import_records(source, pictures / "out", options=ReaderOptions(images=("nowhere",)))


@pytest.mark.parametrize("source", ["k", "k/captions.txt"])
def test_kaggles_flickr8k(tmp_path, source):
    write_pictures(tmp_path / "k" / "Images", ["0.png", "1.png"])
    lines = [f"{n}.png,caption {k} of {n} .\n" for n in range(2) for k in range(5)]
    table(tmp_path / "k", "captions.txt", "image,caption\n" + "".join(lines))
    found = Imported(tmp_path / source, tmp_path / "out")
    assert found.captions == {str(n): [f"caption {k} of {n} ." for k in range(5)] for n in range(2)}


@pytest.mark.parametrize("format", [None, "tsv"])
def test_flickr8ks_token_file(pictures, format):
    lines = [f"{n}.png#{k}\tA dog {k} in {n} .\n" for n in range(2) for k in range(5)]
    found = Imported(table(pictures, "Flickr8k.token.txt", "".join(lines)), pictures / "out", format=format)
    assert found.captions == {str(n): [f"A dog {k} in {n} ." for k in range(5)] for n in range(2)}


ENCODED = base64.b64encode(picture(0) * 3).decode()


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (ENCODED, "image as base64"),
        ("\"{'bytes': b'\\x89PNG', 'path': '0.png'}\"", "image as text: "),
        (" no path" * 625, "missing image: the cell holds 4,999 characters"),
    ],
)
def test_a_cell_that_is_no_path_costs_a_short_reject(pictures, cell, reason):
    source = table(pictures, "t.csv", f"image,caption\n{cell},x\n1.png,y\n")
    (reject,) = Imported(source, pictures / "out", max_rejects=1).rejects
    assert reject["reason"].startswith(reason)
    assert len(reject["reason"]) < 200
    assert reject["record_id"] is None


@pytest.mark.parametrize(
    "source", ["https://example.invalid/{00..02}.tar", "ftp://example.invalid/x", "webhdfs://bucket/x"]
)
def test_addresses_are_no_source(tmp_path, source):
    with pytest.raises(SourceError, match="is an address of a kind that memometer does not read"):
        import_records(source, tmp_path / "out")


def test_names_that_go_up(tmp_path):
    write_pictures(tmp_path / "images", ["0.png", "1.png"])
    text = "image,caption\n{up}images/0.png,zero\n{back}images\\1.png,one\n"
    near = put(tmp_path / "lists" / "near.csv", text.format(up="../", back="..\\"))
    assert list(Imported(near, tmp_path / "near").captions.values()) == [["zero"], ["one"]]
    far = put(tmp_path / "lists" / "far.csv", text.format(up="../../x/", back="..\\..\\x\\"))
    found = Imported(far, tmp_path / "far", images=(str(tmp_path),))
    assert found.captions == {"images/0": ["zero"], "images/1": ["one"]}


def test_spellings_of_one_path_are_of_one_image(tmp_path):
    write_pictures(tmp_path / "images", ["0.png"])
    names = ["images/0.png", "images\\0.png", "./images/0.png", str(tmp_path / "images/0.png")]
    text = "image,caption\n" + "".join(f"{name},{number}\n" for number, name in enumerate(names))
    found = Imported(table(tmp_path, "t.csv", text), tmp_path / "out")
    assert found.captions == {"images/0": ["0", "1", "2", "3"]}


def test_images_that_are_numbers(pictures):
    entries = [{"image_id": 1, "caption": "a"}, {"image_id": 3, "caption": "b"}, {"image_id": 1, "caption": "c"}]
    assert Imported(put(pictures / "t.json", entries), pictures / "out").captions == {"1": ["a", "c"], "3": ["b"]}


@pytest.mark.parametrize("source", ["", "flickr30k_images", "flickr30k_images/results.csv"])
def test_kaggles_flickr30k(tmp_path, source):
    write_pictures(tmp_path / "in/flickr30k_images/flickr30k_images", ["0.png", "1.png"])
    text = "image_name| comment_number| comment\n0.png| 0| Two, men .\n0.png| 1| A man .\n1.png| 0| A dog .\n"
    table(tmp_path / "in/flickr30k_images", "results.csv", text)
    found = Imported(tmp_path / "in" / source, tmp_path / "out")
    assert list(found.captions.values()) == [["Two, men .", "A man ."], ["A dog ."]]


def test_flickr30ks_token_file(pictures):
    source = table(pictures, "results_20130124.token", "0.png#0\tone .\n0.png#1\ttwo .\n1.png#0\tthree .\n")
    for place in (source, pictures):
        found = Imported(place, pictures / "out", overwrite=True)
        assert found.captions == {"0": ["one .", "two ."], "1": ["three ."]}


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("kind", ["csv", "coco", "folder", "tar"])
def test_accents_are_the_same_however_they_are_composed(tmp_path, form, kind):
    other = {"NFC": "NFD", "NFD": "NFC"}[form]
    name, text = unicodedata.normalize(form, "café é.png"), unicodedata.normalize(other, "café é")
    coco = {"images": [{"id": 1, "file_name": f"{text}.png"}], "annotations": [{"image_id": 1, "caption": "x"}]}
    write_pictures(tmp_path / "in", [name])
    source = {
        "csv": lambda: put(tmp_path / "in" / "t.csv", f"image,caption\n{text}.png,x\n"),
        "coco": lambda: put(tmp_path / "in" / "c.json", coco),
        "folder": lambda: write(tmp_path / "in", {f"{text}.txt": "x"}),
        "tar": lambda: write_tar(tmp_path / "in.tar", [(name, picture(0)), (f"{text}.txt", b"x")]),
    }[kind]()
    assert list(Imported(source, tmp_path / "out").captions.values()) == [["x"]]


def test_names_as_addresses_write_them(tmp_path):
    write_pictures(tmp_path / "photos", ["a b.png", "c%20d.png", "c d.png", "Schön & neu.png", "up.png"])
    names = [
        "a%20b.png", "c%20d.png", "http://host/x/Sch%C3%B6n%20%26%20neu.png?size=1", "%2e%2e%2fphotos%2fup.png",
        "e%2f%FF.png",
    ]  # fmt: skip
    text = "image,caption\n" + "".join(f"{name},t{place}\n" for place, name in enumerate(names))
    expected = {"captions": {"a b": ["t0"], "c%20d": ["t1"], "Schön & neu": ["t2"]}, "why": ["missing image"] * 2}
    options = {"images": (str(tmp_path / "photos"),)}
    check_import(table(tmp_path, "t.csv", text), tmp_path / "out", options, expected)


def test_files_as_addresses(tmp_path):
    write_pictures(tmp_path, ["a b.png"])
    address = (tmp_path / "a b.png").as_uri()
    source = table(tmp_path, "t.csv", f"image,caption\n{address},x\n")
    assert Imported(source, tmp_path / "out").captions == {"a b": ["x"]}


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


def test_flickr8k_as_its_authors_pack_it(tmp_path):
    """Texts and images in folders side by side; the list numbers the captions of an image that is not there."""
    lines = [f"{n}.jpg#{k}\ta picture {n} of {k} ." for n in (0, 1) for k in range(5)]
    lines += [f"2.jpg.1#{k}\tpeople" for k in range(5)]
    texts = {
        "Flickr8k.token.txt": "\n".join(lines),
        "Flickr8k.lemma.token.txt": "\n".join(lines),
        "Flickr_8k.trainImages.txt": "0.jpg\n",
        "readme.txt": "Please cite.\n",
    }
    write(tmp_path / "f", {f"Flickr8k_text/{name}": text for name, text in texts.items()})
    write_pictures(tmp_path / "f" / "Flicker8k_Dataset", [f"{n}.jpg" for n in range(3)])
    for number, source in enumerate(("f", "f/Flickr8k_text", "f/Flickr8k_text/Flickr8k.token.txt")):
        found = Imported(tmp_path / source, tmp_path / f"out{number}", max_rejects=1)
        assert {name: len(texts) for name, texts in found.captions.items()} == {"0": 5, "1": 5}
        assert found.reasons == {"missing image": 5}
        assert any(remark.startswith("images are looked for beside the table's own") for remark in found.remarks)


def test_karpathys_json_in_a_folder_beside_the_images(tmp_path):
    entry = {"filepath": "val2014", "filename": "7.jpg", "split": "restval", "cocoid": 7, "sentences": [{"raw": "a"}]}
    write(tmp_path / "f", {"caption_datasets/dataset_coco.json": {"images": [entry], "dataset": "coco"}})
    write_pictures(tmp_path / "f", ["val2014/7.jpg"])
    found = Imported(tmp_path / "f" / "caption_datasets" / "dataset_coco.json", tmp_path / "out")
    assert list(found.captions.values()) == [["a"]]
    assert list(found.role.values()) == ["restval"]
    assert any("val2014; --images says where" in remark for remark in found.remarks)


def test_folders_beside_the_tables_own_are_a_last_resort(tmp_path):
    write_pictures(tmp_path, ["images/0.png", "t/images/0.png", "t/1.png"])
    table(tmp_path / "t", "t.csv", "image,caption\n0.png,a\n1.png,b\n")
    found = Imported(tmp_path / "t" / "t.csv", tmp_path / "out")
    assert found.rows[0]["image_path"].endswith("t/images/0.png")
    assert not found.remarks
