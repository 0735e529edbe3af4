"""Training with worker processes and in several processes: what one process learns."""

import json
import os
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import numpy as np
import pytest
import torch
import warm_processes
from accelerate.utils import DistributedType
from clip_training import digest, flags, metrics, options, run
from safetensors.torch import load_file

from memometer.errors import InputError
from memometer.training import TrainConfig, loop
from memometer.training.needs import fit_batch


def test_worker_processes_change_nothing(world, trained, tmp_path):
    assert digest(run(world, tmp_path / "workers", workers=1).folder) == digest(trained.folder)


@pytest.mark.parametrize("in_turn", [False, True])
def test_making_batches_ahead_changes_nothing(world, trained, tmp_path, monkeypatch, in_turn):
    monkeypatch.setattr(loop.TrainingLoop, "_in_turn", lambda *_: in_turn)
    assert digest(run(world, tmp_path / "model").folder) == digest(trained.folder)


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
    process = warm_processes.start(warm_processes.memometer, "train", *words, log=tmp_path / "log")
    try:
        assert within(120, (tmp_path / "m" / "state" / "last.pt").exists)
        process.kill()
        process.join()
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
