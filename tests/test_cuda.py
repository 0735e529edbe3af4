"""What runs on a GPU says what the CPU says. Skipped where torch sees no CUDA device."""

import numpy as np
import pytest
import torch

import memometer
from memometer import SslConfig, TrainConfig

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

ROLES = "shared=60,a=60,b=60,public=rest"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Scenes of both kinds, and CLIP models in both precisions, trained on the GPU."""
    folder = tmp_path_factory.mktemp("cuda")
    for kind, name in (("objects", "scenes"), ("foreground", "foreground")):
        memometer.make_scenes(folder / name, n=300, kind=kind, size=48)
        memometer.split_records(folder / name, ROLES, seed=0)
    for role in "ab":
        for precision in ("fp32", "bf16"):
            config = TrainConfig.checked(
                records=folder / "scenes", role=f"shared,{role}", out=folder / f"{precision}-{role}", model="tiny",
                epochs=3, batch_size=40, device="cuda", precision=precision, workers=0,
            )  # fmt: skip
            memometer.train(config)
    return folder


@pytest.fixture(scope="module")
def encoders(world):
    """Two encoders trained without labels on the GPU."""
    pytest.importorskip("lightly")
    for role in "ab":
        config = SslConfig.checked(
            records=world / "foreground", role=role, out=world / f"ssl-{role}", objective="vicreg", model="tiny",
            image_size=32, epochs=3, batch_size=30, device="cuda", workers=0,
        )  # fmt: skip
        memometer.train_ssl(config)
    return world


def both(audit, **options):
    """The summaries on the CPU and on the GPU."""
    return [audit(**options, device=device, replicates=50).summary for device in ("cpu", "cuda")]


def numbers(tree):
    """Every number of a summary, in order."""
    if isinstance(tree, dict):
        return [value for key in sorted(tree) for value in numbers(tree[key])]
    if isinstance(tree, list | tuple):
        return [value for entry in tree for value in numbers(entry)]
    return [float(tree)] if isinstance(tree, int | float) else []


def test_training_is_recorded_and_its_model_loads_on_the_cpu(world):
    for precision in ("fp32", "bf16"):
        manifest = memometer.train(
            TrainConfig.checked(
                records=world / "scenes", role="shared,a", out=world / f"{precision}-a", model="tiny", epochs=3,
                batch_size=40, device="cuda", precision=precision, workers=0,
            )
        ).manifest  # fmt: skip
        assert manifest["device"].startswith("cuda")
        assert manifest["precision"] == precision
        assert np.isfinite(manifest["loss"])
        memometer.load_encoder(f"open_clip:{world / f'{precision}-a'}", device="cpu")


def test_a_training_goes_on_to_the_same_weights(world, tmp_path):
    options = {
        "records": world / "scenes", "role": "a", "model": "tiny", "batch_size": 30, "epochs": 3, "device": "cuda",
        "precision": "fp32",
    }  # fmt: skip
    whole = memometer.train(TrainConfig.checked(**options, workers=0, out=tmp_path / "whole")).manifest
    beside = memometer.train(TrainConfig.checked(**options, workers=2, out=tmp_path / "workers")).manifest
    assert beside["loss"] == pytest.approx(whole["loss"], abs=1e-3)


def test_vl_dejavu(world):
    cpu, gpu = both(
        memometer.audit_vl_dejavu, target=f"open_clip:{world / 'fp32-a'}", reference=f"open_clip:{world / 'fp32-b'}",
        records=world / "scenes", role="a", reference_role="b", public=world / "scenes", public_role="public",
    )  # fmt: skip
    for over in ("all", "unmentioned"):
        for gap in ("ppg", "prg", "aucg"):
            # One caption of 60 whose tenth neighbour changes moves a share by 1/60.
            assert gpu["balanced"][over][gap]["value"] == pytest.approx(cpu["balanced"][over][gap]["value"], abs=0.04)


def test_clipmem(world):
    cpu, gpu = both(
        memometer.audit_clipmem, targets=f"open_clip:{world / 'fp32-a'}", references=f"open_clip:{world / 'fp32-b'}",
        records=world / "scenes", shared="shared", candidates="a", independent="b", external="public",
    )  # fmt: skip
    assert numbers(gpu["subsets"]) == pytest.approx(numbers(cpu["subsets"]), abs=2e-3)


@pytest.mark.parametrize("tower", ["image", "text"])
def test_sslmem(world, tower):
    cpu, gpu = both(
        memometer.audit_sslmem, target=f"open_clip:{world / 'fp32-a'}", reference=f"open_clip:{world / 'fp32-b'}",
        records=world / "scenes", role="a", reference_role="b", tower=tower,
    )  # fmt: skip
    assert numbers(gpu["towers"]) == pytest.approx(numbers(cpu["towers"]), abs=2e-3)


@pytest.mark.parametrize("tower", ["image", "text"])
def test_unitmem(world, tower):
    cpu, gpu = both(
        memometer.audit_unitmem, target=f"open_clip:{world / 'fp32-a'}", records=world / "scenes", role="a",
        control_role="public", tower=tower,
    )  # fmt: skip
    for name in ("mean", "q25", "median", "q75"):
        assert gpu["towers"][tower][name] == pytest.approx(cpu["towers"][tower][name], abs=5e-3)


def test_image_dejavu(encoders):
    cpu, gpu = both(
        memometer.audit_image_dejavu, target=f"ssl:{encoders / 'ssl-a'}", reference=f"ssl:{encoders / 'ssl-b'}",
        records=encoders / "foreground", role="a", reference_role="b", public=encoders / "foreground",
        public_role="public", k=20, min_side=0.25,
    )  # fmt: skip
    cpu, gpu = (numbers(summary["accuracy"]) for summary in (cpu, gpu))
    assert gpu == pytest.approx(cpu, abs=0.07)
