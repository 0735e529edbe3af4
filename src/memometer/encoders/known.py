"""What can be named as a model: every scheme, what it loads, an example, and the package that it needs."""

import dataclasses
import importlib.util

from memometer.encoders.offered import ANNOTATORS, ENCODERS, offered

__all__ = ["SCHEMES", "Scheme", "list_models"]


@dataclasses.dataclass(frozen=True)
class Scheme:
    """One word before the colon.

    Attributes:
        loads: what it names.
        examples: of specifications.
        towers: that its models have.
        package: that they need, as it is imported.
        extra: of memometer which installs the package; empty where memometer itself needs it.
    """

    loads: str
    examples: tuple[str, ...]
    towers: str = "image and text"
    package: str = ""
    extra: str = ""

    @property
    def is_installed(self) -> bool:
        """Whether what it needs is there; nothing is imported."""
        return not self.package or importlib.util.find_spec(self.package) is not None


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


def list_models() -> dict[str, object]:
    """All that can be named, as JSON: schemes, and what installed packages offer."""
    schemes = {
        name: {
            "loads": scheme.loads,
            "towers": scheme.towers,
            "examples": list(scheme.examples),
            "needs": scheme.package or None,
            "extra": scheme.extra or None,
            "installed": scheme.is_installed,
        }
        for name, scheme in SCHEMES.items()
    }
    return {"models": schemes, "encoders": _offered(ENCODERS), "annotators": _offered(ANNOTATORS)}


def _offered(group: str) -> dict[str, object]:
    return {
        name: {"function": point.value, "package": point.dist.name if point.dist else None}
        for name, point in sorted(offered(group).items())
    }
