"""The trainer, its presets and checkpoints."""

from memometer.training.config import TrainConfig
from memometer.training.mitigations import Mitigation
from memometer.training.trainer import TrainResult, train

__all__ = ["Mitigation", "TrainConfig", "TrainResult", "train"]
