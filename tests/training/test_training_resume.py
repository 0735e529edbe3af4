"""Training goes on where it was, after a kill too; a folder that holds something is left as it is."""

import dataclasses
import functools
import json
import types
from pathlib import Path

import clip_training
import pytest
import ssl_training
import warm_processes
from clip_training import digest, flags, flipped, metrics, run, run_until
from model_factory import tiny_architecture

from memometer.embeddings import load_encoder
from memometer.errors import InputError, ModelError


@dataclasses.dataclass(frozen=True)
class Kind:
    """Trainings of CLIP models, or self-supervised ones."""

    verb: str
    scheme: str
    helper: types.ModuleType
    world: Path
    whole: object
    changes: dict

    def run(self, out, **changes):
        return self.helper.run(self.world, out, **{**self.changes, **changes})


@pytest.fixture
def kind(request):
    if request.param == "clip":
        world, whole = (request.getfixturevalue(name) for name in ("world", "trained"))
        return Kind("train", "open_clip", clip_training, world, whole, {})
    world, whole = (request.getfixturevalue(name) for name in ("ssl_world", "ssl_trained"))
    changes = {"objective": request.param, "lr": 3e-3}
    return Kind("train-ssl", "ssl", ssl_training, world, whole[request.param], changes)


@pytest.mark.parametrize("kind", ["clip", "vicreg"], indirect=True)
def test_a_finished_training_is_free(kind, capsys):
    folder = kind.whole.folder
    before = (folder / "manifest.json").stat().st_mtime_ns
    (folder / "state").mkdir()  # killed before the last thing that it does
    (folder / "state" / "last.pt").write_bytes(b"")
    again = kind.run(folder, workers=1)
    assert not (folder / "state").exists()
    assert again.manifest == kind.whole.manifest
    assert (folder / "manifest.json").stat().st_mtime_ns == before
    assert "holds this model already; nothing to do" in capsys.readouterr().err
    with pytest.raises(InputError, match="holds another model"):
        kind.run(folder, lr=1e-3)


@pytest.mark.parametrize(("kind", "epochs"), [("clip", 1), ("clip", 2), ("vicreg", 2), ("dino", 2)], indirect=["kind"])
def test_a_stopped_training_ends_with_the_same_bytes(kind, tmp_path, monkeypatch, epochs):
    run_until(epochs, lambda: kind.run(tmp_path / "m"), monkeypatch=monkeypatch)
    with pytest.raises(ModelError, match=rf"training has not finished: run the same 'memometer {kind.verb}' again"):
        load_encoder(f"{kind.scheme}:{tmp_path / 'm'}")
    with pytest.raises(InputError, match="the unfinished training of another model"):
        kind.run(tmp_path / "m", seed=1)
    resumed = kind.run(tmp_path / "m")
    assert kind.helper.digest(resumed.folder) == kind.helper.digest(kind.whole.folder)
    ours, theirs = (metrics(each.folder).drop(columns="samples_per_second") for each in (resumed, kind.whole))
    assert ours.equals(theirs)


@pytest.mark.parametrize(
    ("kind", "epochs"), [("clip", 12), ("dino", 8)], indirect=["kind"]
)  # whose teacher goes on too
def test_kill_minus_9_then_the_same_training_ends_with_the_same_bytes(kind, tmp_path, one_thread, capsys, epochs):
    changes = {**kind.changes, "epochs": epochs}
    words = (kind.verb, *flags(kind.helper.options(kind.world, tmp_path / "killed", **changes)))
    process = warm_processes.start(warm_processes.memometer, *words, log=tmp_path / "log")
    warm_processes.kill_once(process, (tmp_path / "killed" / "state" / "last.pt").exists)
    assert not (tmp_path / "killed" / "manifest.json").exists()
    kind.run(tmp_path / "killed", epochs=epochs)
    assert "going on after epoch" in capsys.readouterr().err
    kind.run(tmp_path / "whole", epochs=epochs)
    assert kind.helper.digest(tmp_path / "killed") == kind.helper.digest(tmp_path / "whole")
    assert not (tmp_path / "killed" / "state").exists()


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


def test_a_training_whose_state_is_damaged_begins_again(world, trained, tmp_path, monkeypatch, capsys):
    run_until(2, lambda: run(world, tmp_path), monkeypatch=monkeypatch)
    flipped(tmp_path / "state" / "last.pt", 0.5)
    run(world, tmp_path)
    assert "last.pt is damaged" in capsys.readouterr().err
    assert digest(tmp_path) == digest(trained.folder)


def test_dropout_survives_a_resume(world, tmp_path, monkeypatch):
    config = tiny_architecture().config
    config["vision_cfg"]["patch_dropout"] = 0.5
    (tmp_path / "drop.json").write_text(json.dumps(config))
    dropping = functools.partial(run, world, model=str(tmp_path / "drop.json"))
    run_until(2, lambda: dropping(tmp_path / "m"), monkeypatch=monkeypatch)
    assert digest(dropping(tmp_path / "m").folder) == digest(dropping(tmp_path / "whole").folder)
