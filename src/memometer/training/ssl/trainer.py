"""Self-supervised training, from records to a folder that `memometer.encoders` loads."""

from collections.abc import Callable

import torch

from memometer.encoders.ssl_model import CONFIG_NAME, WEIGHTS_NAME
from memometer.errors import InputError
from memometer.training.folder import Layout, ModelFolder
from memometer.training.needs import check_records, fit_batch
from memometer.training.run import IMAGE_COLUMNS, TrainResult, is_main_process, read_records, run_training
from memometer.training.ssl.config import SslConfig
from memometer.training.ssl.dino import DinoObjective
from memometer.training.ssl.losses import barlow_loss, dino_loss, simclr_loss, vicreg_loss
from memometer.training.ssl.models import find_architecture
from memometer.training.ssl.objective import ViewObjective
from memometer.validation import nearest

__all__ = ["train_ssl"]

LAYOUT = Layout(config=CONFIG_NAME, weights=WEIGHTS_NAME)

OBJECTIVES: dict[str, tuple[type[ViewObjective], Callable[[SslConfig], torch.nn.Module]]] = {
    "vicreg": (ViewObjective, lambda _: vicreg_loss()),
    "simclr": (ViewObjective, lambda config: simclr_loss(temperature=config.temperature)),
    "barlow": (ViewObjective, lambda _: barlow_loss()),
    "dino": (DinoObjective, lambda config: dino_loss(prototypes=config.prototypes)),
}


def train_ssl(config: SslConfig, *, overwrite: bool = False) -> TrainResult:
    """Trains an image encoder from scratch without labels, or goes on with a training that was stopped.

    On one CPU, the same options, records and number of threads give the same weights, stopped in between or not. Run by
    ``accelerate launch`` or ``torchrun``, the processes share each batch, and the loss is that of the whole batch.

    Args:
        config: the options.
        overwrite: replace another model in the folder.

    Raises:
        InputError: records, options and folder do not fit together, or lightly is not installed.
        JobError: the loss is no longer finite, or an image cannot be read.
    """
    if config.objective not in OBJECTIVES:
        raise InputError(f"there is no objective '{config.objective}'; {nearest(config.objective, OBJECTIVES)}")
    kind, loss = OBJECTIVES[config.objective]
    records, of_records = read_records(config, IMAGE_COLUMNS)
    check_records(records, ["image"], why="training needs one of each")
    config = fit_batch(config, n=len(records))
    architecture = find_architecture(config)
    manifest = run_training(
        config,
        kind(config, records, architecture=architecture, loss=loss(config)),
        folder=ModelFolder(config.out, LAYOUT),
        key=config.key(records_hash=of_records["hash"], architecture=architecture.model_dump(mode="json")),
        n=len(records),
        facts={
            "objective": config.objective,
            "augmentation": repr(config.views()),
            "records": of_records,
        },
        overwrite=overwrite,
    )
    return TrainResult(config.out, manifest, is_main_process(), scheme="ssl")
