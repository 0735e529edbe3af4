"""Several commands at once on one folder: one clean winner, a sentence from each of the others, the winner's bytes."""

import functools
import subprocess

import pytest
from failure_world import done
from file_digests import file_digests
from import_sources import write_pictures
from locks import held
from model_factory import tiny_architecture, write_records
from pictures import python
from split_folders import roles_of

from memometer import locking
from memometer.errors import BusyError
from memometer.files import read_json, write_json
from memometer.training import SslConfig, TrainConfig, train, train_ssl


def at_once(*commands):
    """Runs commands at once: one wins at least, and the others say in one sentence what they saw."""
    processes = [
        subprocess.Popen(
            python("-m", "memometer", *words), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        for words in commands
    ]
    outcomes = [(process.communicate()[1], process.returncode) for process in processes]
    assert 0 in [code for _, code in outcomes], outcomes
    for errors, code in outcomes:
        assert "Traceback" not in errors, errors
        assert code == 0 or (code in (1, 2) and errors.count("error: ") == 1), errors


DRAWN = ("data", "scenes", "--n", 20, "--size", 32, "--workers", 0)
IMPORTED = ("data", "import", "SOURCE", "--caption-template", "a photo", "--workers", 0)
PAIRS = [((*IMPORTED, "--limit", 5), IMPORTED), (IMPORTED, IMPORTED), ((*DRAWN, "--seed", 1), DRAWN)]


@pytest.mark.parametrize("commands", PAIRS, ids=["imports", "the same import", "scenes"])
def test_two_at_once_leave_what_one_of_them_leaves(tmp_path, commands):
    write_pictures(tmp_path / "source", [f"{number}.png" for number in range(12)])
    both = [[str(word).replace("SOURCE", str(tmp_path / "source")) for word in words] for words in commands]
    for place, words in enumerate(both):
        done(*words, "--out", tmp_path / f"alone-{place}")
    at_once(*((*words, "--out", tmp_path / "out") for words in both))
    assert file_digests(tmp_path / "out") in [file_digests(tmp_path / f"alone-{place}") for place in range(2)]


def test_two_splits_at_once_leave_one_of_them(tmp_path):
    write_pictures(tmp_path / "source", [f"{number}.png" for number in range(12)])
    done(*(str(word).replace("SOURCE", str(tmp_path / "source")) for word in IMPORTED), "--out", tmp_path / "out")
    roles = ("a=6,b=6", "c=4,public=rest")
    at_once(*(("data", "split", tmp_path / "out", "--roles", each) for each in roles))
    found = set(roles_of(tmp_path / "out").values())
    assert found in ({"a", "b"}, {"c", "public"})
    assert read_json(tmp_path / "out" / "split.json")["roles"].keys() == found


@pytest.mark.parametrize("kind", ["train", "train_ssl"])
def test_a_training_says_who_trains_there(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(locking, "GRACE", 0.1)
    write_records(tmp_path / "records", n=8, roles=("a",))
    write_json(tmp_path / "tiny.json", tiny_architecture().config)
    options = {"records": tmp_path / "records", "out": tmp_path / "out", "epochs": 1, "batch_size": 4, "device": "cpu"}
    if kind == "train":
        work = functools.partial(train, TrainConfig.checked(**options, model=str(tmp_path / "tiny.json")))
    else:
        work = functools.partial(train_ssl, SslConfig.checked(**options, model="tiny", image_size=32))
    with held(tmp_path / "out"), pytest.raises(BusyError, match="out is being written by process"):
        work()
    assert not (tmp_path / "out").exists()
