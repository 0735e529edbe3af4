"""A pen that draws in hundredths of an object's own box, and the paints it draws with."""

import dataclasses
from collections.abc import Iterator, Sequence

from PIL import Image, ImageChops, ImageDraw, ImageFilter

__all__ = ["COLORS", "INK", "SNOW", "STEEL", "WOOD", "Paint", "Pen", "Rgb", "mix", "paint_of"]

Rgb = tuple[int, int, int]

Axis = float | None
"""The x on whose other side a shape has a twin, drawn after it; None for a shape without one."""

COLORS: dict[str, Rgb] = {
    "red": (214, 44, 48),
    "orange": (240, 136, 34),
    "yellow": (247, 210, 54),
    "green": (62, 156, 72),
    "blue": (48, 104, 208),
    "purple": (134, 72, 178),
    "pink": (244, 142, 184),
    "brown": (132, 86, 50),
    "black": (46, 44, 52),
    "white": (246, 246, 242),
    "grey": (146, 150, 158),
}
"""The colour words of captions and what they look like."""

INK: Rgb = (32, 30, 40)
SNOW: Rgb = (250, 250, 248)
STEEL: Rgb = (178, 186, 196)
WOOD: Rgb = (168, 116, 66)


def mix(color: Rgb, other: Rgb, share: float) -> Rgb:
    """``color`` with ``share`` of it replaced by ``other``.

    >>> mix((0, 0, 0), (255, 255, 255), 0.2)
    (51, 51, 51)
    """
    red, green, blue = (round(one + (two - one) * share) for one, two in zip(color, other, strict=True))
    return red, green, blue


@dataclasses.dataclass(frozen=True)
class Paint:
    """The shades that one object is drawn in."""

    main: Rgb
    dark: Rgb
    light: Rgb
    outline: Rgb


def paint_of(color: Rgb) -> Paint:
    """The shades of an object of this colour."""
    return Paint(
        main=color,
        dark=mix(color, (20, 16, 40), 0.36),
        light=mix(color, (255, 253, 244), 0.5),
        outline=mix(color, (16, 12, 30), 0.74),
    )


class Pen:
    """Draws one object on a transparent layer; x and y run from 0 to 100 over the object's box, y downwards.

    With ``twin`` a shape is drawn again, mirrored at that x.

    Args:
        size: width and height of the object's box in canvas px.
        paint: the object's shades, also reachable as ``main``, ``dark`` and ``light``.
    """

    def __init__(self, size: tuple[int, int], paint: Paint) -> None:
        self.main, self.dark, self.light = paint.main, paint.dark, paint.light
        self._size = size
        # Room for the outline and for the corners of a tilted object.
        self._margin = 3 + max(size) // 6
        whole = (size[0] + 2 * self._margin, size[1] + 2 * self._margin)
        self._clear = (*paint.outline, 0)  # the outline is there already, `lift` only has to uncover it
        self._layer = Image.new("RGBA", whole, self._clear)
        self._draw = ImageDraw.Draw(self._layer)

    def box(
        self, left: float, top: float, right: float, bottom: float, fill: Rgb, *, radius: float = 0, twin: Axis = None
    ) -> None:
        """A rectangle, its corners rounded by ``radius`` hundredths of the shorter side of the object's box."""
        for span in self._spans(left, top, right, bottom, twin):
            self._draw.rounded_rectangle(span, radius * min(self._size) / 100, fill)

    def oval(self, left: float, top: float, right: float, bottom: float, fill: Rgb, *, twin: Axis = None) -> None:
        """An ellipse within these bounds."""
        for span in self._spans(left, top, right, bottom, twin):
            self._draw.ellipse(span, fill)

    def spots(self, fill: Rgb, across: float, down: float, *xy: float) -> None:
        """Ellipses with these half-widths around x, y, x, y and so on."""
        for x, y in zip(xy[::2], xy[1::2], strict=True):
            self.oval(x - across, y - down, x + across, y + down, fill)

    def pie(self, left: float, top: float, right: float, bottom: float, fill: Rgb, *, start: float, end: float) -> None:
        """A sector of an ellipse; degrees run clockwise from three o'clock."""
        self._draw.pieslice(self._points((left, top, right, bottom)), start, end, fill)

    def arc(
        self,
        left: float,
        top: float,
        right: float,
        bottom: float,
        fill: Rgb,
        *,
        width: float,
        start: float = 0,
        end: float = 360,
    ) -> None:
        """A stretch of an ellipse's rim, ``width`` hundredths of the shorter side thick."""
        self._draw.arc(self._points((left, top, right, bottom)), start, end, fill, self._thickness(width))

    def poly(self, fill: Rgb, *xy: float, twin: Axis = None) -> None:
        """A filled polygon; its corners are x, y, x, y and so on."""
        for points in self._outlines(xy, twin):
            self._draw.polygon(points, fill)

    def line(self, fill: Rgb, width: float, *xy: float, twin: Axis = None) -> None:
        """A line through x, y, x, y and so on with round joints, ``width`` hundredths of the shorter side thick."""
        for points in self._outlines(xy, twin):
            self._draw.line(points, fill, self._thickness(width), joint="curve")

    def lift(self, *, outline: int, tilt: float, mirrored: bool) -> tuple[Image.Image, Image.Image]:
        """The finished layer, RGBA, and the mask to paste it with, which takes in a dark outline around the shape.

        Args:
            outline: thickness of the outline in canvas px.
            tilt: degrees, counter-clockwise.
            mirrored: left and right swapped.
        """
        layer = self._layer.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else self._layer
        layer = layer.rotate(tilt, Image.Resampling.NEAREST, fillcolor=self._clear)
        blurred = layer.getchannel("A").filter(ImageFilter.BoxBlur(outline))
        # Four times as strong: solid on the shape, soft at the outer rim. MaxFilter takes ten times as long.
        return layer, ImageChops.add(blurred, blurred, scale=0.5)

    def _spans(self, left: float, top: float, right: float, bottom: float, twin: Axis) -> Iterator[list[float]]:
        """Bounds in canvas px: the shape's own, and its twin's."""
        yield self._points((left, top, right, bottom))
        if twin is not None:
            yield self._points((2 * twin - right, top, 2 * twin - left, bottom))

    def _outlines(self, xy: Sequence[float], twin: Axis) -> Iterator[list[float]]:
        """Points in canvas px: the shape's own, and its twin's."""
        yield self._points(xy)
        if twin is not None:
            yield self._points([value if place % 2 else 2 * twin - value for place, value in enumerate(xy)])

    def _points(self, xy: Sequence[float]) -> list[float]:
        across, down = self._size
        return [value * (down if place % 2 else across) / 100 + self._margin for place, value in enumerate(xy)]

    def _thickness(self, width: float) -> int:
        return max(2, round(width * min(self._size) / 100))
