"""DINO: a student learns what its own slow average, the teacher, says of another view (Caron et al. 2021)."""

import copy
import math
from collections.abc import Sequence
from typing import Any, cast

import torch
from accelerate import Accelerator

from memometer.encoders.forward import normalised
from memometer.encoders.preprocessing import image_preprocess
from memometer.encoders.ssl_model import SslModel
from memometer.training.objective import Moment
from memometer.training.ssl.objective import ViewObjective, Views, prepared, spread
from memometer.training.ssl.samples import LocalCrops, MultiCropSamples

__all__ = ["DinoObjective", "PrototypeModel", "Prototypes", "entropies", "teacher_temperature"]

FIRST_WEIGHTS = 0.02
"""The deviation of fresh weights of the head and the prototypes."""

LARGEST_GRADIENT = 3.0
"""The gradient's norm is clipped at it."""


class Prototypes(torch.nn.Module):
    """Cosines of embeddings with learned directions: the weight-normalised last layer of DINO's head.

    Attributes:
        weight: (prototypes, d).
    """

    def __init__(self, dimensions: int, prototypes: int) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.empty(prototypes, dimensions))
        torch.nn.init.trunc_normal_(self.weight, std=FIRST_WEIGHTS)

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        """(n, d) → (n, prototypes)."""
        normalise = torch.nn.functional.normalize
        return torch.nn.functional.linear(normalise(embeddings, dim=1), normalise(self.weight, dim=1))


class PrototypeModel(torch.nn.Module):
    """A model with prototypes on its embeddings.

    Attributes:
        model: (n, 3, height, width) → (n, d).
        prototypes: (n, d) → (n, prototypes).
    """

    def __init__(self, model: SslModel, prototypes: Prototypes) -> None:
        super().__init__()
        self.model, self.prototypes = model, prototypes

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(n, 3, height, width) → (n, prototypes)."""
        return self.prototypes(self.model(images))  # type: ignore[no-any-return]


class DinoObjective(ViewObjective):
    """DINO: the teacher sees two global views, the student these and the local ones.

    Every view of the student learns from each global view of the teacher but itself. The weight decay stays as it is,
    where the paper's rises for transformers; the gradient is clipped as a whole, not for each parameter. The model that
    is kept is the teacher, without the prototypes.
    """

    columns = ("spread", "teacher_entropy", "batch_entropy")

    _student: PrototypeModel
    _teacher: Views
    _entropies: tuple[torch.Tensor, torch.Tensor]

    def build(self, process: Accelerator) -> torch.nn.Module:
        """The student; the teacher starts as its copy."""
        prototypes = Prototypes(self._architecture.projector.widths[-1], self._config.prototypes)
        also = self._config.local_side if self._config.has_local_crops else None
        model = SslModel(self._architecture, also=also)
        _start_head(model.projector)
        self._student = PrototypeModel(model, prototypes)
        network = prepared(Views(self._student), process)
        teacher = copy.deepcopy(self._student).requires_grad_(requires_grad=False)
        self._teacher, self._model = Views(teacher.to(process.device)), teacher.model
        self._criterion.to(process.device)
        return network

    def samples(self, *, cache_bytes: int, in_turn: bool = False) -> MultiCropSamples:  # noqa: ARG002 (as above)
        """Two global views of every record, and local ones."""
        config = self._config
        local = LocalCrops(
            n=config.local_crops,
            side=config.local_side,
            min_area=config.local_min_crop,
            max_area=config.local_max_crop,
            augmentation=config.views(),
        )
        return MultiCropSamples(
            self._records,
            local=local,
            augmentation=config.views(),
            preprocess=image_preprocess(self._architecture.preprocess_cfg),
            seed=config.seed,
            cache_bytes=cache_bytes,
        )

    def loss(self, network: torch.nn.Module, batch: Sequence[torch.Tensor], moment: Moment) -> torch.Tensor:
        """The cross entropy of each view's student with the teacher of each other global view.

        Args:
            network: the student's `Views`.
            batch: (n, 2, 3, height, width) and (n, local, 3, side, side) uint8 pixels.
            moment: now.
        """
        images, local = (normalised(views, self._architecture.preprocess_cfg) for views in batch)
        with moment.autocast():
            student = network(images, local)
            with torch.no_grad():
                self._teacher.train()
                teacher = self._teacher(images)
        student, teacher = ([view.float() for view in views] for views in (student, teacher))
        config = self._config
        temperature = teacher_temperature(
            moment.epoch,
            first=config.teacher_temperature,
            last=config.teacher_temperature_end,
            epochs=config.teacher_warmup,
        )
        self._spread = spread(teacher[0])
        self._entropies = entropies((teacher[0] - self._center[0]) / temperature)
        return self._criterion(teacher, student, teacher_temp=temperature)  # type: ignore[no-any-return]

    def before_step(self, moment: Moment) -> None:
        """Clips the gradient; in the first epoch the prototypes stay as they are, as in the paper."""
        if moment.epoch == 0:
            self._student.prototypes.weight.grad = None
        torch.nn.utils.clip_grad_norm_(self._student.parameters(), LARGEST_GRADIENT)

    @torch.no_grad()
    def after_step(self, moment: Moment) -> tuple[float | torch.Tensor, ...]:
        """Moves the teacher towards the student; returns what tells a collapse."""
        momentum = ema_momentum(moment.step, steps=moment.steps, first=self._config.teacher_momentum)
        for slow, fast in zip(self._teacher.model.parameters(), self._student.parameters(), strict=True):
            slow.lerp_(fast, 1 - momentum)
        return (self._spread, *self._entropies)

    @property
    def _center(self) -> torch.Tensor:
        """(1, 1, prototypes), the moving mean of the teacher's outputs."""
        return cast("torch.Tensor", self._criterion.center)

    def state(self) -> dict[str, torch.Tensor]:
        """The teacher and the centre of its outputs."""
        return {"center": self._center, **self._teacher.state_dict()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Takes up both."""
        device = next(self._teacher.parameters()).device
        self._criterion.center = state["center"].to(device)
        self._teacher.load_state_dict({name: tensor for name, tensor in state.items() if name != "center"})


def _start_head(head: torch.nn.Module) -> None:
    """Fresh weights as transformers have them: without batch norms, biases would drown what differs between images."""
    for layer in head.modules():
        if isinstance(layer, torch.nn.Linear):
            torch.nn.init.trunc_normal_(layer.weight, std=FIRST_WEIGHTS)
            if layer.bias is not None:
                torch.nn.init.zeros_(layer.bias)


def teacher_temperature(epoch: int, *, first: float, last: float, epochs: int) -> float:
    """The temperature of the teacher's softmax in an epoch, from 0: a line from ``first`` to ``last``, then ``last``.

    >>> [round(teacher_temperature(epoch, first=0.04, last=0.07, epochs=3), 3) for epoch in range(5)]
    [0.04, 0.05, 0.06, 0.07, 0.07]
    """
    return last if epoch >= epochs else first + (last - first) * epoch / epochs


@torch.no_grad()
def entropies(logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The mean entropy of the rows' softmax, and the entropy of their mean, in nats; the second is never the smaller.

    There are two ways to collapse (Caron et al. 2021, Section 5.3): where all rows are uniform, both are the logarithm
    of the number of columns; where all name one column, both are 0. The second less the first is what a row tells about
    its image.

    Args:
        logits: (n, prototypes).
    """
    rows = torch.softmax(logits, dim=1)
    each, mean = (torch.special.entr(shares).sum(-1) for shares in (rows, rows.mean(0)))
    return each.mean(), mean


def ema_momentum(step: int, *, steps: int, first: float) -> float:
    """The teacher's momentum: half a cosine from ``first`` up to 1.

    >>> [round(ema_momentum(step, steps=4, first=0.9), 3) for step in range(5)]
    [0.9, 0.915, 0.95, 0.985, 1.0]
    """
    return 1 - (1 - first) * (math.cos(math.pi * step / steps) + 1) / 2
