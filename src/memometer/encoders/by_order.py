"""Weights whose tensors are called otherwise than a model's: taken one after another, where that is asked for.

Batch norms count their batches in training; evaluation does not use the counters, so they count neither way.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch

from memometer.errors import ModelError

__all__ = ["BY_ORDER", "COUNTER", "Fitted", "fit_by_order", "order_hint", "renamed_words"]

Tensors = Mapping[str, torch.Tensor]

BY_ORDER = "rename=order"
"""The option behind a model's name that takes the tensors of its checkpoint by their order."""

COUNTER = ".num_batches_tracked"
"""How the names of what batch norms count in training end."""

CLASSIFIER = 4
"""Tensors that a classifier has at most: those of two layers."""


@dataclasses.dataclass(frozen=True)
class Fitted:
    """The tensors of a model, out of a checkpoint.

    Attributes:
        state: names as the model has them.
        dropped: the names of the file's other tensors: a classifier, a projection head, another tower.
        renamed: of tensors that were taken by their order, the names in the file → the model's.
    """

    state: dict[str, torch.Tensor]
    dropped: tuple[str, ...] = ()
    renamed: Mapping[str, str] = dataclasses.field(default_factory=dict)


def fit_by_order(state: Tensors, expected: Tensors, *, path: Path, name: str, spare: int = CLASSIFIER) -> Fitted:
    """Takes a model's tensors by their order, from the first one on; those behind them, e.g. a classifier's, are left.

    Args:
        state: names and tensors as they stand in the file.
        expected: names and tensors as the model has them; their shapes count.
        path: of the file.
        name: of the architecture, for messages.
        spare: how many may be left.

    Raises:
        ModelError: the file keeps no order; a tensor of the model meets one of another shape, or none; or more than
            ``spare`` are left.
    """
    file = f"the checkpoint {path}"
    if path.suffix == ".safetensors":
        raise ModelError(
            f"{file} keeps no order that ?{BY_ORDER} could go by: safetensors sorts tensors by their names; load it "
            "where it was made, and save its state dict with torch.save"
        )
    wanted, held = _without_counters(expected), _without_counters(state)
    for place, key in enumerate(wanted):
        found = held[place] if place < len(held) else None
        if found is None or state[found].shape != expected[key].shape:
            what = "there is none" if found is None else f"{found} is {tuple(state[found].shape)}"
            raise ModelError(
                f"{file} does not fit the model '{name}' by the order of its tensors: number {place + 1} of "
                f"{len(wanted)} is {key} {tuple(expected[key].shape)}, but {what}; name the right model"
            )
    left = held[len(wanted) :]
    if len(left) > spare:
        more = ", more than a classifier has" if spare else ""
        raise ModelError(
            f"{file} does not fit the model '{name}' by the order of its tensors: {len(left):,} are left over behind "
            f"those of the model (e.g. {left[0]}){more}; name the right model"
        )
    renamed = dict(zip(held, wanted, strict=False))
    fitted = {key: torch.zeros_like(expected[key]) for key in expected if key.endswith(COUNTER)}
    fitted |= {key: state[found] for found, key in renamed.items()}
    return Fitted(fitted, tuple(left), renamed)


def order_hint(state: Tensors, expected: Tensors, *, path: Path, spare: int = CLASSIFIER) -> str | None:
    """What to do about names that do not fit, where `fit_by_order` would take the tensors; None where it would not."""
    try:
        fit_by_order(state, expected, path=path, name="", spare=spare)
    except ModelError:
        return None
    return f"its tensors fit in their order and shapes, and are called otherwise: add ?{BY_ORDER} to its name"


def renamed_words(fitted: Fitted) -> list[str]:
    """What was renamed, in a sentence; empty where nothing was."""
    if not fitted.renamed:
        return []
    found, key = next(iter(fitted.renamed.items()))
    count = f"{len(fitted.renamed):,} tensors were taken by their order and shapes (?{BY_ORDER})"
    return [f"{count}, whatever they are called, e.g. {found} as {key}; the manifest has them all"]


def _without_counters(names: Iterable[str]) -> list[str]:
    return [name for name in names if not name.endswith(COUNTER)]
