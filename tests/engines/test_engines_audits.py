"""Audits by every engine leave the bytes that this process leaves: in their stages, and in their runs."""

import json

import pytest
import torch
from engine_audits import MEASURES, audited, left_behind, small_pieces, world
from file_digests import file_digests
from model_factory import tiny_architecture
from pictures import write_picture_records
from pixel_annotator import PixelAnnotator
from typer.testing import CliRunner

from memometer import annotate
from memometer.annotators import annotating
from memometer.cli.main import app
from memometer.encoders.architectures import build_model
from memometer.errors import InputError, JobError, ShardDone


@pytest.fixture(params=MEASURES)
def measure(request, tmp_path, monkeypatch):
    """A measure whose world lies in ``records``, and which this process has audited."""
    small_pieces(monkeypatch, 8)
    world(request.param, tmp_path / "records")
    audited(request.param, tmp_path / "records", out=tmp_path / "here", store=tmp_path / "store of here")
    return request.param


def same(tmp_path, name):
    return left_behind(tmp_path / name) == left_behind(tmp_path / "here") and left_behind(
        tmp_path / f"store of {name}"
    ) == left_behind(tmp_path / "store of here")


def test_processes(measure, tmp_path, capsys):
    place = {"out": tmp_path / "processes", "store": tmp_path / "store of processes"}
    audited(measure, tmp_path / "records", **place, engine="processes", workers=2)
    assert same(tmp_path, "processes")
    assert "is made in this process" not in capsys.readouterr().err


def test_shards(measure, tmp_path):
    place = {"out": tmp_path / "shards", "store": tmp_path / "store of shards"}
    for shard in ("2/2", "1/2"):
        with pytest.raises(ShardDone, match="all pieces are there; this shard is done") as done:
            audited(measure, tmp_path / "records", **place, shard=shard)
    assert "shard 2/2 on" in str(done.value)
    assert not (tmp_path / "shards").exists()
    audited(measure, tmp_path / "records", **place, merge=True)
    assert same(tmp_path, "shards")


def test_merge_says_which_stage_has_holes(tmp_path, monkeypatch):
    small_pieces(monkeypatch, 8)
    world("sslmem", tmp_path / "records")
    place = {"out": tmp_path / "out", "store": tmp_path / "store"}
    with pytest.raises(JobError, match="no shard has begun"):
        audited("sslmem", tmp_path / "records", **place, merge=True)
    with pytest.raises(ShardDone):
        audited("sslmem", tmp_path / "records", **place, shard="1/1")
    next((tmp_path / "store").glob("distances-*/00001.npz")).unlink()
    with pytest.raises(JobError, match=r"tower, .* records: 1 of 2 pieces are missing in .* \(1\)"):
        audited("sslmem", tmp_path / "records", **place, merge=True)
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match="which differ: seed 0 there and 7 here"):
        audited("sslmem", tmp_path / "records", **place, shard="1/2", seed=7)


@pytest.mark.parametrize("engine", [{"engine": "processes", "workers": 2}, {"shard": "1/2"}])
def test_annotations(engine, tmp_path, monkeypatch):
    monkeypatch.setattr(annotating, "PIECE_SIZE", 4)
    records = write_picture_records(tmp_path / "records", 21, bad={5})
    what = {"records": records, "with_": PixelAnnotator(), "batch_size": 2, "max_rejects": 1.0}
    expected = annotate(**what, out=tmp_path / "here")
    if "shard" in engine:
        for shard in ("2/2", "1/2"):
            with pytest.raises(ShardDone, match="all pieces are there"):
                annotate(**what, out=tmp_path / "out", shard=shard)
        assert not (tmp_path / "out" / "records.parquet").exists()
        engine = {"merge": True}
    found = annotate(**what, out=tmp_path / "out", **engine)
    assert found.n_objects == expected.n_objects
    assert file_digests(tmp_path / "out") == file_digests(tmp_path / "here")


def test_the_command_line_of_a_shard_and_of_what_merges(tmp_path):
    world("sslmem", tmp_path / "records")
    architecture = tiny_architecture()
    (tmp_path / "tiny.json").write_text(json.dumps(architecture.config))
    words = ["audit", "sslmem"]
    for seed, name in enumerate(("target", "reference")):
        torch.manual_seed(seed)
        torch.save(build_model(architecture).state_dict(), tmp_path / f"{name}.pt")
        words += [f"--{name}", f"open_clip:{tmp_path / 'tiny.json'}@{tmp_path / f'{name}.pt'}"]
    words += ["--records", str(tmp_path / "records"), "--role", "a", "--store", str(tmp_path / "store")]
    words += ["--out", str(tmp_path / "out"), "--replicates", "20", "--gallery", "0", "--tower", "text"]
    done = CliRunner().invoke(app, [*words, "--shard", "3/4"])
    assert (done.exit_code, done.stdout) == (0, "")
    assert "all pieces are there; this shard is done" in " ".join(done.stderr.split())
    assert not (tmp_path / "out").exists()
    merged = CliRunner().invoke(app, [*words, "--merge"])
    assert (merged.exit_code, (tmp_path / "out" / "summary.json").is_file()) == (0, True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"shard": "1/2"}, "pass --store FOLDER"),
        ({"merge": True}, "pass --store FOLDER"),
        ({"shard": "3/2", "store": "store"}, "--shard '3/2' is no shard"),
        ({"shard": "1/2", "merge": True, "store": "store"}, "--merge alone"),
        ({"engine": "spark"}, "engine"),
    ],
)
def test_what_contradicts_itself_is_refused(options, words, tmp_path):
    with pytest.raises(InputError, match=words):
        audited("sslmem", tmp_path / "records", **options)
