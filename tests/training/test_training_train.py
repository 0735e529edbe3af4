"""Training end to end: the same bytes from the same seed, also after a kill; files that open_clip loads."""

import dataclasses
import json
import shutil

import numpy as np
import open_clip
import pytest
import torch
from clip_training import STEPS, N, digest, flags, flipped, metrics, options, run
from commands import invoke
from model_factory import noise_image, rewritten, tiny_architecture

from memometer.cli.train import command
from memometer.embeddings import load_encoder
from memometer.errors import DamagedError, InputError, ModelError
from memometer.states import read_manifest
from memometer.training import Mitigation


def test_the_folder_is_whole_and_describes_itself(world, trained):
    names = {"open_clip_config.json", "open_clip_model.safetensors", "manifest.json", "metrics.parquet"}
    assert {path.name for path in trained.folder.glob("*.*")} == names
    manifest = read_manifest(trained.folder / "manifest.json")
    assert manifest == trained.manifest
    assert manifest["records"]["n"] == N
    assert manifest["config"]["seed"] == 0
    assert manifest["steps"] == STEPS
    assert manifest["model"]["weights_hash"] == load_encoder(trained.spec).weights_hash
    told = {"memometer", "command", "packages", "platform", "started", "seconds", "device", "threads"}
    assert told <= manifest.keys()


@pytest.mark.parametrize("name", ["open_clip_model.safetensors", "open_clip_config.json", "manifest.json"])
@pytest.mark.parametrize("place", [0.3, 0.7])
def test_what_is_loaded_is_what_was_trained(trained, tmp_path, name, place):
    shutil.copytree(trained.folder, tmp_path / "model")
    load_encoder(f"open_clip:{tmp_path / 'model'}")
    flipped(tmp_path / "model" / name, place)
    with pytest.raises((DamagedError, ModelError), match=rf"{name} is (damaged|not a checkpoint)"):
        load_encoder(f"open_clip:{tmp_path / 'model'}")


def test_a_model_whose_manifest_knows_no_hashes_loads(trained, tmp_path):
    shutil.copytree(trained.folder, tmp_path / "model")
    path = tmp_path / "model" / "manifest.json"
    manifest = read_manifest(path)
    del manifest["model"]["weights_hash"]
    path.write_text(json.dumps(manifest))
    load_encoder(f"open_clip:{tmp_path / 'model'}")
    path.write_text(json.dumps({"version": 3, "model": "somebody else's"}))
    load_encoder(f"open_clip:{tmp_path / 'model'}")


def test_metrics_have_a_row_per_step_and_the_loss_falls(trained):
    steps = metrics(trained.folder)
    assert steps["step"].tolist() == list(range(STEPS))
    assert steps["epoch"].tolist() == [step // 3 for step in range(STEPS)]
    assert steps["lr"][:3].tolist() == pytest.approx([0.005, 0.01, 0.01])
    assert steps["loss"][STEPS - 3 :].mean() < steps["loss"][:3].mean()
    assert (steps["samples_per_second"] > 0).all()
    assert trained.manifest["loss"] == pytest.approx(steps["loss"][STEPS - 3 :].mean(), abs=1e-5)


def test_open_clip_loads_the_model_and_gives_the_same_vectors(trained):
    model, transform = open_clip.create_model_from_pretrained(f"local-dir:{trained.folder}")
    tokens = open_clip.get_tokenizer(f"local-dir:{trained.folder}")(["a dog beside a cat"])
    encoder, picture = load_encoder(trained.spec), noise_image(99)
    with torch.inference_mode():
        expected = model.eval().encode_image(transform(picture)[None]).numpy(), model.encode_text(tokens).numpy()
    np.testing.assert_array_equal(encoder.encode_images(encoder.preprocess(picture)[None]), expected[0])
    np.testing.assert_array_equal(encoder.encode_texts(["a dog beside a cat"]), expected[1])
    assert encoder.warnings == ()


def test_the_same_options_give_the_same_bytes(world, trained, tmp_path):
    torch.manual_seed(123)  # what the caller drew before does not matter
    assert digest(run(world, tmp_path / "again").folder) == digest(trained.folder)


def test_the_callers_random_state_is_left_alone(world, tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    run(world, tmp_path / "x", epochs=1)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("change", [{"seed": 1}, {"role": "b"}, {"weight_decay": 0.5}, {"min_crop": 0.5}])
def test_other_options_give_other_weights(world, trained, tmp_path, change):
    assert digest(run(world, tmp_path / "other", **change).folder) != digest(trained.folder)


def test_mitigations_of_features_reach_the_loss_and_the_manifest(world, trained, tmp_path):
    @dataclasses.dataclass(frozen=True)
    class Noise(Mitigation):
        std: float

        def text_features(self, features, *, generator):
            drawn = torch.randn(features.shape, generator=generator, device=features.device)
            return torch.nn.functional.normalize(features + self.std * drawn, dim=-1)

    once, twice = (run(world, tmp_path / name, mitigations=[Noise(0.5)]) for name in ("once", "twice"))
    assert digest(once.folder) == digest(twice.folder) != digest(trained.folder)
    assert once.manifest["mitigations"][0].endswith("Noise(std=0.5)")
    with pytest.raises(InputError, match="holds another model"):
        run(world, tmp_path / "once", mitigations=[Noise(0.6)])


def test_models_with_a_bias_on_the_logits_train(world, tmp_path):
    config = tiny_architecture(init_logit_bias=-1.0, custom_text=True).config
    (tmp_path / "bias.json").write_text(json.dumps(config))
    trained = run(world, tmp_path / "m", model=str(tmp_path / "bias.json"), epochs=1)
    assert load_encoder(trained.spec).encode_texts(["x"]).shape == (1, 16)


def test_bf16_trains_on_a_cpu_when_asked(world, tmp_path, trained):
    rough = run(world, tmp_path / "m", precision="bf16")
    assert rough.manifest["precision"] == "bf16"
    assert trained.manifest["precision"] == "fp32"
    assert rough.manifest["loss"] == pytest.approx(trained.manifest["loss"], rel=0.2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"role": "z"}, "no record in .* has the role 'z'"),
        ({"model": "huge"}, "there is no model 'huge' to train"),
    ],
)
def test_wrong_input_stops_before_anything_is_written(world, tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        run(world, tmp_path / "m", **change)
    assert not (tmp_path / "m").exists()


def test_a_batch_shrinks_to_the_records_with_a_remark(world, tmp_path, capsys):
    whole = run(world, tmp_path / "m", batch_size=25)
    assert "24 records do not fill a batch of 25, so --batch-size is 24" in capsys.readouterr().err
    assert whole.manifest["config"]["batch_size"] == 24
    asked = run(world, tmp_path / "n", batch_size=24)
    assert asked.manifest["model"]["weights_hash"] == whole.manifest["model"]["weights_hash"]


def test_records_without_image_or_caption_are_counted_and_named(tmp_path, world):
    def lack(rows):
        rows[6]["captions"], rows[10]["image_path"], rows[14]["captions"] = [], None, None

    records = rewritten(world / "records", tmp_path / "records", lack)
    with pytest.raises(InputError, match=r"3 of 24 records have no image or no caption, e\.g\. 'r0006'"):
        run(world, tmp_path / "m", records=records)


def test_the_command_trains_and_prints_the_model(world, tmp_path):
    named = flags(options(world, tmp_path / "m", epochs=1))
    done = invoke(command, *named)
    assert done.exit_code == 0
    assert "trained on 24 records, 3 steps in" in done.stdout
    assert f"the model: open_clip:{tmp_path / 'm'}" in done.stdout
    assert json.loads(invoke(command, *named, "--json").stdout)["config"]["epochs"] == 1


def test_the_command_turns_wrong_options_into_a_sentence(world, tmp_path):
    done = invoke(command, f"--records={world / 'records'}", f"--out={tmp_path}", "--epochs=0")
    assert isinstance(done.exception, InputError)
    assert "epochs = 0; expected 1 or more" in str(done.exception)
