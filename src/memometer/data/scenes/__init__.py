"""The built-in scenes: images drawn here, with known objects and captions that name only some of them."""

from memometer.data.scenes.planting import PLANTED_SCHEMA
from memometer.data.scenes.writing import ScenesSummary, make_scenes

__all__ = ["PLANTED_SCHEMA", "ScenesSummary", "make_scenes"]
