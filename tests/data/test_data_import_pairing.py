"""Which members and files make one record, and what it is called."""

import io
import tarfile

import pytest
from import_sources import (
    ids,
    picture,
    records,
    sample,
    write,
    write_tar,
)

from memometer.data import import_records


def test_members_need_not_stand_side_by_side(tmp_path):
    members = [(f"{n:04d}.png", picture(n)) for n in range(3)] + [(f"{n:04d}.txt", f"t{n}".encode()) for n in range(3)]
    write_tar(tmp_path / "0.tar", members)
    summary = import_records(tmp_path / "0.tar", tmp_path / "out")
    assert [(row["record_id"], row["captions"]) for row in records(tmp_path / "out")] == [
        ("0000", ["t0"]), ("0001", ["t1"]), ("0002", ["t2"]),
    ]  # fmt: skip
    assert summary.n_rejected == 0


def test_what_was_appended_later_is_paired_or_refused(tmp_path):
    write_tar(tmp_path / "0.tar", [("1.png", picture(1)), ("1.txt", b"a dog"), ("2.png", picture(2))])
    with tarfile.open(tmp_path / "0.tar", "a") as tar:
        for name, data in (("2.txt", b"a cow"), ("1.png", picture(3)), ("1.txt", b"a cat")):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    summary = import_records(tmp_path / "0.tar", tmp_path / "out", max_rejects=1)
    assert [(row["record_id"], row["captions"]) for row in records(tmp_path / "out")] == [
        ("1", ["a dog"]),
        ("2", ["a cow"]),
    ]
    assert summary.reasons == {"duplicate id": 1}


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
    import_records(source, tmp_path / "out")
    assert {row["record_id"]: row["captions"] for row in records(tmp_path / "out")} == {
        name: [str(n)] for name, n in expected.items()
    }


def test_two_sets_of_shards_with_the_same_keys(tmp_path):
    for name in ("one", "two"):
        write_tar(tmp_path / name / "00000.tar", sample(1) + sample(2))
    import_records(tmp_path / "*" / "00000.tar", tmp_path / "out")
    assert ids(tmp_path / "out") == [f"{name}/00000/s000{n}" for name in ("one", "two") for n in (1, 2)]


def test_two_formats_of_one_name(tmp_path):
    files = {"1.png": picture(1), "1.bmp": picture(2, format="BMP"), "1.txt": "x", "2.png": picture(3), "2.txt": "y"}
    import_records(write(tmp_path / "f", files), tmp_path / "out")
    assert ids(tmp_path / "out") == ["1.bmp", "1.png", "2"]
