"""Training goes on where it was, after a kill too; a folder that holds something is left as it is."""

import dataclasses
import json

import pytest
import warm_processes
from clip_training import digest, flags, flipped, metrics, options, run, run_until, write_world
from model_factory import tiny_architecture

from memometer.errors import InputError, JobError
from memometer.training import Mitigation
from memometer.training.folder import ModelFolder


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return write_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def trained(world):
    return run(world, world / "trained")


def test_a_finished_training_is_free(world, trained, capsys):
    before = (trained.folder / "manifest.json").stat().st_mtime_ns
    (trained.folder / "state").mkdir()  # killed before the last thing that it does
    (trained.folder / "state" / "last.pt").write_bytes(b"")
    again = run(world, trained.folder, workers=1)
    assert not (trained.folder / "state").exists()
    assert again.manifest == trained.manifest
    assert (trained.folder / "manifest.json").stat().st_mtime_ns == before
    assert "holds this model already; nothing to do" in capsys.readouterr().err


def test_another_model_in_the_folder_is_kept_unless_told(world, tmp_path):
    first = digest(run(world, tmp_path / "m", epochs=1).folder)
    with pytest.raises(InputError, match=r"holds another model .*choose another --out, or pass --overwrite"):
        run(world, tmp_path / "m", epochs=1, seed=1)
    assert digest(tmp_path / "m") == first
    assert digest(run(world, tmp_path / "m", epochs=1, seed=1, overwrite=True).folder) != first


def test_files_of_other_makers_are_kept_unless_told(world, tmp_path):
    (tmp_path / "open_clip_config.json").write_text("{}")
    with pytest.raises(InputError, match="a model that memometer did not train"):
        run(world, tmp_path, epochs=1)
    run(world, tmp_path, epochs=1, overwrite=True)


@pytest.mark.parametrize("epochs", [1, 2])
def test_a_stopped_training_ends_with_the_same_bytes(world, trained, tmp_path, monkeypatch, epochs):
    run_until(epochs, world, tmp_path / "m", monkeypatch=monkeypatch)
    with pytest.raises(InputError, match="the unfinished training of another model"):
        run(world, tmp_path / "m", seed=1)
    resumed = run(world, tmp_path / "m")
    assert digest(resumed.folder) == digest(trained.folder)
    ours, theirs = (metrics(folder) for folder in (resumed.folder, trained.folder))
    assert ours.drop(columns="samples_per_second").equals(theirs.drop(columns="samples_per_second"))


def test_a_training_whose_state_is_damaged_begins_again(world, trained, tmp_path, monkeypatch, capsys):
    run_until(2, world, tmp_path, monkeypatch=monkeypatch)
    flipped(tmp_path / "state" / "last.pt", 0.5)
    run(world, tmp_path)
    assert "last.pt is damaged" in capsys.readouterr().err
    assert digest(tmp_path) == digest(trained.folder)


def test_dropout_survives_a_resume(world, tmp_path, monkeypatch):
    config = tiny_architecture().config
    config["vision_cfg"]["patch_dropout"] = 0.5
    (tmp_path / "drop.json").write_text(json.dumps(config))
    whole = run(world, tmp_path / "whole", model=str(tmp_path / "drop.json"))
    run_until(2, world, tmp_path / "m", monkeypatch=monkeypatch, model=str(tmp_path / "drop.json"))
    assert digest(run(world, tmp_path / "m", model=str(tmp_path / "drop.json")).folder) == digest(whole.folder)


def test_kill_minus_9_then_the_same_training_ends_with_the_same_bytes(world, tmp_path, one_thread, capsys):
    words = ("train", *flags(options(world, tmp_path / "killed", epochs=12)))
    process = warm_processes.start(warm_processes.memometer, *words, log=tmp_path / "log")
    warm_processes.kill_once(process, (tmp_path / "killed" / "state" / "last.pt").exists)
    assert not (tmp_path / "killed" / "manifest.json").exists()
    run(world, tmp_path / "killed", epochs=12)
    assert "going on after epoch" in capsys.readouterr().err
    run(world, tmp_path / "whole", epochs=12)
    assert digest(tmp_path / "killed") == digest(tmp_path / "whole")
    assert not (tmp_path / "killed" / "state").exists()


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_state(world, tmp_path):
    @dataclasses.dataclass(frozen=True)
    class Poison(Mitigation):
        step = 0

        def text_features(self, features, *, generator):
            object.__setattr__(self, "step", self.step + 1)
            return features * (float("nan") if self.step == 5 else 1.0)

    with pytest.raises(JobError, match=r"the loss is nan at step 5 of 9; .* kept in .*lower --lr"):
        run(world, tmp_path / "m", mitigations=[Poison()])
    assert ModelFolder(tmp_path / "m").load_state().epoch == 1
    assert not (tmp_path / "m" / "open_clip_model.safetensors").exists()
