"""From a scene to its picture, and to the box of every object in it."""

import dataclasses

import numpy as np
from PIL import Image

from memometer.scenes.backdrop import WHITE, Backdrop
from memometer.scenes.composition import Item, Scene
from memometer.scenes.drawing import COLORS, Pen, Rgb, mix, paint_of
from memometer.seeds import rng_for

__all__ = ["Box", "Picture", "render"]

Box = tuple[float, float, float, float]

SUPERSAMPLING = 3
"""Canvas px per picture px, along each side: the picture is the canvas averaged over 3 × 3 squares."""

OUTLINE = 0.01
"""Thickness of the dark line around every object, as a share of the picture's side."""


@dataclasses.dataclass(frozen=True)
class Picture:
    """A drawn scene.

    Attributes:
        image: RGB, square.
        boxes: x, y, width, height in whole px of each item, in the order of ``scene.items``.
    """

    image: Image.Image
    boxes: tuple[Box, ...]


def render(scene: Scene, *, size: int) -> Picture:
    """Draws a scene ``size`` px wide and high."""
    rng = rng_for(scene.seed, "picture", scene.index)
    drop = Backdrop(
        side=size * SUPERSAMPLING,
        tint=_varied(rng, mix(COLORS[scene.tint], WHITE, 0.45), spread=14),
        horizon=100 * scene.horizon,
        rng=rng,
    )
    scene.theme.paint(drop)
    boxes = tuple(_draw(rng, drop.image, item) for item in scene.items)
    return Picture(drop.image.reduce(SUPERSAMPLING), boxes)


def _draw(rng: np.random.Generator, canvas: Image.Image, item: Item) -> Box:
    """Draws one object on the canvas; returns its box in picture px."""
    side = canvas.width
    paint = paint_of(_varied(rng, COLORS[item.color], spread=12))
    pen = Pen((round(item.width * side), round(item.height * side)), paint)
    item.kind.draw(pen)
    layer, mask = pen.lift(outline=max(1, round(side * OUTLINE)), tilt=item.tilt, mirrored=item.mirrored)
    left, top = round(item.x * side - layer.width / 2), round(item.y * side - layer.height / 2)
    canvas.paste(layer, (left, top), mask)
    drawn = mask.getbbox() or (0, 0, 1, 1)
    edges = (left + drawn[0], top + drawn[1], left + drawn[2], top + drawn[3])
    first_x, first_y = (max(edge, 0) // SUPERSAMPLING for edge in edges[:2])
    last_x, last_y = (-(-min(edge, side) // SUPERSAMPLING) for edge in edges[2:])
    return float(first_x), float(first_y), float(last_x - first_x), float(last_y - first_y)


def _varied(rng: np.random.Generator, color: Rgb, *, spread: int) -> Rgb:
    """The colour with each channel moved by up to ``spread``."""
    shifts = rng.integers(-spread, spread + 1, size=3).tolist()
    red, green, blue = (min(max(value + shift, 0), 255) for value, shift in zip(color, shifts, strict=True))
    return red, green, blue
