"""Self-supervised training of image encoders."""

from memometer.training.ssl.config import SslConfig
from memometer.training.ssl.trainer import train_ssl

__all__ = ["SslConfig", "train_ssl"]
