"""Weights into a model, strictly: known harmless differences are named here, every other one is an error."""

import copy
import dataclasses
from collections.abc import Mapping
from pathlib import Path

import torch
from open_clip.convert import convert_state_dict
from open_clip.model import convert_to_custom_text_state_dict

from memometer.encoders.architectures import Architecture, build_model
from memometer.encoders.bounded import refusing
from memometer.encoders.by_order import Fitted, fit_by_order, order_hint
from memometer.errors import ModelError

__all__ = ["build_with_weights", "fit_architecture", "shape_difference"]

Tensors = Mapping[str, torch.Tensor]

POSITION_IDS = "text.transformer.embeddings.position_ids"
"""A buffer that transformers stored up to 4.30 and recomputes since."""


def build_with_weights(
    architecture: Architecture, state: Mapping[str, torch.Tensor], *, path: Path, by_order: bool = False
) -> tuple[Architecture, torch.nn.Module, Fitted]:
    """Builds the model and loads every tensor of ``state`` into it.

    Args:
        architecture: of the model.
        state: what the checkpoint holds.
        path: of the checkpoint.
        by_order: whether its tensors are taken by their order and shapes, whatever they are called.

    Returns:
        The architecture as built (see `fit_architecture`), the model on the CPU in evaluation mode, and its tensors.

    Raises:
        ModelError: a tensor is missing, unknown or of another shape.
    """
    if not by_order:
        architecture = fit_architecture(architecture, state)
    model = build_model(architecture, weights=state)
    expected = model.state_dict()
    if by_order:
        fitted = fit_by_order(state, expected, path=path, name=architecture.name, spare=0)
    else:
        with refusing(f"the checkpoint {path} does not fit the model '{architecture.name}'"):
            fitted = Fitted(_adapt(model, state))
    if difference := shape_difference(expected, fitted.state):
        hint = order_hint(state, expected, path=path, spare=0) or "name the right one as open_clip:MODEL@CHECKPOINT"
        raise ModelError(f"the checkpoint {path} does not fit the model '{architecture.name}': {difference}; {hint}")
    model.load_state_dict(fitted.state, strict=True)
    return architecture, model.eval(), fitted


def fit_architecture(architecture: Architecture, state: Mapping[str, object]) -> Architecture:
    """The architecture with the training options that show in a checkpoint's names.

    ``--force-custom-text`` keeps the text tower's tensors under ``text.``, ``--siglip`` adds a ``logit_bias``.
    """
    config = copy.deepcopy(architecture.config)
    if any(name.startswith("text.") for name in state):
        config["custom_text"] = True
    if "logit_bias" in state and config.get("init_logit_bias") is None:
        config["init_logit_bias"] = 0.0
    return dataclasses.replace(architecture, config=config)


def _adapt(model: torch.nn.Module, state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Brings the state dict of another layout of the same model to this one's; no number of the towers changes."""
    converted = convert_state_dict(model, dict(state))  # MobileCLIP's own names
    if "positional_embedding" in converted and not hasattr(model, "positional_embedding"):
        converted = convert_to_custom_text_state_dict(converted)
    fitted: dict[str, torch.Tensor] = dict(converted)
    expected = model.state_dict()
    for name in ("logit_scale", "logit_bias"):  # scalars that some versions store with one dimension
        if name in fitted and name in expected and fitted[name].numel() == expected[name].numel():
            fitted[name] = fitted[name].reshape(expected[name].shape)
    if "logit_bias" in expected:  # absent where training started from a model without; no part of either tower
        fitted.setdefault("logit_bias", torch.zeros_like(expected["logit_bias"]))
    if POSITION_IDS not in expected:
        fitted.pop(POSITION_IDS, None)
    return fitted


def shape_difference(expected: Tensors, found: Tensors) -> str:
    """What does not fit, in words; empty when all fits."""
    missing = sorted(expected.keys() - found.keys())
    unknown = sorted(found.keys() - expected.keys())
    reshaped = sorted(name for name in expected.keys() & found.keys() if expected[name].shape != found[name].shape)
    parts = []
    if missing:
        parts.append(f"{len(missing)} tensors are missing (e.g. {missing[0]})")
    if unknown:
        parts.append(f"{len(unknown)} are unknown (e.g. {unknown[0]})")
    if reshaped:
        name, shapes = reshaped[0], [tuple(tensors[reshaped[0]].shape) for tensors in (found, expected)]
        parts.append(f"{len(reshaped)} are of another shape (e.g. {name} {shapes[0]}, expected {shapes[1]})")
    return ", ".join(parts)
