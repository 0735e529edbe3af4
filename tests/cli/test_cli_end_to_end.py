"""The README's commands, as a user types them, on built-in scenes."""

import json
import subprocess

import pyarrow.parquet as pq
import pytest
import warm_processes
from failure_world import commands, done
from file_digests import file_digest, file_digests
from pictures import python


def in_shell(*words, code=0):
    """Runs the command as a shell does, which takes seconds of imports; returns (stdout, stderr)."""
    ended = subprocess.run(python("-m", "memometer", *words), capture_output=True, text=True, check=False)
    assert ended.returncode == code, ended.stderr
    return ended.stdout, ended.stderr


def audit_words(world, out, *more):
    return (*commands(world, out)["vl-dejavu"], "--workers", 0, "--out", out, *more)


def test_the_audit_writes_its_folder_and_prints_its_table(world):
    stdout, stderr = in_shell(*audit_words(world, world / "run"))
    for word in ("PPG", "PRG", "AUCG", "balanced, both ways", "unmentioned objects"):
        assert word in stdout
    assert "report.html" in stderr
    names = {path.name for path in (world / "run").iterdir()}
    assert names >= {
        "config.toml", "manifest.json", "summary.json", "samples.parquet", "rejects.parquet", "report.html",
    }  # fmt: skip
    samples = pq.read_table(world / "run" / "samples.parquet")
    roles = pq.read_table(world / "scenes" / "records.parquet", columns=["record_id", "role"]).to_pylist()
    for direction, role in (("forward", "a"), ("backward", "b")):
        rows = [row["record_id"] for row in samples.to_pylist() if row["direction"] == direction]
        assert rows == [row["record_id"] for row in roles if row["role"] == role]
    manifest = json.loads((world / "run" / "manifest.json").read_text())
    assert manifest["target"]["weights_hash"] != manifest["reference"]["weights_hash"]
    assert manifest["target"]["preprocess"]["size"] in ([32, 32], 32)


def test_json_goes_to_stdout_alone_and_the_report_is_rebuilt(world):
    stdout, _ = done(*audit_words(world, world / "json-run", "--json", "--no-images"))
    summary = json.loads(stdout)
    assert summary == json.loads((world / "json-run" / "summary.json").read_text())
    assert set(summary["by_k"]) == {"1", "3", "10"}
    report = world / "json-run" / "report.html"
    first = file_digest(report)
    assert b"data:image/jpeg" not in report.read_bytes()
    report.unlink()
    done("report", world / "json-run")
    assert file_digest(report) == first


def test_two_runs_give_the_same_bytes_whatever_the_workers(world):
    done(*audit_words(world, world / "first", "--workers", 0))
    words = audit_words(world, world / "second", "--workers", 2)
    process = warm_processes.start(warm_processes.memometer, *words, log=world / "second.log")
    process.join()
    assert process.exitcode == 0, (world / "second.log").read_text()
    first, second = (file_digests(world / name) for name in ("first", "second"))
    for name in first:
        if name.endswith((".npy", ".parquet", "summary.json")):
            assert first[name] == second[name], name


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("audit", "vl-dejavu", "--target", "clip:x", "--reference", "open_clip:y"), "does not name a model"),
        (("audit", "vl-dejavu", "--target", "open_clip:nowhere", "--reference", "open_clip:y"), "no model at nowhere"),
    ],
)
def test_wrong_input_is_a_sentence_and_exit_code_2(world, words, sentence):
    more = ("--records", world / "scenes", "--role", "a", "--public", world / "scenes", "--public-role", "public")
    stdout, stderr = done(*words, *more, "--out", world / "none", code=2)
    assert sentence in stderr
    assert "Traceback" not in stderr
    assert stdout == ""
    assert not (world / "none").exists()


def test_wrong_usage_is_exit_code_2():
    assert "Missing option" in done("audit", "vl-dejavu", code=2)[1]
    assert "No such command" in in_shell("adit", code=2)[1]


def test_help_names_every_command():
    stdout, _ = in_shell("--help")
    for name in ("data", "train", "audit", "report", "demo"):
        assert name in stdout
