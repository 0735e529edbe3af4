"""The folder of a crop classifier: its state while it trains, its files once it has."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import safetensors.torch
import torch

from memometer.data.records import Records
from memometer.errors import InputError
from memometer.files import atomic_path, clear_leftovers, hash_file, write_json
from memometer.sealing import write_sealed_json
from memometer.states import key_in, load_state, save_state
from memometer.tables import write_table

__all__ = ["METRICS", "CropClassifierFolder", "CropTrainingState"]

METRICS = ("epoch", "loss", "lr", "held_out_loss", "held_out_accuracy")
"""Columns of ``metrics.parquet``, one row per epoch."""

FITTED_ON = ("record_id", "image_hash", "image_phash", "group", "role")
"""Columns kept of the records that a classifier was trained on: enough to see whether others overlap with them."""


@dataclasses.dataclass
class CropTrainingState:
    """What a killed training needs to go on.

    Attributes:
        epoch: the first epoch that is not done.
        model: the network's state dict.
        optimizer: the optimizer's.
        best_epoch: the best epoch so far, from 0; -1 before the first.
        best_model: the network's state dict after it.
        metrics: one row per epoch, columns as `METRICS`.
        rejects: record_id → why its crop could not be trained on.
        seconds: spent so far.
    """

    epoch: int = 0
    model: dict[str, torch.Tensor] = dataclasses.field(default_factory=dict)
    optimizer: dict[str, Any] = dataclasses.field(default_factory=dict)
    best_epoch: int = -1
    best_model: dict[str, torch.Tensor] = dataclasses.field(default_factory=dict)
    metrics: list[list[float]] = dataclasses.field(default_factory=list)
    rejects: dict[str, str] = dataclasses.field(default_factory=dict)
    seconds: float = 0.0


@dataclasses.dataclass(frozen=True)
class CropClassifierFolder:
    """A folder that `memometer.references.train_crop_classifier` writes."""

    path: Path

    @property
    def weights(self) -> Path:
        """The weights of the best epoch."""
        return self.path / "crop_classifier.safetensors"

    @property
    def config(self) -> Path:
        """What builds the network, and the labels' names."""
        return self.path / "crop_classifier.json"

    @property
    def fitted_on(self) -> Path:
        """A folder of records: the ones trained on, by ids and hashes."""
        return self.path / "fitted_on"

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
            InputError: the folder holds something else, and ``overwrite`` is not set.
        """
        if self.manifest.is_file():
            found, standing = key_in(self.manifest, overwrite=overwrite), "finished"
        elif (self._state / "run.json").is_file():
            found, standing = key_in(self._state / "run.json", overwrite=overwrite), "begun"
        else:
            found, standing = None, "empty"
        if found == key:
            return "finished" if standing == "finished" else "begun"
        if overwrite or (standing == "empty" and not self.weights.exists()):
            return "empty"
        raise InputError(
            f"{self.path} holds another model (other options, or other records); "
            "choose another folder, or ask to overwrite it"
        )

    def forget_state(self) -> None:
        """Removes the state of a training that is finished."""
        shutil.rmtree(self._state, ignore_errors=True)

    def begin(self, key: str, options: dict[str, Any]) -> None:
        """Clears the folder of a former classifier's files and notes what is trained."""
        self.manifest.unlink(missing_ok=True)
        for path in (self.weights, self.config, self.path / "metrics.parquet", self.path / "rejects.parquet"):
            path.unlink(missing_ok=True)
        shutil.rmtree(self.fitted_on, ignore_errors=True)
        shutil.rmtree(self._state, ignore_errors=True)
        write_sealed_json(self._state / "run.json", {"key": key, "options": options})

    def save_state(self, state: CropTrainingState) -> None:
        """Keeps the state, whole or not at all."""
        save_state(self._state / "last.pt", state)

    def load_state(self) -> CropTrainingState:
        """The last state kept, on the CPU; a fresh one before the first, or where it is damaged."""
        return load_state(self._state / "last.pt", CropTrainingState) or CropTrainingState()

    def finish(
        self, state: CropTrainingState, *, records: Records, config: dict[str, Any], manifest: dict[str, Any]
    ) -> None:
        """Writes the classifier's files, the manifest last, and removes the state."""
        clear_leftovers(self.fitted_on)
        write_json(self.config, config)
        with atomic_path(self.weights) as temporary:
            tensors = {name: tensor.cpu().contiguous() for name, tensor in state.best_model.items()}
            safetensors.torch.save_file(tensors, temporary)
        columns = {name: [row[place] for row in state.metrics] for place, name in enumerate(METRICS)}
        # Without held-out records their loss is NaN in the state, and null here.
        arrays = {name: pa.array(values, pa.float64(), from_pandas=True) for name, values in columns.items()}
        metrics = pa.table({**arrays, "epoch": arrays["epoch"].cast(pa.int64())})
        rejects = sorted(state.rejects.items())
        reject_columns = {"record_id": [name for name, _ in rejects], "reason": [reason for _, reason in rejects]}
        strings = pa.schema([("record_id", pa.string()), ("reason", pa.string())])
        for path, table in (
            (self.path / "metrics.parquet", metrics),
            (self.path / "rejects.parquet", pa.table(reject_columns, schema=strings)),
            (self.fitted_on / "records.parquet", records.table.select(list(FITTED_ON))),
        ):
            write_table(path, table)
        write_sealed_json(self.manifest, {**manifest, "files": {self.config.name: hash_file(self.config)}})
        self.forget_state()
