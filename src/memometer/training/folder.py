"""The folder of a model: its state while it trains, its files once it has."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
import safetensors.torch
import torch

from memometer.errors import InputError
from memometer.files import atomic_path, read_json, write_json

__all__ = ["METRICS", "ModelFolder", "TrainState"]

METRICS = ("step", "epoch", "loss", "lr", "logit_scale", "samples_per_second")
"""Columns of ``metrics.parquet``, one row per step."""

CONFIG_NAME = "open_clip_config.json"
WEIGHTS_NAME = "open_clip_model.safetensors"


@dataclasses.dataclass
class TrainState:
    """What a killed training needs to go on.

    Attributes:
        epoch: the first epoch that is not done.
        model: the model's state dict.
        optimizer: the optimizer's.
        metrics: (steps, 6) float64, columns as `METRICS`.
        seconds: spent so far.
    """

    epoch: int
    model: dict[str, torch.Tensor]
    optimizer: dict[str, Any]
    metrics: torch.Tensor
    seconds: float


@dataclasses.dataclass(frozen=True)
class ModelFolder:
    """A folder that ``memometer train`` writes; finished, it has the layout of open_clip's ``local-dir:``."""

    path: Path

    @property
    def weights(self) -> Path:
        """The trained weights."""
        return self.path / WEIGHTS_NAME

    @property
    def manifest(self) -> Path:
        """Written last: a folder that has one is whole."""
        return self.path / "manifest.json"

    @property
    def _state(self) -> Path:
        return self.path / "state"

    def standing(self, key: str, *, overwrite: bool) -> Literal["finished", "begun", "empty"]:
        """How far the training named ``key`` is in this folder.

        Raises:
            InputError: the folder holds another model, and ``overwrite`` is not set.
        """
        if self.manifest.is_file() and self.weights.is_file():
            holds, found = "another model", read_json(self.manifest).get("key")
        elif (self._state / "run.json").is_file():
            holds, found = "the unfinished training of another model", read_json(self._state / "run.json").get("key")
        elif any((self.path / name).exists() for name in (CONFIG_NAME, WEIGHTS_NAME, "manifest.json")):
            holds, found = "a model that memometer did not train", None
        else:
            return "empty"
        if found == key:
            return "finished" if self.manifest.is_file() else "begun"
        if overwrite:
            return "empty"
        raise InputError(
            f"{self.path} holds {holds} (other options, or other records); "
            "choose another --out, or pass --overwrite to replace it"
        )

    def begin(self, key: str, config: dict[str, Any]) -> None:
        """Clears the folder of a former model's files and notes what is trained."""
        self.manifest.unlink(missing_ok=True)
        for name in (CONFIG_NAME, WEIGHTS_NAME, "metrics.parquet"):
            (self.path / name).unlink(missing_ok=True)
        shutil.rmtree(self._state, ignore_errors=True)
        write_json(self._state / "run.json", {"key": key, "config": config})

    def save_state(self, state: TrainState) -> None:
        """Keeps the state, whole or not at all."""
        with atomic_path(self._state / "last.pt") as temporary:
            torch.save({field.name: getattr(state, field.name) for field in dataclasses.fields(state)}, temporary)

    def load_state(self) -> TrainState | None:
        """The last state kept, on the CPU; None before the first."""
        path = self._state / "last.pt"
        if not path.is_file():
            return None
        return TrainState(**torch.load(path, map_location="cpu", weights_only=True))

    def finish(
        self,
        weights: dict[str, torch.Tensor],
        *,
        open_clip_config: dict[str, Any],
        metrics: torch.Tensor,
        manifest: dict[str, Any],
    ) -> None:
        """Writes the model's files, the manifest last, and removes the state."""
        write_json(self.path / CONFIG_NAME, open_clip_config)
        with atomic_path(self.weights) as temporary:
            safetensors.torch.save_file({name: tensor.contiguous() for name, tensor in weights.items()}, temporary)
        columns = {name: metrics[:, place].numpy() for place, name in enumerate(METRICS)}
        whole = {name: columns[name].astype("int64") for name in ("step", "epoch")}
        with atomic_path(self.path / "metrics.parquet") as temporary:
            pq.write_table(pa.table({**columns, **whole}), temporary)
        write_json(self.manifest, manifest)
        shutil.rmtree(self._state, ignore_errors=True)
