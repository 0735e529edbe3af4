"""The folder of a model: its state while it trains, its files once it has."""

import dataclasses
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import pyarrow as pa
import safetensors.torch
import torch

from memometer.errors import InputError
from memometer.files import atomic_path, clear_leftovers, hash_file, write_json
from memometer.sealing import write_sealed_json
from memometer.states import key_in, load_state, save_state
from memometer.tables import write_table

__all__ = ["OPEN_CLIP", "Layout", "ModelFolder", "TrainState"]

State = TypeVar("State")


@dataclasses.dataclass(frozen=True)
class Layout:
    """Names of the files that make a model.

    Attributes:
        config: JSON that builds the model without weights.
        weights: safetensors.
    """

    config: str
    weights: str


OPEN_CLIP = Layout(config="open_clip_config.json", weights="open_clip_model.safetensors")
"""What open_clip's ``local-dir:`` loads."""


@dataclasses.dataclass
class TrainState:
    """What a killed training needs to go on.

    Attributes:
        epoch: the first epoch that is not done.
        model: the network's state dict.
        optimizer: the optimizer's.
        metrics: (steps, columns) float64.
        seconds: spent so far.
        objective: what the objective keeps besides, e.g. a teacher.
    """

    epoch: int
    model: dict[str, torch.Tensor]
    optimizer: dict[str, Any]
    metrics: torch.Tensor
    seconds: float
    objective: dict[str, torch.Tensor] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class ModelFolder:
    """A folder that a training writes.

    Attributes:
        path: the folder.
        layout: the names of its files.
    """

    path: Path
    layout: Layout = OPEN_CLIP

    @property
    def config(self) -> Path:
        """What builds the model without its weights."""
        return self.path / self.layout.config

    @property
    def weights(self) -> Path:
        """The trained weights."""
        return self.path / self.layout.weights

    @property
    def manifest(self) -> Path:
        """Written last: a folder that has one is whole."""
        return self.path / "manifest.json"

    @property
    def _state(self) -> Path:
        return self.path / "state"

    def at_epoch(self, epoch: int) -> "ModelFolder":
        """The folder within this one that keeps the model as it was after ``epoch`` epochs."""
        return dataclasses.replace(self, path=self.path / f"epoch-{epoch:04d}")

    def standing(self, key: str, *, overwrite: bool) -> Literal["finished", "begun", "empty"]:
        """How far the training named ``key`` is in this folder.

        Raises:
            InputError: the folder holds another model, and ``overwrite`` is not set.
        """
        names = (self.layout.config, self.layout.weights, "manifest.json")
        if self.manifest.is_file() and self.weights.is_file():
            holds, found = "another model", key_in(self.manifest, overwrite=overwrite)
        elif (self._state / "run.json").is_file():
            holds = "the unfinished training of another model"
            found = key_in(self._state / "run.json", overwrite=overwrite)
        elif any((self.path / name).exists() for name in names):
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
        for copy in self._copies():
            copy.clear()
            if not any(copy.path.iterdir()):
                copy.path.rmdir()
        self.clear()
        shutil.rmtree(self._state, ignore_errors=True)
        write_sealed_json(self._state / "run.json", {"key": key, "config": config})

    def forget_state(self) -> None:
        """Removes the state of a training that is finished."""
        shutil.rmtree(self._state, ignore_errors=True)

    def clear(self) -> None:
        """Removes the model's files, the manifest first."""
        for name in ("manifest.json", self.layout.config, self.layout.weights, "metrics.parquet"):
            (self.path / name).unlink(missing_ok=True)

    def save_state(self, state: object) -> None:
        """Keeps the state, a dataclass, whole or not at all."""
        save_state(self._state / "last.pt", state)

    def load_state(self, kind: type[State]) -> State | None:
        """The last state kept, on the CPU; None before the first, or where it is damaged."""
        return load_state(self._state / "last.pt", kind)

    def finish(
        self,
        weights: dict[str, torch.Tensor],
        *,
        model_file: dict[str, Any],
        metrics: torch.Tensor,
        columns: Sequence[str],
        manifest: dict[str, Any],
    ) -> None:
        """Writes the model's files, the manifest last, and removes the state.

        Args:
            weights: named tensors.
            model_file: what builds the model without them.
            metrics: (rows, columns) float64, a row per step or epoch; NaN is written as null.
            columns: names; ``step`` and ``epoch`` are written as whole numbers.
            manifest: what was done.
        """
        clear_leftovers(self.path)
        write_json(self.config, model_file)
        with atomic_path(self.weights) as temporary:
            tensors = {name: tensor.cpu().contiguous() for name, tensor in weights.items()}
            safetensors.torch.save_file(tensors, temporary)
        table = {name: pa.array(metrics[:, place].numpy(), from_pandas=True) for place, name in enumerate(columns)}
        table |= {name: table[name].cast("int64") for name in ("step", "epoch") if name in table}
        write_table(self.path / "metrics.parquet", pa.table(table))
        files = {self.layout.config: hash_file(self.config)}
        write_sealed_json(self.manifest, {**manifest, "files": files})
        self.forget_state()

    def _copies(self) -> Iterator["ModelFolder"]:
        """The folders that a former training's checkpoints made."""
        for path in sorted(self.path.glob("epoch-[0-9]*")):
            if (path / self.layout.config).is_file():
                yield dataclasses.replace(self, path=path)
