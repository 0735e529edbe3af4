"""``memometer train``."""

from typing import Any

from memometer.cli.generated import command_of
from memometer.cli.options import TRAINING
from memometer.training.config import TrainConfig

__all__ = ["command"]


def _run(*, overwrite: bool, as_json: bool, **given: Any) -> None:
    from memometer.cli.show_training import show_training
    from memometer.training import train

    show_training(train(TrainConfig.checked(**given), overwrite=overwrite), as_json=as_json)


command = command_of(TrainConfig, _run, order=TrainConfig.ordered(), own=TRAINING)
