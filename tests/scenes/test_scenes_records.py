"""Scenes as records: files, determinism, planted cases, the command."""

import json
import tarfile

import numpy as np
import pyarrow.parquet as pq
import pytest
from file_digests import file_digests
from scene_files import app, planted, rows
from typer.testing import CliRunner

from memometer.data.fingerprints import perceptual_hash
from memometer.data.images import open_image, read_image_bytes
from memometer.data.records import RECORD_SCHEMA, load_records
from memometer.errors import InputError
from memometer.files import hash_bytes
from memometer.objects.vocabulary import load_vocabulary
from memometer.scenes import make_scenes, writing
from memometer.scenes.drawing import KINDS


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes") / "plain"
    make_scenes(folder, n=120)
    return folder


def test_records_load_and_their_images_decode(plain):
    records = load_records(plain)
    assert pq.read_schema(plain / "records.parquet").equals(RECORD_SCHEMA)
    assert records.record_ids.to_pylist() == [f"scene-{index:06d}" for index in range(120)]
    for row, ref in zip(records.table.to_pylist(), records.image_refs(), strict=True):
        image = open_image(ref)
        assert (image.mode, image.format, image.size) == ("RGB", "JPEG", (64, 64))
        assert (row["width"], row["height"]) == image.size
        assert row["image_hash"] == hash_bytes(read_image_bytes(ref))
        assert row["image_phash"] == perceptual_hash(image)
        assert len(row["captions"]) == 5
        assert len(row["boxes"]) == len(row["objects"]) == len(set(row["objects"]))
        assert row["group"] is None
        assert row["role"] is None


def test_tars_are_webdataset_shards_and_offsets_point_into_them(plain):
    table = {row["record_id"]: row for row in rows(plain)}
    assert (plain / "images-00000.tar").read_bytes()[-1024:] == bytes(1024)  # a tar's end, for strict readers
    with tarfile.open(plain / "images-00000.tar", mode="r|") as tar:  # streamed, as training reads it
        for member in tar:
            key, extension = member.name.split(".")
            data = tar.extractfile(member).read()
            row = table[key]
            if extension == "jpg":
                assert row["image_path"] == "images-00000.tar"
                assert (row["image_offset"], row["image_length"]) == (member.offset_data, member.size)
                assert row["image_hash"] == hash_bytes(data)
            else:
                told = json.loads(data)
                assert told["captions"] == row["captions"]
                assert told["objects"] == row["objects"]
                assert told["boxes"] == row["boxes"]


def test_many_records_fill_many_shards(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "PER_SHARD", 16)
    summary = make_scenes(tmp_path / "out", n=40)
    assert summary.n_shards == 3
    assert sorted({row["image_path"] for row in rows(tmp_path / "out")}) == [f"images-0000{i}.tar" for i in range(3)]
    assert all(open_image(ref).size == (64, 64) for ref in load_records(tmp_path / "out").image_refs())


@pytest.mark.parametrize("kind", ["objects", "foreground"])
def test_the_first_records_of_a_larger_set_are_the_same(tmp_path, kind):
    for share in (0, 0.3):
        for name, n in (("more", 100), ("fewer", 40)):
            make_scenes(tmp_path / f"{share}" / name, n=n, kind=kind, miscaptioned=share, size=32)
        assert rows(tmp_path / f"{share}" / "fewer") == rows(tmp_path / f"{share}" / "more")[:40]
    assert 18 <= len(planted(tmp_path / "0.3" / "more")) <= 42


@pytest.mark.parametrize("kind", ["objects", "foreground"])
def test_same_bytes_again_and_whatever_the_workers(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(writing, "PER_PIECE", 8)
    options = {"n": 60, "kind": kind, "miscaptioned": 0.1, "repeated": 3, "times": 3, "size": 48}
    make_scenes(tmp_path / "alone", **options, workers=0)
    make_scenes(tmp_path / "pool", **options, workers=2)
    assert file_digests(tmp_path / "alone") == file_digests(tmp_path / "pool")


def test_another_seed_gives_other_scenes(plain, tmp_path):
    make_scenes(tmp_path / "other", n=20, seed=1)
    assert all(
        one["image_hash"] != other["image_hash"] and one["captions"] != other["captions"]
        for one, other in zip(rows(plain), rows(tmp_path / "other"), strict=False)
    )


def test_the_vocabulary_holds_every_kind(plain):
    vocabulary = load_vocabulary(plain / "vocabulary.tsv")
    assert set(vocabulary.terms) == set(KINDS)
    assert "ice creams" in vocabulary.find("ice cream")
    assert vocabulary.find("sheep") == ("sheep",)


def test_miscaptioned_records_have_the_captions_of_a_scene_without_their_objects(plain, tmp_path):
    summary = make_scenes(tmp_path / "out", n=120, miscaptioned=60)
    truths = planted(tmp_path / "out")
    assert summary.n_miscaptioned == len(truths) == 60
    wrong = {truth["record_id"] for truth in truths}
    ids = {row["record_id"] for row in rows(plain)}
    for before, after in zip(rows(plain), rows(tmp_path / "out"), strict=True):
        changed = {name for name in before if before[name] != after[name]} - {"image_offset"}
        assert changed == ({"captions"} if before["record_id"] in wrong else set())
        if not changed:
            continue
        assert not any(f" {word}" in f" {caption}" for word in after["objects"] for caption in after["captions"])
    assert all(truth["kind"] == "miscaptioned" and truth["of"] not in ids for truth in truths)


@pytest.mark.parametrize(("kind", "n_captions"), [("objects", 5), ("foreground", 1)])
def test_repeated_records_are_exact_copies_in_one_group(tmp_path, kind, n_captions):
    make_scenes(tmp_path / "plain", n=120, kind=kind)
    summary = make_scenes(tmp_path / "out", n=120, kind=kind, repeated=4, times=3)
    assert (summary.n_records, summary.n_repeated, summary.n_copies) == (128, 4, 8)
    assert summary.n_captions == 128 * n_captions
    found = rows(tmp_path / "out")
    table = {row["record_id"]: row for row in found}
    truths = planted(tmp_path / "out")
    assert len(truths) == 12
    for truth in truths:
        row, first = table[truth["record_id"]], table[truth["of"]]
        assert truth["kind"] == "repeated"
        assert row["group"] == first["group"] == truth["of"]
        same = ("image_hash", "image_phash", "captions", "label", "objects", "boxes", "image_length")
        assert all(row[name] == first[name] for name in same)
    members = {truth["record_id"] for truth in truths}
    assert len({row["image_offset"] for row in table.values()}) == 128
    assert all(row["group"] is None for key, row in table.items() if key not in members)
    assert [row["image_hash"] for row in found[:120]] == [row["image_hash"] for row in rows(tmp_path / "plain")]


def test_no_record_is_both_miscaptioned_and_repeated(tmp_path):
    make_scenes(tmp_path / "out", n=20, miscaptioned=12, repeated=8, times=2, size=32)
    kinds = {"miscaptioned": set(), "repeated": set()}
    for truth in planted(tmp_path / "out"):
        kinds[truth["kind"]].add(truth["record_id"])
    assert kinds["miscaptioned"].isdisjoint(kinds["repeated"])
    assert [len(kind) for kind in kinds.values()] == [12, 16]


def test_records_are_only_replaced_when_asked(tmp_path):
    out = tmp_path / "out"
    make_scenes(out, n=5, repeated=1, size=32)
    with pytest.raises(InputError, match=r"already holds records.*--overwrite"):
        make_scenes(out, n=3)
    make_scenes(out, n=3, overwrite=True)
    assert len(load_records(out)) == 3
    assert not (out / "planted.parquet").exists()
    assert not [path.name for path in out.iterdir() if path.name.endswith(".tmp")]


def test_an_interrupted_run_leaves_no_records(tmp_path, monkeypatch):
    out = tmp_path / "out"
    make_scenes(out, n=3, size=32)

    def fail(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(writing, "write_shard", fail)
    with pytest.raises(KeyboardInterrupt):
        make_scenes(out, n=3, size=32, overwrite=True)
    assert not (out / "records.parquet").exists()
    assert not list(out.glob("images-*.tar"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 0}, "0 scenes asked for"),
        ({"n": 5, "size": 8}, "8 px asked for; choose a --size from 32"),
        ({"n": 5, "miscaptioned": -1}, "miscaptioned is -1; expected a number"),
        ({"n": 5, "miscaptioned": 2.5}, "miscaptioned is 2.5; expected a number"),
        ({"n": 5, "miscaptioned": 4, "repeated": 2}, "6 records are to be planted among 5"),
        ({"n": 5, "repeated": 2, "times": 1}, "expected repeated >= 0 and times >= 2"),
        ({"n": 5, "kind": "still life"}, "no scenes of kind 'still life'; choose objects or foreground with --kind"),
    ],
)
def test_wrong_options_are_errors_that_say_what_to_do(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        make_scenes(tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").write_text("something else")
    with pytest.raises(InputError, match="is a file; choose a folder"):
        make_scenes(tmp_path / "out", n=1)


def test_the_command_end_to_end(tmp_path):
    out = tmp_path / "records"
    words = f"--out {out} --n 30 --size 48 --miscaptioned 3 --repeated 2 --times 4".split()
    result = CliRunner().invoke(app, [*words, "--workers", "0", "--json"])
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    assert summary["n_records"] == len(load_records(out)) == 36
    assert (summary["n_miscaptioned"], summary["n_copies"], summary["size"]) == (3, 6, 48)
    assert summary["n_objects"] == sum(len(row["objects"]) for row in rows(out))
    again = CliRunner().invoke(app, [*words, "--overwrite"])
    assert again.exit_code == 0, again.output
    assert f"records: {out}/records.parquet" in again.stdout
    assert "36" in again.stdout
    assert "drawing scenes" in again.stderr
    assert np.all([open_image(ref).size == (48, 48) for ref in load_records(out).image_refs()])
