"""What a model's forward pass costs, counted on tensors without data: no weights are loaded."""

import difflib
import logging
from collections.abc import Callable
from typing import Any, NamedTuple

from memometer.errors import ModelError

__all__ = ["ModelCost", "cost_of"]


class ModelCost(NamedTuple):
    """Of one image and one caption.

    Attributes:
        image: floating-point operations, two per multiplication and addition.
        text: likewise.
        dim: components of a vector.
        parameters: of both towers.
    """

    image: float
    text: float
    dim: int
    parameters: int


def cost_of(name: str) -> ModelCost:
    """The cost of an architecture of open_clip, e.g. ``ViT-B-32``.

    Raises:
        ModelError: open_clip has no such architecture, or its operations cannot be counted.
    """
    import open_clip
    import torch

    known = open_clip.list_models()
    if name not in known:
        close = ", ".join(difflib.get_close_matches(name, known, n=3, cutoff=0.4))
        raise ModelError(
            f"model '{name}' is no architecture of open_clip{f'; did you mean {close}?' if close else ''}; 'python -c "
            '"import open_clip; print(open_clip.list_models())"\' lists them'
        )
    config = open_clip.get_model_config(name)
    if any("hf_model_name" in config.get(tower, {}) for tower in ("text_cfg", "vision_cfg")):
        raise ModelError(
            f"model '{name}' takes a tower from the Hugging Face hub, whose operations are not counted without it; "
            "name an architecture of about its size, e.g. ViT-B-32"
        )
    quiet = logging.getLogger().level
    logging.getLogger().setLevel(logging.ERROR)  # it warns that no weights are loaded
    try:
        model = open_clip.create_model(name, device="meta", precision="fp32", load_weights=False).eval()
    finally:
        logging.getLogger().setLevel(quiet)
    size = config["vision_cfg"].get("image_size", 224)
    height, width = size if isinstance(size, tuple | list) else (size, size)
    length = config["text_cfg"].get("context_length", 77)
    image = _counted(model.encode_image, torch.empty(1, 3, height, width, device="meta"))
    text = _counted(model.encode_text, torch.zeros(1, length, dtype=torch.long, device="meta"))
    return ModelCost(image, text, int(config["embed_dim"]), sum(each.numel() for each in model.parameters()))


def _counted(encode: Callable[[Any], object], given: Any) -> float:
    """The floating-point operations of one call."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        encode(given)
    return float(counter.get_total_flops())
