"""Training of a CLIP model, from records to a folder that open_clip loads."""

import dataclasses
from collections.abc import Sequence

import pyarrow.compute as pc

from memometer.data.records import Records
from memometer.training.clip import ClipObjective
from memometer.training.config import TrainConfig
from memometer.training.folder import ModelFolder
from memometer.training.mitigations import Mitigation, mitigations_of
from memometer.training.models import find_architecture
from memometer.training.run import (
    IMAGE_COLUMNS,
    TrainResult,
    check_records,
    is_main_process,
    read_records,
    run_training,
)

__all__ = ["train"]

TRAINED_COLUMNS = (*IMAGE_COLUMNS, "captions")
"""What enters a model, and so names its training."""


def train(config: TrainConfig, *, mitigations: Sequence[Mitigation] = (), overwrite: bool = False) -> TrainResult:
    """Trains a model from scratch with CLIP's loss, or goes on with a training that was stopped.

    On one CPU, the same options, records and number of threads give the same weights, stopped in between or not. Run by
    ``accelerate launch`` or ``torchrun``, the processes share each batch, and the loss is that of the whole batch.

    Args:
        config: the options.
        mitigations: more than the options name, see `memometer.training.Mitigation`; applied in their order, after
            those of the options.
        overwrite: replace another model in the folder.

    Raises:
        InputError: records, options and folder do not fit together.
        JobError: the loss is no longer finite, or an image cannot be read.
    """
    records, of_records = read_records(config, TRAINED_COLUMNS)
    _check_records(records, config)
    every = (*mitigations_of(config), *mitigations)
    architecture = find_architecture(config.model)
    for mitigation in every:
        architecture = dataclasses.replace(architecture, config=mitigation.model_config(architecture.config))
    manifest = run_training(
        config,
        ClipObjective(config, records, architecture=architecture, mitigations=every),
        folder=ModelFolder(config.out),
        key=config.key(
            records_hash=of_records["hash"], model_config=architecture.config, mitigations=repr(tuple(mitigations))
        ),
        n=len(records),
        facts={"mitigations": [repr(mitigation) for mitigation in every], "records": of_records},
        overwrite=overwrite,
    )
    return TrainResult(config.out, manifest, is_main_process())


def _check_records(records: Records, config: TrainConfig) -> None:
    captions = pc.fill_null(pc.list_value_length(records.column("captions")), 0)
    check_records(
        records,
        batch_size=config.batch_size,
        lacking=pc.or_(pc.equal(captions, 0), pc.is_null(records.column("image_path"))),
        what="no image or no caption",
        needs="training needs both",
    )
