"""Encoders whose code is the user's own, or an installed package's; and what can be named at all."""

import html
import json
import subprocess
import sys

import numpy as np
import pytest
from hf_factory import hf_folder
from hostile_models import clip_folder, own_code, timm_folder
from model_factory import write_records
from own_code import own_module, own_package
from typer.testing import CliRunner

from memometer import load_audit
from memometer.cli.main import app
from memometer.embeddings import load_encoder
from memometer.embeddings.loading import LOADERS
from memometer.encoders import has_tower, image_tower
from memometer.encoders.known import SCHEMES
from memometer.encoders.offered import ENCODERS, OwnEncoder, offered
from memometer.errors import ModelError
from memometer.runs.manifest import describe_model

MODULE = """
import numpy as np


def prepare(image):
    return np.asarray(image.convert("RGB").resize((4, 4)), np.float32)


class Mine:
    identity = "mine, first"
    preprocess = staticmethod(prepare)
    warnings = ("it is small",)

    def __init__(self, device):
        self.device = device

    def encode_images(self, pixels):
        return pixels.reshape(len(pixels), -1)

    def encode_texts(self, texts):
        lengths = [[len(text), text.count("a") + 1] for text in texts]
        return np.tile(np.array(lengths, np.float32), 24)


def load(device="cpu"):
    return Mine(device)


def named(spec, **options):
    found = Mine(options["device"])
    found.identity = spec
    return found


def fails():
    raise RuntimeError("no weights here")


def nothing():
    return 7


number = 3
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module of a user's in the folder that the command runs in."""
    own_module(tmp_path, monkeypatch, "my_encoders", MODULE)
    return tmp_path


@pytest.fixture
def package(module, monkeypatch):
    """An installed package that offers encoders."""
    entry_points = (
        "[memometer.encoders]\ntheirs = my_encoders:named\nopen_clip = my_encoders:nothing\nbroken = absent:f\n"
        "[memometer.annotators]\ntagger = my_encoders:nothing\n"
    )
    with own_package(module, monkeypatch, entry_points) as name:
        yield name


def test_a_function_of_the_users_own_gives_an_encoder(module):
    encoder = load_encoder("python:my_encoders:load", device="auto")
    assert encoder.identity == "mine, first"
    assert encoder.device == "auto"
    assert encoder.warnings == ("it is small", "code that is not memometer's ran: my_encoders:load")
    assert has_tower(encoder, "image")
    assert has_tower(encoder, "text")
    assert image_tower(encoder).encode_images(np.ones((2, 4, 4, 3))).shape == (2, 48)
    described = describe_model(encoder, encoder.spec)
    assert described["code"] == "my_encoders:load"
    assert described["spec"] == "python:my_encoders:load"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("python:my_encoders", "names no function; expected python:package.module:function"),
        ("python:my_encoders:load()", "names no function"),
        ("python:../my_encoders:load", "names no function"),
        ("python:absent_module:load", "cannot import absent_module"),
        ("python:my_encoders:absent", "has no function absent"),
        ("python:my_encoders:number", "has no function number"),
        ("python:my_encoders:fails", "no weights here"),
        ("python:my_encoders:nothing", "gave int for 'python:my_encoders:nothing'; expected an encoder"),
    ],
)
def test_what_gives_no_encoder_is_a_sentence(module, spec, words):
    with pytest.raises(ModelError) as error:
        load_encoder(spec)
    assert words in str(error.value)


def test_what_a_package_offers_is_named_by_its_word(package):
    encoder = load_encoder("theirs:small@2")
    assert encoder.identity == "theirs:small@2"
    assert encoder.code == "my_encoders:named of their-models"
    assert isinstance(encoder, OwnEncoder)
    assert set(offered(ENCODERS)) >= {"theirs", "open_clip", "broken"}
    with pytest.raises(ModelError, match="cannot import absent:f of their-models"):
        load_encoder("broken:x")
    with pytest.raises(ModelError, match="no model at nothing"):  # a package cannot take the place of memometer's own
        load_encoder("open_clip:nothing")
    with pytest.raises(ModelError, match=r"does not name a model; .*'memometer models' lists all"):
        load_encoder("absent:x")


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_the_list_says_what_can_be_named(package):
    assert set(SCHEMES) == {*LOADERS, "embeddings"} - {"tfidf"}
    printed = run("models").stdout
    for scheme in SCHEMES.values():
        assert all(example in printed for example in scheme.examples)
    assert "theirs: offered by their-models (encoders: my_encoders:named)" in printed
    assert "tagger: offered by their-models (annotators: my_encoders:nothing)" in printed
    told = json.loads(run("models", "--json").stdout)
    assert told["models"]["hf"]["installed"] is True
    assert told["offered"]["encoders"]["theirs"] == {"function": "my_encoders:named", "package": "their-models"}


def test_the_list_says_what_is_not_installed(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert "(not installed: pip install 'memometer[hf]')" in run("models").stdout


def test_the_list_imports_nothing_of_the_models():
    code = (
        "import sys; from memometer.cli.main import assemble\n"
        "try: assemble(['models'])(['models'])\n"
        "except SystemExit: pass\n"
        "sys.exit(bool({'torch', 'transformers', 'timm', 'open_clip'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0


def test_one_model_is_described(tmp_path):
    folder = hf_folder(tmp_path / "m", "CLIP")
    (folder / "README.md").write_text("---\nlicense: other\nlicense_name: my-terms\n---\n# A model\n")
    told = json.loads(run("models", f"hf:{folder}", "--json").stdout)
    assert told["license"] == "my-terms"
    assert told["architecture"] == "CLIPModel"
    assert told["towers"] == {"image": 8, "text": 8}
    assert told["files"] == [str(folder)]
    assert told["preprocess"]["processor"]["size"] == {"shortest_edge": 32}
    assert told["code"] is None
    printed = run("models", f"hf:{folder}").stdout
    assert "licence: my-terms" in printed
    assert "image tower: 8 numbers" in printed
    (folder / "README.md").write_text("---\nlicense: [mit\n---\n")
    assert "licence: not stated in its files" in run("models", f"hf:{folder}").stdout
    (folder / "LICENSE").write_text("\nApache License\nVersion 2.0")
    assert "licence: Apache License" in run("models", f"hf:{folder}").stdout
    assert isinstance(run("models", "hf:nobody").exception, ModelError)


def test_tfidf_is_described_before_it_is_fitted():
    told = json.loads(run("models", "text:tfidf", "--json").stdout)
    assert (told["towers"], told["files"]) == ({}, [])


def test_code_that_a_command_is_told_to_trust_is_in_the_manifest_and_the_report(module, tmp_path, monkeypatch):
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    records = write_records(tmp_path / "records", n=24, roles=("a", "b"))
    folder = hf_folder(tmp_path / "own", "DINOv2")
    own_code(folder, tmp_path / "ran")
    shared = ("--records", records, "--role", "a", "--control-role", "b", "--out", tmp_path / "run", "--replicates", 20)
    words = ("audit", "unitmem", "--target", f"hf:{folder}", "--layers", "layer", *shared, "--draws", 2)
    assert "which is not run unasked" in str(run(*words).exception)
    done = run(*words, "--trust-remote-code")
    assert done.exit_code == 0, f"{done.output}\n{done.exception}"
    target = load_audit(tmp_path / "run").manifest["target"]
    assert target["spec"] == f"hf:{folder}?trust-remote-code"
    assert target["code"] == str(folder)
    report = (tmp_path / "run" / "report.html").read_text()
    assert f"code of {folder} ran" in report
    nothing = run(*words[:3], "python:my_encoders:load", *words[4:], "--trust-remote-code")
    assert "about models of transformers" in str(nothing.exception)


def test_an_encoder_of_the_users_own_is_audited(module, tmp_path):
    records = write_records(tmp_path / "records", n=40, roles=("a", "b", "public"))
    words = ("--target", "python:my_encoders:load", "--reference", "python:my_encoders:load", "--reference-role", "b")
    more = ("--public", records, "--public-role", "public", "--k", 2, "--replicates", 20, "--workers", 1)
    done = run("audit", "vl-dejavu", *words, *more, "--records", records, "--role", "a", "--out", tmp_path / "run")
    assert done.exit_code == 0, f"{done.output}\n{done.exception}"
    manifest = load_audit(tmp_path / "run").manifest
    assert manifest["target"]["code"] == "my_encoders:load"
    report = (tmp_path / "run" / "report.html").read_text()
    assert "code that is not memometer's ran: my_encoders:load" in html.unescape(report)


def test_models_of_other_families_are_described(tmp_path):
    told = json.loads(run("models", f"timm:{timm_folder(tmp_path / 'timm')}", "--json").stdout)
    assert (told["architecture"], told["towers"]) == ("test_vit", {"image": 64})
    told = json.loads(run("models", f"open_clip:{clip_folder(tmp_path / 'clip')}", "--json").stdout)
    assert (told["architecture"], told["towers"]) == ("CLIP", {"image": 16, "text": 16})
    assert told["files"] == [str(tmp_path / "clip")]
