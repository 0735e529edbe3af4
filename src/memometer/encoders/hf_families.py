"""Families of transformers' models: how each gives one vector for an image and for a text, and where its layers are.

A family is a ``model_type`` of ``config.json``. What is known of one here is what its config does not say; sizes,
tokens and preprocessing are in the files of each model.
"""

import dataclasses
import inspect
from collections.abc import Mapping
from typing import Any

import torch

from memometer.encoders.base import Tower

__all__ = ["FAMILIES", "Family", "family_of", "image_vectors", "pooled", "takes", "text_vectors", "tower_module"]

RETRIEVAL = "BlipForImageTextRetrieval"
"""BLIP's model of two towers, which ``AutoModel`` does not choose by itself."""

FIRST_TOKEN = {RETRIEVAL: "text_proj", "ChineseCLIPModel": "text_projection"}
"""Models whose text vectors are a projection, by this name, of the first token: one has no method for them, and that of
the other fails in transformers 4."""


@dataclasses.dataclass(frozen=True)
class Family:
    """What is to be known of one kind of model.

    Attributes:
        name: for tables and messages.
        example: a published model of it.
        towers: that it has.
        projects: whether the image tower ends in a projection, below which it has backbone features of its own.
        pad_to: tokens that every text is padded to; 0 pads to the longest of a batch, -1 to the tower's own length.
        offset: positions of the text tower that hold no token, as RoBERTa counts from its padding token's id.
    """

    name: str
    example: str
    towers: tuple[Tower, ...] = ("image", "text")
    projects: bool = True
    pad_to: int = 0
    offset: int = 0


_IMAGE: tuple[Tower, ...] = ("image",)

FAMILIES = {
    "clip": Family("CLIP", "openai/clip-vit-base-patch32"),
    "clip_vision_model": Family("CLIP, image tower", "", _IMAGE),
    "siglip": Family("SigLIP, SigLIP 2 of fixed size", "google/siglip2-base-patch16-224", projects=False, pad_to=-1),
    "siglip_vision_model": Family("SigLIP, image tower", "", _IMAGE),
    "siglip2": Family("SigLIP 2, NaFlex", "google/siglip2-base-patch16-naflex", projects=False, pad_to=-1),
    "siglip2_vision_model": Family("SigLIP 2 NaFlex, image tower", "", _IMAGE),
    "align": Family("ALIGN", "kakaobrain/align-base", projects=False, pad_to=64),
    "altclip": Family("AltCLIP", "BAAI/AltCLIP", offset=2),
    "chinese_clip": Family("Chinese-CLIP", "OFA-Sys/chinese-clip-vit-base-patch16"),
    "metaclip_2": Family("MetaCLIP 2", "facebook/metaclip-2-worldwide-huge-quickgelu"),
    "blip": Family("BLIP, retrieval towers", "Salesforce/blip-itm-base-coco"),
    "aimv2": Family("AIMv2, with texts", "apple/aimv2-large-patch14-224-lit"),
    "aimv2_vision_model": Family("AIMv2", "apple/aimv2-large-patch14-native", _IMAGE),
    "dinov2": Family("DINOv2", "facebook/dinov2-base", _IMAGE),
    "dinov2_with_registers": Family("DINOv2 with registers", "facebook/dinov2-with-registers-base", _IMAGE),
    "dinov3_vit": Family("DINOv3", "facebook/dinov3-vitb16-pretrain-lvd1689m", _IMAGE),
    "dinov3_convnext": Family("DINOv3, ConvNeXt", "facebook/dinov3-convnext-tiny-pretrain-lvd1689m", _IMAGE),
}
"""``model_type`` of ``config.json`` → its family."""


def family_of(model: Any) -> Family:
    """The family of a loaded model; of code of its own, what its methods tell."""
    known = FAMILIES.get(str(model.config.model_type))
    if known is not None:
        return known
    both: tuple[Tower, ...] = ("image", "text")
    towers = tuple(tower for tower in both if hasattr(model, f"get_{tower}_features"))
    return Family(str(model.config.model_type), "", towers or _IMAGE)


def image_vectors(model: Any, inputs: Mapping[str, torch.Tensor], *, below: bool) -> torch.Tensor:
    """(n, d) of a batch that the model's image processor made.

    Args:
        model: loaded.
        inputs: ``pixel_values``, and what else its processor gives.
        below: whether the pooled features are meant which the projection into the shared space takes.
    """
    if type(model).__name__ == RETRIEVAL:
        tokens = model.vision_model(**inputs).last_hidden_state[:, 0]
        return tokens if below else model.vision_proj(tokens)  # type: ignore[no-any-return]
    if below:
        return pooled(model.vision_model(**inputs))
    if not hasattr(model, "get_image_features"):
        return pooled(model(**inputs))
    return pooled(model.get_image_features(**inputs))


def text_vectors(model: Any, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """(n, d) of a batch that the model's tokenizer made."""
    if type(model).__name__ in FIRST_TOKEN:
        projection = getattr(model, FIRST_TOKEN[type(model).__name__])
        return projection(tower_module(model, "text")(**inputs).last_hidden_state[:, 0])  # type: ignore[no-any-return]
    return pooled(model.get_text_features(**inputs))


def pooled(output: Any) -> torch.Tensor:
    """The vectors in what a model gives: transformers 5 gives an object that holds them, 4 the tensor itself."""
    return output if isinstance(output, torch.Tensor) else output.pooler_output


def takes(model: Any, tower: Tower) -> frozenset[str]:
    """Names of what a tower can be given."""
    if type(model).__name__ == RETRIEVAL:
        method = tower_module(model, tower).forward
    else:
        method = getattr(model, f"get_{tower}_features", model.forward)
    return frozenset(inspect.signature(method).parameters)


def tower_module(model: Any, tower: Tower) -> torch.nn.Module:
    """The module whose submodules are a tower's layers; the whole model where it is of images alone."""
    names = ("vision_model",) if tower == "image" else ("text_model", "text_encoder")
    return next((getattr(model, name) for name in names if hasattr(model, name)), model)  # type: ignore[no-any-return]
