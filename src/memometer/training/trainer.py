"""Training of a CLIP model, from records to a folder that open_clip loads."""

import dataclasses
from collections.abc import Sequence

from memometer.data.records import Records, hash_records, load_records
from memometer.training.clip import ClipObjective
from memometer.training.config import TrainConfig
from memometer.training.early_stopping import EarlyStopping, HeldOut, check_held_out
from memometer.training.folder import ModelFolder
from memometer.training.mitigations import Mitigation, mitigations_of
from memometer.training.mitigations.image_variants import ImageVariants, load_variants
from memometer.training.models import find_architecture
from memometer.training.needs import PAIR, check_records, fit_batch
from memometer.training.run import IMAGE_COLUMNS, TrainResult, is_main_process, read_records, run_training

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
    records, of_records = read_records(config, TRAINED_COLUMNS, deduplicate=config.deduplicate)
    why = "training on pairs needs both (train-ssl needs images alone)"
    check_records(records, PAIR, why=why)
    config = fit_batch(config, n=len(records))
    variants, held_out = _variants(config, records), _held_out(config, records)
    every = (*([variants] if variants else []), *mitigations_of(config), *mitigations)
    architecture = find_architecture(config.model)
    for mitigation in every:
        architecture = dataclasses.replace(architecture, config=mitigation.model_config(architecture.config))
    stopping = EarlyStopping(held_out, batch_size=config.batch_size, seed=config.seed) if held_out else None
    manifest = run_training(
        config,
        ClipObjective(config, records, architecture=architecture, mitigations=every, early_stopping=stopping),
        folder=ModelFolder(config.out),
        key=config.key(
            records_hash=of_records["hash"],
            model_config=architecture.config,
            mitigations=repr(tuple(mitigations)),
            contents=[f"{type(part).__name__} {part.hash}" for part in (variants, held_out) if part],
        ),
        n=len(records),
        facts={
            "mitigations": [repr(mitigation) for mitigation in (*every, *([stopping] if stopping else []))],
            "records": of_records,
        },
        overwrite=overwrite,
    )
    return TrainResult(config.out, manifest, is_main_process())


def _variants(config: TrainConfig, records: Records) -> ImageVariants | None:
    """Further images of the records, where the options name some."""
    if config.image_variants is None:
        return None
    return load_variants(config.image_variants, records=records, whole=load_records(config.records))


def _held_out(config: TrainConfig, records: Records) -> HeldOut | None:
    """The pairs for early stopping, where the options name some."""
    if config.early_stop is None:
        return None
    held_out = load_records(config.records, role=config.early_stop)
    check_held_out(held_out, role=config.early_stop, trained=records)
    return HeldOut(config.early_stop, hash_records(held_out, TRAINED_COLUMNS), held_out)
