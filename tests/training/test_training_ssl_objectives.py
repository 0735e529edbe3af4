"""The parts of self-supervised training: views, what is compared with what, the models."""

import json
import pickle
import types

import numpy as np
import pytest
import torch
from ssl_oracles import dino_oracle, vicreg_oracle
from ssl_training import options

from memometer.data.records import load_records
from memometer.encoders.preprocessing import image_preprocess
from memometer.encoders.ssl_model import SslArchitecture, SslModel
from memometer.training import SslConfig
from memometer.training.objective import Moment
from memometer.training.ssl.dino import DinoObjective
from memometer.training.ssl.losses import dino_loss, vicreg_loss
from memometer.training.ssl.models import find_architecture
from memometer.training.ssl.objective import ViewObjective
from memometer.training.ssl.samples import ViewSamples


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


# --- the objectives


def built(ssl_world, kind, loss, **changes):
    """An objective, its network, and the moments of a training of ten epochs of ten steps."""
    config = SslConfig.checked(**options(ssl_world, ssl_world / "none", **changes))
    objective = kind(config, load_records(ssl_world / "records"), architecture=find_architecture(config), loss=loss)
    process = types.SimpleNamespace(num_processes=1, device=torch.device("cpu"))
    network = objective.build(process)
    return objective, network, lambda step: Moment(step, 100, 10, process=process, bf16=False)


def outputs(objective, network, batch):
    """What a network says of each view, by hand."""
    preprocess = objective.model_file()["preprocess_cfg"]
    mean, std = (np.array(preprocess[key]).reshape(3, 1, 1) for key in ("mean", "std"))
    views = ((batch[:, view].numpy() / 255 - mean) / std for view in range(2))
    with torch.no_grad():
        return [network.train().model(torch.tensor(view, dtype=torch.float32)).double().numpy() for view in views]


def test_two_views_are_compared(ssl_world):
    objective, network, moment = built(ssl_world, ViewObjective, vicreg_loss())
    batch = torch.stack([objective.samples(cache_bytes=0)[0, row] for row in range(6)])
    expected = vicreg_oracle(*outputs(objective, network, batch))
    assert objective.loss(network, batch, moment(0)).item() == pytest.approx(expected, rel=1e-3)


def test_the_student_is_compared_with_the_teacher_on_the_other_view(ssl_world):
    loss = dino_loss(prototypes=16, teacher_temperature=0.04)
    objective, network, moment = built(ssl_world, DinoObjective, loss, objective="dino")
    batch = torch.stack([objective.samples(cache_bytes=0)[0, row] for row in range(6)])
    with torch.no_grad():
        network.model.prototypes.weight.add_(torch.randn(network.model.prototypes.weight.shape), alpha=0.02)
    teacher = outputs(objective, objective._teacher, batch)
    expected = dino_oracle(teacher, outputs(objective, network, batch), np.zeros(16))
    assert objective.loss(network, batch, moment(0)).item() == pytest.approx(expected, rel=1e-3)


def test_the_teacher_follows_the_student_and_gets_no_gradient(ssl_world):
    loss = dino_loss(prototypes=16, teacher_temperature=0.04)
    objective, network, moment = built(ssl_world, DinoObjective, loss, objective="dino", teacher_momentum=0.9)
    optimizer = objective.optimizer(network)
    for group in optimizer.param_groups:
        group["lr"] = 0.1
    before = {name: value.clone() for name, value in objective.state().items()}
    batch = torch.stack([objective.samples(cache_bytes=0)[0, row] for row in range(4)])
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
