"""One training from an empty, begun or finished folder to a finished one, whatever its objective."""

import contextlib
import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from memometer.data.bundles import without_duplicates
from memometer.data.records import Records, hash_records, load_records
from memometer.data.removal import leave_out
from memometer.locking import one_writer
from memometer.progress import notice
from memometer.software import describe_software, timestamp
from memometer.states import read_manifest
from memometer.storage.paths import path_of
from memometer.training.config import TrainingOptions
from memometer.training.folder import ModelFolder, TrainState
from memometer.training.loop import TrainingLoop
from memometer.training.objective import Objective

__all__ = ["IMAGE_COLUMNS", "TrainResult", "is_main_process", "read_records", "run_training"]

IMAGE_COLUMNS = ("record_id", "image_hash", "image_path", "image_offset", "image_row")
"""What of a record's image enters a model, and so names its training."""


@dataclasses.dataclass(frozen=True)
class TrainResult:
    """A trained model.

    Attributes:
        folder: holds the weights, ``manifest.json`` and ``metrics.parquet``.
        manifest: options, versions, hashes, timings.
        is_main_process: False in all but one of the processes that ``accelerate launch`` starts.
        scheme: what reads the folder: ``open_clip`` or ``ssl``.
    """

    folder: Path
    manifest: dict[str, Any]
    is_main_process: bool
    scheme: str = "open_clip"

    @property
    def spec(self) -> str:
        """What names the model to `memometer.embeddings.load_encoder`."""
        return f"{self.scheme}:{self.folder}"

    def at_epoch(self, epoch: int) -> "TrainResult":
        """The copy that was kept after ``epoch`` epochs, one of the config's ``checkpoint_epochs``."""
        folder = ModelFolder(self.folder).at_epoch(epoch)
        return dataclasses.replace(self, folder=folder.path, manifest=read_manifest(folder.manifest))


def run_training(
    config: TrainingOptions,
    objective: Objective,
    *,
    folder: ModelFolder,
    key: str,
    n: int,
    facts: dict[str, Any],
    overwrite: bool,
) -> dict[str, Any]:
    """Trains, or goes on with a training that was stopped, or finds it done.

    Args:
        config: the options.
        objective: what is trained.
        folder: where the model goes.
        key: names what the model depends on.
        n: records.
        facts: go into the manifest.
        overwrite: replace another model in the folder.

    Returns:
        The manifest.

    Raises:
        InputError: the folder holds another model, or the processes do not fit the options.
        JobError: the loss is no longer finite, an image cannot be read, or another process trains there.
    """
    with one_writer(folder.path) if is_main_process() else contextlib.nullcontext():
        started = timestamp()
        standing = folder.standing(key, overwrite=overwrite)
        if standing == "finished":
            if is_main_process():
                folder.forget_state()  # of a training that was killed at its very end
                notice(f"{config.out} holds this model already; nothing to do")
            return read_manifest(folder.manifest)
        head = {"kind": "training", **describe_software(), "started": started, "key": key}
        head |= {"config": config.model_dump(mode="json"), **facts}
        with torch.random.fork_rng(devices=[]):
            loop = TrainingLoop(config, objective, n=n)
            process = loop.accelerator
            process.wait_for_everyone()  # no process may clear the folder while another still looks at it
            if standing == "empty" and process.is_main_process:
                folder.begin(key, head["config"])
            process.wait_for_everyone()

            def keep_copy(state: TrainState) -> None:
                if state.epoch in config.checkpoint_epochs:
                    _write(folder.at_epoch(state.epoch), loop, objective, state, head)

            state = loop.run(folder, resume=standing == "begun", after_epoch=keep_copy)
            objective.finish()
            manifest = _write(folder, loop, objective, state, head)
        process.wait_for_everyone()
        process.end_training()
        return manifest


def _write(
    target: ModelFolder, loop: TrainingLoop, objective: Objective, state: TrainState, head: dict[str, Any]
) -> dict[str, Any]:
    """Writes the model as it is now, from the main process; returns its manifest."""
    manifest = {**head, "finished": timestamp(), **loop.describe(state)}
    if loop.accelerator.is_main_process:
        objective.save_companions(target.path)
        target.finish(
            objective.weights(),
            model_file=objective.model_file(),
            metrics=state.metrics,
            columns=loop.columns,
            manifest=manifest,
        )
    return manifest


def read_records(
    config: TrainingOptions, columns: Sequence[str], *, deduplicate: bool = False
) -> tuple[Records, dict[str, Any]]:
    """The records to train on, and what the manifest says of them.

    Args:
        config: names them.
        columns: what of them enters the model.
        deduplicate: keep one record of those that show the same picture.

    Raises:
        InputError: there are no such records.
    """
    whole = load_records(config.records, role=config.role)
    listed = leave_out(whole, config.without)
    records = without_duplicates(listed) if deduplicate else listed
    return records, {
        "path": str(path_of(config.records)),
        "role": config.role,
        "without": config.without and {"path": str(config.without), "n": len(whole) - len(listed)},
        **({"duplicates_left_out": len(listed) - len(records)} if deduplicate else {}),
        "n": len(records),
        "hash": hash_records(records, columns),
    }


def is_main_process() -> bool:
    """Whether this is the process that writes, as torchrun and accelerate number them."""
    return int(os.environ.get("RANK", "0")) == 0
