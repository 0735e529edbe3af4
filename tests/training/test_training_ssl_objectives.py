"""The parts of self-supervised training: views, what is compared with what, the models."""

import dataclasses
import json
import pickle
import types

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from ssl_oracles import dino_oracle, vicreg_oracle
from ssl_training import options
from torch.utils.data import default_collate

from memometer.data.augmentation import AUGMENTATIONS, Augmentation
from memometer.data.records import load_records
from memometer.encoders.preprocessing import image_preprocess
from memometer.encoders.ssl_model import SslArchitecture, SslModel
from memometer.errors import InputError, ModelError
from memometer.training import SslConfig
from memometer.training.objective import Moment
from memometer.training.ssl.dino import DinoObjective
from memometer.training.ssl.losses import dino_loss, vicreg_loss
from memometer.training.ssl.models import find_architecture
from memometer.training.ssl.objective import ViewObjective
from memometer.training.ssl.samples import LocalCrops, ViewSamples


def view_samples(ssl_world, **changes):
    config = SslConfig.checked(**options(ssl_world, ssl_world / "none"))
    preprocess = image_preprocess(find_architecture(config).preprocess_cfg)
    base = {"augmentation": config.views(), "preprocess": preprocess, "seed": 0, **changes}
    return ViewSamples(load_records(ssl_world / "records"), **base)


def test_views_depend_on_seed_epoch_record_and_number_alone(ssl_world):
    views = view_samples(ssl_world)[1, 5]
    assert (views.shape, views.dtype) == ((2, 3, 32, 32), torch.uint8)
    assert not torch.equal(views[0], views[1])
    assert torch.equal(view_samples(ssl_world, cache_bytes=1 << 24)[1, 5], views)
    assert torch.equal(view_samples(ssl_world, views=4)[1, 5][:2], views)
    for other in (view_samples(ssl_world)[2, 5], view_samples(ssl_world, seed=1)[1, 5], view_samples(ssl_world)[1, 6]):
        assert not torch.equal(other, views)


def test_worker_processes_get_the_same_views(ssl_world):
    samples = view_samples(ssl_world)
    sent = pickle.loads(pickle.dumps(samples))  # noqa: S301 (our own)
    assert torch.equal(sent[1, 5], samples[1, 5])


def test_local_crops_are_small_parts_and_none_depends_on_how_many_follow():
    columns = np.arange(200, dtype=np.uint8)
    image = Image.fromarray(
        np.stack([np.tile(columns, (100, 1)), np.tile(columns[:100, None], (1, 200))] * 2, -1)[..., :3]
    )
    local = LocalCrops(n=60, side=24, min_area=0.05, max_area=0.4, augmentation=Augmentation())
    crops = local(image, np.random.default_rng(0))
    assert (crops.shape, crops.dtype) == ((60, 3, 24, 24), torch.uint8)
    span = crops.to(torch.float32).amax((2, 3)) - crops.to(torch.float32).amin((2, 3))
    share = (span[:, 0] * span[:, 1] / (200 * 100)).numpy()  # red is the column, green the row
    assert 0.02 < share.min() < 0.1
    assert 0.3 < share.max() < 0.42
    fewer = dataclasses.replace(local, n=7)(image, np.random.default_rng(0))
    assert torch.equal(fewer, crops[:7])
    changed = dataclasses.replace(local, n=7, augmentation=AUGMENTATIONS["ssl"])(image, np.random.default_rng(0))
    assert not torch.equal(changed, fewer)


def test_global_views_are_those_of_every_objective(ssl_world):
    objective, _, _ = built(ssl_world, DinoObjective, dino_loss(prototypes=16), objective="dino", local_max_crop=0.2)
    samples = objective.samples(cache_bytes=0)
    images, local = samples[1, 5]
    assert torch.equal(images, view_samples(ssl_world)[1, 5])
    sent = pickle.loads(pickle.dumps(samples))  # noqa: S301 (our own)
    assert torch.equal(sent[1, 5][1], local)
    assert not torch.equal(samples[2, 5][1], local)


# --- the objectives


def built(ssl_world, kind, loss, **changes):
    """An objective, its network, and the moments of a training of ten epochs of ten steps."""
    config = SslConfig.checked(**options(ssl_world, ssl_world / "none", **changes))
    objective = kind(config, load_records(ssl_world / "records"), architecture=find_architecture(config), loss=loss)
    process = types.SimpleNamespace(num_processes=1, device=torch.device("cpu"))
    network = objective.build(process)
    return objective, network, lambda step: Moment(step, 100, 10, process=process, bf16=False)


def outputs(objective, network, *batch):
    """What a network says of each view, by hand."""
    preprocess = objective.model_file()["preprocess_cfg"]
    mean, std = (np.array(preprocess[key]).reshape(3, 1, 1) for key in ("mean", "std"))
    views = ((view.numpy() / 255 - mean) / std for images in batch for view in images.unbind(1))
    with torch.no_grad():
        return [network.train().model(torch.tensor(view, dtype=torch.float32)).double().numpy() for view in views]


def test_two_views_are_compared(ssl_world):
    objective, network, moment = built(ssl_world, ViewObjective, vicreg_loss())
    batch = torch.stack([objective.samples(cache_bytes=0)[0, row] for row in range(6)])
    expected = vicreg_oracle(*outputs(objective, network, batch))
    assert objective.loss(network, batch, moment(0)).item() == pytest.approx(expected, rel=1e-3)


def crops(objective, rows):
    """A batch of global and local views."""
    return default_collate([objective.samples(cache_bytes=0)[0, row] for row in range(rows)])


@pytest.mark.parametrize(("local", "epoch", "temperature"), [(0, 0, 0.04), (3, 0, 0.04), (3, 3, 0.046), (3, 9, 0.05)])
def test_every_view_is_compared_with_the_teacher_of_each_other_global_one(ssl_world, local, epoch, temperature):
    changes = {"local_crops": local, "local_size": 20, "teacher_temperature_end": 0.05, "teacher_warmup": 5}
    objective, network, moment = built(ssl_world, DinoObjective, dino_loss(prototypes=16), objective="dino", **changes)
    images, small = crops(objective, 6)
    assert (images.shape, small.shape) == ((6, 2, 3, 32, 32), (6, local, 3, 20, 20))
    with torch.no_grad():
        network.model.prototypes.weight.add_(torch.randn(network.model.prototypes.weight.shape), alpha=0.02)
    teacher = outputs(objective, objective._teacher, images)
    expected = dino_oracle(teacher, outputs(objective, network, images, small), np.zeros(16), temperature)
    assert objective.loss(network, [images, small], moment(10 * epoch)).item() == pytest.approx(expected, rel=1e-3)


def test_the_teacher_follows_the_student_and_gets_no_gradient(ssl_world):
    loss = dino_loss(prototypes=16)
    objective, network, moment = built(ssl_world, DinoObjective, loss, objective="dino", teacher_momentum=0.9)
    optimizer = objective.optimizer(network)
    for group in optimizer.param_groups:
        group["lr"] = 0.1
    before = {name: value.clone() for name, value in objective.state().items()}
    batch = crops(objective, 4)
    frozen = network.model.prototypes.weight.detach().clone()
    for step in (0, 10):  # of the first and the second epoch
        optimizer.zero_grad()
        objective.loss(network, batch, moment(step)).backward()
        objective.before_step(moment(step))
        gradients = [value.grad for value in network.parameters() if value.grad is not None]
        assert torch.cat([gradient.ravel() for gradient in gradients]).norm() <= 3.0 * (1 + 1e-5)
        optimizer.step()
        objective.after_step(moment(step))
        assert torch.equal(network.model.prototypes.weight, frozen) == (step == 0)
        if step == 0:
            name = "model.projector.0.weight"
            student = network.model.state_dict()[name]
            expected = 0.9 * before[f"model.{name}"] + 0.1 * student
            torch.testing.assert_close(objective.state()[f"model.{name}"], expected)
    assert not any(value.requires_grad for value in objective.state().values())


# --- the models


@pytest.mark.parametrize(
    ("objective", "width", "widths"),
    [
        ("vicreg", None, (1024, 1024, 1024)),
        ("barlow", 7, (7, 7, 7)),
        ("simclr", None, (256, 128)),
        ("dino", 9, (9, 9, 256)),
    ],
)
def test_projectors_are_the_papers_scaled(objective, width, widths):
    config = SslConfig.checked(records="r", out="m", model="tiny", objective=objective, projector_width=width)
    assert find_architecture(config).projector.widths == widths


@pytest.mark.parametrize(("model", "batch_norm"), [("tiny", True), ("resnet18", True), ("vit_tiny_patch16_224", False)])
def test_the_head_of_dino_has_batch_norms_where_the_backbone_has(model, batch_norm):
    config = SslConfig.checked(records="r", out="m", model=model, image_size=64, objective="dino")
    assert find_architecture(config).projector.batch_norm is batch_norm


@pytest.mark.parametrize("model", ["small", "resnet18", "vit_tiny_patch16_224", "mobilenetv3_small_050"])
def test_models_are_presets_or_timms(model):
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    config = SslConfig.checked(records="r", out="m", model=model, image_size=48, objective="simclr")
    architecture = find_architecture(config)
    assert torch.equal(torch.rand(1), expected)
    again = SslArchitecture.from_json(json.loads(architecture.model_dump_json()), source="it")
    assert again == architecture
    assert SslModel(again)(torch.zeros(2, 3, 48, 48)).shape == (2, 128)


@pytest.mark.parametrize("model", ["vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"])
def test_transformers_take_local_crops_with_the_same_weights(model):
    config = SslConfig.checked(records="r", out="m", model=model, image_size=48, objective="dino", local_size=32)
    architecture = find_architecture(config)
    torch.manual_seed(0)
    plain = SslModel(architecture).eval()
    torch.manual_seed(0)
    both = SslModel(architecture, also=config.local_side).eval()
    assert plain.state_dict().keys() == both.state_dict().keys()
    images = torch.randn(2, 3, 48, 48)
    torch.testing.assert_close(both(images), plain(images), rtol=0, atol=0)
    assert both(images[..., :32, :32]).shape == (2, 256)


def test_positions_are_interpolated_for_local_crops():
    config = SslConfig.checked(
        records="r", out="m", model="vit_tiny_patch16_224", image_size=48, objective="dino", local_size=32
    )
    model = SslModel(find_architecture(config), also=32).eval().backbone
    small = timm.create_model("vit_tiny_patch16_224", num_classes=0, img_size=32).eval()
    state = model.state_dict()
    own, table = state["pos_embed"][:, :1], state["pos_embed"][:, 1:].reshape(1, 3, 3, -1).permute(0, 3, 1, 2)
    resized = torch.nn.functional.interpolate(table, (2, 2), mode="bicubic", antialias=True)
    state["pos_embed"] = torch.cat([own, resized.permute(0, 2, 3, 1).reshape(1, 4, -1)], dim=1)
    small.load_state_dict(state)
    images = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(model(images), small(images), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("model", "size", "message"),
    [
        ("mixer_s16_224", None, "for images of 64 and 32 px: .*local crops need a model of several sizes"),
        ("vit_tiny_patch16_224", 24, r"divisible by patch size \(16\).*--local-size that it takes .*--local-crops 0"),
    ],
)
def test_models_of_one_size_take_no_local_crops(model, size, message):
    config = SslConfig.checked(records="r", out="m", model=model, image_size=64, objective="dino", local_size=size)
    with pytest.raises(ModelError, match=message):
        find_architecture(config)
    find_architecture(SslConfig.checked(records="r", out="m", model="mixer_s16_224", objective="dino", local_crops=0))


# --- the options


def test_local_crops_are_the_papers_scaled():
    config = SslConfig.checked(records="r", out="m", objective="dino", image_size=224)
    assert (config.local_side, config.local_crops, config.local_min_crop, config.local_max_crop) == (96, 8, 0.05, 0.4)
    assert config.views().min_area == 0.4
    sides = [SslConfig.checked(records="r", out="m", image_size=size).local_side for size in (16, 32, 64, 96)]
    assert sides == [16, 16, 32, 48]
    for changes, least in (({"min_crop": 0.1}, 0.1), ({"augmentation": "clip"}, 0.9), ({"local_crops": 0}, 0.2)):
        assert SslConfig.checked(records="r", out="m", objective="dino", **changes).views().min_area == least
    with pytest.raises(InputError, match=r"local_min_crop = 0\.5 is above local_max_crop = 0\.4"):
        SslConfig.checked(records="r", out="m", objective="dino", local_min_crop=0.5)


def test_options_of_dino_are_in_no_other_key():
    def key(**changes):
        config = SslConfig.checked(records="r", out="m", **changes)
        return config.key(records_hash="h", architecture={})

    assert key() == "9eaebb3d729233734c74ecbd6fb8f9ec"
    for changes in ({"local_crops": 3}, {"local_max_crop": 0.5}, {"teacher_warmup": 3}):
        assert key(**changes) == key()
        assert key(objective="dino", **changes) != key(objective="dino")
