"""The trainers of CLIP models and of self-supervised image encoders, their presets and checkpoints."""

from memometer.training.config import TrainConfig
from memometer.training.mitigations import Mitigation
from memometer.training.run import TrainResult
from memometer.training.ssl import SslConfig, train_ssl
from memometer.training.trainer import train

__all__ = ["Mitigation", "SslConfig", "TrainConfig", "TrainResult", "train", "train_ssl"]
