"""The built-in scenes: images drawn here, with known objects and captions that name only some of them."""

from memometer.scenes.planting import PLANTED_SCHEMA
from memometer.scenes.writing import ScenesSummary, make_scenes

__all__ = ["PLANTED_SCHEMA", "ScenesSummary", "make_scenes"]
