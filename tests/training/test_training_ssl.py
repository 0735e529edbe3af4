"""Self-supervised training: the same bytes from the same seed, loadable models, wrong input."""

import json
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import warm_processes
from clip_training import flags, metrics
from commands import invoke
from model_factory import rewritten
from safetensors.torch import load_file
from ssl_training import BATCH, EPOCHS, OBJECTIVES, N, digest, options, run

from memometer.cli.train_ssl import command
from memometer.data.images import open_image
from memometer.data.records import load_records
from memometer.embeddings import load_encoder
from memometer.encoders.ssl import load_ssl
from memometer.encoders.ssl_model import SslArchitecture, SslModel
from memometer.encoders.vision import VisionEncoder
from memometer.errors import InputError, ModelError
from memometer.training import SslConfig


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_loss_falls_and_the_folder_describes_itself(ssl_trained, objective):
    result = ssl_trained[objective]
    files = {"ssl_config.json", "ssl_model.safetensors", "manifest.json", "metrics.parquet"}
    assert {path.name for path in result.folder.iterdir()} == files
    steps = metrics(result.folder)
    collapse = ["spread", *(["teacher_entropy", "batch_entropy"] if objective == "dino" else [])]
    assert list(steps.columns) == ["step", "epoch", "loss", "lr", *collapse, "samples_per_second"]
    assert len(steps) == EPOCHS * (N // BATCH)
    assert steps["loss"].iloc[-2:].mean() < steps["loss"].iloc[:2].mean()
    assert (steps["spread"] > 0).all()
    manifest = json.loads((result.folder / "manifest.json").read_text())
    assert manifest == {**result.manifest, "files": manifest["files"], "checksum": manifest["checksum"]}
    assert list(manifest["files"]) == ["ssl_config.json"]
    assert (manifest["objective"], manifest["epochs"], manifest["records"]["n"]) == (objective, EPOCHS, N)
    names = load_file(result.folder / "ssl_model.safetensors").keys()
    assert {name.split(".")[0] for name in names} == {"backbone", "projector"}


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_encoder_is_the_model(ssl_world, ssl_trained, objective):
    result = ssl_trained[objective]
    assert isinstance(load_encoder(result.spec), VisionEncoder)
    encoders = {features: load_ssl(result.spec, features=features) for features in ("projector", "backbone")}
    image = open_image(next(load_records(ssl_world / "records").image_refs()))
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


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(ssl_world, ssl_trained, tmp_path):
    torch.manual_seed(77)  # what the caller drew before does not matter
    again = run(ssl_world, tmp_path / "again", lr=3e-3)
    assert digest(again.folder) == digest(ssl_trained["vicreg"].folder)
    other = run(ssl_world, tmp_path / "other", lr=3e-3, seed=1)
    assert digest(other.folder) != digest(again.folder)


def test_dino_does_not_collapse(ssl_world, tmp_path):
    changes = {"prototypes": 64, "projector_width": 64, "teacher_warmup": 6, "teacher_momentum": 0.9}
    result = run(ssl_world, tmp_path / "m", objective="dino", epochs=12, lr=1e-3, **changes)
    last = metrics(result.folder).query("epoch == 11").mean()
    assert last["spread"] > 0.3  # without centering 0.14
    assert last["batch_entropy"] > 0.97 * np.log(64)  # without centering 0.84 of it
    assert last["batch_entropy"] - last["teacher_entropy"] > 0.05  # at a temperature of 0.5 less than 0.002


def test_records_can_be_left_out(ssl_world, tmp_path):
    ids = load_records(ssl_world / "records").record_ids.to_pylist()
    pq.write_table(pa.table({"record_id": ids[:7]}), tmp_path / "leak.parquet")
    result = run(ssl_world, tmp_path / "m", epochs=1, without=tmp_path / "leak.parquet")
    assert result.manifest["records"]["n"] == N - 7
    assert result.manifest["records"]["without"]["n"] == 7


@pytest.mark.parametrize("change", [{"min_crop": 0.8}, {"augmentation": "crop"}, {"weight_decay": 0.5}])
def test_options_reach_the_weights(ssl_world, tmp_path, change):
    base = run(ssl_world, tmp_path / "base", epochs=1)
    assert digest(run(ssl_world, tmp_path / "other", epochs=1, **change).folder) != digest(base.folder)


def test_copies_of_chosen_epochs_load_and_are_on_the_way_to_the_same_end(ssl_world, ssl_trained, tmp_path):
    whole = run(ssl_world, tmp_path / "m", lr=3e-3, checkpoint_epochs="1,3,4")
    assert digest(whole.folder) == digest(ssl_trained["vicreg"].folder)
    digests = [digest(tmp_path / "m" / f"epoch-000{epoch}") for epoch in (1, 3, 4)]
    assert len(set(digests)) == 3
    assert digests[2] == digest(whole.folder)
    copy = whole.at_epoch(3)
    assert copy.spec == f"ssl:{tmp_path / 'm' / 'epoch-0003'}"
    assert (copy.manifest["epochs"], copy.manifest["steps"], len(metrics(copy.folder))) == (3, 6, 6)
    assert load_ssl(copy.spec).weights_hash == copy.manifest["model"]["weights_hash"]
    run(ssl_world, tmp_path / "m", epochs=1, overwrite=True)
    assert not list((tmp_path / "m").glob("epoch-*"))


def test_the_command_trains_and_prints_the_models(ssl_world, tmp_path):
    named = flags(options(ssl_world, tmp_path / "m", epochs=1, checkpoint_epochs="1"))
    done = invoke(command, *named)
    assert done.exit_code == 0, done.output
    assert "trained on 64 records, 2 steps in" in done.stdout
    assert f"after 1 epochs: ssl:{tmp_path / 'm' / 'epoch-0001'}\nthe model: ssl:{tmp_path / 'm'}\n" in done.stdout
    assert json.loads(invoke(command, *named, "--json").stdout)["config"]["objective"] == "vicreg"


@pytest.mark.slow
def test_two_processes_train_one_model(ssl_world, tmp_path):
    words = ("train-ssl", *flags(options(ssl_world, tmp_path / "m", objective="dino", epochs=2)), "--json")
    codes = warm_processes.together(2, warm_processes.memometer, *words, logs=tmp_path)
    assert codes == [0, 0], (tmp_path / "0.log").read_text()
    assert (tmp_path / "1.out").read_text() == ""
    manifest = json.loads((tmp_path / "0.out").read_text())
    assert manifest["processes"] == 2
    assert load_ssl(f"ssl:{tmp_path / 'm'}").weights_hash == manifest["model"]["weights_hash"]


# --- errors


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"objective": "vicregg"}, InputError, "no objective 'vicregg'; did you mean 'vicreg'"),
        ({"objective": "xyz"}, InputError, "no objective 'xyz'; known are barlow, dino, simclr, vicreg"),
        ({"model": "resnet81"}, ModelError, r"no model 'resnet81' to train: .*tiny, small.* did you mean resnet"),
        ({"model": "hf-hub:someone/model"}, ModelError, "no model 'hf-hub:someone/model' to train"),
        ({"augmentation": "x"}, InputError, "augmentation = 'x'; expected clip, ssl, crop or none"),
    ],
)
def test_wrong_input_stops_before_anything_is_written(ssl_world, tmp_path, change, error, message):
    with pytest.raises(error, match=message):
        run(ssl_world, tmp_path / "m", **change)
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("0", "checkpoint_epochs has 0; expected epochs from 1 to 4"),
        ("5,9", "has 5, 9;"),
        ("x", "'x'; expected a whole number"),
    ],
)
def test_epochs_to_keep_are_epochs(ssl_world, value, message):
    with pytest.raises(InputError, match=message):
        SslConfig.checked(**options(ssl_world, "m", checkpoint_epochs=value))


def test_records_without_an_image_are_counted_and_named(ssl_world, tmp_path):
    def lack(rows):
        rows[3]["image_path"] = rows[5]["image_path"] = None

    records = rewritten(ssl_world / "records", tmp_path / "records", lack)
    first = load_records(records).record_ids[3].as_py()
    with pytest.raises(InputError, match=rf"2 of 64 records have no image, e\.g\. '{first}'"):
        run(ssl_world, tmp_path / "m", records=records)


def test_without_lightly_the_error_says_what_to_install(ssl_world, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "lightly.loss.vicreg_loss", None)
    with pytest.raises(InputError, match=r"needs lightly, .* pip install 'memometer\[ssl\]'"):
        run(ssl_world, tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_folders_that_are_no_model_are_errors(ssl_trained, tmp_path):
    with pytest.raises(ModelError, match=r"holds no self-supervised model; expected ssl_config\.json"):
        load_ssl(f"ssl:{tmp_path}")
    source = ssl_trained["vicreg"].folder
    for name in ("ssl_config.json", "ssl_model.safetensors"):
        (tmp_path / name).write_bytes((source / name).read_bytes())
    config = json.loads((source / "ssl_config.json").read_text())
    wrong = [
        ({**config, "projector": {"widths": []}}, "no config of a self-supervised model: projector.widths"),
        ({**config, "code": "x"}, "unknown key 'code'; .*known are backbone, "),
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
