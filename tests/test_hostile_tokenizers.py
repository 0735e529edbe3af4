"""Tokenizers and text towers of transformers that an open_clip model names: beside it, or in the hub's cache.

Every value of their files is replaced by what does not belong there, as in `test_hostile_values`; what lies in the
cache was downloaded by somebody, but is no more trusted for that.
"""

import json
import shutil

import huggingface_hub
import pytest
import torch
from hostile_models import CLIP_CONFIG, WORDS, changed, clip_folder, outcome, tokenizer_files, with_values
from hub_cache import cached_repository
from safetensors.torch import save_file

from memometer.embeddings import load_encoder
from memometer.encoders.architectures import Architecture, build_model
from memometer.errors import ModelError

EVIL = "class Evil: pass\n"
VOCABULARY = {
    word: n
    for n, word in enumerate(["<|startoftext|>", "<|endoftext|>", *"abc", *(f"{c}</w>" for c in "abc"), "ab</w>"])
}


def named(**text):
    """A config whose text tower names what it is tokenized or built by."""
    model = CLIP_CONFIG["model_cfg"]
    kept = {key: value for key, value in model["text_cfg"].items() if key != "tokenizer_kwargs"}
    return {**CLIP_CONFIG, "model_cfg": {**model, "text_cfg": {**kept, **text}}}


def with_code(folder):
    """Code of its own in every file that a config may name."""
    for name in ("evil.py", "modeling_evil.py", "tokenization_evil.py"):
        (folder / name).write_text(EVIL)


@pytest.fixture(scope="module")
def beside(tmp_path_factory):
    """A CLIP with a tokenizer beside it, in one file."""
    folder = clip_folder(tmp_path_factory.mktemp("models") / "m", named(hf_tokenizer_name="someone/somewhere"))
    tokenizer_files(folder)
    names = {"special_tokens_map.json": {"unk_token": "[UNK]"}, "added_tokens.json": {"[EXTRA]": len(WORDS)}}
    for name, content in names.items():
        (folder / name).write_text(json.dumps(content))
    with_code(folder)
    return folder


@pytest.fixture(scope="module")
def merged(tmp_path_factory):
    """A CLIP with a tokenizer beside it, as a vocabulary and merges."""
    folder = clip_folder(tmp_path_factory.mktemp("models") / "m", named(hf_tokenizer_name="someone/somewhere"))
    config = {"tokenizer_class": "CLIPTokenizer", "unk_token": "<|endoftext|>", "pad_token": "<|endoftext|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    (folder / "vocab.json").write_text(json.dumps(VOCABULARY))
    (folder / "merges.txt").write_text("#version: 0.2\na b</w>\n")
    with_code(folder)
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A cache of the hub with one repository, of a text tower and its tokenizer."""
    from transformers import BertConfig

    cache = tmp_path_factory.mktemp("hub")
    folder = cached_repository(cache, "someone/somewhere")
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertConfig(vocab_size=len(WORDS), max_position_embeddings=64, **sizes).save_pretrained(folder)
    tokenizer_files(folder)
    with_code(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
        yield folder


@pytest.fixture(scope="module")
def distant(cache, tmp_path_factory):
    """A CLIP whose text tower and tokenizer lie in the cache."""
    text = {"hf_model_name": "someone/somewhere", "hf_tokenizer_name": "someone/somewhere", "hf_proj_type": "linear"}
    content = named(**text, hf_pooler_type="mean_pooler")
    folder = clip_folder(tmp_path_factory.mktemp("models") / "m", content)
    with torch.random.fork_rng():
        model = build_model(Architecture("tiny", content["model_cfg"]))
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    return folder


@pytest.mark.parametrize(
    ("model", "name", "each", "of"),
    [
        *[("beside", "tokenizer.json", 1, 3), ("beside", "tokenizer_config.json", 2, 1)],
        *[("beside", "special_tokens_map.json", 6, 1), ("beside", "added_tokens.json", 6, 1)],
        *[("merged", "vocab.json", 2, 1), ("merged", "tokenizer_config.json", 5, 1)],
        *[("distant", "config.json", 2, 1), ("distant", "tokenizer_config.json", 2, 1)],
        ("distant", "tokenizer.json", 1, 6),
    ],
)
def test_any_value_beside_the_model_or_of_a_cached_repository_is_a_model_or_a_sentence(request, model, name, each, of):
    folder = request.getfixturevalue(model)
    path = (request.getfixturevalue("cache") if model == "distant" else folder) / name
    assert outcome(f"open_clip:{folder}", never=folder) == "loaded"
    for where, text in with_values(json.loads(path.read_text()), each=each, of=of):
        with changed(path, text):
            told = outcome(f"open_clip:{folder}", never=folder / "never")
        assert len(told) < 1500, (where, told[:600])


@pytest.mark.parametrize(
    "text", ["", "a", "a b c d", "\x00\n", "x y\n" * 9, "evil.Evil __import__('evil')\n", "é b</w>"]
)
def test_merges_of_any_kind_are_a_model_or_a_sentence(merged, text):
    with changed(merged / "merges.txt", text):
        assert len(outcome(f"open_clip:{merged}", never=merged / "never")) < 1500


AUTO_MAP = {
    "auto_map": {
        **{f"Auto{kind}": "evil.Evil" for kind in ("Config", "Model", "ModelForCausalLM", "Processor")},
        "AutoTokenizer": ["evil.Evil", "evil.Evil"],
    }
}


@pytest.mark.parametrize(
    "case",
    [
        ("config.json", {**AUTO_MAP, "model_type": "evil"}, "needs code of its own"),
        ("config.json", AUTO_MAP, "loaded"),  # of a known kind: the library's own class
        ("config.json", {"model_type": "encoder-decoder", "encoder": AUTO_MAP}, "open_clip's text towers are"),
        ("config.json", {"_attn_implementation": "kernels-community/flash-attn"}, "compiled code of a repository"),
        ("tokenizer_config.json", {**AUTO_MAP, "tokenizer_class": "Evil"}, ""),
        ("tokenizer_config.json", {"tokenizer_class": "evil.Evil"}, ""),
        ("tokenizer_config.json", {"tokenizer_file": "/etc/passwd", "vocab_file": "/etc/passwd"}, ""),
        ("tokenizer_config.json", {"name_or_path": "someone/else", "tokenizer_class": "RagTokenizer"}, ""),
        ("adapter_config.json", {"base_model_name_or_path": "someone/else"}, ""),
    ],
)
@pytest.mark.parametrize("place", ["beside", "cache"])
def test_code_of_a_tokenizer_or_a_tower_is_never_run(beside, cache, distant, place, case):
    name, change, words = case
    folder, files = (beside, beside) if place == "beside" else (distant, cache)
    path = files / name
    if name == "config.json" and place == "beside":
        shutil.copy(cache / name, path)  # a tokenizer's folder may have one
        words = words.replace("open_clip's text towers are", "loaded")
    made = not path.exists()
    before = "{}" if made else path.read_text()
    path.write_text(before)
    try:
        with changed(path, json.dumps({**json.loads(before), **change})):
            told = outcome(f"open_clip:{folder}", never=folder / "never")
    finally:
        if made or (name == "config.json" and place == "beside"):
            path.unlink()
    assert words in told, told
    assert "Traceback" not in told


def test_a_damaged_tokenizer_is_not_said_to_need_the_network(beside, tmp_path):
    folder = tmp_path / "m"
    shutil.copytree(beside, folder)
    (folder / "tokenizer.json").write_text('{"model": {')
    with pytest.raises(ModelError, match="cannot load the tokenizer of") as error:
        load_encoder(f"open_clip:{folder}")
    assert "network" not in str(error.value)
