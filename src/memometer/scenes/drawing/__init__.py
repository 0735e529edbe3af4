"""The kinds of objects in scenes, and how each is drawn."""

from memometer.scenes.drawing.animals import ANIMALS
from memometer.scenes.drawing.food import FOOD
from memometer.scenes.drawing.household import HOUSEHOLD
from memometer.scenes.drawing.kind import Kind, Place
from memometer.scenes.drawing.outdoors import OUTDOORS
from memometer.scenes.drawing.pen import COLORS, Paint, Pen, Rgb, mix, paint_of
from memometer.scenes.drawing.things import THINGS

__all__ = ["COLORS", "KINDS", "Kind", "Paint", "Pen", "Place", "Rgb", "mix", "paint_of"]

KINDS: dict[str, Kind] = {kind.word: kind for kind in (*ANIMALS, *FOOD, *HOUSEHOLD, *THINGS, *OUTDOORS)}
"""Every kind by its word; words do not contain each other."""
