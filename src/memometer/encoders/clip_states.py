"""The tensors of a CLIP model out of whatever a training wrapped around them."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import torch

from memometer.encoders.checkpoints import named_tensors, read_checkpoint
from memometer.encoders.torchscript import is_torchscript, read_torchscript
from memometer.errors import ModelError

__all__ = ["ClipState", "read_clip_state"]

KEYS = ("state_dict", "model", "model_state_dict", "module", "net", "weights", "params")
"""Where trainings keep the weights: open_clip and Lightning, BLIP and DeiT, PyTorch's tutorials, DeepSpeed, others."""

EMA_KEYS = ("ema", "model_ema", "ema_state_dict", "state_dict_ema", "ema_model", "ema_model_state_dict")
"""Where they keep the moving average of the weights."""

MARKS = ("visual.", "text.", "positional_embedding", "logit_scale", "transformer.resblocks.")
"""How names of open_clip's tensors begin; what stands before them is a wrapper."""

SCALARS = ("input_resolution", "context_length", "vocab_size")
"""What OpenAI's state dicts hold beside tensors; the architecture says it too."""


@dataclasses.dataclass(frozen=True)
class ClipState:
    """The weights of one model.

    Attributes:
        tensors: by open_clip's names.
        quick_gelu: what the file says of its activation; None where it says nothing.
        warnings: what was chosen or left out, in sentences.
    """

    tensors: dict[str, torch.Tensor]
    quick_gelu: bool | None = None
    warnings: tuple[str, ...] = ()


def read_clip_state(path: Path, *, part: str | None = None, whole: bool = False) -> ClipState:
    """The weights in a checkpoint, on the CPU.

    Args:
        path: safetensors, a file of ``torch.save``, or a TorchScript archive as OpenAI published CLIP.
        part: of several sets of weights in the file, the one under this key.
        whole: whether names say nothing of what belongs to the model.

    Raises:
        ModelError: the file cannot be read as data, or has no such part.
    """
    if is_torchscript(path):
        tensors, quick_gelu = read_torchscript(path)
        return ClipState(_without_scalars(tensors), quick_gelu=quick_gelu)
    loaded = read_checkpoint(path)
    warnings: list[str] = []
    if isinstance(loaded, Mapping):
        held = [key for key in (*KEYS, *EMA_KEYS) if isinstance(loaded.get(key), Mapping)]
        if part is not None and part not in held:
            there = f"it has {' and '.join(held)}" if held else "it has one set of weights, under no key"
            raise ModelError(f"the checkpoint {path} holds no part '{part}'; {there}")
        chosen = part or next(iter(held), None)
        others = [key for key in held if key != chosen]
        if others:
            words = " and ".join(f"'{key}'" for key in held)
            warnings.append(
                f"the checkpoint {path} holds weights under {words}: those of "
                f"'{chosen}' are used; add ?part={others[0]} for the others"
                + (" (a moving average)" if others[0] in EMA_KEYS else "")
            )
        loaded = loaded[chosen] if chosen else loaded
    state = named_tensors(_tensors_alone(loaded), path=path)
    tensors, dropped = (state, []) if whole else _unwrapped(state)
    if dropped:
        warnings.append(f"{len(dropped):,} tensors of {path} are no part of the model, e.g. {dropped[0]}; left out")
    return ClipState(_without_scalars(tensors), warnings=tuple(warnings))


def _tensors_alone(loaded: object) -> object:
    """Without OpenAI's numbers, which some files hold as numbers and not as tensors."""
    if not isinstance(loaded, Mapping):
        return loaded
    return {name: value for name, value in loaded.items() if not (name in SCALARS and isinstance(value, int | float))}


def _unwrapped(state: dict[str, torch.Tensor]) -> tuple[dict[str, torch.Tensor], list[str]]:
    """The tensors without the wrapper before their names, and the names of those outside it."""
    if any(name.startswith(MARKS) for name in state):
        return state, []
    prefixes = {name[: name.index(f".{mark}") + 1] for name in state for mark in MARKS if f".{mark}" in name}
    shortest = min(prefixes, key=lambda prefix: (prefix.count("."), prefix), default="")
    inside = {name.removeprefix(shortest): tensor for name, tensor in state.items() if name.startswith(shortest)}
    return inside, sorted(name for name in state if not name.startswith(shortest))


def _without_scalars(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Without OpenAI's numbers, and without the causal mask, which an archive holds and a state dict computes."""
    return {name: tensor for name, tensor in state.items() if name.rpartition(".")[2] not in {*SCALARS, "attn_mask"}}
