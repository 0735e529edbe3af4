"""Bad input: the record goes to the rejects with its reason, the rest goes on."""

import json
import os
import re
import tarfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from import_sources import (
    Imported,
    bomb,
    picture,
    put,
    records,
    rejects,
    sample,
    write,
    write_coco,
    write_pictures,
    write_rows,
    write_samples,
    write_tar,
)

from memometer.data import Fields, ReaderOptions, import_records
from memometer.errors import RejectsError, SourceError

GOOD = range(3)


def outcome(source, out, **options):
    """The summary, the good ids and the rejects of an import that lets everything bad through."""
    found = Imported(source, out, max_rejects=1, **options)
    assert found.summary.n_rejected == len(found.rejects) == sum(found.reasons.values())
    assert all(row["source"] and row["reason"] for row in found.rejects)
    return found.summary, found.ids, found.rejects


def only_reject(source, out, **options):
    """The one reject of a source whose good records are all there."""
    _, ids, (reject,) = outcome(source, out, **options)
    assert len(ids) == len(GOOD)
    return reject


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        (sample(9, png=picture(9, size=(64, 64))[:2000]), "damaged image: "),
        (sample(9, png=picture(9)[:20]), "damaged image|not an image"),
        (sample(9, png=b""), "not an image"),
        (sample(9, png=b"<html>404</html>"), "not an image"),
        (sample(9, png=b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"), "not an image"),
        (sample(9, png=bomb()), "decompression bomb: "),
        (sample(9, json=None), "no caption"),
        (sample(9, json=None, txt=b" \n\t "), "no caption"),
        (sample(9, json=b'{"captions": ["", null]}'), "no caption"),
        (sample(9, png=None), "no image"),
        (sample(9, json=None, txt=b"caf\xe9"), r"not UTF-8: the .txt, byte 3"),
        (sample(9, json=b'{"caption": "caf\xe9"}'), r"not UTF-8: the .json, byte 16"),
        (sample(9, json=b'{"caption": "\\ud800"}'), "not UTF-8: 'caption', character 0"),
        (sample(9, json=b'{"caption": "x"'), "malformed JSON: "),
        (sample(9, json=b'["x"]'), "malformed JSON: expected an object, got list"),
        (sample(9, json=b"[" * 100_000), "malformed JSON: "),
        (sample(9, json=b'{"caption": ' + b"1" * 5000 + b"}"), "malformed JSON: "),
        (sample(9, json=b'{"caption": 5}'), "caption is not text: 'caption' holds int"),
        (sample(9, json=b'{"captions": [["x"]]}'), "caption is not text: 'captions' holds list"),
        (sample(9, json=b'{"caption": "x", "label": {"id": 3}}'), "label is not text: 'label' holds "),
        (sample(9, json=b'{"caption": "x", "label": [["dog"]]}'), "label is not text: 'label' holds "),
        (sample(9, json=b'{"caption": "x", "objects": {"a": 1}}'), "objects are not text"),
        (sample(9, json=b'{"caption": "x", "objects": ["a", 1]}'), "objects are not text"),
        (sample(9, json=b'{"caption": "x", "objects": ["\\udfff"]}'), "not UTF-8: objects"),
        (sample(9, json=b'{"caption": "x", "objects": ["a"], "boxes": []}'), "boxes do not match the objects: 0 boxes"),
        (sample(9, json=b'{"caption": "x", "objects": ["a"], "boxes": [[1, 2]]}'), "boxes do not match the objects"),
        (sample(9, json=b'{"caption": "x", "objects": ["a"], "scores": ["b"]}'), "scores are not numbers: str"),
        (
            sample(9, json=b'{"caption": "x", "objects": ["a"], "scores": [1' + b"0" * 400 + b"]}"),
            "scores are not numbers",
        ),
        ([("../x.png", picture(9)), ("../x.txt", b"x")], "unsafe name: points outside the tar"),
        ([("a/../../x.png", picture(9)), ("a/../../x.txt", b"x")], "unsafe name"),
        ([("/etc/x.png", picture(9)), ("/etc/x.txt", b"x")], "unsafe name"),
        ([("caf\udce9.png", picture(9)), ("caf\udce9.txt", b"x")], "not UTF-8: the member's name"),
        (sample(1, json=None), "duplicate id: s0001.png stands in the tar 2 times; the first stays"),
    ],
)
def test_bad_sample(tmp_path, members, reason):
    reject = only_reject(write_samples(tmp_path / "0.tar", GOOD, members), tmp_path / "out")
    assert re.match(reason, reject["reason"])
    assert reject["source"] == str(tmp_path / "0.tar")
    assert reject["member"].split(".")[0] in {"s0009", "s0001", "", "a/", "/etc/x", "caf\\udce9"}


def test_bad_sample_names_itself(tmp_path):
    tar = write_samples(tmp_path / "0.tar", GOOD, sample(9, png=b"x"))
    assert only_reject(tar, tmp_path / "out") == {
        "record_id": "s0009",
        "source": str(tar),
        "member": "s0009.png",
        "reason": "not an image",
    }


def test_links_in_a_tar_lead_nowhere(tmp_path):
    (tmp_path / "secret.png").write_bytes(picture(1))
    with tarfile.open(write_samples(tmp_path / "0.tar", GOOD), "a") as tar:
        link = tarfile.TarInfo("x.png")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "secret.png")
        tar.addfile(link)
    write_tar(tmp_path / "0.tar", [("x.txt", b"x")], mode="a")
    assert only_reject(tmp_path / "0.tar", tmp_path / "out")["reason"].startswith("not a plain file")


def test_the_first_of_an_id_stays_across_pieces(tmp_path):
    write_samples(tmp_path / "0.tar", [1, 2])
    write_samples(tmp_path / "1.tar", [3, 1, 4, 3])
    summary, ids, rows = outcome(tmp_path / "*.tar", tmp_path / "out")
    assert ids == ["0/s0001", "s0002", "s0003", "1/s0001", "s0004"]
    assert summary.reasons == {"duplicate id": 1}
    assert [(row["record_id"], row["source"], row["member"]) for row in rows] == [
        ("s0003", str(tmp_path / "1.tar"), "s0003.png")
    ]
    assert records(tmp_path / "out")[0]["image_path"] == str(tmp_path / "0.tar")


def cut(path, *, member, into="data"):
    """Cuts a tar within the header or data of a member, or right before it."""
    with tarfile.open(path) as tar:
        info = tar.getmember(member)
    length = {"data": info.offset_data + info.size // 2, "header": info.offset + 100, "before": info.offset}[into]
    os.truncate(path, length)


@pytest.mark.parametrize(
    ("member", "into", "good", "record_id"),
    [
        ("s0003.png", "data", 3, "s0003"),  # the break names the sample it is in; those before stay
        ("s0003.json", "data", 3, "s0003"),  # its image is whole, but its captions are not
        ("s0003.png", "header", 2, "s0002"),  # who knows whether s0002 had more members
        ("s0003.json", "before", 3, "s0003"),
        ("s0000.png", "header", 0, None),
        ("s0000.png", "before", 0, None),
    ],
)
def test_tar_that_ends_early(tmp_path, member, into, good, record_id):
    cut(write_samples(tmp_path / "0.tar", range(5)), member=member, into=into)
    write_samples(tmp_path / "1.tar", [10, 11])
    _, ids, (reject,) = outcome(tmp_path / "*.tar", tmp_path / "out")
    assert ids == [*(f"s{number:04d}" for number in range(good)), "s0010", "s0011"]
    assert reject["record_id"] == record_id
    assert reject["reason"].startswith("tar ends early: ")


def test_tar_without_end_mark(tmp_path):
    with tarfile.open(write_samples(tmp_path / "0.tar", range(4))) as tar:
        end = max(info.offset_data + 512 * -(-info.size // 512) for info in tar)
    os.truncate(tmp_path / "0.tar", end + 100)  # part of the mark is enough
    assert outcome(tmp_path / "0.tar", tmp_path / "part")[1] == [f"s{number:04d}" for number in range(4)]
    os.truncate(tmp_path / "0.tar", end)
    _, ids, (reject,) = outcome(tmp_path / "0.tar", tmp_path / "out")
    assert ids == ["s0000", "s0001", "s0002"]
    assert reject["reason"] == f"tar ends early: no end mark at byte {end:,}"


def test_tar_with_a_damaged_header(tmp_path):
    write_samples(tmp_path / "0.tar", range(4))
    with tarfile.open(tmp_path / "0.tar") as tar:
        offset = tar.getmember("s0002.json").offset
    with (tmp_path / "0.tar").open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * 512)
    _, ids, (reject,) = outcome(tmp_path / "0.tar", tmp_path / "out")
    assert ids == ["s0000", "s0001"]
    assert reject["reason"].startswith("damaged tar: no header at byte")


@pytest.mark.parametrize(("content", "reason"), [(b"", "tar ends early"), (b"no tar" * 500, "damaged tar: ")])
def test_tar_that_is_none(tmp_path, content, reason):
    write_samples(tmp_path / "0.tar", GOOD)
    (tmp_path / "1.tar").write_bytes(content)
    assert only_reject(tmp_path / "*.tar", tmp_path / "out")["reason"].startswith(reason)


# --- tables ---


def write_table(tmp_path, bad):
    write_pictures(tmp_path, ["0.png", *(f"good{number}.png" for number in GOOD)])
    os.mkfifo(tmp_path / "fifo.png")
    good = "".join(f"good{number}.png,good,{number}\n" for number in GOOD)
    return put(tmp_path / "t.csv", b"filepath,title,record_id\n" + good.encode() + bad)


@pytest.mark.parametrize(
    ("line", "reason", "record_id"),
    [
        (b"0.png,caf\xe9,9\n", "not UTF-8: column 'title', character 3", "9"),
        (b"caf\xe9.png,x,9\n", "not UTF-8: column 'filepath', character 3", "9"),
        (b"0.png,x,caf\xe9\n", "not UTF-8: column 'record_id', character 3", None),
        (b"0.png,,9\n", "no caption", "9"),
        (b",x,9\n", "no image", "9"),
        (b"1.png,x,9\n", "missing image: ", "9"),
        (b".,x,9\n", "missing image: .* is not a plain file", "9"),
        (b"fifo.png,x,9\n", "missing image: .* is not a plain file", "9"),
        (b"a\x00b.png,x,9\n", "missing image: the path holds a zero byte", "9"),
        (b"http://x/0.png,x,9\n", "remote image: memometer downloads nothing", "9"),
        (b"0.png,x,\n", "no id: column 'record_id' is empty", None),
        (b"0.png,x,0\n", "duplicate id: ", "0"),
        (b"0.png,x\n", "malformed row: 2 columns instead of 3", None),
        (b"0.png,x,9,9\n", "malformed row: 4 columns instead of 3", None),
        (b'0.png,"' + b"x" * 200_000 + b"\n", "malformed row: field larger than", None),
        (b"t.csv,x,9\n", "not an image", "9"),
    ],
)
def test_bad_row(tmp_path, line, reason, record_id):
    reject = only_reject(write_table(tmp_path, line), tmp_path / "out")
    assert re.match(reason, reject["reason"])
    assert (reject["record_id"], reject["member"]) == (record_id, "row 4")


def test_bad_parquet_rows(tmp_path):
    text = pa.array([b"ok", b"caf\xe9", b"ok", None, b"ok"]).cast(pa.binary())
    text = pa.StringArray.from_buffers(5, text.buffers()[1], text.buffers()[2], text.buffers()[0])
    columns = {"image": [picture(0), picture(1), b"x", picture(3), None], "text": text}
    _, ids, rows = outcome(write_rows(tmp_path / "t.parquet", pa.table(columns)), tmp_path / "out")
    assert ids == ["t/000000000"]
    assert [(row["member"], row["reason"]) for row in rows] == [
        ("row 2", "not UTF-8: column 'text'"),
        ("row 3", "not an image"),
        ("row 4", "no caption"),
        ("row 5", "no image"),
    ]


def test_damaged_parquet_is_one_reject_per_piece(tmp_path):
    table = pa.table({"image": [picture(number) for number in range(6)], "text": ["x"] * 6})
    plain = {"compression": "gzip", "write_statistics": False, "use_dictionary": False}
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=3, **plain)
    chunk = pq.read_metadata(tmp_path / "t.parquet").row_group(1).column(0)
    with (tmp_path / "t.parquet").open("r+b") as file:
        file.seek(chunk.data_page_offset + 60)
        file.write(b"\xff" * 400)
    _, ids, (reject,) = outcome(tmp_path / "t.parquet", tmp_path / "out")
    assert ids == [f"t/{number:09d}" for number in range(3)]
    assert reject["member"] == "rows 4 to 6"
    assert reject["reason"].startswith("damaged Parquet: ")


# --- COCO and folders ---


def test_bad_coco_images(tmp_path):
    names = {1: "1.jpg", 2: "2.jpg", 3: "3.jpg"}
    root = write_coco(tmp_path / "coco", names, captions=[(1, "ok"), (2, "XX"), (3, "x")], instances=[])
    file = root / "annotations" / "captions_val2017.json"
    content = json.loads(file.read_text())
    content["images"] += [{"id": 4, "file_name": "../1.jpg"}, {"id": 5}, {"id": 6, "file_name": "1.jpg"}]
    content["annotations"] += [{"image_id": 4, "caption": "x"}, {"image_id": 6, "caption": "x"}]
    file.write_bytes(json.dumps(content).encode().replace(b"XX", b"\xff\xfe"))
    (root / "val2017" / "3.jpg").write_bytes(picture(3, format="JPEG")[:-40])
    found = Imported(root, tmp_path / "out", max_rejects=1)
    assert found.ids == ["1"]
    assert found.why == ["not UTF-8", "damaged image", "unsafe name", "no image", "duplicate id"]


def test_bad_folder_images(tmp_path):
    folder = tmp_path / "f"
    files = {f"{name}.png": picture(1) for name in ("ok", "text", "none", "both")}
    files |= {f"{name}.txt": "x" for name in ("ok", "both", "link", "cut")}
    files |= {"both.jpg": picture(1, format="JPEG"), "cut.png": picture(1)[:50], "text.txt": b"\xff"}
    write(folder, files)
    (folder / "link.png").symlink_to(folder / "gone.png")
    with open(os.fsencode(folder) + b"/caf\xe9.png", "wb") as file:  # noqa: PTH123 (a name that is no text)
        file.write(picture(1))
    found = Imported(folder, tmp_path / "out", max_rejects=1)
    assert found.ids == ["both.jpg", "both.png", "ok"]
    assert dict(zip(found.members, found.why, strict=True)) == {
        "caf\\xe9.png": "not UTF-8",
        "cut.png": "damaged image",
        "link.png": "missing image",
        "none.png": "no caption",
        "text.png": "not UTF-8",
    }


# --- how many are too many ---


def test_more_than_five_percent_stops(tmp_path):
    bad = [sample(100 + number, json=None) for number in range(2)]
    write_samples(tmp_path / "most.tar", range(19), bad[0])
    write_samples(tmp_path / "few.tar", range(18), *bad)
    assert import_records(tmp_path / "most.tar", tmp_path / "most").n_rejected == 1
    with pytest.raises(RejectsError) as caught:
        import_records(tmp_path / "few.tar", tmp_path / "few")
    assert str(caught.value) == (
        "2 of 20 records were rejected, 10.0%, more than the 5.0% allowed: 2 × no caption; "
        f"see {tmp_path}/few/rejects.parquet; name the captions' column or JSON field with --caption-column, "
        "or --captions optional keeps them; mend the source, or allow more with --max-rejects"
    )
    assert [row["record_id"] for row in rejects(tmp_path / "few")] == ["s0100", "s0101"]
    assert not (tmp_path / "few" / "records.parquet").exists()
    assert not (tmp_path / "few" / "import.json").exists()
    assert import_records(tmp_path / "few.tar", tmp_path / "few", max_rejects=0.1).n_records == 18


def test_no_record_at_all(tmp_path):
    for source, words in (
        (write_tar(tmp_path / "0.tar", [("notes.md", b"x")]), "read as webdataset and holds no record"),
        (write_tar(tmp_path / "1.tar", sample(1, png=None)), "holds no record that can be used"),
        (put(tmp_path / "t.csv", "filepath,title\n"), "read as csv and holds no record"),
    ):
        with pytest.raises(SourceError, match=words):
            import_records(source, tmp_path / "out", max_rejects=1)


def test_captions_by_the_wrong_name_are_hinted_at(tmp_path):
    options = ReaderOptions(fields=Fields(captions=("alt",)))
    with pytest.raises(RejectsError, match=r"3 × no caption; .* --caption-column"):
        import_records(write_samples(tmp_path / "0.tar", GOOD), tmp_path / "out", options=options)
