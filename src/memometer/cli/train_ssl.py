"""``memometer train-ssl``."""

from memometer.cli.train import training
from memometer.training.ssl.config import SslConfig

__all__ = ["command"]

command = training(SslConfig, "train_ssl")
