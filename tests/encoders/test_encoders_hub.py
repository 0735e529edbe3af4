"""Text encoders of the hub that a user names: their snapshot in the cache is checked as any folder is."""

import json
import shutil
from pathlib import Path

import huggingface_hub
import pytest
import timm
from hostile_models import TIMM_CONFIG, outcome, sentence_folder, timm_folder
from hub_cache import cached_repository
from huggingface_hub.errors import EntryNotFoundError

from memometer.embeddings import load_encoder
from memometer.encoders.hub import cached_folder, wanted_files
from memometer.errors import ModelError


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A good folder."""
    return sentence_folder(tmp_path_factory.mktemp("models") / "text")


def snapshot(cache, name, model):
    folder = cached_repository(cache, name)
    shutil.copytree(model, folder, dirs_exist_ok=True)
    return folder


@pytest.mark.parametrize(("name", "repository"), [("someone/small", "someone/small"), ("x", "sentence-transformers/x")])
def test_a_cached_name_is_loaded_as_its_folder_is(hub_cache, model, name, repository):
    folder = snapshot(hub_cache, repository, model)
    assert cached_folder(repository) == folder
    assert load_encoder(f"text:{name}").identity == load_encoder(f"text:{model}").identity


def test_what_is_cached_passes_the_checks_of_a_folder(hub_cache, model):
    folder = snapshot(hub_cache, "someone/small", model)
    config = json.loads((folder / "config.json").read_text())
    for name, content, words in (
        ("modules.json", [{"idx": 0, "name": "0", "path": "", "type": "evil.Evil"}], "names the class evil.Evil"),
        ("config.json", {**config, "auto_map": {"AutoModel": "evil.Evil"}, "model_type": "evil"}, "code of its own"),
        ("config.json", {**config, "hidden_size": 10**7}, "one of its sizes is too large"),
        ("adapter_config.json", {"base_model_name_or_path": "someone/else"}, "is an adapter"),
    ):
        before = (folder / name).read_text() if (folder / name).exists() else "{}"
        (folder / name).write_text(json.dumps(content))
        (folder / "evil.py").write_text("class Evil: pass")
        told = outcome("text:someone/small", never=hub_cache)
        assert words in told, told
        (folder / name).write_text(before) if before != "{}" else (folder / name).unlink()


def test_what_is_not_cached_is_downloaded_without_code(hub_cache, model, monkeypatch):
    asked = []

    def download(repository, *, allow_patterns, **_options):
        asked.append((repository, sorted(allow_patterns)))
        return snapshot(hub_cache, repository, model)

    names = [str(path.relative_to(model)) for path in model.rglob("*") if path.is_file()]
    more = ["evil.py", "onnx/model.onnx", "onnx/config.json", "pytorch_model.bin", "README.md", "tf_model.h5"]
    info = huggingface_hub.hf_api.ModelInfo(id="someone/small", siblings=[{"rfilename": each} for each in names + more])
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", lambda *_, **__: info)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    load_encoder("text:someone/small")
    load_encoder("text:someone/small")
    assert asked == [("someone/small", sorted(names))]


def test_pickled_weights_are_asked_for_only_where_there_are_no_others():
    names = ["model.safetensors", "pytorch_model.bin", "2_Dense/pytorch_model.bin", "openvino/openvino_model.bin"]
    assert wanted_files(names) == ["model.safetensors", "2_Dense/pytorch_model.bin"]


def test_a_download_that_fails_is_an_error(hub_cache, monkeypatch):
    def fail(*_, **__):
        raise OSError("We couldn't connect\nand a page of advice")

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", fail)
    with pytest.raises(ModelError) as caught:
        load_encoder("text:intfloat/e5-base")
    assert str(caught.value) == (
        "cannot download the text encoder 'intfloat/e5-base': We couldn't connect; name a folder that holds it, "
        "text:FOLDER, or use text:tfidf, which needs no download"
    )
    assert not [*Path(hub_cache).iterdir()]


# --- timm's models of the hub


@pytest.fixture
def timm_repository(tmp_path, monkeypatch):
    """The folder that stands for any repository that is asked for."""
    folder = timm_folder(tmp_path / "repository")

    def download(repo_id, filename, **_options):
        if not (folder / filename).is_file():
            raise EntryNotFoundError(f"no {filename}")
        return str(folder / filename)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    monkeypatch.setattr(timm.models._hub, "hf_hub_download", download)
    return folder


def test_a_repository_of_timm_s_is_loaded_as_its_folder_is(timm_repository):
    hub, local = load_encoder("timm:hf-hub:someone/vit@main"), load_encoder(f"timm:{timm_repository}")
    assert hub.weights_hash == local.weights_hash


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"architecture": "local-dir:/tmp"}, "expected one of timm's models, by its plain name"),
        ({"model_args": {**TIMM_CONFIG["model_args"], "depth": 10**6}}, "more than"),
        ({"model_args": {"img_size": 160, "embed_dim": 10**6, "num_heads": 1}}, "one of its sizes is too large"),
        ({"model_args": {"act_layer": ["evil.Evil", {}]}}, "no config of timm's"),
        ({"pretrained_cfg": [1]}, "no config of timm's"),
    ],
)
def test_a_repository_of_timm_s_passes_the_checks_of_a_folder(timm_repository, change, words):
    (timm_repository / "config.json").write_text(json.dumps({**TIMM_CONFIG, **change}))
    told = outcome("timm:hf-hub:someone/vit", never=timm_repository)
    assert words in told, told
