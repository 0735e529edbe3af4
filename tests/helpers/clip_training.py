"""Small trainings of CLIP models."""

import json

import pyarrow.parquet as pq
import pytest
from file_digests import file_digest
from model_factory import tiny_architecture, write_records

from memometer.training import TrainConfig, train
from memometer.training.folder import ModelFolder

N, BATCH, EPOCHS = 24, 8, 3
STEPS = N // BATCH * EPOCHS


def write_world(folder, roles=("a", "b")):
    """Records of some roles and a tiny model's config."""
    write_records(folder / "records", n=N * len(roles), roles=roles)
    (folder / "tiny.json").write_text(json.dumps(tiny_architecture().config))
    return folder


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


def flipped(path, place=0.5):
    """Changes one bit of a file, ``place`` of the way through it."""
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 1
    path.write_bytes(content)


class KilledError(Exception):
    """Stands for a kill between two epochs."""


def run_until(epochs, train, *, monkeypatch):
    """A training that dies once the state of ``epochs`` epochs is on disk."""
    save = ModelFolder.save_state

    def save_then_die(self, state):
        save(self, state)
        if state.epoch == epochs:
            raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(ModelFolder, "save_state", save_then_die)
        with pytest.raises(KilledError):
            train()
