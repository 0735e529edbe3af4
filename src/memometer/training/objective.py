"""What a training strives for: the part of it that differs between CLIP and self-supervised models."""

import abc
import dataclasses
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch.utils.data import Dataset

__all__ = ["Moment", "Objective"]


@dataclasses.dataclass(frozen=True)
class Moment:
    """One step of a training, as an objective sees it.

    Attributes:
        step: from 0, of the whole training.
        steps: of the whole training.
        steps_per_epoch: full batches in the records.
        process: knows the device and the other processes.
        bf16: whether the network runs in bfloat16.
    """

    step: int
    steps: int
    steps_per_epoch: int
    process: Accelerator
    bf16: bool

    @property
    def epoch(self) -> int:
        """From 0."""
        return self.step // self.steps_per_epoch

    def autocast(self) -> torch.autocast:
        """The precision of the forward pass."""
        return torch.autocast(self.process.device.type, dtype=torch.bfloat16, enabled=self.bf16)


class Objective(abc.ABC):
    """Builds a network and says how good it is on a batch; `memometer.training.loop` does the rest.

    Attributes:
        columns: names of the numbers that `after_step` measures, for ``metrics.parquet``.
        epoch_columns: of those that `after_epoch` measures.
    """

    columns: tuple[str, ...] = ()
    epoch_columns: tuple[str, ...] = ()

    @abc.abstractmethod
    def build(self, process: Accelerator) -> torch.nn.Module:
        """The network to train, on the CPU, with fresh weights drawn from torch's random state."""

    @abc.abstractmethod
    def optimizer(self, network: torch.nn.Module) -> torch.optim.Optimizer:
        """Of the network's parameters; the loop sets the learning rate of its groups before every step."""

    @abc.abstractmethod
    def samples(self, *, cache_bytes: int, in_turn: bool = False) -> Dataset[Any]:
        """Samples by (epoch, row of the records); a batch is what torch's default collation makes of them.

        Args:
            cache_bytes: how much memory decoded images may take in this process.
            in_turn: the main thread makes them while the network waits, so that torch's threads are free to help.
        """

    @abc.abstractmethod
    def loss(self, network: torch.nn.Module, batch: Any, moment: Moment) -> torch.Tensor:
        """The loss of a batch, whose mean over the processes, gradients included, is that of the whole batch.

        Args:
            network: what `build` gave, wrapped for data parallelism.
            batch: on the device.
            moment: now.
        """

    def before_step(self, moment: Moment) -> None:  # noqa: B027 (a hook; most need none)
        """Acts on the gradients, before the optimizer does."""

    def after_step(self, moment: Moment) -> tuple[float | torch.Tensor, ...]:  # noqa: ARG002 (a hook)
        """Acts on the weights, after the optimizer has; returns the numbers named by ``columns``.

        Scalars on the device will do, and keep it from waiting.
        """
        return ()

    def after_epoch(self, process: Accelerator, *, bf16: bool) -> tuple[float, ...]:  # noqa: ARG002 (a hook)
        """Looks at the network after an epoch, before its state is kept; returns what ``epoch_columns`` names.

        Those that are not finite are null in ``metrics.parquet``.
        """
        return ()

    def finish(self) -> None:  # noqa: B027 (a hook)
        """Makes the network the finished model, after the last epoch."""

    def outcome(self) -> dict[str, Any]:
        """What the manifest says beside the model: what the training came to."""
        return {}

    def state(self) -> dict[str, torch.Tensor]:
        """What a resume needs besides the network and the optimizer."""
        return {}

    def load_state(self, state: dict[str, torch.Tensor]) -> None:  # noqa: B027 (a hook)
        """Takes up what `state` gave, on the CPU."""

    @abc.abstractmethod
    def weights(self) -> dict[str, torch.Tensor]:
        """The tensors of the finished model, which need not be all of the network's."""

    @abc.abstractmethod
    def model_file(self) -> dict[str, Any]:
        """The JSON beside the weights, from which the model is built without them."""

    @abc.abstractmethod
    def describe(self) -> dict[str, Any]:
        """What the manifest says of the model: its config and its preprocessing."""

    def save_companions(self, folder: Path) -> None:  # noqa: B027 (a hook)
        """Puts further files beside the weights."""
