"""Self-supervised training: losses against the papers' formulas, the same bytes from the same seed, loadable models."""

import hashlib
import json
import pickle
import subprocess
import sys
import types

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import typer
from safetensors.torch import load_file
from typer.testing import CliRunner

from memometer.cli.train_ssl import command
from memometer.data.images import open_image
from memometer.data.records import load_records
from memometer.data.scenes import make_scenes
from memometer.embeddings import load_encoder
from memometer.encoders.preprocessing import image_preprocess
from memometer.encoders.ssl import load_ssl
from memometer.encoders.ssl_model import SslArchitecture, SslModel
from memometer.encoders.vision import VisionEncoder
from memometer.errors import InputError, ModelError
from memometer.training import SslConfig, train_ssl
from memometer.training.folder import ModelFolder
from memometer.training.objective import Moment
from memometer.training.ssl.dino import DinoObjective, Prototypes
from memometer.training.ssl.losses import barlow_loss, dino_loss, simclr_loss, vicreg_loss
from memometer.training.ssl.models import find_architecture
from memometer.training.ssl.objective import ViewObjective, spread
from memometer.training.ssl.samples import ViewSamples

N, BATCH, EPOCHS = 64, 32, 4
OBJECTIVES = ("vicreg", "simclr", "barlow", "dino")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    root = tmp_path_factory.mktemp("world")
    make_scenes(root / "records", n=N, size=48)
    return root


def options(world, out, **changes):
    base = {"records": world / "records", "out": out, "model": "tiny", "image_size": 32, "epochs": EPOCHS}
    return {**base, "batch_size": BATCH, "projector_width": 32, "prototypes": 16, "device": "cpu", **changes}


def run(world, out, *, overwrite=False, **changes):
    return train_ssl(SslConfig.checked(**options(world, out, **changes)), overwrite=overwrite)


def digest(folder):
    return hashlib.sha256((folder / "ssl_model.safetensors").read_bytes()).hexdigest()


def metrics(folder):
    return pq.read_table(folder / "metrics.parquet").to_pandas()


# --- the losses against slow oracles, written from the papers' formulas


def two_views(n=7, d=5):
    rng = np.random.default_rng(0)
    first = rng.normal(0.3, 1.2, (n, d))
    return first, first + rng.normal(0, 0.5, (n, d))


def tensors(*arrays):
    return [torch.tensor(array, dtype=torch.float64) for array in arrays]


def vicreg_oracle(a, b):
    """VICReg, Equations 1 to 6, with the mean over dimensions in the invariance and over views in the variance."""
    n, d = a.shape

    def variance(z):
        return np.mean([max(0.0, 1 - np.sqrt(np.var(z[:, j], ddof=1) + 1e-4)) for j in range(d)])

    def covariance(z):
        c = sum(np.outer(row - z.mean(0), row - z.mean(0)) for row in z) / (n - 1)
        return sum(c[i, j] ** 2 for i in range(d) for j in range(d) if i != j) / d

    invariance = sum((x - y) @ (x - y) for x, y in zip(a, b, strict=True)) / (n * d)
    return 25 * invariance + 25 * (variance(a) + variance(b)) / 2 + covariance(a) + covariance(b)


def simclr_oracle(a, b, temperature):
    """SimCLR, Equation 1, over both views of every image."""
    z = np.concatenate([a, b])
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    total = 0.0
    for i in range(len(z)):
        partner = (i + len(a)) % len(z)
        others = sum(np.exp(z[i] @ z[k] / temperature) for k in range(len(z)) if k != i)
        total -= np.log(np.exp(z[i] @ z[partner] / temperature) / others)
    return total / len(z)


def barlow_oracle(a, b):
    """Barlow Twins, Equations 1 and 2, on views normalised along the batch (1e-5 is a batch norm's epsilon)."""
    a, b = ((z - z.mean(0)) / np.sqrt(z.var(0) + 1e-5) for z in (a, b))
    loss = 0.0
    for i in range(a.shape[1]):
        for j in range(b.shape[1]):
            c = np.mean(a[:, i] * b[:, j])
            loss += (1 - c) ** 2 if i == j else 0.005 * c**2
    return loss


def dino_oracle(teacher, student, center):
    """DINO, Equation 3: each view's student against the other view's teacher."""

    def softmax(row):
        return np.exp(row - row.max()) / np.exp(row - row.max()).sum()

    terms = []
    for t, s in ((0, 1), (1, 0)):
        for taught, learned in zip(teacher[t], student[s], strict=True):
            terms.append(-softmax((taught - center) / 0.04) @ np.log(softmax(learned / 0.1)))
    return np.mean(terms)


def test_vicreg_is_the_papers():
    a, b = two_views()
    assert vicreg_loss()(*tensors(a, b)).item() == pytest.approx(vicreg_oracle(a, b), rel=1e-6)


@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_simclr_is_the_papers(temperature):
    a, b = two_views()
    found = simclr_loss(temperature=temperature)(*tensors(a, b)).item()
    assert found == pytest.approx(simclr_oracle(a, b, temperature), rel=1e-6)


def test_barlow_twins_is_the_papers():
    a, b = two_views()
    assert barlow_loss()(*tensors(a, b)).item() == pytest.approx(barlow_oracle(a, b), rel=1e-6)


def test_dino_is_the_papers_and_its_center_follows_the_teacher():
    teacher, student = (np.stack(two_views()) * 0.1 for _ in range(2))
    student = student[::-1] + 0.02
    criterion, center = dino_loss(prototypes=5, teacher_temperature=0.04), np.zeros(5)
    for _ in range(3):
        found = criterion(tensors(*teacher), tensors(*student)).item()
        assert found == pytest.approx(dino_oracle(teacher, student, center), rel=1e-5)
        center = 0.9 * center + 0.1 * teacher.mean((0, 1))
    np.testing.assert_allclose(criterion.center.numpy().ravel(), center, rtol=1e-5)


def test_spread_tells_a_collapse():
    one = torch.tensor([[1.0, 2.0]]).repeat(8, 1)
    assert spread(one) == pytest.approx(0, abs=1e-6)
    assert spread(torch.cat([one, -one])) == pytest.approx(1)


def test_prototypes_are_cosines():
    prototypes = Prototypes(4, 3)
    z = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)
    weight = prototypes.weight.detach().numpy()
    expected = [[row @ w / np.linalg.norm(row) / np.linalg.norm(w) for w in weight] for row in z]
    np.testing.assert_allclose(prototypes(torch.tensor(z)).detach().numpy(), expected, rtol=1e-5)


# --- views


def view_samples(world, **changes):
    config = SslConfig.checked(**options(world, world / "none"))
    preprocess = image_preprocess(find_architecture(config).preprocess_cfg)
    base = {"augmentation": config.views(), "preprocess": preprocess, "seed": 0, **changes}
    return ViewSamples(load_records(world / "records"), **base)


def test_views_depend_on_seed_epoch_record_and_number_alone(world):
    views = view_samples(world)[1, 5]
    assert (views.shape, views.dtype) == ((2, 3, 32, 32), torch.uint8)
    assert not torch.equal(views[0], views[1])
    assert torch.equal(view_samples(world, cache_bytes=1 << 24)[1, 5], views)
    assert torch.equal(view_samples(world, views=4)[1, 5][:2], views)
    for other in (view_samples(world)[2, 5], view_samples(world, seed=1)[1, 5], view_samples(world)[1, 6]):
        assert not torch.equal(other, views)


def test_worker_processes_get_the_same_views(world):
    samples = view_samples(world)
    sent = pickle.loads(pickle.dumps(samples))  # noqa: S301 (our own)
    assert torch.equal(sent[1, 5], samples[1, 5])


# --- trainings


@pytest.fixture(scope="module")
def trained(world):
    return {name: run(world, world / name, objective=name, lr=3e-3) for name in OBJECTIVES}


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_loss_falls_and_the_folder_describes_itself(trained, objective):
    result = trained[objective]
    assert {path.name for path in result.folder.iterdir()} == {
        "ssl_config.json",
        "ssl_model.safetensors",
        "manifest.json",
        "metrics.parquet",
    }
    steps = metrics(result.folder)
    assert list(steps.columns) == ["step", "epoch", "loss", "lr", "spread", "samples_per_second"]
    assert len(steps) == EPOCHS * (N // BATCH)
    assert steps["loss"].iloc[-2:].mean() < steps["loss"].iloc[:2].mean()
    assert (steps["spread"] > 0).all()
    manifest = json.loads((result.folder / "manifest.json").read_text())
    assert manifest == result.manifest
    assert (manifest["objective"], manifest["epochs"], manifest["records"]["n"]) == (objective, EPOCHS, N)
    names = load_file(result.folder / "ssl_model.safetensors").keys()
    assert {name.split(".")[0] for name in names} == {"backbone", "projector"}


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_encoder_is_the_model(world, trained, objective):
    result = trained[objective]
    assert isinstance(load_encoder(result.spec), VisionEncoder)
    encoders = {features: load_ssl(result.spec, features=features) for features in ("projector", "backbone")}
    image = open_image(next(load_records(world / "records").image_refs()))
    pixels = encoders["projector"].preprocess(image)[None]
    config = json.loads((result.folder / "ssl_config.json").read_text())
    model = SslModel(SslArchitecture.from_json(config, source="it"))
    model.load_state_dict(load_file(result.folder / "ssl_model.safetensors"))
    mean, std = (np.array(config["preprocess_cfg"][key]).reshape(3, 1, 1) for key in ("mean", "std"))
    with torch.inference_mode():
        backbone = model.eval().backbone(torch.tensor((pixels / 255 - mean) / std, dtype=torch.float32))
        expected = {"backbone": backbone, "projector": model.projector(backbone)}
    for features, encoder in encoders.items():
        found = encoder.encode_images(pixels)
        np.testing.assert_allclose(found, expected[features].numpy(), rtol=1e-4, atol=1e-5)
        assert encoder.weights_hash == result.manifest["model"]["weights_hash"]
        assert encoder.features == features
    assert encoders["projector"].identity != encoders["backbone"].identity


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(world, trained, tmp_path):
    torch.manual_seed(77)  # what the caller drew before does not matter
    again = run(world, tmp_path / "again", lr=3e-3)
    assert digest(again.folder) == digest(trained["vicreg"].folder)
    other = run(world, tmp_path / "other", lr=3e-3, seed=1)
    assert digest(other.folder) != digest(again.folder)


def test_records_can_be_left_out(world, tmp_path):
    ids = load_records(world / "records").record_ids.to_pylist()
    pq.write_table(pa.table({"record_id": ids[:7]}), tmp_path / "leak.parquet")
    result = run(world, tmp_path / "m", epochs=1, without=tmp_path / "leak.parquet")
    assert result.manifest["records"]["n"] == N - 7
    assert result.manifest["records"]["without"]["n"] == 7


@pytest.mark.parametrize("change", [{"min_crop": 0.8}, {"augmentation": "crop"}, {"weight_decay": 0.5}])
def test_options_reach_the_weights(world, tmp_path, change):
    base = run(world, tmp_path / "base", epochs=1)
    assert digest(run(world, tmp_path / "other", epochs=1, **change).folder) != digest(base.folder)


class KilledError(Exception):
    """Stands for a kill between two epochs."""


@pytest.mark.parametrize("objective", ["vicreg", "dino"])
def test_a_stopped_training_ends_with_the_same_bytes(world, trained, tmp_path, monkeypatch, objective):
    save = ModelFolder.save_state

    def save_then_die(self, state):
        save(self, state)
        if state.epoch == 2:
            raise KilledError

    changes = {"objective": objective, "lr": 3e-3}
    with monkeypatch.context() as patch:
        patch.setattr(ModelFolder, "save_state", save_then_die)
        with pytest.raises(KilledError):
            run(world, tmp_path / "m", **changes)
    with pytest.raises(ModelError, match="its training has not finished: run the same 'memometer train-ssl' again"):
        load_ssl(f"ssl:{tmp_path / 'm'}")
    resumed = run(world, tmp_path / "m", **changes)
    assert digest(resumed.folder) == digest(trained[objective].folder)
    ours, theirs = (
        metrics(folder).drop(columns="samples_per_second") for folder in (tmp_path / "m", world / objective)
    )
    assert ours.equals(theirs)


def test_a_finished_training_is_free_and_another_is_kept_unless_told(world, trained, capsys):
    again = run(world, world / "vicreg", lr=3e-3)
    assert again.manifest == trained["vicreg"].manifest
    assert "holds this model already; nothing to do" in capsys.readouterr().err
    with pytest.raises(InputError, match="holds another model"):
        run(world, world / "vicreg", lr=1e-3)


def test_copies_of_chosen_epochs_load_and_are_on_the_way_to_the_same_end(world, trained, tmp_path):
    whole = run(world, tmp_path / "m", lr=3e-3, checkpoint_epochs="1,3,4")
    assert digest(whole.folder) == digest(trained["vicreg"].folder)
    digests = [digest(tmp_path / "m" / f"epoch-000{epoch}") for epoch in (1, 3, 4)]
    assert len(set(digests)) == 3
    assert digests[2] == digest(whole.folder)
    copy = whole.at_epoch(3)
    assert copy.spec == f"ssl:{tmp_path / 'm' / 'epoch-0003'}"
    assert (copy.manifest["epochs"], copy.manifest["steps"], len(metrics(copy.folder))) == (3, 6, 6)
    assert load_ssl(copy.spec).weights_hash == copy.manifest["model"]["weights_hash"]
    run(world, tmp_path / "m", epochs=1, overwrite=True)
    assert not list((tmp_path / "m").glob("epoch-*"))


# --- the objectives


def built(world, kind, loss, **changes):
    """An objective, its network, and the moments of a training of ten epochs of ten steps."""
    config = SslConfig.checked(**options(world, world / "none", **changes))
    objective = kind(config, load_records(world / "records"), architecture=find_architecture(config), loss=loss)
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


def test_two_views_are_compared(world):
    objective, network, moment = built(world, ViewObjective, vicreg_loss())
    batch = torch.stack([objective.samples(cache_bytes=0)[0, row] for row in range(6)])
    expected = vicreg_oracle(*outputs(objective, network, batch))
    assert objective.loss(network, batch, moment(0)).item() == pytest.approx(expected, rel=1e-3)


def test_the_student_is_compared_with_the_teacher_on_the_other_view(world):
    loss = dino_loss(prototypes=16, teacher_temperature=0.04)
    objective, network, moment = built(world, DinoObjective, loss, objective="dino")
    batch = torch.stack([objective.samples(cache_bytes=0)[0, row] for row in range(6)])
    with torch.no_grad():
        network.model.prototypes.weight.add_(torch.randn(network.model.prototypes.weight.shape), alpha=0.02)
    teacher = outputs(objective, objective._teacher, batch)
    expected = dino_oracle(teacher, outputs(objective, network, batch), np.zeros(16))
    assert objective.loss(network, batch, moment(0)).item() == pytest.approx(expected, rel=1e-3)


def test_the_teacher_follows_the_student_and_gets_no_gradient(world):
    loss = dino_loss(prototypes=16, teacher_temperature=0.04)
    objective, network, moment = built(world, DinoObjective, loss, objective="dino", teacher_momentum=0.9)
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


def cli(*arguments):
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_command_trains_and_prints_the_models(world, tmp_path):
    flags = [
        f"--{name.replace('_', '-')}={value}"
        for name, value in options(world, tmp_path / "m", epochs=1, checkpoint_epochs="1").items()
    ]
    done = cli(*flags)
    assert done.exit_code == 0, done.output
    assert "trained on 64 records, 2 steps in" in done.stdout
    assert f"after 1 epochs: ssl:{tmp_path / 'm' / 'epoch-0001'}\nthe model: ssl:{tmp_path / 'm'}\n" in done.stdout
    assert json.loads(cli(*flags, "--json").stdout)["config"]["objective"] == "vicreg"


# --- several processes

TWO_PROCESSES = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]

SHARED_LOSSES = """
import json, sys
import torch
from memometer.training.ssl.losses import simclr_loss, vicreg_loss

torch.distributed.init_process_group("gloo")
rank = torch.distributed.get_rank()
found = {}
for name, loss in (("vicreg", vicreg_loss()), ("simclr", simclr_loss(temperature=0.5))):
    views = torch.load(sys.argv[1], weights_only=True).chunk(2, dim=1)[rank].requires_grad_()
    value = loss(*views)
    value.backward()
    shares = [torch.zeros_like(views) for _ in range(2)]
    torch.distributed.all_gather(shares, views.grad)
    mean = value.detach().clone()
    torch.distributed.all_reduce(mean)
    # data parallelism halves the gradients
    found[name] = {"loss": mean.item() / 2, "gradient": (torch.cat(shares, dim=1) / 2).tolist()}
if rank == 0:
    print(json.dumps(found))
torch.distributed.barrier()
torch.distributed.destroy_process_group()
"""


@pytest.mark.slow
def test_the_loss_of_two_processes_is_that_of_the_whole_batch(tmp_path):
    views = torch.tensor(np.stack(two_views(n=8)))
    torch.save(views, tmp_path / "views.pt")
    (tmp_path / "shared.py").write_text(SHARED_LOSSES)
    command_line = [*TWO_PROCESSES, str(tmp_path / "shared.py"), str(tmp_path / "views.pt")]
    done = subprocess.run(command_line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name, loss in (("vicreg", vicreg_loss()), ("simclr", simclr_loss(temperature=0.5))):
        whole = views.clone().requires_grad_()
        value = loss(*whole)
        value.backward()
        found = json.loads(done.stdout)[name]
        assert found["loss"] == pytest.approx(value.item(), rel=1e-6)
        np.testing.assert_allclose(found["gradient"], whole.grad.numpy(), rtol=1e-5, atol=1e-9)


@pytest.mark.slow
def test_two_processes_train_one_model(world, tmp_path):
    flags = [
        f"--{name.replace('_', '-')}={value}"
        for name, value in options(world, tmp_path / "m", objective="dino", epochs=2).items()
    ]
    command_line = [*TWO_PROCESSES, "-m", "memometer", "train-ssl", *flags, "--json"]
    done = subprocess.run(command_line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    manifest = json.loads(done.stdout)  # printed once
    assert manifest["processes"] == 2
    assert load_ssl(f"ssl:{tmp_path / 'm'}").weights_hash == manifest["model"]["weights_hash"]


# --- errors


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"batch_size": 65}, InputError, "64 records to train on, fewer than a batch of 65; pass --batch-size 64"),
        ({"objective": "vicregg"}, InputError, "no objective 'vicregg'; did you mean vicreg"),
        ({"objective": "xyz"}, InputError, "no objective 'xyz'; expected one of vicreg, simclr, barlow, dino"),
        ({"model": "resnet81"}, ModelError, r"no model 'resnet81' to train: .*tiny, small.* did you mean resnet"),
        ({"model": "hf-hub:someone/model"}, ModelError, "no model 'hf-hub:someone/model' to train"),
        ({"augmentation": "x"}, InputError, "no augmentation 'x'; expected one of"),
    ],
)
def test_wrong_input_stops_before_anything_is_written(world, tmp_path, change, error, message):
    with pytest.raises(error, match=message):
        run(world, tmp_path / "m", **change)
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("value", "message"),
    [("0", "checkpoint_epochs has 0; expected epochs from 1 to 4"), ("5,9", "has 5, 9;"), ("x", "valid integer")],
)
def test_epochs_to_keep_are_epochs(world, value, message):
    with pytest.raises(InputError, match=message):
        SslConfig.checked(**options(world, "m", checkpoint_epochs=value))


def test_records_without_an_image_are_counted_and_named(world, tmp_path):
    table = pq.read_table(world / "records" / "records.parquet")
    rows = table.to_pylist()
    rows[3]["image_path"] = rows[5]["image_path"] = None
    (tmp_path / "records").mkdir()
    pq.write_table(type(table).from_pylist(rows, schema=table.schema), tmp_path / "records" / "records.parquet")
    with pytest.raises(InputError, match=rf"2 of 64 records have no image, e\.g\. '{rows[3]['record_id']}'"):
        run(world, tmp_path / "m", records=tmp_path / "records")


def test_without_lightly_the_error_says_what_to_install(world, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "lightly.loss.vicreg_loss", None)
    with pytest.raises(InputError, match=r"needs lightly, .* pip install 'memometer\[ssl\]'"):
        run(world, tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_folders_that_are_no_model_are_errors(trained, tmp_path):
    with pytest.raises(ModelError, match=r"holds no self-supervised model; expected ssl_config\.json"):
        load_ssl(f"ssl:{tmp_path}")
    source = trained["vicreg"].folder
    for name in ("ssl_config.json", "ssl_model.safetensors"):
        (tmp_path / name).write_bytes((source / name).read_bytes())
    config = json.loads((source / "ssl_config.json").read_text())
    wrong = [
        ({**config, "projector": {"widths": []}}, "no config of a self-supervised model: projector.widths"),
        ({**config, "code": "x"}, "code: extra inputs are not permitted"),
        ({**config, "preprocess_cfg": {"size": 32}}, "states no interpolation, mean, resize_mode, std"),
        ({**config, "backbone": {}}, "needs either timm, or layers, channels and stem"),
        ({**config, "backbone": {"timm": "nothing"}}, "timm has no model 'nothing'"),
        ({**config, "projector": {"widths": [3]}}, "do not fit its ssl_config"),
    ]
    for content, message in wrong:
        (tmp_path / "ssl_config.json").write_text(json.dumps(content))
        with pytest.raises(ModelError, match=message):
            load_ssl(f"ssl:{tmp_path}")
    (tmp_path / "ssl_config.json").write_text("{")
    with pytest.raises(ModelError, match="cannot read"):
        load_ssl(f"ssl:{tmp_path}")
