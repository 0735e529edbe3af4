"""Checkpoints of image models: what wraps a tower comes off, and what does not fit or is no data is refused."""

import argparse

import numpy as np
import pytest
import torch
from vision_models import encode, pictures, saved, timm_model
from watching import Ran

from memometer.embeddings import load_encoder
from memometer.errors import ModelError


def beside(state, prefix):
    return {f"{prefix}{name}": tensor for name, tensor in state.items()}


LAYOUTS = {
    "data parallel": lambda state: beside(state, "module."),
    "lightning": lambda state: {
        "state_dict": beside(state, "model.backbone.") | {"model.projection_head.0.weight": torch.ones(2, 2)},
        "epoch": 3,
    },
    "torchvision": lambda state: {"model": state, "optimizer": {}, "args": argparse.Namespace(lr=0.1)},
    "dino": lambda state: {"teacher": beside(state, "backbone.") | {"head.mlp.0.bias": torch.ones(3)}, "epoch": 9},
    "moco": lambda state: {"state_dict": beside(state, "module.encoder_q.") | {"module.queue": torch.ones(4)}},
    "no classifier": lambda state: {name: state[name] for name in state if not name.startswith("fc.")},
    "old batch norms": lambda state: {name: state[name] for name in state if "num_batches" not in name},
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_known_wrappers_come_off(layout, resnet, checkpoint, tmp_path):
    path = saved(LAYOUTS[layout](resnet.state_dict()), tmp_path / "x.pt")
    encoder, plain = load_encoder(f"timm:test_resnet@{path}"), load_encoder(f"timm:test_resnet@{checkpoint}")
    assert encoder.identity == plain.identity
    np.testing.assert_array_equal(encode(encoder, pictures()), encode(plain, pictures()))
    beyond = {"lightning": "model.projection_head.0.weight", "dino": "head.mlp.0.bias", "moco": "queue"}
    assert layout not in beyond or beyond[layout] in encoder.dropped


def test_a_real_data_parallel_model_loads(resnet, checkpoint, tmp_path):
    path = saved(torch.nn.DataParallel(resnet).state_dict(), tmp_path / "x.pt")
    assert load_encoder(f"timm:test_resnet@{path}").identity == load_encoder(f"timm:test_resnet@{checkpoint}").identity


def test_several_models_in_a_file_must_be_told_apart(resnet, checkpoint, tmp_path):
    first, second = resnet.state_dict(), timm_model("test_resnet", seed=1).state_dict()
    right = load_encoder(f"timm:test_resnet@{checkpoint}").identity
    moco = saved(beside(first, "encoder_q.") | beside(second, "encoder_k."), tmp_path / "moco.pt")
    with pytest.raises(ModelError, match=r"several times, under 'encoder_k\.' and 'encoder_q\.'; .*\?part=encoder_k"):
        load_encoder(f"timm:test_resnet@{moco}")
    assert load_encoder(f"timm:test_resnet@{moco}?part=encoder_q").identity == right
    assert load_encoder(f"timm:test_resnet@{moco}?part=encoder_k").identity != right
    dino = saved({"student": beside(second, "module."), "teacher": beside(first, "module.")}, tmp_path / "dino.pt")
    with pytest.raises(ModelError, match=r"holds several models, under 'teacher' and 'student'; .*\?part=teacher"):
        load_encoder(f"timm:test_resnet@{dino}")
    assert load_encoder(f"timm:test_resnet@{dino}?part=teacher").identity == right
    with pytest.raises(ModelError, match=r"holds no part 'ema'; leave \?part=ema away, or name another"):
        load_encoder(f"timm:test_resnet@{moco}?part=ema")


def test_weights_of_another_architecture_are_an_error_that_counts_the_differences(checkpoint):
    with pytest.raises(ModelError) as caught:
        load_encoder(f"timm:test_vit@{checkpoint}")
    message = str(caught.value)
    assert "resnet.pt does not fit the model 'test_vit'" in message
    assert "tensors are missing (e.g. blocks.0.attn.proj.bias)" in message
    assert "are unknown (e.g. bn1.bias)" in message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("bn1.weight"), r"1 tensors are missing \(e\.g\. bn1\.weight\); name the right"),
        (lambda state: state.update(extra=torch.ones(1)), r"1 are unknown \(e\.g\. extra\)"),
        (
            lambda state: state.update({"bn1.bias": torch.ones(3)}),
            r"1 are of another shape \(e\.g\. bn1\.bias \(3,\), expected \(\d+,\)\)",
        ),
    ],
    ids=["missing", "unknown", "reshaped"],
)
def test_a_single_odd_tensor_is_an_error(change, message, resnet, tmp_path):
    state = dict(resnet.state_dict())
    change(state)
    path = saved(beside(state, "module."), tmp_path / "x.pt")
    with pytest.raises(ModelError, match=message):
        load_encoder(f"timm:test_resnet@{path}")


@pytest.mark.parametrize("inside", ["tensors", "options"])
@pytest.mark.parametrize("scheme", ["timm:test_resnet", "torchvision:squeezenet1_1"])
def test_a_pickled_object_in_a_checkpoint_is_refused(inside, scheme, resnet, tmp_path):
    touched, state = tmp_path / "touched", resnet.state_dict()
    content = {"model": {**state, "x": Ran(touched)}}
    if inside == "options":  # a Namespace may be there, but nothing that runs in it
        content = {"model": state, "args": argparse.Namespace(x=Ran(touched))}
    path = saved(content, tmp_path / "x.pt")
    with pytest.raises(ModelError, match=r"holds Python objects.*, which could run code; nothing in it was run"):
        load_encoder(f"{scheme}@{path}")
    assert not touched.exists()
