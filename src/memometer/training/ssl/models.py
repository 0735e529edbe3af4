"""The models that can be trained: presets, or timm's by name, with the projectors of the objectives' papers."""

import dataclasses

import timm
import torch
from open_clip.transform import PreprocessCfg
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD

from memometer.encoders.preprocessing import as_json
from memometer.encoders.ssl_model import Backbone, Projector, SslArchitecture, build_backbone
from memometer.errors import ModelError
from memometer.training.ssl.config import SslConfig
from memometer.validation import meant

__all__ = ["find_architecture"]

PRESETS = {
    "tiny": Backbone(layers=(1, 1, 1, 1), channels=(24, 48, 96, 256), stem=24),
    "small": Backbone(layers=(1, 1, 1, 1), channels=(64, 128, 256, 512), stem=64),
}
"""ResNets of ten layers, narrow ones, for images of 32 to 96 px; ``small`` has ResNet-18's widths."""

SIMCLR_DIMENSIONS, DINO_DIMENSIONS = 128, 256
"""Of SimCLR's embedding, and of the bottleneck before DINO's prototypes."""


def find_architecture(config: SslConfig) -> SslArchitecture:
    """The backbone named by ``config.model``, with the projector of its objective.

    Raises:
        ModelError: there is no such model, or it cannot be built at this image size.
    """
    backbone = PRESETS.get(config.model) or _from_timm(config.model)
    preprocess = PreprocessCfg(size=config.image_size, mean=IMAGENET_DEFAULT_MEAN, std=IMAGENET_DEFAULT_STD)
    return SslArchitecture(
        objective=config.objective,
        image_size=config.image_size,
        backbone=backbone,
        projector=_projector(config, backbone),
        preprocess_cfg=as_json({**dataclasses.asdict(preprocess), "rgb_first": True}),
    )


def _from_timm(name: str) -> Backbone:
    if timm.is_model(name):
        return Backbone(timm=name)
    known, lists = [*PRESETS, *timm.list_models()], "any classifier in timm.list_models() will do"
    hint = meant(name, known, otherwise=lists)
    raise ModelError(
        f"there is no model '{name}' to train: it is no preset ({', '.join(PRESETS)}), and timm has none; {hint}"
    )


def _projector(config: SslConfig, backbone: Backbone) -> Projector:
    """The papers' projectors for a ResNet-50 of 2,048 features, scaled to the features that there are.

    DINO's has batch norms where the backbone has: on transformers the paper has none at all.
    """
    features, batch_norm = _inspected(backbone, config)
    if config.objective == "simclr":
        return Projector(widths=(config.projector_width or features, SIMCLR_DIMENSIONS))
    if config.objective == "dino":
        width = config.projector_width or features
        return Projector(widths=(width, width, DINO_DIMENSIONS), activation="gelu", batch_norm=batch_norm)
    return Projector(widths=(config.projector_width or 4 * features,) * 3)


def _inspected(backbone: Backbone, config: SslConfig) -> tuple[int, bool]:
    """How many features a backbone gives, and whether it has batch norms."""
    if backbone.channels is not None:
        return backbone.channels[-1], True
    with torch.random.fork_rng(devices=[]):  # leaves the caller's random state alone
        module, features = build_backbone(backbone, image_size=config.image_size)
        if config.has_local_crops:
            try:
                build_backbone(backbone, image_size=config.image_size, also=config.local_side)
            except ModelError as error:
                raise ModelError(
                    f"{error}; local crops need a model of several sizes: pass a --local-size that it takes (of a "
                    "transformer, a multiple of its patches' side), or --local-crops 0"
                ) from error
        return features, any(isinstance(layer, torch.nn.BatchNorm2d) for layer in module.modules())
