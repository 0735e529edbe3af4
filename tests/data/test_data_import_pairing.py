"""Which members and files make one record, and what it is called."""

import pytest
from import_sources import Imported, check_import, picture, sample, write, write_tar


def test_members_need_not_stand_side_by_side(tmp_path):
    members = [(f"{n:04d}.png", picture(n)) for n in range(3)] + [(f"{n:04d}.txt", f"t{n}".encode()) for n in range(3)]
    expected = {"captions": {f"{n:04d}": [f"t{n}"] for n in range(3)}}
    check_import(write_tar(tmp_path / "0.tar", members), tmp_path / "out", {}, expected)


def test_what_was_appended_later_is_paired_or_refused(tmp_path):
    write_tar(tmp_path / "0.tar", [("1.png", picture(1)), ("1.txt", b"a dog"), ("2.png", picture(2))])
    write_tar(tmp_path / "0.tar", [("2.txt", b"a cow"), ("1.png", picture(3)), ("1.txt", b"a cat")], mode="a")
    expected = {"captions": {"1": ["a dog"], "2": ["a cow"]}, "reasons": {"duplicate id": 1}}
    check_import(tmp_path / "0.tar", tmp_path / "out", {}, expected)


@pytest.mark.parametrize("kind", ["tar", "folder"])
@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["img_22.05.png", "img_22.05.txt", "img_22.06.png", "img_22.06.txt"], {"img_22.05": 1, "img_22.06": 3}),
        (["a.b.c.png", "a.b.c.json"], {"a.b.c": 1}),
        (["a.png", "a.txt", "a.b.png", "a.b.txt"], {"a": 1, "a.b": 3}),
        (["v1.0.png", "v1.txt"], {"v1.0": 1}),  # the text of the shorter name
        (["x.PNG", "x.TXT"], {"x": 1}),
    ],
)
def test_names_with_dots(tmp_path, kind, names, expected):
    def content(n, name):
        if name.lower().endswith("png"):
            return picture(n)
        return f'{{"caption": "{n}"}}'.encode() if name.endswith("json") else str(n).encode()

    files = {name: content(n, name) for n, name in enumerate(names)}
    source = write_tar(tmp_path / "0.tar", list(files.items())) if kind == "tar" else write(tmp_path / "f", files)
    assert Imported(source, tmp_path / "out").captions == {name: [str(n)] for name, n in expected.items()}


def test_names_that_two_records_would_have(tmp_path):
    for name in ("one", "two"):
        write_tar(tmp_path / name / "00000.tar", sample(1) + sample(2))
    found = Imported(tmp_path / "*" / "00000.tar", tmp_path / "of shards")
    assert found.ids == [f"{name}/00000/s000{n}" for name in ("one", "two") for n in (1, 2)]
    files = {"1.png": picture(1), "1.bmp": picture(2, format="BMP"), "1.txt": "x", "2.png": picture(3), "2.txt": "y"}
    assert Imported(write(tmp_path / "f", files), tmp_path / "out").ids == ["1.bmp", "1.png", "2"]
