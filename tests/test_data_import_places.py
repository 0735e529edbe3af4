"""Where the images of a table are: on another machine, beside it, as Flickr8k and 30k have them, or nowhere."""

import base64
import json

import pytest
from import_sources import captions, ids, picture, rejects, stored_bytes, table, write_pictures

from memometer.data import ReaderOptions, import_records
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
