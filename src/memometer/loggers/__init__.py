"""A finished run or training in the trackers of experiments: W&B, MLflow, TensorBoard."""

from typing import TYPE_CHECKING

from memometer.first_use import on_first_use

if TYPE_CHECKING:
    from memometer.loggers.logging import Logged, log_run

__all__ = ["Logged", "log_run"]

__getattr__ = on_first_use(__name__)
