"""The picture behind the objects, and the parts of it that several themes share."""

import numpy as np
from PIL import Image, ImageDraw

from memometer.scenes.drawing import Rgb, mix

__all__ = ["WHITE", "Backdrop"]

WHITE: Rgb = (250, 251, 252)


class Backdrop:
    """A square picture to paint on; x and y run from 0 to 100, y downwards.

    Args:
        side: canvas px.
        tint: the colour of the wall or the sky.
        horizon: y where the wall or the sky ends.
        rng: what varies from scene to scene.
    """

    def __init__(self, *, side: int, tint: Rgb, horizon: float, rng: np.random.Generator) -> None:
        self.tint, self.horizon = tint, horizon
        self.image = Image.new("RGB", (side, side), tint)
        self._rng = rng
        self._unit = side / 100
        self._draw = ImageDraw.Draw(self.image)

    def between(self, low: float, high: float) -> float:
        """A random number in [low, high)."""
        return low + (high - low) * float(self._rng.random())

    def fade(self, upper: Rgb, lower: Rgb, *, top: float, bottom: float) -> None:
        """A level band that goes from one colour to the other."""
        first = round(top * self._unit)
        height = max(1, round(bottom * self._unit) - first)
        steps = np.linspace(0, 1, height)[:, None]
        column = np.asarray(upper) * (1 - steps) + np.asarray(lower) * steps
        band = Image.fromarray(column.round().astype(np.uint8)[:, None, :])
        self.image.paste(band.resize((self.image.width, height), Image.Resampling.NEAREST), (0, first))

    def box(self, left: float, top: float, right: float, bottom: float, fill: Rgb) -> None:
        """A rectangle."""
        self._draw.rectangle([value * self._unit for value in (left, top, right, bottom)], fill)

    def oval(self, x: float, y: float, across: float, down: float, fill: Rgb) -> None:
        """An ellipse around (x, y) with these half-widths."""
        self._draw.ellipse([value * self._unit for value in (x - across, y - down, x + across, y + down)], fill)

    def poly(self, fill: Rgb, *xy: float) -> None:
        """A filled polygon; its corners are x, y, x, y and so on."""
        self._draw.polygon([value * self._unit for value in xy], fill)

    def line(self, fill: Rgb, width: float, *xy: float) -> None:
        """A line through x, y, x, y and so on."""
        self._draw.line([value * self._unit for value in xy], fill, max(1, round(width * self._unit)))

    def wall(self, upper: Rgb | None = None) -> None:
        """A wall from the top to the horizon, with a skirting board."""
        self.fade(upper or self.tint, mix(self.tint, WHITE, 0.2), top=0, bottom=self.horizon)
        self.box(0, self.horizon - 2.5, 100, self.horizon, mix(self.tint, WHITE, 0.65))

    def sky(self, *, clouds: int) -> None:
        """A sky that pales towards the horizon, now and then with a sun, and up to so many clouds."""
        self.fade(self.tint, mix(self.tint, WHITE, 0.55), top=0, bottom=self.horizon + 2)
        if self.between(0, 1) < 0.5:
            self.oval(self.between(8, 92), self.between(6, self.horizon * 0.6), 7, 7, (255, 240, 176))
        for _ in range(round(self.between(0, clouds))):
            x, y, size = self.between(0, 100), self.between(4, self.horizon * 0.7), self.between(5, 11)
            for shift, lift in ((-0.9, 0.2), (0, -0.25), (0.9, 0.2)):
                self.oval(x + shift * size, y + lift * size, size, size * 0.6, mix(self.tint, WHITE, 0.75))

    def hills(self, fill: Rgb, *, height: float, count: int) -> None:
        """Round hills on the horizon."""
        for _ in range(count):
            x, across = self.between(0, 100), self.between(20, 45)
            self.oval(
                x, self.horizon + 1, across, height * self.between(0.5, 1), mix(fill, WHITE, self.between(0, 0.25))
            )

    def floor(self, color: Rgb) -> None:
        """A floor or a ground, from the horizon down, that darkens towards the viewer."""
        near = mix(color, (40, 30, 50), self.between(0.08, 0.25))
        self.fade(mix(color, WHITE, 0.18), near, top=self.horizon, bottom=100)

    def tiles(self, joint: Rgb, *, top: float, bottom: float) -> None:
        """Joints between square tiles."""
        step, start = self.between(8, 13), self.between(0, 8)
        for x in np.arange(start, 100, step):
            self.line(joint, 0.8, x, top, x, bottom)
        for y in np.arange(bottom, top, -step):
            self.line(joint, 0.8, 0, y, 100, y)

    def planks(self, joint: Rgb) -> None:
        """Joints between boards that run away from the viewer."""
        middle = self.between(30, 70)
        for x in np.arange(-60, 170, self.between(11, 17)):
            self.line(joint, 0.9, middle + (x - middle) * 0.55, self.horizon, x, 100)

    def dashes(self, color: Rgb, *, top: float, bottom: float, count: int, length: float) -> None:
        """Short level strokes: waves, grass, ripples of sand."""
        for _ in range(count):
            x, y = self.between(-5, 100), self.between(top, bottom)
            self.line(color, 0.9, x, y, x + length, y)

    def dots(self, *colors: Rgb, top: float, bottom: float, count: int, radius: float) -> None:
        """Scattered dots: confetti, blossoms, flakes."""
        for index in range(count):
            self.oval(self.between(0, 100), self.between(top, bottom), radius, radius, colors[index % len(colors)])
