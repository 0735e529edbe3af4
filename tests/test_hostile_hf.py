"""Folders of transformers' models: every value of their files is replaced by what does not belong there.

What they name, or hold, never runs: classes, code beside the config, attentions of a repository, pickles, tokenizers
that ask for code; and nothing is opened but the folder's own files.
"""

import json
import pickle
import shutil

import pytest
import torch
from hf_factory import hf_folder
from hostile_models import changed, outcome, own_code, with_values
from PIL import Image
from safetensors.torch import save_file

from memometer.embeddings import load_encoder
from memometer.errors import ModelError

EVIL = "raise SystemExit('ran')\n"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """The folder of a family's model, with code of its own beside it; made when it is asked for."""
    root, made = tmp_path_factory.mktemp("hf"), {}

    def find(name):
        if name not in made:
            folder = hf_folder(root / str(len(made)), name)
            for file in ("evil.py", "modeling_evil.py", "configuration_evil.py", "processing_evil.py"):
                (folder / file).write_text(EVIL)
            made[name] = folder
        return made[name]

    return find


@pytest.mark.parametrize(
    ("family", "file", "each", "of"),
    [
        ("CLIP", "config.json", 3, 1),
        ("CLIP", "preprocessor_config.json", 6, 1),
        ("CLIP", "tokenizer_config.json", 6, 1),
        ("CLIP", "vocab.json", 1, 4),
        ("SigLIP", "tokenizer.json", 1, 2),
        ("SigLIP 2 NaFlex", "preprocessor_config.json", 5, 1),
        ("ALIGN", "config.json", 1, 1),
        ("ALIGN", "preprocessor_config.json", 3, 1),
        ("BLIP", "config.json", 1, 1),
        ("AltCLIP", "tokenizer_config.json", 2, 1),
        ("DINOv3", "config.json", 1, 1),
        ("DINOv3", "preprocessor_config.json", 3, 1),
    ],
)
def test_any_value_is_a_model_or_a_sentence(models, family, file, each, of):
    folder = models(family)
    assert outcome(f"hf:{folder}", never=folder / "never") == "loaded"
    content = json.loads((folder / file).read_text())
    for where, text in with_values(content, each=each, of=of):
        with changed(folder / file, text):
            told = outcome(f"hf:{folder}", never=folder / "never")
        assert len(told) < 1500, (where, told[:600])


AUTO_MAP = {
    "auto_map": {
        **{f"Auto{kind}": "evil.Evil" for kind in ("Config", "Model", "Processor", "ImageProcessor")},
        "AutoTokenizer": ["evil.Evil", "evil.Evil"],
        "AutoFeatureExtractor": "evil.Evil",
    }
}
ELSEWHERE = {"auto_map": {"AutoTokenizer": ["someone/else--evil.Evil", None], "AutoModel": "someone/else--evil.Evil"}}


@pytest.mark.parametrize(
    ("file", "change", "words"),
    [
        ("config.json", AUTO_MAP, "loaded"),  # of a known kind: the library's own class
        ("config.json", {**AUTO_MAP, "model_type": "evil"}, "needs code of its own"),
        ("config.json", {"model_type": "evil"}, "has model_type = 'evil'; expected one of aimv2"),
        ("config.json", {"model_type": ["clip"]}, "expected one of aimv2"),
        ("config.json", {"model_type": "bert"}, "has model_type = 'bert'; expected one of aimv2"),
        ("config.json", {"_attn_implementation": "kernels-community/flash-attn"}, "compiled code of a repository"),
        ("config.json", {"attn_implementation": {"text_config": "someone/kernel:x"}}, "compiled code of a repository"),
        ("config.json", {"transformers_weights": "../../else.safetensors"}, "names a file of weights"),
        ("config.json", {"quantization_config": {"quant_method": "bitsandbytes"}}, "quantised"),
        ("config.json", {"vision_config": {"num_hidden_layers": 10**9}}, "no model has more than"),
        ("config.json", {"vision_config": {"hidden_size": 2**20, "num_attention_heads": 2}}, "far more than"),
        ("config.json", {"tokenizer_class": "evil.Evil"}, "expected the name of a class of transformers"),
        ("preprocessor_config.json", AUTO_MAP, "loaded"),
        ("preprocessor_config.json", {**AUTO_MAP, "image_processor_type": "EvilImageProcessor"}, "cannot be used as"),
        ("preprocessor_config.json", {"image_processor_type": "AutoImageProcessor"}, "expected the name of a class"),
        ("preprocessor_config.json", {"image_processor_type": "AutoModel"}, "expected the name of a class"),
        ("preprocessor_config.json", {"image_processor_type": "pipeline"}, "expected the name of a class"),
        (
            "preprocessor_config.json",
            {"image_processor_type": "evil.EvilImageProcessor"},
            "expected the name of a class",
        ),
        ("processor_config.json", {**AUTO_MAP, "processor_class": "EvilProcessor"}, "loaded"),
        ("processor_config.json", {"image_processor": {"image_processor_type": "os.system"}}, "expected the name of"),
        ("tokenizer_config.json", AUTO_MAP, "loaded"),
        ("tokenizer_config.json", ELSEWHERE, "loaded"),
        ("tokenizer_config.json", {"tokenizer_class": "AutoTokenizer"}, "expected the name of a class"),
        ("tokenizer_config.json", {"tokenizer_class": "evil.EvilTokenizer"}, "expected the name of a class"),
        ("tokenizer_config.json", {"vocab_file": "/etc/passwd"}, "another file; remove it"),
        ("tokenizer_config.json", {"tokenizer_file": "../secret.json"}, "another file; remove it"),
        ("tokenizer_config.json", {"trust_remote_code": True}, "asks for trust_remote_code"),
        ("tokenizer_config.json", {"special_tokens_map_file": "/root/.cache/x.json", "name_or_path": "a/b"}, "loaded"),
        (
            "tokenizer_config.json",
            {"chat_template": "{{ cycler.__init__.__globals__.os.system('touch ran') }}"},
            "loaded",
        ),
        ("adapter_config.json", {"base_model_name_or_path": "someone/else"}, "adapter to another model"),
        ("model.safetensors.index.json", {"weight_map": {"a": "../../etc/passwd"}}, "is no list of shards"),
        ("model.safetensors.index.json", {"weight_map": ["a"]}, "is no list of shards"),
        ("video_preprocessor_config.json", AUTO_MAP, "loaded"),
        ("generation_config.json", {"trust_remote_code": True, "custom_generate": "someone/else"}, "trust_remote_code"),
    ],
)
def test_what_a_file_names_is_never_run(models, file, change, words):
    folder = models("CLIP")
    path = folder / file
    made = not path.exists()
    before = {} if made else json.loads(path.read_text())
    if "vision_config" in change:
        change = {"vision_config": {**before["vision_config"], **change["vision_config"]}}
    path.write_text(json.dumps(before))
    try:
        with changed(path, json.dumps({**before, **change})):
            told = outcome(f"hf:{folder}", never=folder / "never")
    finally:
        if made:
            path.unlink()
    assert words in told, told


@pytest.mark.parametrize("file", ["config.json", "preprocessor_config.json", "tokenizer_config.json", "vocab.json"])
@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"', "[" * 100_000, '{"a": NaN}', "\x00\xff"])
def test_files_that_are_no_config_are_a_sentence(models, file, text):
    folder = models("CLIP")
    with changed(folder / file, text):
        assert len(outcome(f"hf:{folder}", never=folder / "never")) < 1500


class Evil:
    """Whose pickle would run a command."""

    def __reduce__(self):
        return exec, (EVIL,)


def test_weights_that_are_a_pickle_of_more_than_tensors_are_refused(models, tmp_path):
    folder = shutil.copytree(models("CLIP"), tmp_path / "m")
    (folder / "model.safetensors").unlink()
    torch.save({"logit_scale": torch.zeros(()), "x": Evil()}, folder / "pytorch_model.bin")
    told = outcome(f"hf:{folder}", never=folder / "never")
    assert "cannot be loaded as a model of transformers" in told
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Evil()))
    assert "cannot be loaded as a model of transformers" in outcome(f"hf:{folder}", never=folder / "never")


@pytest.mark.parametrize("cut", [0, 7, 5000])
def test_weights_that_end_early_are_refused(models, tmp_path, cut):
    folder = shutil.copytree(models("CLIP"), tmp_path / "m")
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:cut])
    assert f"{folder} cannot be loaded" in outcome(f"hf:{folder}", never=folder / "never")


def test_weights_of_a_name_that_no_model_has_are_left_out_and_said(models, tmp_path):
    folder = shutil.copytree(models("DINOv2"), tmp_path / "m")
    from safetensors.torch import load_file

    save_file({**load_file(folder / "model.safetensors"), "evil.weight": torch.zeros(3)}, folder / "model.safetensors")
    assert load_encoder(f"hf:{folder}").dropped == ("evil.weight",)


def test_a_models_own_code_runs_where_the_user_says_so_and_then_it_is_said(models, tmp_path, monkeypatch):
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    folder = tmp_path / "own"
    folder.mkdir()
    shutil.copy(models("CLIP") / "preprocessor_config.json", folder)
    own_code(folder, tmp_path / "ran")
    with pytest.raises(
        ModelError, match=r"needs code of its own \(auto_map in config.json\), which is not run unasked"
    ):
        load_encoder(f"hf:{folder}")
    assert not (tmp_path / "ran").exists()
    encoder = load_encoder(f"hf:{folder}?trust-remote-code")
    assert (tmp_path / "ran").exists()
    assert encoder.code == str(folder)
    assert f"code of {folder} ran, as ?trust-remote-code says" in encoder.warnings[0]
    assert encoder.encode_images(encoder.preprocess(Image.new("RGB", (40, 40)))[None]).shape == (1, 5)
