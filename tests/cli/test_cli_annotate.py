"""``memometer annotate``, as a user types it."""

import json
import os
import re
import shutil
import signal
import subprocess
import time

import failure_world
import pytest
from detector_factory import detector_folder
from file_digests import file_digests
from hostile_models import clip_folder
from hub_cache import cached_repository
from model_factory import write_records
from pictures import python

from memometer import load_records
from memometer.annotators import load_annotator


def memometer(*words, code=0):
    """Runs the command in this process; returns (stdout, stderr)."""
    ended, stdout, stderr = failure_world.memometer(*words)
    assert ended == code, stderr
    return stdout, stderr


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Records, a CLIP, and a vocabulary."""
    folder = tmp_path_factory.mktemp("world")
    write_records(folder / "records", n=600)
    clip_folder(folder / "clip")
    (folder / "names.txt").write_text("dog\ncat\nDog\n")
    return folder


def words(world, out, *more):
    return (
        "annotate", world / "records", "--with", f"zero-shot:open_clip:{world / 'clip'}", "--vocabulary",
        world / "names.txt", "--threshold", "0.3", "--out", out, *more,
    )  # fmt: skip


def test_it_says_what_it_found_and_answers_again_at_once(world, tmp_path):
    out = tmp_path / "labelled"
    stdout, _ = memometer(*words(world, out))
    assert "objects" in stdout
    assert re.search(r"[12] of 2 names were found", stdout)
    assert f"records: {out}/records.parquet" in stdout
    before = file_digests(out)
    again, stderr = memometer(*words(world, out))
    assert "holds these labels already; nothing to do" in stderr
    assert again == stdout
    assert file_digests(out) == before
    found = json.loads(memometer(*words(world, out, "--json"))[0])
    assert found["n_records"] == 600
    assert sum(found["commonest"].values()) == found["n_objects"] > 0
    (world / "names.txt").write_text("dog\ncat\nhorse\n")  # another question
    try:
        assert "already holds other records" in memometer(*words(world, out), code=2)[1]
        memometer(*words(world, out, "--overwrite"))
    finally:
        (world / "names.txt").write_text("dog\ncat\nDog\n")
    assert {label for row in load_records(out).column("objects").to_pylist() for label in row} <= {
        "dog",
        "cat",
        "horse",
    }


def test_wrong_words_are_sentences(world, tmp_path):
    stderr = memometer(*words(world, tmp_path / "out", "--templates", "3"), code=2)[1]
    assert "3 templates are asked for; expected 1 or 7" in stderr
    stderr = memometer(*words(world, tmp_path / "out", "--probability", "sigmoid"), code=2)[1]
    assert "zero-shot takes no --probability" in stderr
    stderr = memometer("annotate", world / "records", "--with", "detic", "--out", tmp_path / "out", code=2)[1]
    assert "'detic' names no annotator; expected owlv2" in stderr
    stderr = memometer("annotate", tmp_path / "none", "--with", "owlv2", "--out", tmp_path / "out", code=2)[1]
    assert "no records at" in stderr


def test_killed_and_run_again_it_ends_with_the_same_bytes(world, tmp_path):
    memometer(*words(world, tmp_path / "whole", "--batch-size", 4))
    whole = file_digests(tmp_path / "whole")
    out = tmp_path / "killed"
    command = python("-m", "memometer", *words(world, out, "--batch-size", 4))
    running = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list(out.glob(".annotate/*/00000.npz")):
        assert running.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    assert not (out / "records.parquet").exists()
    memometer(*words(world, out, "--batch-size", 4))
    found = file_digests(out)
    asked = found.pop("asked.json"), whole.pop("asked.json")
    assert asked[0] == asked[1]
    assert found == whole


def test_labels_of_a_file_are_taken_from_the_command_line(world, tmp_path):
    rows = "photo,what,p,l,t,r,b\n0000.png,dog,0.9,1,2,4,6\n0001.png,cat,0.2,1,2,4,6\nnowhere.png,cat,0.9,1,2,4,6\n"
    (tmp_path / "labels.csv").write_text(rows)
    command = ("annotate", world / "records", "--with", f"table:{tmp_path / 'labels.csv'}", "--out", tmp_path / "out")
    stderr = memometer(*command, code=2)[1]
    assert "has the columns photo, what, p, l, t, r, b; expected record_id or image, and label" in stderr
    columns = ("--image-column", "photo", "--label-column", "what", "--scores-column", "p")
    boxes = ("--boxes-column", "xmin=l,ymin=t,xmax=r,ymax=b")
    stdout, _ = memometer(*command, *columns, *boxes, "--threshold", 0.5)
    for said in ("1 images of the file are no record's", "1 entries left out: score not above the threshold"):
        assert said in stdout
    found = load_records(tmp_path / "out")
    assert found.column("objects").to_pylist()[:3] == [["dog"], [], []]
    assert found.column("boxes").to_pylist()[0] == [[1, 2, 3, 4]]
    again, stderr = memometer(*command, *columns, *boxes, "--threshold", 0.5)
    assert "already holds these labels; nothing to do" in stderr
    assert again == stdout
    stderr = memometer(*command, *columns, *boxes, "--templates", 7, code=2)[1]
    assert "table: takes no --templates, for its labels are there already: leave it out" in stderr
    assert json.loads(memometer(*command, *columns, "--overwrite", "--json")[0])["n_objects"] == 2


@pytest.mark.parametrize("spec", ["owlv2:someone/owl", "owlv2"])
def test_a_detector_of_the_hub_is_not_loaded_to_find_that_nothing_has_changed(
    world, tmp_path, hub_cache, monkeypatch, spec
):
    place = cached_repository(hub_cache, spec.partition(":")[2] or "google/owlv2-base-patch16-ensemble")
    detector_folder(tmp_path / "owl", "owlv2")
    shutil.copytree(tmp_path / "owl", place, dirs_exist_ok=True)
    write_records(tmp_path / "records", n=3)
    command = ("annotate", tmp_path / "records", "--with", spec, "--vocabulary", world / "names.txt", "--threshold", 0)
    out = tmp_path / "out"
    stdout, _ = memometer(*command, "--out", out)
    loaded = []

    def load(*given):
        loaded.append(given)
        return load_annotator(*given)

    monkeypatch.setattr("memometer.annotators.annotating.load_annotator", load)
    again, stderr = memometer(*command, "--out", out)
    assert "holds these labels already; nothing to do" in stderr
    assert (again, loaded) == (stdout, [])
    (place / "README.md").write_text("any change of what was downloaded is looked into")
    memometer(*command, "--out", out)
    assert len(loaded) == 1
