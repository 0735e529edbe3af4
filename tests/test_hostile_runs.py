"""Folders that memometer itself reads again, written by somebody else: what they say is data, whatever it says.

Their checksums are of no use here: who writes a folder writes its checksums, too. A value may be such that the report
cannot be drawn; it never runs, connects, or loads a model, and stands in the page as the text that it is.
"""

import json
import re
import shutil
import tomllib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hostile_models import HOSTILE, changed, outcome, ssl_folder, with_values
from model_factory import write_records
from report_factory import make_audit
from sweep_factory import plan, sweep
from watching import Ran, sentence_of, watched

from memometer.arrays import map_array, read_arrays
from memometer.audits.result import load_audit
from memometer.audits.trained_on import training_notes
from memometer.cli.sentences import sentence
from memometer.comparison import compare_audits
from memometer.data.records import Records
from memometer.embeddings.stored import open_stored_vectors
from memometer.measures.vl_dejavu.page import PAGE
from memometer.report import render
from memometer.runs.loading import load_run
from memometer.states import key_in, load_state, read_manifest
from memometer.sweeps.collecting import Question, collect

SCRIPT = "<script>fetch('https://example.invalid')</script>{{ 7 * 7 }}"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of which nothing is sealed, as those of earlier versions."""
    folder = tmp_path_factory.mktemp("runs") / "r"
    audit = make_audit()
    audit.save(folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    for seal in ("files", "checksum"):
        manifest.pop(seal)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture
def copied(run, tmp_path):
    """A copy of it, whose files a test may change."""
    return shutil.copytree(run, tmp_path / "r")


@pytest.fixture
def without_charts(monkeypatch):
    """Charts are drawn from the same values in their own tests, and take their time."""
    import dataclasses

    monkeypatch.setattr("memometer.measures.vl_dejavu.page.PAGE", dataclasses.replace(PAGE, figures=()))


def links(page):
    """The addresses that a page has as addresses."""
    return set(re.findall(r"(?:src|href)\s*=\s*[\"']?(\w+:[^\"'>]*)", page))


def ended(act, *, never):
    """What ``act`` gives, or the sentence that the command line would end with."""
    with watched(never):
        try:
            return act()
        except Exception as error:  # noqa: BLE001 (the command line makes a sentence of any)
            return sentence(error, command="report")


def count_pages(path, *, of, act=None):
    """In how many cases there is a page where a value of a file is another; what there is runs no script.

    Args:
        path: of the file.
        of: every how manieth of its places gets a value.
        act: what is done with it; unless told, the page of its folder is made.
    """
    act, pages = act or (lambda: render(load_run(path.parent), images=False)), 0
    content = json.loads(path.read_text())
    content.pop("checksum", None)
    for _, text in with_values(content, each=1, of=of):
        with changed(path, text.replace("1e400", "1e300")):
            told = str(ended(act, never=path.parent / "never"))
        assert "<script>fetch(" not in told
        pages += told.lstrip().startswith("<!")
    return pages


@pytest.mark.parametrize(("name", "of"), [("summary.json", 40), ("manifest.json", 3)])
def test_any_value_of_a_run_is_a_report_or_a_sentence(copied, without_charts, name, of):
    assert count_pages(copied / name, of=of) > 3


def test_every_text_of_a_run_stands_escaped(run, copied, without_charts, tmp_path):
    """All texts at once in every place that is no name of a measure, a metric or a column."""
    for name in ("summary.json", "manifest.json"):
        content = json.loads((run / name).read_text())
        for key, value in content.items():
            if isinstance(value, str) and key not in {"measure", "key"}:
                content[key] = value + SCRIPT
        content["notes"] = [SCRIPT]
        content |= {"command": SCRIPT} if name == "manifest.json" else {}
        (copied / name).write_text(json.dumps(content))
    (copied / "config.toml").write_text(f"target = {json.dumps(SCRIPT)}\nk = 10\n")
    page = ended(lambda: render(load_run(copied), images=False), never=tmp_path / "never")
    assert page.lstrip().startswith("<!"), page[:500]
    assert "<script>fetch(" not in page
    assert "{{ 7 * 7 }}" in page
    assert links(page) == links(render(make_audit(), images=False))


def test_models_that_a_run_names_are_not_loaded(run, tmp_path):
    """By a comparison, for which two runs are read, and by the report."""
    folders = []
    for number, spec in enumerate(("open_clip:hf-hub:someone/x", "text:someone/x", f"timm:{tmp_path}")):
        folder = tmp_path / f"r{number}"
        shutil.copytree(run, folder)
        for name in ("summary.json", "manifest.json"):
            content = json.loads((run / name).read_text())
            named = {side: {"spec": spec, "path": spec} for side in ("target", "reference")}
            content |= {"target": spec, "reference": spec} if name == "summary.json" else {"models": named, **named}
            (folder / name).write_text(json.dumps(content))
        (folder / "config.toml").write_text(f'target = "{spec}"\nrecords = "https://example.invalid"\n')
        folders.append(folder)
    told = ended(lambda: compare_audits(folders[:2], replicates=20), never=tmp_path / "never")
    assert not isinstance(told, str) or len(told) < 2500
    for folder in folders:
        ended(lambda folder=folder: load_audit(folder), never=tmp_path / "never")


def test_any_value_of_a_comparison_is_a_report_or_a_sentence(run, tmp_path):
    compare_audits([run, run], names=["one", "other"], replicates=10, out=tmp_path / "c", images=False)
    manifest = tmp_path / "c" / "manifest.json"
    manifest.write_text(json.dumps({"key": json.loads(manifest.read_text())["key"]}))  # vouches for no file
    count_pages(tmp_path / "c" / "summary.json", of=35)


@pytest.mark.parametrize(
    "text", ["a = [", "k = 1e999", "x = '" + "y" * 10**6 + "'", "\x00", "a.b = 1\na = 2", "[" * 10_000]
)
def test_options_of_any_kind_are_options_or_a_sentence(copied, tmp_path, text):
    (copied / "config.toml").write_text(text)
    told = ended(lambda: load_audit(copied), never=tmp_path / "never")
    try:
        tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        assert "config.toml is damaged" in told


@pytest.mark.parametrize(
    "measure",
    ["sweep", "utility", "clipmem", "unitmem", "sslmem", "image-dejavu", "evil.Evil", "../x", "", ["x"]],
)
def test_a_run_that_takes_itself_for_another_is_a_report_or_a_sentence(run, copied, without_charts, tmp_path, measure):
    content = json.loads((run / "summary.json").read_text())
    (copied / "summary.json").write_text(json.dumps({**content, "measure": measure}))
    told = ended(lambda: render(load_run(copied), images=False), never=tmp_path / "never")
    assert len(told) < 2500
    told = ended(lambda: compare_audits([copied, run], replicates=10), never=tmp_path / "never")
    assert isinstance(told, str)
    assert len(told) < 2500


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A sweep's folder with the results of its cells."""
    records = write_records(tmp_path_factory.mktemp("records") / "records", n=9, roles=("a", "b", "public"))
    made = sweep(
        tmp_path_factory.mktemp("swept"), records, {name: [(0.1, 0.5), (0.2, 0.4)] for name in ("default", "x")}
    )
    made = made.save(made.folder)
    manifest = json.loads((made.folder / "manifest.json").read_text())
    manifest.pop("checksum")
    (made.folder / "manifest.json").write_text(json.dumps({**manifest, "files": {}}))
    return made.folder, records


def test_any_value_of_a_sweep_s_results_is_a_report_or_a_sentence(swept):
    folder, records = swept
    planned = plan(folder.parent, records, {"default": {}, "x": {}}, seeds=(0, 1), train={"model": "tiny"})
    assert folder == planned.out
    for path, of, act in (
        (folder / "summary.json", 120, lambda: render(load_run(folder), images=False)),
        (planned.cells[0].folder / "result.json", 30, lambda: collect(planned, Question())),
    ):
        act()  # as it is, it raises nothing
        count_pages(path, of=of, act=act)


# --- folders of trainings


TRAINING = {
    "kind": "training",
    "key": "k",
    "model": {"weights_hash": None, "spec": "ssl:x"},
    "records": {"path": "r", "roles": ["a"], "without": {"n": 1, "path": "w"}},
    "config": {"model": "tiny", "role": "a"},
    "files": {},
}


def test_any_value_of_a_training_s_manifest_is_a_model_or_a_sentence(tmp_path):
    folder = ssl_folder(tmp_path / "m")
    records = Records(make_audit().samples.slice(0, 0), tmp_path / "r")
    for _, text in with_values(TRAINING, each=4):
        (folder / "manifest.json").write_text(text)
        outcome(f"ssl:{folder}", never=tmp_path / "never")
        with watched(tmp_path / "never"):
            notes = training_notes(f"ssl:{folder}", records, name="target", trained=["a"], unseen=["b"])
            assert all(isinstance(note, str) for note in notes)
        sentence_of(lambda: read_manifest(folder / "manifest.json"), never=tmp_path / "never")


def test_files_that_a_manifest_names_outside_the_folder_are_not_told_of(tmp_path):
    (tmp_path / "secret").write_text("x")
    folder = ssl_folder(tmp_path / "m")
    for name in ("../secret", str(tmp_path / "secret"), "/dev/zero", "/dev/stdin"):
        (folder / "manifest.json").write_text(json.dumps({**TRAINING, "files": {name: "0" * 32}}))
        told = outcome(f"ssl:{folder}", never=tmp_path / "never")
        assert re.search(r"names the file .*, which is not in it", told), told


def test_vectors_run_nothing(tmp_path):
    objects = np.array([[Ran(tmp_path / "ran")]], dtype=object)
    np.save(tmp_path / "images.npy", objects, allow_pickle=True)
    np.savez(tmp_path / "x.npz", vectors=objects)
    pq.write_table(pa.table({"record_id": ["a"]}), tmp_path / "images.parquet")
    for act in (
        lambda: read_arrays(tmp_path / "x.npz", ("vectors",)),
        lambda: open_stored_vectors(tmp_path).images(pa.array(["a"])),
        lambda: map_array(tmp_path / "images.npy"),
    ):
        told = ended(act, never=tmp_path / "never")
        assert told is None or isinstance(told, str)
        assert not (tmp_path / "ran").exists()


def test_the_state_of_a_training_runs_nothing(tmp_path):
    torch.save({"model": Ran(tmp_path / "ran")}, tmp_path / "state.pt")
    with watched(tmp_path / "never"):
        assert load_state(tmp_path / "state.pt", dict) is None
    assert not (tmp_path / "ran").exists()


def test_a_reference_s_key_is_a_key(tmp_path):
    """``run.json`` says whose state a folder holds."""
    path, found = tmp_path / "run.json", []
    for _, text in with_values({"key": "k", "options": {"model": "evil.Evil", "records": HOSTILE[5]}}, each=6):
        path.write_text(text)
        sentence_of(lambda: found.append(key_in(path, overwrite=False)), never=tmp_path / "never")
    assert all(key is None or isinstance(key, str) for key in found)
