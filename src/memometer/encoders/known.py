"""What can be named as a model: every scheme, what it loads, an example, and the package that it needs."""

import dataclasses
import importlib.util
from collections.abc import Mapping
from typing import Any

from memometer.encoders.offered import offered

__all__ = ["SCHEMES", "Named", "Scheme", "list_named", "list_offered"]


@dataclasses.dataclass(frozen=True)
class Named:
    """One word before the colon.

    Attributes:
        loads: what it names.
        examples: of specifications.
        package: that it needs, as it is imported.
        extra: of memometer which installs the package; empty where memometer itself needs it.
    """

    loads: str
    examples: tuple[str, ...]
    package: str = ""
    extra: str = ""

    @property
    def is_installed(self) -> bool:
        """Whether what it needs is there; nothing is imported."""
        return not self.package or importlib.util.find_spec(self.package) is not None

    def told(self) -> dict[str, Any]:
        """As JSON."""
        told = dataclasses.asdict(self)
        needs = {"needs": told.pop("package") or None, "installed": self.is_installed}
        return {**told, "examples": list(self.examples), "extra": self.extra or None, **needs}


@dataclasses.dataclass(frozen=True)
class Scheme(Named):
    """One word before the colon of an encoder.

    Attributes:
        towers: that its models have.
    """

    towers: str = "image and text"


SCHEMES = {
    "open_clip": Scheme(
        "models of open_clip: published weights, training checkpoints, folders of 'memometer train', the hub's",
        ("open_clip:ViT-B-32@laion2b_s34b_b79k", "open_clip:epoch_32.pt", "open_clip:hf-hub:OWNER/NAME"),
        package="open_clip",
    ),
    "hf": Scheme(
        "models of transformers: CLIP, SigLIP, SigLIP 2, ALIGN, AltCLIP, Chinese-CLIP, MetaCLIP 2, BLIP, AIMv2, DINO",
        ("hf:openai/clip-vit-base-patch32", "hf:facebook/dinov2-base", "hf:FOLDER"),
        package="transformers",
        extra="hf",
    ),
    "ssl": Scheme("image encoders of 'memometer train-ssl'", ("ssl:FOLDER",), towers="image"),
    "timm": Scheme(
        "image models of timm: published weights, checkpoints, folders, the hub's",
        ("timm:vit_small_patch14_dinov2.lvd142m", "timm:NAME@weights.pth?rename=order"),
        towers="image",
        package="timm",
    ),
    "torchvision": Scheme(
        "image classifiers of torchvision: published weights, checkpoints",
        ("torchvision:resnet50@IMAGENET1K_V1", "torchvision:NAME@weights.pth"),
        towers="image",
        package="torchvision",
    ),
    "text": Scheme(
        "text encoders of sentence-transformers; TF-IDF, which needs no model",
        ("text:all-MiniLM-L6-v2", "text:FOLDER", "text:tfidf"),
        towers="text",
        package="sentence_transformers",
        extra="text",
    ),
    "python": Scheme("an encoder that a function of yours returns", ("python:package.module:function",), towers="its"),
    "embeddings": Scheme("vectors that exist already", ("embeddings:DIR",), towers="those of its files"),
}
"""The word before the colon → what it loads."""


def list_named(named: Mapping[str, Named]) -> dict[str, dict[str, Any]]:
    """All of a table, as JSON."""
    return {name: each.told() for name, each in named.items()}


def list_offered(group: str) -> dict[str, dict[str, Any]]:
    """What installed packages offer in a group of entry points, as JSON; nothing of it is imported."""
    return {
        name: {"function": point.value, "package": point.dist.name if point.dist else None}
        for name, point in sorted(offered(group).items())
    }
