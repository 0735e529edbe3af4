"""Models behind small protocols: open_clip models and checkpoints, image encoders, text encoders."""

from memometer.encoders.base import (
    Encoder,
    Features,
    ImageEncoder,
    Preprocess,
    TextEncoder,
    Tower,
    UnfittedTextEncoder,
    has_tower,
    image_tower,
    text_tower,
)

__all__ = [
    "Encoder",
    "Features",
    "ImageEncoder",
    "Preprocess",
    "TextEncoder",
    "Tower",
    "UnfittedTextEncoder",
    "has_tower",
    "image_tower",
    "text_tower",
]
