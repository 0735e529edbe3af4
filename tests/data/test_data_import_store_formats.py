"""Every format in a store is read as it is on disk: JSON, Arrow, CSV and folders of images; nothing is stored whole."""

import itertools
import json

import pyarrow as pa
import pyarrow.feather
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from import_sources import Imported, image_cells, picture, put, stored_bytes, write, write_rows
from object_store import BUCKET, forget

from memometer.data import import_records
from memometer.data.arrow_tables import open_arrow
from memometer.data.images import UnreadableImageError, read_image_bytes
from memometer.data.records import load_records
from memometer.errors import SourceError
from memometer.storage.requests import UnreachableError

N = 9


def upload(store, folder, prefix="set"):
    """Puts all files of a folder into the bucket."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        store.put(f"{prefix}/{path.relative_to(folder)}", path.read_bytes())
    return f"s3://{BUCKET}/{prefix}/"


def alike(there, here):
    """The records of two imports are the same but for where their images lie."""
    columns = ("captions", "objects", "boxes", "label", "role", "image_hash")
    assert there.of(*columns) == here.of(*columns)
    assert (there.reasons, there.format) == (here.reasons, here.format)


PICTURES = {f"images/{n}.png": picture(n) for n in range(N)}
ROWS = [{"file_name": f"images/{n}.png", "caption": f"a picture {n}"} for n in range(N)]
LISTS = {
    "lines": {"t.jsonl": "\n".join(map(json.dumps, ROWS))},
    "beside images": {"metadata.jsonl": "\n".join(map(json.dumps, ROWS))},
    "csv": {"t.csv": "\n".join(["file_name,caption", *(f"{row['file_name']},{row['caption']}" for row in ROWS)])},
    "karpathy": {
        "dataset.json": {
            "images": [
                {"filename": row["file_name"], "sentences": [{"raw": row["caption"]}, {"raw": "two"}], "split": "val"}
                for row in ROWS
            ]
        }
    },
    "array": {"t.json": ROWS},
    "names": {"t.json": {row["file_name"]: [row["caption"]] for row in ROWS}},
}


@pytest.mark.parametrize("kind", LISTS)
def test_lists_of_images(store, tmp_path, kind):
    folder = write(tmp_path / "set", {**PICTURES, **LISTS[kind]})
    (name,) = LISTS[kind]
    address = upload(store, folder)
    whole = address if name != "t.json" and kind != "karpathy" else address + name
    there, here = Imported(whole, tmp_path / "there"), Imported(folder / name, tmp_path / "here")
    alike(there, here)
    assert len(there.ids) == N
    assert stored_bytes(tmp_path / "there") == [picture(n) for n in range(N)]
    assert not [path for path in tmp_path.glob("there/**/*") if path.stat().st_size > 20_000]


def arrow(path, cells, *, kind, rows_in_batch=4):
    """An Arrow file of one of the ways in which they are written."""
    table = pa.table({"image": cells, "caption": [f"c{n}" for n in range(len(cells))]})
    words = pa.array([f"kind{n % 2}" for n in range(len(cells))]).dictionary_encode()
    table = table.append_column("label", words)
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind.startswith("feather"):
        compression = kind.partition(" ")[2] or "lz4"
        pyarrow.feather.write_feather(table, path, compression=compression, chunksize=rows_in_batch)
        return path
    make = pa.ipc.new_stream if kind == "stream" else pa.ipc.new_file
    with pa.OSFile(str(path), "wb") as file, make(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=rows_in_batch)
    return path


@pytest.mark.parametrize("kind", ["stream", "file", "feather", "feather uncompressed", "feather zstd"])
def test_images_within_arrow(store, tmp_path, monkeypatch, kind):
    name = "t.feather" if kind.startswith("feather") else "data-00000-of-00001.arrow"
    path = arrow(tmp_path / "set" / name, image_cells(range(N)), kind=kind)
    put(tmp_path / "set" / "cache-0123.arrow", b"never read") if kind == "stream" else None
    address = upload(store, tmp_path / "set")
    there, here = Imported(address, tmp_path / "there"), Imported(path, tmp_path / "here")
    alike(there, here)
    assert there.label[there.ids[1]] == "kind1"
    assert stored_bytes(tmp_path / "there") == [picture(n) for n in range(N)] == stored_bytes(tmp_path / "here")
    forget()
    store.spans.clear()
    monkeypatch.setattr("memometer.storage.reading.READ_AHEAD", 0)
    monkeypatch.setattr("memometer.data.arrow_tables.HEAD", 512)
    assert read_image_bytes(list(load_records(tmp_path / "there").image_refs())[5]) == picture(5)
    (asked,) = store.spans.values()
    sizes = [int(last) - int(first) for first, last in (span.removeprefix("bytes=").split("-") for span in asked)]
    assert max(sizes) < path.stat().st_size / 2  # a batch, not the file


def test_names_of_images_in_arrow(store, tmp_path):
    folder = write(tmp_path / "set", PICTURES)
    write_rows(folder / "t.arrow", pa.Table.from_pylist(ROWS))
    alike(Imported(upload(store, folder), tmp_path / "there"), Imported(folder / "t.arrow", tmp_path / "here"))


@pytest.mark.parametrize("kind", ["stream", "feather uncompressed"])
def test_arrow_that_is_cut_short(store, tmp_path, kind):
    path = arrow(tmp_path / "set" / "t.arrow", image_cells(range(N)), kind=kind)
    data = path.read_bytes()
    for end in (0, 5, 100, len(data) // 2):
        store.put("cut/t.arrow", data[:end])
        forget()
        with pytest.raises(SourceError, match=r"t\.arrow cannot be read as Arrow: "):
            Imported(f"s3://{BUCKET}/cut/t.arrow", tmp_path / "out")


FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def heads(tmp_path_factory):
    path = arrow(tmp_path_factory.mktemp("a") / "t.arrow", image_cells(range(3)), kind="stream")
    return path.read_bytes()


@FUZZ
@given(place=st.integers(0, 600), byte=st.integers(0, 255))
def test_damaged_heads_of_arrow_are_sentences(monkeypatch, heads, place, byte):
    data = bytearray(heads)
    data[place] = byte
    found = bytes(data)
    monkeypatch.setattr("memometer.data.arrow_tables.is_remote", lambda _: True)
    monkeypatch.setattr("memometer.data.arrow_tables.stored", lambda _: type("S", (), {"size": len(found)})())
    monkeypatch.setattr("memometer.data.arrow_tables.read_span", lambda _, start, n: found[start : start + n])
    try:
        table = open_arrow("s3://b/t.arrow")
    except (pa.ArrowException, OSError):
        return
    assert table.num_rows == sum(n for _, n in table.spans(10))


def test_batches_are_those_that_arrow_counts(store, tmp_path):
    for number, (kind, size) in enumerate(itertools.product(["stream", "file"], [1, 3, 50])):
        path = arrow(tmp_path / f"{number}.arrow", image_cells(range(N)), kind=kind, rows_in_batch=size)
        store.put(f"{number}.arrow", path.read_bytes())
        table = open_arrow(f"s3://{BUCKET}/{number}.arrow")
        expected = pa.ipc.open_stream(path).read_all() if kind == "stream" else pa.ipc.open_file(path).read_all()
        assert [n for _, n in table.spans(1)] == [len(chunk) for chunk in expected.column(0).chunks]
        assert pa.concat_tables([table.rows(*span) for span in table.spans(1)]).equals(expected)


FOLDERS = {
    "texts": {f"{n}.txt": f"a picture {n}\nand again" for n in range(N)},
    "json": {f"{n}.json": {"caption": f"a picture {n}", "objects": ["cat"], "label": "pet"} for n in range(N)},
    "splits": {f"train/{n}.txt": "seen" for n in range(N)} | {f"val/{n}.txt": "unseen" for n in range(N)},
    "yolo": {f"labels/{n}.txt": "0 0.5 0.5 0.25 0.25\n" for n in range(N)},
}
PLACES = {"splits": ("train/", "val/"), "yolo": ("images/",)}


@pytest.mark.parametrize("kind", FOLDERS)
def test_folders_of_images(store, tmp_path, kind):
    pictures = {
        f"{place}{n}.png": picture(n + 100 * number)
        for number, place in enumerate(PLACES.get(kind, ("",)))
        for n in range(N)
    }
    folder = write(tmp_path / "set", {**pictures, **FOLDERS[kind], ".hidden/x.png": picture(1), "notes.idx": b"x"})
    optional = {"captions": "optional"} if kind == "yolo" else {}
    if kind == "yolo":
        optional["class_names"] = str(put(tmp_path / "data.yaml", "names: [cat]\n"))
    there = Imported(upload(store, folder), tmp_path / "there", **optional)
    here = Imported(folder, tmp_path / "here", **optional)
    alike(there, here)
    assert there.left_aside == here.left_aside
    assert there.remarks == here.remarks
    assert len(there.ids) == len(pictures)
    assert sorted(stored_bytes(tmp_path / "there")) == sorted(pictures.values())
    assert all(row["image_path"].startswith(f"s3://{BUCKET}/set/") for row in there.rows)
    assert there.boxes == here.boxes


def test_a_folder_of_images_of_which_requests_fail(store, tmp_path):
    folder = write(tmp_path / "set", {**{f"{n}.png": picture(n) for n in range(N)}, **FOLDERS["texts"]})
    address = upload(store, folder)
    store.fail_every = 10
    found = Imported(address, tmp_path / "out")
    assert store.failed >= 1
    assert len(found.ids) == N
    assert stored_bytes(tmp_path / "out") == [picture(n) for n in range(N)]


def test_an_image_and_a_text_that_are_refused_are_rejects(store, tmp_path):
    folder = write(tmp_path / "set", {**{f"{n}.png": picture(n) for n in range(N)}, **FOLDERS["texts"]})
    address = upload(store, folder)
    store.refuse |= {f"/{BUCKET}/set/3.png", f"/{BUCKET}/set/5.txt"}
    found = Imported(address, tmp_path / "out", max_rejects=0.5)
    assert found.reasons == {"unreadable image": 1, "unreadable text": 1}
    assert len(found.ids) == N - 2


def test_a_folder_of_images_is_asked_for_before_its_list(store, tmp_path):
    files = {**{f"{n}.png": picture(n) for n in range(N)}, **FOLDERS["texts"]}
    address = upload(store, write(tmp_path / "set", {**files, "t.csv": "id,note\n1,x\n"}))
    with pytest.raises(SourceError, match=r"t\.csv"):
        Imported(address, tmp_path / "other")
    assert len(Imported(address, tmp_path / "out", format="folder").ids) == N


def test_a_stall_in_a_folder_of_images_ends_it_and_goes_on_later(store, tmp_path):
    address = upload(store, write(tmp_path / "set", {"0.png": picture(0), "0.txt": "a"}))
    store.stall.add(f"/{BUCKET}/set/0.png")
    with pytest.raises(UnreachableError, match="the same command goes on where it was"):
        import_records(address, tmp_path / "out")
    store.stall.clear()
    assert Imported(address, tmp_path / "out").captions == {"0": ["a"]}


def test_an_arrow_that_changed_since_the_import(store, tmp_path):
    store.put("t.arrow", arrow(tmp_path / "a.arrow", image_cells(range(N)), kind="stream").read_bytes())
    Imported(f"s3://{BUCKET}/t.arrow", tmp_path / "out")
    store.put("t.arrow", arrow(tmp_path / "b.arrow", image_cells(range(100, 100 + N)), kind="stream").read_bytes())
    forget()
    with pytest.raises(UnreadableImageError, match="changed since the import: s3://"):
        read_image_bytes(next(load_records(tmp_path / "out").image_refs()))
