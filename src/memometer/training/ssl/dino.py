"""DINO: a student learns what its own slow average, the teacher, says of another view (Caron et al. 2021)."""

import copy
import math
from typing import Any

import torch
from accelerate import Accelerator

from memometer.encoders.forward import normalised
from memometer.encoders.ssl_model import SslModel
from memometer.training.objective import Moment
from memometer.training.ssl.objective import ViewObjective, Views, prepared, spread

__all__ = ["DinoObjective", "PrototypeModel", "Prototypes"]

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
        torch.nn.init.trunc_normal_(self.weight, std=0.02)

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
    """DINO with two global views and no local ones.

    The weight decay and the teacher's temperature stay as they are, where the paper's rise; the gradient is clipped as
    a whole, not for each parameter; the head has batch norms. The model that is kept is the teacher, without the
    prototypes.
    """

    _student: PrototypeModel
    _teacher: Views

    def build(self, process: Accelerator) -> torch.nn.Module:
        """The student; the teacher starts as its copy."""
        prototypes = Prototypes(self._architecture.projector.widths[-1], self._config.prototypes)
        self._student = PrototypeModel(SslModel(self._architecture), prototypes)
        network = prepared(Views(self._student), process)
        teacher = copy.deepcopy(self._student).requires_grad_(requires_grad=False)
        self._teacher, self._model = Views(teacher.to(process.device)), teacher.model
        self._criterion.to(process.device)
        return network

    def loss(self, network: torch.nn.Module, batch: torch.Tensor, moment: Moment) -> torch.Tensor:
        """The cross entropy of each view's student with the other view's teacher."""
        images = normalised(batch, self._architecture.preprocess_cfg)
        with moment.autocast():
            student = network(images)
            with torch.no_grad():
                self._teacher.train()
                teacher = self._teacher(images)
        student, teacher = ([view.float() for view in views] for views in (student, teacher))
        self._spread = spread(teacher[0])
        return self._criterion(teacher, student)  # type: ignore[no-any-return]

    def before_step(self, moment: Moment) -> None:
        """Clips the gradient; in the first epoch the prototypes stay as they are, as in the paper."""
        if moment.epoch == 0:
            self._student.prototypes.weight.grad = None
        torch.nn.utils.clip_grad_norm_(self._student.parameters(), LARGEST_GRADIENT)

    @torch.no_grad()
    def after_step(self, moment: Moment) -> tuple[float, ...]:
        """Moves the teacher towards the student."""
        momentum = ema_momentum(moment.step, steps=moment.steps, first=self._config.teacher_momentum)
        for slow, fast in zip(self._teacher.model.parameters(), self._student.parameters(), strict=True):
            slow.lerp_(fast, 1 - momentum)
        return (self._spread,)

    def state(self) -> dict[str, torch.Tensor]:
        """The teacher and the centre of its outputs."""
        return {"center": self._criterion.center, **self._teacher.state_dict()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Takes up both."""
        device = next(self._teacher.parameters()).device
        self._criterion.center = state["center"].to(device)
        self._teacher.load_state_dict({name: tensor for name, tensor in state.items() if name != "center"})


def ema_momentum(step: int, *, steps: int, first: float) -> float:
    """The teacher's momentum: half a cosine from ``first`` up to 1.

    >>> [round(ema_momentum(step, steps=4, first=0.9), 3) for step in range(5)]
    [0.9, 0.915, 0.95, 0.985, 1.0]
    """
    return 1 - (1 - first) * (math.cos(math.pi * step / steps) + 1) / 2
