"""Training end to end: the same bytes from the same seed, also after a kill; files that open_clip loads."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import numpy as np
import open_clip
import pyarrow.parquet as pq
import pytest
import torch
import typer
from accelerate.utils import DistributedType
from file_digests import file_digest
from model_factory import noise_image, tiny_architecture, write_records
from pictures import kill_when
from safetensors.torch import load_file
from typer.testing import CliRunner

from memometer.cli.train import command
from memometer.embeddings import load_encoder
from memometer.errors import DamagedError, InputError, JobError, ModelError
from memometer.states import read_manifest
from memometer.training import Mitigation, TrainConfig, loop, train
from memometer.training.folder import ModelFolder
from memometer.training.needs import fit_batch

N, BATCH, EPOCHS = 24, 8, 3
STEPS = N // BATCH * EPOCHS


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Records of two roles and a tiny model's config."""
    root = tmp_path_factory.mktemp("world")
    write_records(root / "records", n=2 * N, roles=("a", "b"))
    (root / "tiny.json").write_text(json.dumps(tiny_architecture().config))
    return root


def options(world, out, **changes):
    base = {"records": world / "records", "role": "a", "out": out, "model": str(world / "tiny.json")}
    return {**base, "epochs": EPOCHS, "batch_size": BATCH, "lr": 0.01, "warmup": 2, "device": "cpu", **changes}


def run(world, out, *, mitigations=(), overwrite=False, **changes):
    config = TrainConfig.checked(**options(world, out, **changes))
    return train(config, mitigations=mitigations, overwrite=overwrite)


def flags(named):
    """Options as the command line takes them."""
    return [f"--{name.replace('_', '-')}={value}" for name, value in named.items()]


def metrics(folder):
    return pq.read_table(folder / "metrics.parquet").to_pandas()


def digest(folder):
    return file_digest(folder / "open_clip_model.safetensors")


@pytest.fixture(scope="module")
def trained(world):
    return run(world, world / "trained")


def test_the_folder_is_whole_and_describes_itself(world, trained):
    folder = trained.folder
    assert {path.name for path in folder.iterdir()} == {
        "open_clip_config.json",
        "open_clip_model.safetensors",
        "manifest.json",
        "metrics.parquet",
    }
    manifest = read_manifest(folder / "manifest.json")
    assert manifest == trained.manifest
    assert manifest["records"]["n"] == N
    assert manifest["config"]["seed"] == 0
    assert manifest["steps"] == STEPS
    assert manifest["model"]["weights_hash"] == load_encoder(trained.spec).weights_hash
    assert {
        "memometer",
        "command",
        "packages",
        "platform",
        "started",
        "seconds",
        "device",
        "threads",
    } <= manifest.keys()


def flipped(path, place):
    """Changes one bit of a file, ``place`` of the way through it."""
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 1
    path.write_bytes(content)


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


def test_worker_processes_change_nothing(world, trained, tmp_path):
    assert digest(run(world, tmp_path / "workers", workers=1).folder) == digest(trained.folder)


@pytest.mark.parametrize("in_turn", [False, True])
def test_making_batches_ahead_changes_nothing(world, trained, tmp_path, monkeypatch, in_turn):
    monkeypatch.setattr(loop.TrainingLoop, "_in_turn", lambda *_: in_turn)
    assert digest(run(world, tmp_path / "model").folder) == digest(trained.folder)


def test_a_finished_training_is_free(world, trained, capsys):
    before = (trained.folder / "manifest.json").stat().st_mtime_ns
    (trained.folder / "state").mkdir()  # killed before the last thing that it does
    (trained.folder / "state" / "last.pt").write_bytes(b"")
    again = run(world, trained.folder, workers=1)
    assert not (trained.folder / "state").exists()
    assert again.manifest == trained.manifest
    assert (trained.folder / "manifest.json").stat().st_mtime_ns == before
    assert "holds this model already; nothing to do" in capsys.readouterr().err


def test_another_model_in_the_folder_is_kept_unless_told(world, tmp_path):
    first = digest(run(world, tmp_path / "m", epochs=1).folder)
    with pytest.raises(InputError, match=r"holds another model .*choose another --out, or pass --overwrite"):
        run(world, tmp_path / "m", epochs=1, seed=1)
    assert digest(tmp_path / "m") == first
    assert digest(run(world, tmp_path / "m", epochs=1, seed=1, overwrite=True).folder) != first


def test_files_of_other_makers_are_kept_unless_told(world, tmp_path):
    (tmp_path / "open_clip_config.json").write_text("{}")
    with pytest.raises(InputError, match="a model that memometer did not train"):
        run(world, tmp_path, epochs=1)
    run(world, tmp_path, epochs=1, overwrite=True)


class KilledError(Exception):
    """Stands for a kill between two epochs."""


def run_until(epochs, world, out, *, monkeypatch, **changes):
    """A training that dies once the state of ``epochs`` epochs is on disk."""
    save = ModelFolder.save_state

    def save_then_die(self, state):
        save(self, state)
        if state.epoch == epochs:
            raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(ModelFolder, "save_state", save_then_die)
        with pytest.raises(KilledError):
            run(world, out, **changes)


@pytest.mark.parametrize("epochs", [1, 2])
def test_a_stopped_training_ends_with_the_same_bytes(world, trained, tmp_path, monkeypatch, epochs):
    run_until(epochs, world, tmp_path / "m", monkeypatch=monkeypatch)
    with pytest.raises(InputError, match="the unfinished training of another model"):
        run(world, tmp_path / "m", seed=1)
    resumed = run(world, tmp_path / "m")
    assert digest(resumed.folder) == digest(trained.folder)
    ours, theirs = (metrics(folder) for folder in (resumed.folder, trained.folder))
    assert ours.drop(columns="samples_per_second").equals(theirs.drop(columns="samples_per_second"))


def test_a_training_whose_state_is_damaged_begins_again(world, trained, tmp_path, monkeypatch, capsys):
    run_until(2, world, tmp_path, monkeypatch=monkeypatch)
    flipped(tmp_path / "state" / "last.pt", 0.5)
    run(world, tmp_path)
    assert "last.pt is damaged" in capsys.readouterr().err
    assert digest(tmp_path) == digest(trained.folder)


def test_dropout_survives_a_resume(world, tmp_path, monkeypatch):
    config = tiny_architecture().config
    config["vision_cfg"]["patch_dropout"] = 0.5
    (tmp_path / "drop.json").write_text(json.dumps(config))
    whole = run(world, tmp_path / "whole", model=str(tmp_path / "drop.json"))
    run_until(2, world, tmp_path / "m", monkeypatch=monkeypatch, model=str(tmp_path / "drop.json"))
    assert digest(run(world, tmp_path / "m", model=str(tmp_path / "drop.json")).folder) == digest(whole.folder)


def test_kill_minus_9_then_the_same_training_ends_with_the_same_bytes(world, tmp_path, one_thread, capsys):
    command_line = [sys.executable, "-m", "memometer", "train", *flags(options(world, tmp_path / "killed", epochs=60))]
    assert kill_when(command_line, (tmp_path / "killed" / "state" / "last.pt").exists, timeout=120) == -signal.SIGKILL
    assert not (tmp_path / "killed" / "manifest.json").exists()
    run(world, tmp_path / "killed", epochs=60)
    assert "going on after epoch" in capsys.readouterr().err
    run(world, tmp_path / "whole", epochs=60)
    assert digest(tmp_path / "killed") == digest(tmp_path / "whole")
    assert not (tmp_path / "killed" / "state").exists()


@pytest.mark.parametrize("largest", [13.9, 2.0])
def test_the_logit_scale_is_clamped_after_every_step(world, tmp_path, largest):
    trained = run(world, tmp_path / "m", logit_scale_max=largest)
    scales = pq.read_table(trained.folder / "metrics.parquet")["logit_scale"].to_numpy()
    assert scales.max() <= largest * (1 + 1e-6)
    assert np.isclose(scales, largest).any()
    stored = load_file(trained.folder / "open_clip_model.safetensors")["logit_scale"].exp().item()
    assert stored == pytest.approx(scales[-1])


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_state(world, tmp_path):
    @dataclasses.dataclass(frozen=True)
    class Poison(Mitigation):
        step = 0

        def text_features(self, features, *, generator):
            object.__setattr__(self, "step", self.step + 1)
            return features * (float("nan") if self.step == 5 else 1.0)

    with pytest.raises(JobError, match=r"the loss is nan at step 5 of 9; .* kept in .*lower --lr"):
        run(world, tmp_path / "m", mitigations=[Poison()])
    assert ModelFolder(tmp_path / "m").load_state().epoch == 1
    assert not (tmp_path / "m" / "open_clip_model.safetensors").exists()


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


@pytest.mark.parametrize(
    ("n_processes", "n", "size"), [(1, 24, 24), (4, 27, 24), (1, 2, 2), (5, 25, 25), (2, 950, 900)]
)
def test_a_smaller_batch_can_be_shared_by_the_processes(monkeypatch, n_processes, n, size):
    monkeypatch.setenv("WORLD_SIZE", str(n_processes))
    config = TrainConfig(records=Path("r"), out=Path("m"), batch_size=900)
    assert fit_batch(config, n=n).batch_size == size


@pytest.mark.parametrize(("n_processes", "n"), [(1, 1), (1, 0), (4, 7)])
def test_a_record_alone_is_no_batch(monkeypatch, n_processes, n):
    monkeypatch.setenv("WORLD_SIZE", str(n_processes))
    with pytest.raises(InputError, match=f"{n} records to train on; expected 2 or more for each of {n_processes}"):
        fit_batch(TrainConfig(records=Path("r"), out=Path("m")), n=n)


@pytest.mark.parametrize(
    ("accelerator", "device", "message"),
    [
        ({"num_processes": 3}, "cpu", "a batch of 8 cannot be shared equally by 3 processes; pass a --batch-size"),
        ({"distributed_type": DistributedType.FSDP}, "cpu", "configured for FSDP; memometer trains data-parallel"),
        ({}, "cuda", "--device cuda was asked for, but torch sees no CUDA device"),
    ],
)
def test_processes_that_do_not_fit_are_errors(world, monkeypatch, accelerator, device, message):
    fake = {"num_processes": 1, "distributed_type": DistributedType.NO, "device": torch.device("cpu"), **accelerator}
    monkeypatch.setattr(loop, "Accelerator", lambda **_: types.SimpleNamespace(**fake))
    with pytest.raises(InputError, match=message):
        run(world, world / "never", device=device)


def test_records_without_image_or_caption_are_counted_and_named(tmp_path, world):
    folder = write_records(tmp_path / "records", n=N)
    table = pq.read_table(folder / "records.parquet").to_pylist()
    table[3]["captions"], table[5]["image_path"], table[7]["captions"] = [], None, None
    pq.write_table(type(pq.read_table(folder / "records.parquet")).from_pylist(table), folder / "records.parquet")
    with pytest.raises(InputError, match=r"3 of 24 records have no image or no caption, e\.g\. 'r0003'"):
        run(world, tmp_path / "m", records=folder)


def cli(*arguments):
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_command_trains_and_prints_the_model(world, tmp_path):
    named = flags(options(world, tmp_path / "m", epochs=1))
    done = cli(*named)
    assert done.exit_code == 0
    assert "trained on 24 records, 3 steps in" in done.stdout
    assert f"the model: open_clip:{tmp_path / 'm'}" in done.stdout
    assert json.loads(cli(*named, "--json").stdout)["config"]["epochs"] == 1


def test_the_command_turns_wrong_options_into_a_sentence(world, tmp_path):
    done = cli(f"--records={world / 'records'}", f"--out={tmp_path}", "--epochs=0")
    assert isinstance(done.exception, InputError)
    assert "epochs = 0: input should be greater than or equal to 1" in str(done.exception)


# accelerate launch starts several processes on GPUs, or through MPI; torchrun does so on any machine, in the same way.
TWO_PROCESSES = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]


@pytest.mark.slow
def test_two_processes_learn_what_one_learns(world, trained, tmp_path):
    train_two = [*TWO_PROCESSES, "-m", "memometer", "train", *flags(options(world, tmp_path / "two")), "--json"]
    done = subprocess.run(train_two, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["processes"] == 2  # printed once
    np.testing.assert_allclose(metrics(tmp_path / "two")["loss"], metrics(trained.folder)["loss"], rtol=2e-3)
    two, one = (load_file(folder / "open_clip_model.safetensors") for folder in (tmp_path / "two", trained.folder))
    np.testing.assert_allclose(two["text_projection"], one["text_projection"], atol=2e-3)


@pytest.mark.slow
def test_accelerate_launch_runs_the_command_unchanged(world, trained, tmp_path):
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes=1", "--num_machines=1"]
    launch += [
        "--mixed_precision=no",
        "--dynamo_backend=no",
        f"--num_cpu_threads_per_process={torch.get_num_threads()}",
    ]
    launched = [*launch, "-m", "memometer", "train", *flags(options(world, tmp_path / "m"))]
    subprocess.run(launched, capture_output=True, check=True)
    assert digest(tmp_path / "m") == digest(trained.folder)


def test_the_workers_of_a_killed_training_end(world, tmp_path):
    words = flags(options(world, tmp_path / "m", epochs=2000, workers=2))
    process = subprocess.Popen(
        [sys.executable, "-m", "memometer", "train", *words],
        start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert within(120, (tmp_path / "m" / "state" / "last.pt").exists)
        process.kill()
        process.wait()
        assert within(30, lambda: not group_lives(process.pid))
    finally:
        if group_lives(process.pid):
            os.killpg(process.pid, signal.SIGKILL)


def within(seconds, holds):
    """Whether ``holds()`` before that time is over."""
    end = time.monotonic() + seconds
    while not (held := holds()) and time.monotonic() < end:
        time.sleep(0.1)
    return held


def group_lives(group):
    """Whether a process of the group does."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
