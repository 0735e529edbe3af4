"""Training of a model, from records to a folder that open_clip loads."""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import torch

from memometer.data.records import Records, hash_records, load_records
from memometer.data.removal import leave_out
from memometer.errors import InputError
from memometer.files import read_json
from memometer.progress import notice
from memometer.software import describe_software, timestamp
from memometer.training.config import TrainConfig
from memometer.training.folder import ModelFolder
from memometer.training.loop import TrainingLoop
from memometer.training.mitigations import Mitigation
from memometer.training.models import find_architecture

__all__ = ["TrainResult", "train"]

TRAINED_COLUMNS = ("record_id", "image_hash", "image_path", "image_offset", "image_row", "captions")
"""What enters a model, and so names its training."""


@dataclasses.dataclass(frozen=True)
class TrainResult:
    """A trained model.

    Attributes:
        folder: holds the weights in open_clip's layout, ``manifest.json`` and ``metrics.parquet``.
        manifest: options, versions, hashes, timings.
        is_main_process: False in all but one of the processes that ``accelerate launch`` starts.
    """

    folder: Path
    manifest: dict[str, Any]
    is_main_process: bool

    @property
    def spec(self) -> str:
        """What names the model to `memometer.embeddings.load_encoder`."""
        return f"open_clip:{self.folder}"


def train(config: TrainConfig, *, mitigations: Sequence[Mitigation] = (), overwrite: bool = False) -> TrainResult:
    """Trains a model from scratch with CLIP's loss, or goes on with a training that was stopped.

    On one CPU, the same options, records and number of threads give the same weights, stopped in between or not. Run by
    ``accelerate launch`` or ``torchrun``, the processes share each batch, and the loss is that of the whole batch.

    Args:
        config: the options.
        mitigations: see `memometer.training.mitigations`; applied in their order.
        overwrite: replace another model in the folder.

    Raises:
        InputError: records, options and folder do not fit together.
        JobError: the loss is no longer finite, or an image cannot be read.
    """
    started = timestamp()
    whole = load_records(config.records, role=config.role)
    records = leave_out(whole, config.without)
    _check_records(records, config)
    architecture = find_architecture(config.model)
    records_hash = hash_records(records, TRAINED_COLUMNS)
    key = config.key(records_hash=records_hash, model_config=architecture.config, mitigations=repr(tuple(mitigations)))
    folder = ModelFolder(config.out)
    standing = folder.standing(key, overwrite=overwrite)
    if standing == "finished":
        if _is_main_process():
            notice(f"{config.out} holds this model already; nothing to do")
        return TrainResult(config.out, read_json(folder.manifest), _is_main_process())
    with torch.random.fork_rng(devices=[]):
        loop = TrainingLoop(config, records, architecture=architecture, mitigations=mitigations)
        process = loop.accelerator
        process.wait_for_everyone()  # no process may clear the folder while another still looks at it
        if standing == "empty" and process.is_main_process:
            folder.begin(key, config.model_dump(mode="json"))
        process.wait_for_everyone()
        state = loop.run(folder, resume=standing == "begun")
    manifest = {
        "kind": "training",
        **describe_software(),
        "started": started,
        "finished": timestamp(),
        "key": key,
        "config": config.model_dump(mode="json"),
        "mitigations": [repr(mitigation) for mitigation in mitigations],
        "records": {
            "path": str(config.records),
            "role": config.role,
            "without": config.without and {"path": str(config.without), "n": len(whole) - len(records)},
            "n": len(records),
            "hash": records_hash,
        },
        **loop.describe(state),
    }
    if process.is_main_process:
        loop.save_tokenizer(config.out)
        folder.finish(
            state.model,
            open_clip_config={"model_cfg": architecture.config, "preprocess_cfg": manifest["model"]["preprocess"]},
            metrics=state.metrics,
            manifest=manifest,
        )
    process.wait_for_everyone()
    process.end_training()
    return TrainResult(config.out, manifest, _is_main_process())


def _is_main_process() -> bool:
    return int(os.environ.get("RANK", "0")) == 0  # as torchrun and accelerate set it


def _check_records(records: Records, config: TrainConfig) -> None:
    if len(records) < config.batch_size:
        raise InputError(
            f"{len(records):,} records to train on, fewer than a batch of {config.batch_size}; "
            f"pass --batch-size {len(records)} or less"
        )
    captions = pc.fill_null(pc.list_value_length(records.column("captions")), 0)
    lacking = pc.or_(pc.equal(captions, 0), pc.is_null(records.column("image_path")))
    if count := pc.sum(lacking).as_py():
        first = records.record_ids.filter(lacking)[0].as_py()
        raise InputError(
            f"{count:,} of {len(records):,} records have no image or no caption, e.g. '{first}'; training needs both: "
            "import the records again, which leaves such records out"
        )
