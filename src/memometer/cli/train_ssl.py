"""``memometer train-ssl``."""

from typing import Any

from memometer.cli.generated import command_of
from memometer.cli.options import TRAINING
from memometer.training.ssl.config import SslConfig

__all__ = ["command"]


def _run(*, overwrite: bool, as_json: bool, **given: Any) -> None:
    from memometer.cli.show_training import show_training
    from memometer.training import train_ssl

    show_training(train_ssl(SslConfig.checked(**given), overwrite=overwrite), as_json=as_json)


command = command_of(SslConfig, _run, order=SslConfig.ordered(), own=TRAINING)
