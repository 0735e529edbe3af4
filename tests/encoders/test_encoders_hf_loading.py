"""Models of transformers by folder and by name: what is read, what their identity is, and what is refused."""

import json
import os
import shutil
import time

import numpy as np
import pytest
import torch
from hf_factory import hf_folder
from hf_models import TRANSFORMERS, image_vectors, models
from hub_cache import cached_repository, hub_cache

from memometer.embeddings import load_encoder
from memometer.encoders.hf_families import FAMILIES as KINDS
from memometer.errors import ModelError

__all__ = ["hub_cache", "models"]


def test_the_identity_says_whatever_changes_a_vector(models, tmp_path):
    first = load_encoder(f"hf:{models('CLIP')}")
    moved = shutil.copytree(models("CLIP"), tmp_path / "same")
    assert load_encoder(f"hf:{moved}").identity == first.identity
    assert load_encoder(f"hf:{models('CLIP')}", precision="bf16").identity != first.identity
    for name, change in {
        "preprocessor_config.json": {"image_mean": [0.1, 0.1, 0.1]},
        "tokenizer_config.json": {"model_max_length": 7},
        "config.json": {"vision_config": {**_vision(moved), "hidden_act": "relu"}},
    }.items():
        folder = shutil.copytree(models("CLIP"), tmp_path / name)
        path = folder / name
        path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
        assert load_encoder(f"hf:{folder}").identity != first.identity, name
    other = hf_folder(tmp_path / "other", "CLIP", seed=1)
    assert load_encoder(f"hf:{other}").weights_hash != first.weights_hash


def _vision(folder):
    return json.loads((folder / "config.json").read_text())["vision_config"]


def test_half_precision_weights_are_loaded_as_float32_and_bf16_is_near(models, tmp_path):
    from transformers import CLIPModel

    folder = shutil.copytree(models("CLIP"), tmp_path / "half")
    CLIPModel.from_pretrained(folder).half().save_pretrained(folder)
    encoder = load_encoder(f"hf:{folder}")
    assert {each.dtype for each in encoder._model.parameters()} == {torch.float32}
    exact, near = (image_vectors(load_encoder(f"hf:{models('CLIP')}", precision=each)) for each in ("fp32", "bf16"))
    assert not np.array_equal(exact, near)
    np.testing.assert_allclose(near, exact, atol=0.1 * np.abs(exact).max())


def test_weights_of_torch_save_are_read(models, tmp_path):
    from transformers import CLIPModel

    folder = shutil.copytree(models("CLIP"), tmp_path / "old")
    state = CLIPModel.from_pretrained(folder).state_dict()
    (folder / "model.safetensors").unlink()
    torch.save(state, folder / "pytorch_model.bin")
    assert load_encoder(f"hf:{folder}").identity == load_encoder(f"hf:{models('CLIP')}").identity


def test_weights_of_another_architecture_are_refused_by_name(models, tmp_path):
    folder = shutil.copytree(models("CLIP"), tmp_path / "m")
    shutil.copy(models("SigLIP") / "model.safetensors", folder / "model.safetensors")
    with pytest.raises(ModelError, match=r"do not fit CLIPModel, .* tensors are missing \(e\.g\. \w+") as error:
        load_encoder(f"hf:{folder}")
    assert "text_projection.weight" in str(error.value)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "projection_dim": 9}))
    shutil.copy(models("CLIP") / "model.safetensors", folder / "model.safetensors")
    found = "" if TRANSFORMERS == 4 else r" \(8, 16\)"
    with pytest.raises(
        ModelError, match=rf"2 are of another shape \(e\.g\. text_projection.weight{found}, expected \(9, 16\)"
    ):
        load_encoder(f"hf:{folder}")


def test_every_kind_that_is_known_is_a_model_of_the_library():
    from transformers import CONFIG_MAPPING

    assert set(KINDS) <= set(CONFIG_MAPPING)


def test_a_cached_repository_is_loaded_without_the_network(models, hub_cache):
    folder = cached_repository(hub_cache, "someone/clip")
    shutil.copytree(models("CLIP"), folder, dirs_exist_ok=True)
    encoder = load_encoder("hf:someone/clip")
    assert encoder.identity == load_encoder(f"hf:{models('CLIP')}").identity
    assert encoder.files == (folder,)


def test_a_missing_model_is_told_at_once_with_where_it_was_looked_for(hub_cache, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    start = time.monotonic()
    with pytest.raises(ModelError, match="cannot find 'someone/nothing'") as error:
        load_encoder("hf:someone/nothing")
    assert time.monotonic() - start < 5
    assert f"there is no folder someone/nothing, and the hub's cache, {hub_cache}, has no such" in str(error.value)


@pytest.mark.parametrize("name", ["nothing", "./nothing", "/nothing/at/all", "a/../b", "a/b/c", "~x/y z", "a/b?x=1"])
def test_a_name_that_can_be_none_of_the_hub_is_no_reason_to_ask_it(name, monkeypatch):
    monkeypatch.setattr("memometer.encoders.hf_loading.download_folder", lambda *_, **__: pytest.fail("asked the hub"))
    with pytest.raises(ModelError, match=r"expected hf:FOLDER, or hf:OWNER/NAME|is no option of a model"):
        load_encoder(f"hf:{name}")


def test_what_a_repository_is_downloaded_with(models, hub_cache, monkeypatch):
    """Configs, tokenizer, weights and the card; its code only where the user trusts it."""
    import huggingface_hub

    names = ["config.json", "model.safetensors", "pytorch_model.bin", "README.md", "modeling_own.py", "onnx/model.onnx"]
    asked = {}

    class Api:
        def model_info(self, repository, revision=None, timeout=None):
            asked.update(repository=repository, revision=revision, timeout=timeout)
            return type("Info", (), {"siblings": [type("File", (), {"rfilename": name}) for name in names]})

    def snapshot(repository, *, revision, allow_patterns, cache_dir):
        asked["files"] = allow_patterns
        return str(models("CLIP"))

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    assert load_encoder("hf:someone/clip@v2").spec == "hf:someone/clip@v2"
    assert asked == {
        "repository": "someone/clip",
        "revision": "v2",
        "timeout": 10,
        "files": ["config.json", "model.safetensors", "README.md"],
    }
    load_encoder("hf:someone/clip?trust-remote-code")
    assert "modeling_own.py" in asked["files"]


def test_a_folder_of_open_clip_is_said_to_be_one(tmp_path):
    (tmp_path / "open_clip_config.json").write_text("{}")
    with pytest.raises(ModelError, match=f"holds no model of transformers; name it open_clip:{tmp_path}"):
        load_encoder(f"hf:{tmp_path}")


def test_the_library_is_as_loud_as_before(models):
    from transformers.utils import logging

    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    load_encoder(f"hf:{models('CLIP')}")
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before


def test_the_environment_is_as_it_was(models):
    before = dict(os.environ)
    load_encoder(f"hf:{models('CLIP')}")
    assert dict(os.environ) == before
