"""Checkpoints of CLIP models as people have them: wrappers, averages, OpenAI's archives, unstated activations."""

import argparse
import copy
import pathlib
import pickle
import zipfile

import numpy as np
import open_clip
import pytest
import torch
from model_factory import TEXT, VISION
from watching import Ran, watched

from memometer.embeddings import load_encoder
from memometer.encoders.clip_states import read_clip_state
from memometer.encoders.torchscript import is_torchscript, read_torchscript
from memometer.errors import ModelError
from memometer.files import write_json

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning", "ignore:.*torch.jit:DeprecationWarning")

CONFIG = {"embed_dim": 16, "vision_cfg": dict(VISION), "text_cfg": dict(TEXT)}
PIXELS = np.random.default_rng(0).integers(0, 256, (1, 3, 32, 32), dtype=np.uint8)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return open_clip.CLIP(**copy.deepcopy(CONFIG)).eval()


@pytest.fixture
def load(tmp_path):
    """Loads a checkpoint of the tiny model; the encoder."""
    write_json(tmp_path / "tiny.json", CONFIG)

    def loaded(path, options=""):
        return load_encoder(f"open_clip:{tmp_path / 'tiny.json'}@{path}{options}")

    return loaded


def vector(encoder):
    return encoder.encode_images(PIXELS)[0]


WRAPPED = {
    "under model": lambda s: {"model": s, "optimizer": {}, "epoch": 1},
    "under model_state_dict": lambda s: {"model_state_dict": s},
    "DeepSpeed": lambda s: {"module": s, "ds_version": "0.1"},
    "Lightning": lambda s: {"state_dict": {f"model.{k}": v for k, v in s.items()}, "hyper_parameters": {"lr": 1.0}},
    "Lightning, deeper": lambda s: {"state_dict": {f"net.clip.{k}": v for k, v in s.items()}},
    "Lightning with a loss": lambda s: {
        "state_dict": {**{f"model.{k}": v for k, v in s.items()}, "loss.weight": torch.ones(2)}
    },
    "compiled and parallel": lambda s: {"state_dict": {f"module._orig_mod.{k}": v for k, v in s.items()}},
    "OpenAI's scalars": lambda s: {
        **s, "input_resolution": torch.tensor(32), "context_length": torch.tensor(12), "vocab_size": torch.tensor(49408)
    },
    "OpenAI's scalars as numbers": lambda s: {**s, "input_resolution": 32, "context_length": 12, "vocab_size": 49408},
    "NumPy's scalars": lambda s: {"epoch": np.int64(3), "best": np.float64(0.5), "all": np.arange(3), "state_dict": s},
    "options and paths": lambda s: {
        "args": argparse.Namespace(out=pathlib.Path("logs"), lr=np.float32(1)), "state_dict": s
    },
    "scalar with a dimension": lambda s: {**s, "logit_scale": s["logit_scale"].reshape(1)},
}  # fmt: skip


@pytest.mark.parametrize("kind", WRAPPED)
def test_weights_are_found_whatever_is_around_them(model, load, tmp_path, kind):
    torch.save(WRAPPED[kind](model.state_dict()), tmp_path / "m.pt")
    torch.save(model.state_dict(), tmp_path / "plain.pt")
    with watched(tmp_path):
        assert np.array_equal(vector(load(tmp_path / "m.pt")), vector(load(tmp_path / "plain.pt")))


def test_a_moving_average_is_named_and_can_be_taken(model, load, tmp_path):
    average = {
        name: tensor * 0.5 if tensor.is_floating_point() else tensor for name, tensor in model.state_dict().items()
    }
    torch.save({"state_dict": model.state_dict(), "ema": average}, tmp_path / "m.pt")
    torch.save(average, tmp_path / "average.pt")
    plain = load(tmp_path / "m.pt")
    assert any("?part=ema" in warning and "moving average" in warning for warning in plain.warnings)
    assert np.array_equal(vector(load(tmp_path / "m.pt", "?part=ema")), vector(load(tmp_path / "average.pt")))
    with pytest.raises(ModelError, match=r"no part 'x'; it has state_dict and ema"):
        load(tmp_path / "m.pt", "?part=x")


class Custom:
    pass


def test_what_is_in_the_way_is_named(load, tmp_path):
    torch.save({"state_dict": {"a": torch.zeros(1)}, "tracker": Custom()}, tmp_path / "m.pt")
    with pytest.raises(ModelError, match=r"Python objects of .*Custom \(under 'tracker'\), which could run code"):
        load(tmp_path / "m.pt")


# --- TorchScript


@pytest.fixture(scope="module")
def archive(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("archive") / "plain.pt"
    torch.jit.script(model).save(str(path))
    return path


def test_openais_archive_is_read_as_data(model, load, tmp_path):
    quick = open_clip.CLIP(**copy.deepcopy(CONFIG), quick_gelu=True).eval()
    quick.load_state_dict(model.state_dict())
    for name, each in {"plain": model, "quick": quick}.items():
        torch.jit.script(each).save(str(tmp_path / f"{name}.pt"))
    torch.save(model.state_dict(), tmp_path / "state.pt")
    assert is_torchscript(tmp_path / "plain.pt")
    assert not is_torchscript(tmp_path / "state.pt")
    tensors, _ = read_torchscript(tmp_path / "quick.pt")
    assert {name: tensor.shape for name, tensor in tensors.items() if name in model.state_dict()} == {
        name: tensor.shape for name, tensor in model.state_dict().items()
    }
    with watched(tmp_path):
        assert np.array_equal(vector(load(tmp_path / "plain.pt")), vector(load(tmp_path / "state.pt")))
        found = vector(load(tmp_path / "quick.pt"))
    assert np.array_equal(found, vector(load(tmp_path / "state.pt", "?quickgelu=1")))
    assert not np.array_equal(found, vector(load(tmp_path / "state.pt")))


def test_half_precision_becomes_single(model, tmp_path):
    torch.jit.script(copy.deepcopy(model).half()).save(str(tmp_path / "half.pt"))
    state = read_clip_state(tmp_path / "half.pt").tensors
    assert {tensor.dtype for tensor in state.values() if tensor.is_floating_point()} == {torch.float32}


def test_an_archive_that_names_other_classes_is_refused(archive, tmp_path, load):
    with zipfile.ZipFile(archive) as good, zipfile.ZipFile(tmp_path / "m.pt", "w") as bad:
        for name in good.namelist():
            data = good.read(name)
            bad.writestr(name, pickle.dumps(Ran(tmp_path / "ran")) if name.endswith("/data.pkl") else data)
    with watched(tmp_path / "never"), pytest.raises(ModelError, match="could run code; nothing in it was run"):
        load(tmp_path / "m.pt")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_archive_is_a_sentence(archive, tmp_path, load, seed):
    data = bytearray(archive.read_bytes())
    rng = np.random.default_rng(seed)
    for place in rng.integers(0, len(data), 40):
        data[place] = int(rng.integers(256))
    (tmp_path / "m.pt").write_bytes(data[: -int(rng.integers(1, 400))])
    with pytest.raises(ModelError):
        load(tmp_path / "m.pt")


# --- activations


def training(folder, params, state):
    (folder / "exp" / "checkpoints").mkdir(parents=True)
    (folder / "exp" / "params.txt").write_text("".join(f"{name}: {value}\n" for name, value in params.items()))
    path = folder / "exp" / "checkpoints" / "epoch_1.pt"
    torch.save({"epoch": 1, "state_dict": state}, path)
    return path


@pytest.fixture(scope="module")
def resnet():
    torch.manual_seed(0)
    return open_clip.create_model("RN50").state_dict()


def test_a_log_that_contradicts_the_activation_warns_with_both_readings(resnet, tmp_path):
    path = training(tmp_path, {"model": "RN50", "pretrained": "openai", "force_quick_gelu": False}, resnet)
    plain = load_encoder(f"open_clip:{path}")
    (warning,) = [text for text in plain.warnings if "QuickGELU" in text]
    assert "pretrained: openai, whose weights have QuickGELU" in warning
    assert "?quickgelu=1" in warning
    assert "?quickgelu=0" in warning
    for option in ("0", "1"):
        said = load_encoder(f"open_clip:{path}?quickgelu={option}")
        assert not [text for text in said.warnings if "QuickGELU" in text]
        assert said.config["quick_gelu"] == (option == "1")
    named = load_encoder(f"open_clip:RN50-quickgelu@{path}")
    assert any("as it was named" in text for text in named.warnings)


@pytest.mark.parametrize("option", ["?quickgelu=2", "?quickgelu=yes", "?fast=1"])
def test_options_that_are_none(load, tmp_path, option):
    with pytest.raises(ModelError, match="is no option of a model; expected"):
        load(tmp_path / "m.pt", option)


# --- other libraries


def test_a_folder_of_transformers_is_named(tmp_path):
    write_json(tmp_path / "config.json", {"model_type": "clip", "architectures": ["CLIPModel"]})
    with pytest.raises(ModelError, match=r"a model of transformers \('clip'\), not one of open_clip; name it hf:"):
        load_encoder(f"open_clip:{tmp_path}")
