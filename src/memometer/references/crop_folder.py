"""The folder of a crop classifier: its state while it trains, its files once it has."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch

from memometer.data.records import Records
from memometer.files import clear_leftovers
from memometer.tables import write_table
from memometer.training.folder import Layout, ModelFolder

__all__ = ["METRICS", "CropClassifierFolder", "CropTrainingState"]

METRICS = ("epoch", "loss", "lr", "held_out_loss", "held_out_accuracy")
"""Columns of ``metrics.parquet``, one row per epoch."""

LAYOUT = Layout(config="crop_classifier.json", weights="crop_classifier.safetensors")

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
class CropClassifierFolder(ModelFolder):
    """A folder that `memometer.references.train_crop_classifier` writes; its weights are those of the best epoch."""

    layout: Layout = LAYOUT

    @property
    def fitted_on(self) -> Path:
        """A folder of records: the ones trained on, by ids and hashes."""
        return self.path / "fitted_on"

    def clear(self) -> None:
        """Removes the classifier's files, the manifest first."""
        super().clear()
        (self.path / "rejects.parquet").unlink(missing_ok=True)
        shutil.rmtree(self.fitted_on, ignore_errors=True)

    def close(
        self, state: CropTrainingState, *, records: Records, config: dict[str, Any], manifest: dict[str, Any]
    ) -> None:
        """Writes the classifier's files, the manifest last, and removes the state."""
        clear_leftovers(self.fitted_on)
        rejects = sorted(state.rejects.items())
        columns = {"record_id": [name for name, _ in rejects], "reason": [reason for _, reason in rejects]}
        strings = pa.schema([("record_id", pa.string()), ("reason", pa.string())])
        write_table(self.path / "rejects.parquet", pa.table(columns, schema=strings))
        write_table(self.fitted_on / "records.parquet", records.table.select(list(FITTED_ON)))
        metrics = torch.tensor(state.metrics, dtype=torch.float64)
        self.finish(state.best_model, model_file=config, metrics=metrics, columns=METRICS, manifest=manifest)
