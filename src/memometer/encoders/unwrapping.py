"""Weights of an image tower out of whatever a training wrapped around them, strictly (see `fit_tower`)."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from memometer.encoders.by_order import BY_ORDER, COUNTER, Fitted, fit_by_order, order_hint
from memometer.encoders.checkpoints import named_tensors, read_checkpoint
from memometer.encoders.fitting import shape_difference
from memometer.errors import ModelError

__all__ = ["Checkpoint", "fit_tower", "load_tower", "parse_checkpoint"]

KEYS = ("state_dict", "model", "teacher", "student", "model_ema", "state_dict_ema")
"""Where trainings keep a state dict: PyTorch and Lightning, DeiT and MAE, DINO, DINO, torchvision, timm."""

WRAPPERS = frozenset(
    {
        *("module", "_orig_mod", "model", "net", "network", "backbone", "encoder", "trunk"),
        *("student", "teacher", "student_backbone", "teacher_backbone", "backbone_momentum"),
        *("encoder_q", "encoder_k", "base_encoder", "momentum_encoder"),
    }
)
"""Words before a tensor's name that tell where in a training's own modules the tower sits."""


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A checkpoint as a user names it.

    Attributes:
        path: the file.
        part: of several towers in it, the one under this key or wrapper, e.g. ``teacher``; None where there is one.
        by_order: whether its tensors are taken by their order and shapes, whatever they are called.
    """

    path: Path
    part: str | None = None
    by_order: bool = False


def parse_checkpoint(text: str) -> Checkpoint | None:
    """``PATH``, or one with options behind it, ``PATH?part=NAME&rename=order``; None when there is no such file.

    Raises:
        ModelError: an option that is not known.
    """
    path = Path(text).expanduser()
    if path.is_file():
        return Checkpoint(path)
    before, mark, query = text.rpartition("?")
    path = Path(before).expanduser()
    if not mark or not path.is_file():
        return None
    checkpoint = Checkpoint(path)
    for option in query.split("&"):
        key, _, value = option.partition("=")
        if key == "part" and value:
            checkpoint = dataclasses.replace(checkpoint, part=value)
        elif option == BY_ORDER:
            checkpoint = dataclasses.replace(checkpoint, by_order=True)
        else:
            raise ModelError(f"'{option}' is no option of a checkpoint; expected ?part=NAME or ?{BY_ORDER}")
    return checkpoint


@torch.no_grad()
def load_tower(
    checkpoint: Checkpoint | Mapping[str, torch.Tensor], tower: torch.nn.Module, *, heads: Sequence[str], name: str
) -> Fitted:
    """Puts the tensors that `fit_tower` finds into ``tower``, and returns them with the names of the others."""
    fitted = fit_tower(checkpoint, tower, heads=heads, name=name)
    # Not load_state_dict: some models want version numbers with it, which only a state dict of their own carries.
    for key, tensor in tower.state_dict().items():
        tensor.copy_(fitted.state[key])
    return fitted


def fit_tower(
    checkpoint: Checkpoint | Mapping[str, torch.Tensor], tower: torch.nn.Module, *, heads: Sequence[str], name: str
) -> Fitted:
    """Finds the tower's tensors, all of them, under one prefix of known wrappers.

    Allowed besides them are a classifier, which the tower does without, and what stands outside the prefix; both are
    recorded. Anything else is an error.

    Args:
        checkpoint: a file, or the state dict of a whole model.
        tower: the model without a classifier.
        heads: prefixes of the classifier's tensors, e.g. ``fc.``.
        name: of the architecture, for messages.

    Raises:
        ModelError: the file cannot be read as data; a tensor is missing, unknown or of another shape; or several
            prefixes fit.
    """
    if isinstance(checkpoint, Mapping):
        state, part, file = dict(checkpoint), None, f"the published weights of {name}"
    else:
        state, part = _read(checkpoint)
        file = f"the checkpoint {checkpoint.path}"
    expected = tower.state_dict()
    if isinstance(checkpoint, Checkpoint) and checkpoint.by_order:
        return fit_by_order(state, expected, path=checkpoint.path, name=name)
    candidates = {prefix: _inside(state, prefix, expected, heads) for prefix in sorted(_prefixes(state, part))}
    if not candidates:
        raise ModelError(f"{file} holds no part '{part}'; leave ?part={part} away, or name another")
    differences = {prefix: shape_difference(expected, inside) for prefix, inside in candidates.items()}
    fits = [prefix for prefix, difference in differences.items() if not difference]
    if not fits:
        closest = max(candidates, key=lambda prefix: len(candidates[prefix].keys() & expected.keys()))
        hint = order_hint(state, expected, path=checkpoint.path) if isinstance(checkpoint, Checkpoint) else None
        raise ModelError(
            f"{file} does not fit the model '{name}': {differences[closest]}; {hint or 'name the right model'}"
        )
    if len(fits) > 1:
        words = " and ".join(f"'{prefix}'" for prefix in fits)
        raise ModelError(f"{file} holds '{name}' several times, under {words}; {_choose(fits[0].split('.')[-2])}")
    fitted = candidates[fits[0]]
    return Fitted(fitted, tuple(sorted(state.keys() - {fits[0] + key for key in fitted})))


def _read(checkpoint: Checkpoint) -> tuple[dict[str, torch.Tensor], str | None]:
    """The named tensors of a file, and what of the wanted part the names still have to tell."""
    path, part = checkpoint.path, checkpoint.part
    loaded = read_checkpoint(path)
    if not isinstance(loaded, Mapping):
        return named_tensors(loaded, path=path), part
    held = [key for key in KEYS if isinstance(loaded.get(key), Mapping)]
    if part in held:
        return named_tensors(loaded[part], path=path), None
    if len(held) > 1:
        words = " and ".join(f"'{key}'" for key in held)
        raise ModelError(f"the checkpoint {path} holds several models, under {words}; {_choose(held[0])}")
    return named_tensors(loaded[held[0]] if held else loaded, path=path), part


def _choose(part: str) -> str:
    return f"say which one is meant by adding e.g. ?part={part} to the file's name"


def _inside(
    state: Mapping[str, torch.Tensor], prefix: str, expected: Mapping[str, object], heads: Sequence[str]
) -> dict[str, torch.Tensor]:
    """The tensors under ``prefix`` without it, less those of a classifier that the tower lacks."""
    inside = {key.removeprefix(prefix): tensor for key, tensor in state.items() if key.startswith(prefix)}
    if inside:  # a counter that batch norms do not use in evaluation, and that old checkpoints lack
        counters = [key for key in expected if key.endswith(COUNTER)]
        inside = {**dict.fromkeys(counters, torch.tensor(0)), **inside}
    return {key: tensor for key, tensor in inside.items() if key in expected or not key.startswith(tuple(heads))}


def _prefixes(state: Mapping[str, object], part: str | None) -> set[str]:
    """Every run of wrappers that some name starts with, and none at all; with ``part``, those that pass through it."""
    found = {""}
    for name in state:
        words = name.split(".")
        for count, word in enumerate(words[:-1], start=1):
            if word not in WRAPPERS:
                break
            found.add(".".join(words[:count]) + ".")
    return found if part is None else {prefix for prefix in found if part in prefix.split(".")}
