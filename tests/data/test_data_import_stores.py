"""Sources in a store: a real S3 server, before which another fails, refuses, stalls, or cuts its answers short."""

import json
import os
import subprocess
import sys
import time

import fsspec
import pyarrow as pa
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from import_sources import Imported, image_cells, picture, records, rejects, stored_bytes, write_rows, write_samples
from object_store import BUCKET, forget

from memometer.data import import_records, load_records
from memometer.data.checking import verify_records
from memometer.data.images import UnreadableImageError, read_image_bytes
from memometer.errors import InputError, SourceError
from memometer.storage.reading import READ_AHEAD, open_binary, read_span
from memometer.storage.requests import ATTEMPTS, UnreachableError

N = 12


def put_shards(store, folder, *, n_shards=2):
    for shard in range(n_shards):
        path = write_samples(folder / "shards" / f"{shard:05d}.tar", range(N * shard, N * (shard + 1)))
        store.put(f"set/{shard:05d}.tar", path.read_bytes())


def manifest(store, folder, *, name="t.csv", prefix="images/"):
    """A table and its images; a request for an image each."""
    for number in range(N):
        store.put(f"set/images/{number}.png", picture(number))
    rows = [{"filepath": f"{prefix}{n}.png", "title": f"a picture {n}"} for n in range(N)]
    store.put(f"set/{name}", write_rows(folder / name, rows).read_bytes())
    return f"s3://{BUCKET}/set/{name}"


@pytest.mark.parametrize("source", ["set/", "set", "set/*.tar", "set/{00000..00001}.tar"])
def test_shards_are_read_where_they_are(store, tmp_path, source):
    put_shards(store, tmp_path)
    there = Imported(f"s3://{BUCKET}/{source}", tmp_path / "there")
    here = Imported(tmp_path / "shards", tmp_path / "here")
    assert there.of("captions", "objects", "image_hash", "image_offset") == here.of(
        "captions", "objects", "image_hash", "image_offset"
    )
    assert {row["image_path"] for row in there.rows} == {f"s3://{BUCKET}/set/0000{n}.tar" for n in (0, 1)}
    assert stored_bytes(tmp_path / "there") == [picture(n) for n in range(2 * N)]
    assert not [path for path in (tmp_path / "there").rglob("*") if path.stat().st_size > 20_000]


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet"])
@pytest.mark.parametrize("prefix", ["images/", f"s3://{BUCKET}/set/images/", "./other/../images/"])
def test_tables_of_images_beside_them(store, tmp_path, kind, prefix):
    found = Imported(manifest(store, tmp_path, name=f"t.{kind}", prefix=prefix), tmp_path / "out")
    assert found.captions == {f"images/{n}": [f"a picture {n}"] for n in range(N)}
    assert stored_bytes(tmp_path / "out") == [picture(n) for n in range(N)]


def test_images_within_a_parquet(store, tmp_path):
    columns = {"image": image_cells(range(N)), "caption": [f"c{n}" for n in range(N)]}
    path = write_rows(tmp_path / "t.parquet", pa.table(columns), row_group_size=5)
    store.put("set/t.parquet", path.read_bytes())
    found = Imported(f"s3://{BUCKET}/set/", tmp_path / "out")
    assert found.captions == {f"t/{n:09d}": [f"c{n}"] for n in range(N)}
    assert stored_bytes(tmp_path / "out") == [picture(n) for n in range(N)]


@pytest.mark.parametrize("fault", ["fail_every", "cut_every"])
def test_a_server_that_fails_one_request_in_ten(store, tmp_path, capsys, fault):
    source = manifest(store, tmp_path)
    Imported(source, tmp_path / "whole")
    forget()
    setattr(store, fault, 10 if fault == "fail_every" else 6)
    found = Imported(source, tmp_path / "out")
    assert stored_bytes(tmp_path / "out") == [picture(n) for n in range(N)]
    assert store.failed >= 1
    assert found.reasons == {}
    assert "requests made again so far: " in capsys.readouterr().err
    whole, again = (tmp_path / name / "records.parquet" for name in ("whole", "out"))
    assert whole.read_bytes() == again.read_bytes()


def test_a_shard_of_which_requests_fail(store, tmp_path):
    put_shards(store, tmp_path, n_shards=6)
    store.fail_every = 10
    Imported(f"s3://{BUCKET}/set/", tmp_path / "out")
    assert stored_bytes(tmp_path / "out") == [picture(n) for n in range(6 * N)]
    assert store.failed >= 1


def test_the_command_and_its_workers(store, tmp_path):
    """What tells them of the store is the environment."""
    put_shards(store, tmp_path)
    store.fail_every = 10
    Imported(f"s3://{BUCKET}/set/", tmp_path / "one")
    command = [sys.executable, "-m", "memometer", "data", "import", f"s3://{BUCKET}/set/"]
    environment = {**os.environ, "FSSPEC_S3": json.dumps(fsspec.config.conf["s3"])}
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "two"), "--workers", "2"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert records(tmp_path / "one") == records(tmp_path / "two")


def test_a_bucket_that_refuses(store, tmp_path):
    put_shards(store, tmp_path)
    store.refuse.add(f"/{BUCKET}")
    with pytest.raises(SourceError, match=r"the store refuses s3://.*keys of an account.*anon"):
        import_records(f"s3://{BUCKET}/set/", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_image_that_is_refused_or_missing_is_a_reject(store, tmp_path):
    source = manifest(store, tmp_path)
    store.refuse.add(f"/{BUCKET}/set/images/3.png")
    store.delete("set/images/5.png")
    found = Imported(source, tmp_path / "out", max_rejects=0.5)
    assert found.reasons == {"missing image": 1, "unreadable image": 1}
    assert len(found.ids) == N - 2
    reasons = [row["reason"] for row in rejects(tmp_path / "out")]
    assert "the store refuses" in reasons[0]
    assert f"s3://{BUCKET}/set/images/5.png" in reasons[1]


def test_a_bucket_that_stalls_is_given_up_in_time(store, tmp_path):
    put_shards(store, tmp_path)
    store.stall.add(f"/{BUCKET}")
    start = time.monotonic()
    with pytest.raises(UnreachableError, match=rf"could not be read in {ATTEMPTS} attempts, the last: "):
        import_records(f"s3://{BUCKET}/set/", tmp_path / "out")
    assert time.monotonic() - start < ATTEMPTS * 5


def test_an_import_goes_on_when_the_store_is_there_again(store, tmp_path):
    put_shards(store, tmp_path)
    store.stall.add(f"/{BUCKET}/set/00001.tar")
    source, out = f"s3://{BUCKET}/set/{{00000..00001}}.tar", tmp_path / "out"
    put_shards(store, tmp_path)
    store.stall.clear()
    whole = Imported(source, tmp_path / "whole")
    store.fail_every = 1
    forget()
    with pytest.raises(UnreachableError, match="the same command goes on where it was"):
        import_records(source, out)
    store.fail_every = 0
    assert Imported(source, out).rows == whole.rows


def test_what_is_not_there(store, tmp_path):
    for place in ("nothing/", "nothing.tar", "other-*.tar"):
        with pytest.raises(SourceError, match=f"there is nothing at s3://{BUCKET}/"):
            import_records(f"s3://{BUCKET}/{place}", tmp_path / "out")
    with pytest.raises(SourceError, match="there is nothing at s3://no-such-bucket"):
        import_records("s3://no-such-bucket/set/", tmp_path / "out")


def test_a_shard_or_table_that_is_cut_short(store, tmp_path):
    put_shards(store, tmp_path)
    whole = (tmp_path / "shards" / "00000.tar").read_bytes()
    store.put("set/00000.tar", whole[: len(whole) // 2])
    found = Imported(f"s3://{BUCKET}/set/", tmp_path / "out", max_rejects=0.5)
    assert found.reasons == {"tar ends early": 1}
    table = write_rows(tmp_path / "t.parquet", [{"filepath": "0.png", "title": "a"}]).read_bytes()
    store.put("cut/t.parquet", table[:-9])
    with pytest.raises(SourceError, match=r"s3://.*t\.parquet cannot be read as Parquet"):
        import_records(f"s3://{BUCKET}/cut/", tmp_path / "other")


def test_an_object_that_changed_since_the_import(store, tmp_path):
    put_shards(store, tmp_path, n_shards=1)
    Imported(f"s3://{BUCKET}/set/", tmp_path / "out")
    assert verify_records(tmp_path / "out").images == {"same": N}
    store.put("set/00000.tar", write_samples(tmp_path / "other.tar", range(100, 100 + N)).read_bytes())
    forget()
    with pytest.raises(UnreadableImageError, match="changed since the import: s3://"):
        read_image_bytes(next(load_records(tmp_path / "out").image_refs()))
    store.delete("set/00000.tar")
    forget()
    assert verify_records(tmp_path / "out").images == {"missing image": N}


def test_no_name_leads_to_another_bucket(store, tmp_path):
    names = ["s3://other/1.png", "http://host.org/1.png", "gs://photographs/1.png", "file:///etc/hostname"]
    store.put("set/t.csv", "\n".join(["filepath,title", *(f"{name},a" for name in names)]).encode())
    with pytest.raises(Exception, match="record"):
        import_records(f"s3://{BUCKET}/set/t.csv", tmp_path / "out", max_rejects=1)
    assert [row["reason"].partition(":")[0] for row in rejects(tmp_path / "out")][:3] == ["remote image"] * 3
    assert list(store.spans) == [f"/{BUCKET}/set/t.csv"]


def test_a_local_table_names_no_bucket(store, tmp_path):
    store.put("1.png", picture(1))
    (tmp_path / "t.csv").write_text(f"filepath,title\ns3://{BUCKET}/1.png,a\n")
    with pytest.raises(Exception, match="remote image"):
        import_records(tmp_path / "t.csv", tmp_path / "out", max_rejects=1)
    assert store.spans == {}


def test_spans_one_after_another_are_read_along(store):
    data = bytes(range(256)) * 4096
    store.put("o", data)
    path = f"s3://{BUCKET}/o"
    for start in range(0, len(data), 8192):
        assert read_span(path, start + 512, 7000) == data[start + 512 : start + 7512]
    assert len(store.spans[f"/{BUCKET}/o"]) == 2
    assert len(data) < READ_AHEAD
    for start in (500_000, 1000, 900_000, 3):
        assert read_span(path, start, 10) == data[start : start + 10]
    with open_binary(path) as file:
        file.seek(-3, 2)
        assert file.read() == data[-3:]


@pytest.mark.parametrize(
    ("source", "options", "match"),
    [
        ("gcs://bucket/0.tar", {}, "address of a kind"),
        ("http://host.org/0.tar", {}, "address of a kind"),
        (f"s3://{BUCKET}/photo.zip", {}, "none of tar shards, Parquet.*decompress it"),
        (f"s3://{BUCKET}/odd/a.bin", {}, "none of tar shards.*copy it here first"),
        (f"s3://{BUCKET}/coco/instances.json", {}, "COCO's JSON, whose images.*copy it and its images here first"),
        (f"s3://{BUCKET}/pictures/", {"annotations": "voc"}, "--annotations names a folder on this machine"),
        (f"s3://{BUCKET}/odd/", {}, "holds none of tar shards, Parquet.*a.bin"),
    ],
)
def test_what_is_not_read_from_a_store(store, tmp_path, source, options, match):
    store.put("photo.zip", b"PK")
    store.put("odd/a.bin", b"x")
    store.put("coco/instances.json", b'{"images": [], "annotations": []}')
    store.put("pictures/0.png", picture(0))
    with pytest.raises((SourceError, InputError), match=match):
        Imported(source, tmp_path / "out", **options)


def test_a_store_whose_library_is_not_installed(tmp_path, monkeypatch):
    pytest.importorskip("fsspec")
    forget()
    monkeypatch.setattr(fsspec, "filesystem", lambda *_, **__: (_ for _ in ()).throw(ImportError("gcsfs")))
    with pytest.raises(InputError, match=r"pip install 'memometer\[gs\]'"):
        import_records("gs://bucket/shards/", tmp_path / "out")
    forget()


class OfGoogle(MemoryFileSystem):
    """fsspec's own file system in memory, under another name: nothing here is particular to S3."""

    protocol = "gs"
    store = {}  # noqa: RUF012 (as fsspec has it)
    pseudo_dirs = [""]  # noqa: RUF012


def test_any_other_store_of_fsspec(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules["fsspec.registry"]._registry, "gs", OfGoogle)
    forget()
    path = write_samples(tmp_path / "0.tar", range(N))
    fsspec.filesystem("gs").pipe("/bucket/set/0.tar", path.read_bytes())
    found = Imported("gs://bucket/set/", tmp_path / "out")
    assert found.rows[0]["image_path"] == "gs://bucket/set/0.tar"
    assert stored_bytes(tmp_path / "out") == [picture(n) for n in range(N)]
    forget()


def test_shards_on_a_hub(hub, tmp_path):
    forget()
    whole = write_samples(tmp_path / "0.tar", range(N)).read_bytes()
    hub.files["someone/birds"] = {"data/0.tar": whole}
    found = Imported("hf://datasets/someone/birds/data/0.tar", tmp_path / "out")
    assert found.rows[0]["image_path"] == "hf://datasets/someone/birds/data/0.tar"
    assert stored_bytes(tmp_path / "out") == [picture(n) for n in range(N)]
    with pytest.raises(SourceError, match="there is nothing at hf://"):
        import_records("hf://datasets/someone/birds/data/1.tar", tmp_path / "other")
    forget()
