"""Models behind one small protocol: open_clip models and checkpoints."""

from memometer.encoders.base import Encoder, Preprocess

__all__ = ["Encoder", "Preprocess"]
