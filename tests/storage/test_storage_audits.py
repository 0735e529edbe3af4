"""Audits whose records, public set and stages lie in S3, where requests fail: the same bytes as in folders."""

import json

import pyarrow as pa
import pytest
from crop_world import knowing
from crop_world import options as of_crops
from file_digests import file_digests
from object_store import BUCKET, forget
from tower_world import encoder, records_folder

from memometer import audit_image_dejavu, audit_sslmem, load_records, make_scenes, split_records
from memometer.data.records import read_columns
from memometer.errors import InputError, SourceError
from memometer.files import hash_bytes
from memometer.storage import reading
from memometer.storage.paths import path_of
from memometer.storage.requests import UnreachableError
from memometer.tables import write_table

TABLES = "*.parquet"


def put_folder(store, folder, key):
    """Copies a folder into the bucket; returns its address."""
    for path in folder.rglob("*"):
        if path.is_file():
            store.put(f"{key}/{path.relative_to(folder)}", path.read_bytes())
    return f"s3://{BUCKET}/{key}/"


def fetch_folder(store, folder, key):
    for each in store.names():
        if each.startswith(f"{key}/"):
            path = folder / each.removeprefix(f"{key}/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(store.get(each))
    return folder


def without_places(summary):
    return {
        name: value
        for name, value in json.loads(summary.read_text()).items()
        if name not in {"checksum", "notes", "key"}
    }


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    make_scenes(folder, n=100, size=40, kind="foreground")
    split_records(folder, "a=25,b=25,public=rest")
    return folder


def audit_crops(scenes, records, **more):
    models = {"target": knowing(scenes, "a"), "reference": knowing(scenes, "b", seed=1)}
    places = {"records": records, "public": records}
    return audit_image_dejavu(**models, reference_role="b", **{**of_crops(scenes), **places, **more})


def test_an_audit_in_a_store_that_fails_one_request_in_ten(store, scenes, tmp_path, capsys):
    there = put_folder(store, scenes, "records")
    audit_crops(scenes, scenes, out=tmp_path / "here")
    store.fail_any = 10
    audit_crops(scenes, there, out=tmp_path / "there", store=f"s3://{BUCKET}/run")
    store.fail_any = 0
    assert store.failed >= 10
    assert "requests made again so far: 10" in capsys.readouterr().err
    assert file_digests(tmp_path / "here", "samples.parquet") == file_digests(tmp_path / "there", "samples.parquet")
    assert file_digests(tmp_path / "here", "rejects.parquet") == file_digests(tmp_path / "there", "rejects.parquet")
    assert without_places(tmp_path / "here" / "summary.json") == without_places(tmp_path / "there" / "summary.json")
    stages = file_digests(fetch_folder(store, tmp_path / "fetched", "run"))
    assert stages == file_digests(tmp_path / "here" / "stages")
    assert any(name.endswith(".vectors.npy") for name in stages)
    assert not (tmp_path / "there" / "stages").exists()


def test_a_second_audit_reads_the_stages_that_are_there(store, scenes, tmp_path):
    there = put_folder(store, scenes, "records")
    audit_crops(scenes, there, out=tmp_path / "one", store=f"s3://{BUCKET}/run")
    forget()
    store.seen.clear()
    near = {"cache": tmp_path / "cache", "cache_size": "1MB"}
    audit_crops(scenes, there, out=tmp_path / "two", store=f"s3://{BUCKET}/run", **near)
    assert not [path for command, path in store.seen if command == "PUT" and "/.memometer" not in path]
    assert file_digests(tmp_path / "one", TABLES) == file_digests(tmp_path / "two", TABLES)
    assert list((tmp_path / "cache" / "objects").rglob("*"))


def test_records_in_a_store_are_those_of_the_folder(store, scenes):
    there = load_records(put_folder(store, scenes, "records"))
    here = load_records(scenes)
    assert there.table == here.table
    assert [ref.path for ref in there.image_refs(0, 3)] == [
        f"s3://{BUCKET}/records/{ref.path.removeprefix(f'{scenes}/')}" for ref in here.image_refs(0, 3)
    ]


def test_columns_alone_are_read(store, tmp_path, monkeypatch):
    """Of records with long captions the ids are read, and not the captions."""
    monkeypatch.setattr(reading, "READ_AHEAD", 2**16)
    ids = [f"{n:06d}" for n in range(40_000)]
    noise = [[hash_bytes(name.encode()) + hash_bytes(name[::-1].encode())] for name in ids]
    write_table(tmp_path / "records.parquet", pa.table({"record_id": ids, "captions": noise}))
    folder = put_folder(store, tmp_path, "records")
    size = (tmp_path / "records.parquet").stat().st_size
    store.spans.clear()
    assert read_columns(path_of(folder), ["record_id"]).num_rows == len(ids)
    [spans] = store.spans.values()
    read = sum(int(stop) - int(start) + 1 for start, stop in (span[6:].split("-") for span in spans))
    assert read < size / 3


def test_an_audit_goes_on_when_the_store_is_there_again(store, tmp_path):
    records = records_folder(tmp_path / "world", n=30)
    options = {"role": "a", "tower": "image", "replicates": 100, "gallery": 3, "draws": 2, "target": encoder(1)}
    audit_sslmem(**options, reference=encoder(9), records=records, out=tmp_path / "here")
    there, place = put_folder(store, records, "records"), f"s3://{BUCKET}/run"
    store.refuse.add(f"/{BUCKET}/run")
    with pytest.raises(InputError, match=rf"the store refuses s3://{BUCKET}/run/"):
        audit_sslmem(**options, reference=encoder(9), records=there, out=tmp_path / "out", store=place)
    store.refuse.clear()
    store.fail_any = 1
    with pytest.raises(UnreachableError, match=rf"s3://{BUCKET}/.*goes on where it was"):
        audit_sslmem(**options, reference=encoder(9), records=there, out=tmp_path / "out", store=place)
    store.fail_any = 0
    audit_sslmem(**options, reference=encoder(9), records=there, out=tmp_path / "out", store=place)
    assert file_digests(tmp_path / "here", "samples.parquet") == file_digests(tmp_path / "out", "samples.parquet")


def test_records_that_are_not_there(store):
    with pytest.raises(SourceError, match=rf"no records at s3://{BUCKET}/nothing: expected s3://"):
        load_records(f"s3://{BUCKET}/nothing/")
    with pytest.raises(SourceError, match="no records at s3://no-such-bucket"):
        load_records("s3://no-such-bucket/records")


def test_records_are_split_in_a_store(store, scenes, tmp_path):
    there = put_folder(store, scenes, "records")
    split_records(scenes, "x=40,y=rest", reassign=True)
    split_records(there, "x=40,y=rest", reassign=True)
    names = ("records.parquet", "split.json")
    fetched = fetch_folder(store, tmp_path / "fetched", "records")
    assert [(fetched / name).read_bytes() for name in names] == [(scenes / name).read_bytes() for name in names]
    split_records(scenes, "a=25,b=25,public=rest", reassign=True)
    assert "records/.memometer.lock" not in store.names()
