"""Self-supervised image models: a backbone and a projector, built without weights from a few lines of JSON."""

from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError
from timm import create_model, get_pretrained_cfg, is_model
from timm.models.resnet import BasicBlock, ResNet

from memometer.encoders.preprocessing import image_preprocess
from memometer.errors import ModelError
from memometer.validation import problems

__all__ = [
    "CONFIG_NAME",
    "WEIGHTS_NAME",
    "Backbone",
    "Projector",
    "SslArchitecture",
    "SslModel",
    "build_backbone",
    "build_projector",
]

CONFIG_NAME, WEIGHTS_NAME = "ssl_config.json", "ssl_model.safetensors"
"""In a folder that ``memometer train-ssl`` wrote."""

FROZEN = ConfigDict(extra="forbid", frozen=True)


class Backbone(BaseModel):
    """One of timm's models by name, or a ResNet of basic blocks by its widths.

    Attributes:
        timm: a model name of timm.
        layers: basic blocks in each of the four stages.
        channels: of each of the four stages.
        stem: channels of the first convolution.
    """

    model_config = FROZEN

    timm: str | None = None
    layers: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt] | None = None
    channels: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt] | None = None
    stem: PositiveInt | None = None


class Projector(BaseModel):
    """A multilayer perceptron on the backbone's features.

    Attributes:
        widths: of its layers; the last is that of the embedding.
        activation: between the layers.
        batch_norm: before each activation.
    """

    model_config = FROZEN

    widths: tuple[PositiveInt, ...] = Field(min_length=1)
    activation: Literal["relu", "gelu"] = "relu"
    batch_norm: bool = True


class SslArchitecture(BaseModel):
    """The content of ``ssl_config.json``.

    Attributes:
        objective: what the model was trained with.
        image_size: px, of the square images that enter it.
        backbone: see `Backbone`.
        projector: see `Projector`.
        preprocess_cfg: as open_clip's; see `memometer.encoders.preprocessing`.
    """

    model_config = FROZEN

    objective: str
    image_size: PositiveInt
    backbone: Backbone
    projector: Projector
    preprocess_cfg: dict[str, Any]

    @classmethod
    def from_json(cls, content: object, *, source: str) -> "SslArchitecture":
        """Reads the content of a file.

        Raises:
            ModelError: it is no such config; names ``source``.
        """
        try:
            architecture = cls.model_validate(content)
        except ValidationError as error:
            raise ModelError(f"{source} is no config of a self-supervised model: {problems(error, of=cls)}") from error
        missing = {"size", "mean", "std", "interpolation", "resize_mode"} - architecture.preprocess_cfg.keys()
        if missing:
            raise ModelError(f"{source} states no {', '.join(sorted(missing))} in its preprocess_cfg")
        image_preprocess(architecture.preprocess_cfg)
        return architecture


class SslModel(torch.nn.Module):
    """(n, 3, height, width) normalised pixels → (n, d), the projector's output.

    Attributes:
        backbone: (n, 3, height, width) → (n, features).
        projector: (n, features) → (n, d).
    """

    def __init__(self, architecture: SslArchitecture, *, also: int | None = None) -> None:
        """Draws fresh weights from torch's random state.

        Args:
            architecture: of the model.
            also: see `build_backbone`.

        Raises:
            ModelError: the backbone cannot be built.
        """
        super().__init__()
        self.backbone, features = build_backbone(architecture.backbone, image_size=architecture.image_size, also=also)
        self.projector = build_projector(architecture.projector, features=features)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """The projector's output."""
        return self.projector(self.backbone(images))  # type: ignore[no-any-return]


def build_backbone(backbone: Backbone, *, image_size: int, also: int | None = None) -> tuple[torch.nn.Module, int]:
    """A backbone with fresh weights, and the width of its features.

    Args:
        backbone: which.
        image_size: px.
        also: px of images that enter it, too. A transformer then interpolates its table of positions, which stays that
            of ``image_size``: the weights are the same ones.

    Raises:
        ModelError: timm has no such model, or cannot build it at these sizes.
    """
    if backbone.timm is None:
        if backbone.layers is None or backbone.channels is None or backbone.stem is None:
            raise ModelError(
                f"the backbone {str(backbone.model_dump())[:300]} needs either timm, or layers, channels and stem"
            )
        module: Any = ResNet(
            block=BasicBlock,
            layers=backbone.layers,
            channels=backbone.channels,
            stem_width=backbone.stem,
            num_classes=0,
        )
        return module, backbone.channels[-1]
    if not is_model(backbone.timm):
        raise ModelError(
            f"timm has no model '{backbone.timm[:80]}'; python -c 'import timm; print(timm.list_models())' lists them"
        )
    # Transformers have a table of positions of one size; convolutions take any.
    config = get_pretrained_cfg(backbone.timm)
    sized: dict[str, Any] = {"img_size": image_size} if config is not None and config.fixed_input_size else {}
    if sized and also is not None:
        sized["dynamic_img_size"] = True
    sizes = [image_size] if also is None else [image_size, also]
    try:
        module = create_model(backbone.timm, pretrained=False, num_classes=0, **sized)
        module.eval()
        with torch.inference_mode():
            features, *_ = [module(torch.zeros(1, 3, size, size)) for size in sizes]
    except (TypeError, ValueError, RuntimeError, AssertionError, KeyError) as error:
        asked = " and ".join(map(str, sizes))
        raise ModelError(f"timm cannot build '{backbone.timm}' for images of {asked} px: {error}") from error
    if features.ndim != 2:
        raise ModelError(f"timm's '{backbone.timm}' gives no vector per image; choose an image classifier")
    return module.train(), features.shape[1]


def build_projector(projector: Projector, *, features: int) -> torch.nn.Sequential:
    """Layers without bias where a batch norm follows, and a last layer with neither."""
    activation = {"relu": torch.nn.ReLU, "gelu": torch.nn.GELU}[projector.activation]
    layers: list[torch.nn.Module] = []
    for width in projector.widths[:-1]:
        layers.append(torch.nn.Linear(features, width, bias=not projector.batch_norm))
        if projector.batch_norm:
            layers.append(torch.nn.BatchNorm1d(width))
        layers.append(activation())
        features = width
    layers.append(torch.nn.Linear(features, projector.widths[-1], bias=not projector.batch_norm))
    return torch.nn.Sequential(*layers)
