"""The trainers of CLIP models and of self-supervised image encoders, their presets and checkpoints."""

from typing import TYPE_CHECKING

from memometer.first_use import on_first_use

if TYPE_CHECKING:
    from memometer.training.config import TrainConfig
    from memometer.training.mitigations import Mitigation
    from memometer.training.run import TrainResult
    from memometer.training.ssl.config import SslConfig
    from memometer.training.ssl.trainer import train_ssl
    from memometer.training.trainer import train

__all__ = ["Mitigation", "SslConfig", "TrainConfig", "TrainResult", "train", "train_ssl"]

# So that options can be read without torch.
__getattr__ = on_first_use(__name__)
