"""The commands, as a user types them, on records and a store in S3."""

import json
from pathlib import Path

import pytest
from failure_world import done
from file_digests import file_digests
from object_store import BUCKET
from test_storage_audits import fetch_folder, put_folder, scenes  # noqa: F401 (a fixture)
from worlds import VectorWorld

from memometer import load_records

ROLES = "a=25,b=25,public=rest"


@pytest.fixture
def world(store, tmp_path):
    world = VectorWorld(tmp_path / "world", plant=0.6)
    put_folder(store, tmp_path / "world" / "records", "records")
    return world


def audit(world, *words, code=0, records=f"s3://{BUCKET}/records/"):
    return done(
        "audit", "vl-dejavu", "--target", world.options["target"], "--reference", world.options["reference"],
        "--role", "a", "--reference-role", "b", "--public-role", "public", "--k", 4, "--replicates", 100,
        "--records", records, "--public", records, *words, code=code,
    )  # fmt: skip


def test_an_audit(store, world, tmp_path):
    place = f"s3://{BUCKET}/run"
    audit(world, "--out", tmp_path / "there", "--store", place, "--cache", tmp_path / "cache", "--cache-size", "1GB")
    audit(world, "--out", tmp_path / "here", records=world.options["records"])
    for name in ("samples.parquet", "rejects.parquet"):
        assert file_digests(tmp_path / "there", name) == file_digests(tmp_path / "here", name)
    assert any(name.startswith("run/neighbors-") for name in store.names())
    manifest = json.loads((tmp_path / "there" / "manifest.json").read_text())
    assert manifest["records"]["path"] == f"s3://{BUCKET}/records"
    assert f'records = "s3://{BUCKET}/records"' in (tmp_path / "there" / "config.toml").read_text()
    assert not [path for path in tmp_path.rglob("*") if "s3:" in path.name]


def test_shards_and_their_merge(world, tmp_path):
    place = f"s3://{BUCKET}/run"
    for number in (1, 2):
        audit(world, "--out", tmp_path / "there", "--store", place, "--shard", f"{number}/2")
    audit(world, "--out", tmp_path / "there", "--store", place, "--merge")
    audit(world, "--out", tmp_path / "here", records=world.options["records"])
    assert file_digests(tmp_path / "there", "samples.parquet") == file_digests(tmp_path / "here", "samples.parquet")


def test_what_cannot_be_reached_is_a_sentence(store, world, tmp_path):
    out = ("--out", tmp_path / "out")
    errors = audit(world, *out, code=2, records="s3://no-such-bucket/records")[1]
    assert "no records at s3://no-such-bucket/records: expected" in " ".join(errors.split())
    errors = audit(world, *out, "--store", "s3://no-such-bucket/run", code=2)[1]
    assert "there is no bucket s3://no-such-bucket; make it, or check its name" in " ".join(errors.split())
    errors = audit(world, *out, "--store", "hf://datasets/someone/birds/run", code=2)[1]
    assert "hubs are read alone" in " ".join(errors.split())
    errors = audit(world, *out, "--cache-size", "large", code=2)[1]
    assert "'large' is no size of a cache" in " ".join(errors.split())
    errors = audit(world, "--out", f"s3://{BUCKET}/run", code=2)[1]
    assert f"s3://{BUCKET}/run is in a bucket, and what this command writes is not" in " ".join(errors.split())
    assert not [path for path in (*tmp_path.iterdir(), *Path().iterdir()) if path.name.startswith("s3:")]
    store.refuse.add(f"/{BUCKET}/records")
    errors = audit(world, *out, code=2)[1]
    assert f"the store refuses s3://{BUCKET}/records" in " ".join(errors.split())
    store.refuse.clear()
    store.stall.add(f"/{BUCKET}/records")
    errors = audit(world, *out, code=1)[1]
    assert "when the store answers again, the same command goes on where it was" in " ".join(errors.split())
    assert not (tmp_path / "out" / "summary.json").exists()


def test_records_are_split_checked_and_trained_on(store, scenes, tmp_path):  # noqa: F811
    there = put_folder(store, scenes, "records")
    done("data", "split", there, "--roles", ROLES, "--seed", 1)
    done("data", "split", scenes, "--roles", ROLES, "--seed", 1)
    fetched = fetch_folder(store, tmp_path / "fetched", "records")
    assert file_digests(fetched, "records.parquet") == file_digests(scenes, "records.parquet")
    found = json.loads(done("data", "verify", there, "--json", "--workers", 0)[0])
    assert found["images"] == {"same": 100}
    assert not found["differs"]
    assert {"records.parquet", "split.json"} <= set(found["files"])
    [image] = {ref.path for ref in load_records(there).image_refs(0, 1)}
    store.delete(image.removeprefix(f"s3://{BUCKET}/"))
    assert json.loads(done("data", "verify", there, "--json", "--workers", 0, code=1)[0])["differs"]
    done(
        "train-ssl", "--role", "b", "--objective", "vicreg", "--model", "tiny", "--image-size", 32, "--epochs", 1,
        "--batch-size", 16, "--device", "cpu", "--records", there, "--out", tmp_path / "model",
    )  # fmt: skip
    trained = json.loads((tmp_path / "model" / "manifest.json").read_text())
    assert trained["records"]["path"] == there.rstrip("/")


def test_one_writer_of_records_at_a_time(store, world):
    store.put("records/.memometer.lock", b'{"pid": 7, "host": "elsewhere", "since": "noon", "command": "split"}')
    errors = done("data", "split", f"s3://{BUCKET}/records", "--roles", "a=0.5,b=rest", code=1)[1]
    said = " ".join(errors.split())
    assert f"s3://{BUCKET}/records is being written by process 7 on elsewhere" in said
    assert f"remove s3://{BUCKET}/records/.memometer.lock if that command was killed" in said
