"""Every audit with models of transformers, as a user types it."""

import json

import pytest
from hf_factory import hf_folder
from typer.testing import CliRunner

from memometer import load_audit
from memometer.cli.main import app


def memometer(*words):
    """Runs a command in this process; returns its standard output."""
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, f"{done.output}\n{done.exception}"
    return done.stdout


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Foreground scenes in roles; those that other measures take have captions and objects as well."""
    folder = tmp_path_factory.mktemp("records")
    for kind in ("foreground", "objects"):
        name = folder / kind
        memometer("data", "scenes", *(("--kind", kind) if kind == "foreground" else ()), "--n", 160, "--size", 40,
                  "--out", name, "--workers", 0)  # fmt: skip
        memometer("data", "split", name, "--roles", "a=32,b=32,public=rest")
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    root, made = tmp_path_factory.mktemp("hf"), {}

    def find(name, seed=0):
        if (name, seed) not in made:
            made[name, seed] = f"hf:{hf_folder(root / str(len(made)), name, seed=seed)}"
        return made[name, seed]

    return find


def audit(measure, folder, out, *words):
    shared = ("--records", folder, "--role", "a", "--out", out, "--json", "--replicates", 50)
    summary = json.loads(memometer("audit", measure, *words, *shared))
    assert (out / "report.html").stat().st_size > 10_000
    return summary


@pytest.mark.parametrize("family", ["CLIP", "SigLIP", "SigLIP 2 NaFlex"])
def test_vl_dejavu(records, models, tmp_path, family):
    folder = records / "objects"
    words = ("--target", models(family), "--reference", models(family, 1), "--reference-role", "b", "--public", folder)
    public = ("--public-role", "public", "--k", 5, "--workers", 1 if family == "SigLIP 2 NaFlex" else 0)
    summary = audit("vl-dejavu", folder, tmp_path / "run", *words, *public)
    assert summary["n_scored"] == 32
    manifest = load_audit(tmp_path / "run").manifest
    assert manifest["target"]["spec"] == models(family)
    assert manifest["target"]["preprocess"]["processor"]["type"].endswith("ImageProcessor")
    assert manifest["packages"]["transformers"] != "not installed"


@pytest.mark.parametrize("family", ["CLIP", "BLIP"])
def test_clipmem(records, models, tmp_path, family):
    words = ("--target", models(family), "--reference", models(family, 1), "--reference-role", "b")
    words = (*words, "--control-role", "public")
    assert audit("clipmem", records / "objects", tmp_path / "run", *words)["measure"] == "clipmem"


@pytest.mark.parametrize("family", ["DINOv2", "SigLIP"])
def test_image_dejavu(records, models, tmp_path, family):
    folder = records / "foreground"
    words = ("--target", models(family), "--reference", models(family, 1), "--reference-role", "b", "--public", folder)
    more = ("--public-role", "public", "--k", 10, "--min-side", 0.2)
    assert audit("image-dejavu", folder, tmp_path / "run", *words, *more)["measure"] == "image-dejavu"


@pytest.mark.parametrize(("family", "tower"), [("CLIP", "text"), ("SigLIP", "image"), ("DINOv3 ConvNeXt", "image")])
def test_sslmem_and_unitmem(records, models, tmp_path, family, tower):
    folder, target = records / "objects", ("--target", models(family), "--tower", tower)
    against = ("--reference", models(family, 1), "--reference-role", "b")
    views = ("--draws", 2) if tower == "image" else ()
    summary = audit("sslmem", folder, tmp_path / "sslmem", *target, *against, *views)
    blocks = {"DINOv3 ConvNeXt": 5}.get(family, 2)
    assert len(summary["towers"][tower]["layers"]) == blocks + 1
    summary = audit("unitmem", folder, tmp_path / "unitmem", *target, "--control-role", "b", *views)
    assert len(summary["towers"][tower]["layers"]) == blocks


def test_utility(records, models, tmp_path):
    words = ("--model", models("CLIP"), "--records", records / "objects", "--role", "a", "--out", tmp_path / "run")
    told = json.loads(memometer("utility", *words, "--retrieval", "--json", "--replicates", 50))
    assert told["retrieval"]
