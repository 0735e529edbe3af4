"""Pools that were downloaded: img2dataset's output with what became of every address, and DataComp's lists of uids."""

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from import_sources import Imported, picture, write, write_rows, write_tar
from object_store import BUCKET

from memometer.data import import_records
from memometer.data.sources.uids import load_uids
from memometer.errors import InputError

FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
N = 6
STATUSES = ["success", "failed_to_download", "success", "failed_to_resize", "success", "failed_to_download"]
UIDS = ["139e4a9b22a614771f06c700a8ebe150", "6e356964a967af455c8016b75d691203", "ffffffffffffffff0000000000000001"]


def metadata(statuses=STATUSES, *, images=None):
    """The table of a shard, as img2dataset writes one: every address, whether it was fetched or not."""
    rows = [
        {
            "url": f"https://host.invalid/{n}.jpg",
            "caption": f"a picture {n}",
            "key": f"{n:09d}",
            "status": status,
            "error_message": None if status == "success" else "HTTP Error 404: Not Found",
            "width": 16 if status == "success" else None,
            "height": 12 if status == "success" else None,
            "original_width": 160 if status == "success" else None,
            "original_height": 120 if status == "success" else None,
            "exif": "{}" if status == "success" else None,
            "sha256": "0" * 64 if status == "success" else None,
            "uid": f"{n:032x}",
        }
        for n, status in enumerate(statuses)
    ]
    if images is not None:
        rows = [{"jpg": image, **row} for image, row in zip(images, rows, strict=True)]
    return rows


def files_of(row):
    """The members of one sample."""
    image = picture(int(row["key"]), format="JPEG")
    return [(f"{row['key']}.json", json.dumps(row).encode()), (f"{row['key']}.jpg", image),
            (f"{row['key']}.txt", row["caption"].encode())]  # fmt: skip


def shard(folder, statuses=STATUSES):
    """A shard, its table and its statistics."""
    rows = metadata(statuses)
    members = [member for row in rows if row["status"] == "success" for member in files_of(row)]
    write_tar(folder / "00000.tar", members)
    write_rows(folder / "00000.parquet", rows)
    write(folder, {"00000_stats.json": {"count": len(rows), "successes": statuses.count("success")}})
    return folder


LOST = {"img2dataset: failed_to_download": 2, "img2dataset: failed_to_resize": 1}


def test_shards_and_their_table(tmp_path):
    found = Imported(shard(tmp_path / "in"), tmp_path / "out")
    assert found.captions == {f"{n:09d}": [f"a picture {n}"] for n in (0, 2, 4)}
    assert found.left_aside == LOST | {".json": 1}
    assert found.summary.n_files == 2


def test_a_sample_that_was_fetched_and_is_not_there(tmp_path):
    shard(tmp_path / "in")
    write_tar(tmp_path / "in" / "00000.tar", files_of(metadata()[0]))
    found = Imported(tmp_path / "in", tmp_path / "out")
    assert found.ids == ["000000000"]
    assert found.left_aside == LOST | {".json": 1, "img2dataset: success, and not in its shard": 2}


def test_a_folder_of_files(tmp_path):
    shard(tmp_path / "made")
    for row in metadata():
        if row["status"] == "success":
            write(tmp_path / "in" / "00000", dict(files_of(row)))
    write(tmp_path / "in", {"00000.parquet": (tmp_path / "made" / "00000.parquet").read_bytes()})
    found = Imported(tmp_path / "in", tmp_path / "out")
    assert (found.format, len(found.ids)) == ("folder", 3)
    assert found.left_aside == LOST | {".parquet": 1}


def test_images_within_its_table(tmp_path):
    images = [picture(n) if status == "success" else None for n, status in enumerate(STATUSES)]
    images[4] = b"not an image"
    write_rows(tmp_path / "in" / "00000.parquet", metadata(images=images))
    found = Imported(tmp_path / "in", tmp_path / "out", max_rejects=0.5)
    assert list(found.captions.values()) == [["a picture 0"], ["a picture 2"]]
    assert found.left_aside == LOST
    assert found.why == ["not an image"]


def test_shards_in_a_store(store, tmp_path):
    shard(tmp_path)
    for name in ("00000.tar", "00000.parquet", "00000_stats.json"):
        store.put(f"pool/{name}", (tmp_path / name).read_bytes())
    found = Imported(f"s3://{BUCKET}/pool/", tmp_path / "out")
    assert len(found.ids) == 3
    assert found.left_aside == LOST | {".json": 1}


@pytest.mark.parametrize("damage", [lambda data: data[:200], lambda _: b"", lambda data: data[:-100] + bytes(100)])
def test_a_table_that_is_damaged_costs_no_record(tmp_path, damage):
    path = shard(tmp_path / "in") / "00000.parquet"
    path.write_bytes(damage(path.read_bytes()))
    found = Imported(tmp_path / "in", tmp_path / "out")
    assert len(found.ids) == 3
    assert found.left_aside == {".json": 1, ".parquet": 1}


def listed(folder, kind, uids):
    """A list of uids as people have it."""
    path = folder / f"uids.{kind}"
    if kind == "npy":
        pairs = np.array([(int(uid[:16], 16), int(uid[16:32], 16)) for uid in uids], np.dtype("u8,u8"))
        pairs.sort()
        np.save(path, pairs)
    elif kind in {"parquet", "csv"}:
        write_rows(path, pa.table({"uid": uids, "text": ["x"] * len(uids)}))
    else:
        path.write_text("\n".join(uids) + "\n")
    return path


@pytest.mark.parametrize("kind", ["npy", "parquet", "csv", "txt"])
def test_records_of_a_list_of_uids(tmp_path, kind):
    shard(tmp_path / "in", ["success"] * N)
    uids = listed(tmp_path, kind, [f"{n:032x}" for n in (5, 1, 77)])
    found = Imported(tmp_path / "in", tmp_path / "out", uids=uids)
    assert found.ids == ["000000001", "000000005"]
    assert found.left_aside["not in the list of uids"] == N - 2
    assert found.remarks[-1] == f"1 of 3 listed uids are of no record in the source: {77:032x}"


def test_listed_uids_that_no_record_has_are_counted_once(tmp_path, capsys):
    for n in (0, 1):  # a uid in two shards is met once
        rows = metadata(["success"] * N)
        write_tar(tmp_path / "in" / f"{n:05d}.tar", [member for row in rows for member in files_of(row)])
    wanted = [f"{n:032x}" for n in (1, 1, 2, *range(50, 54), 50)]
    found = Imported(tmp_path / "in", tmp_path / "out", uids=listed(tmp_path, "npy", wanted), max_rejects=1)
    named = ", ".join(f"{n:032x}" for n in (50, 51, 52))
    assert found.remarks[-1] == f"4 of 6 listed uids are of no record in the source: {named}, …"
    assert f"4 of 6 listed uids are of no record in the source: {named}" in " ".join(capsys.readouterr().err.split())
    all_there = Imported(tmp_path / "in", tmp_path / "all", uids=listed(tmp_path, "txt", wanted[:2]), max_rejects=1)
    first = Imported(tmp_path / "in", tmp_path / "first", uids=listed(tmp_path, "csv", wanted), limit=1, max_rejects=1)
    assert not [remark for remark in (*all_there.remarks, *first.remarks) if "listed uids" in remark]


def test_rows_of_a_list_of_uids(tmp_path):
    write_rows(tmp_path / "t.parquet", metadata(["success"] * N, images=[picture(n) for n in range(N)]))
    uids = listed(tmp_path, "npy", [f"{n:032x}" for n in (2, 3)])
    found = Imported(tmp_path / "t.parquet", tmp_path / "out", uids=uids)
    assert list(found.captions.values()) == [["a picture 2"], ["a picture 3"]]
    with pytest.raises(InputError, match="already holds other records"):
        Imported(tmp_path / "t.parquet", tmp_path / "out", uids=listed(tmp_path, "txt", [f"{n:032x}" for n in (2, 4)]))


def test_records_without_a_uid_are_rejects(tmp_path):
    rows = metadata(["success"] * N)
    del rows[1]["uid"]
    rows[2]["uid"] = "2"
    write_tar(tmp_path / "0.tar", [member for row in rows for member in files_of(row)])
    uids = listed(tmp_path, "npy", [f"{n:032x}" for n in range(N)])
    found = Imported(tmp_path / "0.tar", tmp_path / "out", uids=uids, max_rejects=1)
    assert found.why == ["no uid", "no uid"]
    assert len(found.ids) == N - 2


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("uids.npy", None, "there is no list of uids"),
        ("uids.npy", b"\x93NUMPY", "cannot be read"),
        ("uids.txt", b"", "is empty"),
        ("uids.txt", b"0123\n", "row 1 of .* is '0123'; expected 32 hex digits"),
        ("uids.txt", b"\xff\xfe\x00", "cannot be read"),
        ("uids.parquet", b"PAR1", "cannot be read"),
        ("uids.csv", b"id,text\n1,a\n", "is empty"),
    ],
)
def test_lists_that_cannot_be_read(tmp_path, name, content, match):
    shard(tmp_path / "in")
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=match):
        Imported(tmp_path / "in", tmp_path / "out", uids=tmp_path / name)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("array", [np.arange(4), np.zeros((3, 3), np.uint64), np.array(["a"]), np.array([1.5])])
def test_arrays_of_another_form(tmp_path, array):
    np.save(tmp_path / "uids.npy", array)
    with pytest.raises(InputError, match="expected DataComp's list of pairs"):
        load_uids(str(tmp_path / "uids.npy"))


def test_a_pickle_is_no_list(tmp_path):
    np.save(tmp_path / "uids.npy", np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(InputError, match="cannot be read"):
        load_uids(str(tmp_path / "uids.npy"))


def test_uids_mean_nothing_for_coco(tmp_path):
    write(tmp_path, {"k.json": {"images": [], "annotations": []}})
    with pytest.raises(InputError, match="--uids means nothing"):
        Imported(tmp_path / "k.json", tmp_path / "out", uids=listed(tmp_path, "txt", UIDS))


@FUZZ
@given(st.sets(st.integers(0, 2**128 - 1) | st.integers(0, 40), min_size=1, max_size=30), st.randoms())
def test_any_uids_are_found_in_any_order(tmp_path, numbers, source):
    uids = [f"{number:032x}" for number in numbers]
    source.shuffle(uids)
    for kind in ("npy", "txt"):
        pairs = load_uids(str(listed(tmp_path, kind, uids)))
        assert sorted((int(a) << 64) + int(b) for a, b in pairs) == sorted(numbers)


@FUZZ
@given(st.binary(max_size=80), st.sampled_from(["npy", "txt", "csv", "parquet"]))
def test_any_list_of_uids(tmp_path, data, kind):
    (tmp_path / f"any.{kind}").write_bytes(data)
    try:
        load_uids(str(tmp_path / f"any.{kind}"))
    except InputError:
        return
    assert kind in {"txt", "csv"}


@FUZZ
@given(at=st.integers(0, 3000), extra=st.binary(min_size=1, max_size=4))
def test_any_damage_of_its_table(tmp_path, at, extra):
    folder = tmp_path / "in"
    if not folder.exists():
        shard(folder)
        (tmp_path / "whole").write_bytes((folder / "00000.parquet").read_bytes())
    whole = (tmp_path / "whole").read_bytes()
    (folder / "00000.parquet").write_bytes(whole[:at] + extra + whole[at + len(extra) :])
    summary = import_records(folder, tmp_path / "out", overwrite=True)
    assert summary.n_records == 3
