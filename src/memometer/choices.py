"""Words that options of several commands take, and bounds."""

from typing import Literal

__all__ = ["MAX_K", "Augment", "Features", "Pool", "Tower", "TowerChoice"]

MAX_K = 1024
"""The most neighbours of a query."""

Augment = Literal["clip", "ssl", "crop", "none"]
"""How views of an image are drawn: a name of `memometer.data.augmentation.AUGMENTATIONS`."""

Features = Literal["projector", "backbone"]
"""Which output of an image tower: after its last projection, or the pooled features before it."""

Pool = Literal["mean", "cls"]
"""How the tokens of a layer become one vector: their mean, or the class token (of a text: its last token)."""

Tower = Literal["image", "text"]
TowerChoice = Literal["image", "text", "both"]
