"""Finds out what a bare training checkpoint is: from open_clip's log beside it, or from the shapes of its weights."""

import ast
import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import open_clip
import torch

from memometer.encoders.architectures import Architecture, architecture_named, build_model
from memometer.encoders.config_types import check_model_config
from memometer.encoders.fitting import fit_architecture
from memometer.errors import ModelError

__all__ = ["TrainingLog", "architecture_from_shapes", "read_training_log"]

MAX_LITERAL = 2_000
"""Characters of a value that may be read as Python prints it; deep nesting takes more, and breaks the parser."""


@dataclasses.dataclass(frozen=True)
class TrainingLog:
    """What ``params.txt`` of an open_clip training tells of the model.

    Attributes:
        path: the file.
        architecture: its model, with the options that change the architecture.
        preprocess: the part of open_clip's ``preprocess_cfg`` that it sets.
        pretrained: the published weights, by tag, that the training began with; "" for none.
    """

    path: Path
    architecture: Architecture
    preprocess: dict[str, Any]
    pretrained: str = ""


def read_training_log(checkpoint: Path) -> TrainingLog | None:
    """The log of the training that wrote ``checkpoint``: ``NAME/params.txt`` for ``NAME/checkpoints/epoch_1.pt``.

    Raises:
        ModelError: it names a model that open_clip does not have, or changes one to what none can be.
    """
    for folder in (checkpoint.parent, checkpoint.parent.parent):
        path = folder / "params.txt"
        if path.is_file():
            break
    else:
        return None
    params = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        name, separator, value = line.partition(": ")
        if separator:
            params[name.strip()] = _literal(value.strip())
    if not isinstance(params.get("model"), str):
        return None
    # A log is a file: what its model needs of the hub is taken from the cache, never from the network.
    architecture = dataclasses.replace(architecture_named(params["model"]), origin="file")
    config = architecture.config
    if params.get("force_quick_gelu"):
        config["quick_gelu"] = True
    if params.get("force_custom_text"):
        config["custom_text"] = True
    if size := params.get("force_image_size"):
        config["vision_cfg"]["image_size"] = size[0] if isinstance(size, list | tuple) and len(size) == 1 else size
    if params.get("force_context_length"):
        config["text_cfg"]["context_length"] = params["force_context_length"]
    check_model_config(config, name=str(path))
    preprocess = dict(open_clip.get_pretrained_cfg(architecture.name, str(params.get("pretrained") or "")) or {})
    for key in ("mean", "std", "interpolation", "resize_mode"):
        if params.get(f"image_{key}") is not None:
            preprocess[key] = params[f"image_{key}"]
    return TrainingLog(path, architecture, preprocess, str(params.get("pretrained") or ""))


def architecture_from_shapes(state: Mapping[str, torch.Tensor], *, path: Path) -> tuple[Architecture, str]:
    """The one architecture of open_clip whose tensors have exactly the names and shapes of ``state``.

    Returns:
        The architecture, and a warning that says what was guessed.

    Raises:
        ModelError: none fits, or several that differ in more than the activation.
    """
    shapes = _tower_shapes(state)
    fits: list[Architecture] = []
    broken: list[str] = []
    for candidate in _plausible(shapes):
        try:
            fits += [candidate] if _shapes_of(candidate) == shapes else []
        except ModelError as error:  # one that cannot be built here says nothing of the others
            broken.append(str(error))
    hint = f"name the architecture: open_clip:MODEL@{path}"
    if not fits:
        untried = f" ({len(broken)} could not be tried, e.g.: {broken[0]})" if broken else ""
        raise ModelError(
            f"the weights in {path} fit none of open_clip's {len(open_clip.list_models())} architectures{untried}, and "
            f"there is no params.txt beside them; {hint}, where MODEL may be a model config in JSON"
        )
    # QuickGELU has no weights, so its variants look alike; open_clip's own trainings use the plain one.
    plain = [candidate for candidate in fits if not candidate.config.get("quick_gelu")] or fits
    names = " or ".join(candidate.name for candidate in fits)
    if len({json.dumps(candidate.config, sort_keys=True) for candidate in plain}) > 1:
        raise ModelError(f"the weights in {path} have the shapes of {names}; {hint}")
    others = [candidate.name for candidate in fits if candidate is not plain[0]]
    also = f"; {' and '.join(others)} would fit as well" if others else ""
    return plain[
        0
    ], f"the architecture {plain[0].name} was guessed from the shapes of the weights{also}; to be sure, {hint}"


def _literal(value: str) -> Any:
    """A number, list, None or boolean as Python prints it; any other text as it is."""
    if len(value) > MAX_LITERAL:
        return value
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return value


def _plausible(shapes: Mapping[str, torch.Size]) -> Iterator[Architecture]:
    """Architectures that agree in a few telling shapes, so that few need to be built."""
    text_shapes = {name.removeprefix("text."): shape for name, shape in shapes.items()}
    if not {"positional_embedding", "token_embedding.weight"} <= text_shapes.keys():
        return  # Hugging Face's text towers cannot be built without a download
    found = (*text_shapes["positional_embedding"], text_shapes["token_embedding.weight"][0])
    patches = shapes.get("visual.conv1.weight", (None, 3, None))
    is_timm = any(name.startswith("visual.trunk.") for name in shapes)
    for name in open_clip.list_models():
        architecture = architecture_named(name)
        text, vision = architecture.config["text_cfg"], architecture.config["vision_cfg"]
        if "hf_model_name" in text or is_timm != ("timm_model_name" in vision):
            continue
        stated = (text.get("context_length", 77), text.get("width", 512), text.get("vocab_size", 49408))
        is_vit = isinstance(vision.get("layers"), int) and not is_timm
        fits_vision = not is_vit or (vision.get("width", 768), vision.get("patch_size", 16)) == (patches[0], patches[2])
        if stated == found and fits_vision:
            yield fit_architecture(architecture, shapes)


def _shapes_of(architecture: Architecture) -> dict[str, torch.Size]:
    with torch.device("meta"):  # no memory, no random numbers
        model = build_model(architecture)
    return _tower_shapes(model.state_dict())


def _tower_shapes(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Size]:
    """Shapes of all but the logit's scale and bias, which some versions store with a dimension more."""
    return {name: tensor.shape for name, tensor in state.items() if not name.startswith("logit_")}
