"""Objectives that compare two views of each image: VICReg, SimCLR and Barlow Twins."""

from typing import Any

import torch
from accelerate import Accelerator

from memometer.data.records import Records
from memometer.encoders.forward import normalised
from memometer.encoders.preprocessing import image_preprocess
from memometer.encoders.ssl_model import SslArchitecture, SslModel
from memometer.training.objective import Moment, Objective
from memometer.training.optimizer import build_optimizer
from memometer.training.ssl.config import SslConfig
from memometer.training.ssl.samples import ViewSamples

__all__ = ["ViewObjective", "Views", "prepared"]

BETAS, EPS = (0.9, 0.999), 1e-8
"""Of AdamW: its usual ones."""


class Views(torch.nn.Module):
    """Sends each view through a model by itself, so that batch norms see one view at a time, as in the papers.

    Attributes:
        model: (n, 3, height, width) → (n, d).
    """

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, *images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """(n, views, 3, height, width), one or several of them, each of its own size → one (n, d) for each view."""
        views = (view for of_one_size in images for view in of_one_size.unbind(1))
        return tuple(self.model(view.contiguous(memory_format=torch.channels_last)) for view in views)


class ViewObjective(Objective):
    """A loss of the projections of two views.

    Batch norms of several GPU processes see the whole batch; on CPUs, where torch has no such batch norm, each
    process's see their own share.
    """

    columns: tuple[str, ...] = ("spread",)

    def __init__(
        self, config: SslConfig, records: Records, *, architecture: SslArchitecture, loss: torch.nn.Module
    ) -> None:
        """Prepares the objective.

        Args:
            config: the options.
            records: n records with images.
            architecture: of the model.
            loss: of the projections of each view.
        """
        self._config, self._records, self._architecture = config, records, architecture
        self._criterion = loss
        self._model: SslModel = None  # type: ignore[assignment]  # before `build`
        self._spread = 0.0

    def build(self, process: Accelerator) -> torch.nn.Module:
        """The model, ready for views."""
        self._model = SslModel(self._architecture)
        return prepared(Views(self._model), process)

    def optimizer(self, network: torch.nn.Module) -> torch.optim.Optimizer:
        """AdamW."""
        return build_optimizer(
            network, lr=self._config.lr, weight_decay=self._config.weight_decay, betas=BETAS, eps=EPS
        )

    def samples(self, *, cache_bytes: int, in_turn: bool = False) -> ViewSamples:  # noqa: ARG002 (views are not shared)
        """Two views of every record."""
        return ViewSamples(
            self._records,
            augmentation=self._config.views(),
            preprocess=image_preprocess(self._architecture.preprocess_cfg),
            seed=self._config.seed,
            cache_bytes=cache_bytes,
        )

    def loss(self, network: torch.nn.Module, batch: Any, moment: Moment) -> torch.Tensor:
        """The loss of a batch of (n, 2, 3, height, width) uint8 pixels."""
        images = normalised(batch, self._architecture.preprocess_cfg)
        with moment.autocast():
            views = network(images)
        views = tuple(view.float() for view in views)
        self._spread = spread(views[0].detach())
        return self._criterion(*views)  # type: ignore[no-any-return]

    def after_step(self, moment: Moment) -> tuple[float | torch.Tensor, ...]:  # noqa: ARG002 (the objective's signature)
        """How spread the embeddings are, which tells a collapse."""
        return (self._spread,)

    def weights(self) -> dict[str, torch.Tensor]:
        """Backbone and projector."""
        return self._model.state_dict()

    def model_file(self) -> dict[str, Any]:
        """``ssl_config.json``."""
        return self._architecture.model_dump(mode="json")

    def describe(self) -> dict[str, Any]:
        """Size, config and preprocessing."""
        return {
            "parameters": sum(parameter.numel() for parameter in self._model.parameters()),
            "config": self._architecture.model_dump(mode="json", exclude={"preprocess_cfg"}),
            "preprocess": self._architecture.preprocess_cfg,
        }


def prepared(network: Views, process: Accelerator) -> Views:
    """A network laid out for fast convolutions, with batch norms over all GPU processes."""
    if process.num_processes > 1 and process.device.type == "cuda":
        network = torch.nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
    return network.to(memory_format=torch.channels_last)


def spread(embeddings: torch.Tensor) -> float:
    """How much of the sphere the embeddings take: 0 where all are one, 1 where they are spread evenly.

    Args:
        embeddings: (n, d).
    """
    directions = torch.nn.functional.normalize(embeddings, dim=1)
    return float(1 - directions.mean(0).square().sum())
