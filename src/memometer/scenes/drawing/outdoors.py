"""Vehicles, plants, buildings and what else stands outside."""

from memometer.scenes.drawing.kind import BRIGHT, Kind
from memometer.scenes.drawing.pen import COLORS, INK, SNOW, STEEL, WOOD, Pen, Rgb

__all__ = ["OUTDOORS"]

GLASS: Rgb = (178, 218, 240)
CREAM: Rgb = (250, 236, 206)


def _wheel(pen: Pen, x: float, y: float, radius: float, *, height: float) -> None:
    """A wheel around (x, y); ``height`` is ``radius`` times the aspect, so that the wheel is round."""
    pen.spots(INK, radius, height, x, y)
    pen.spots(STEEL, radius * 0.45, height * 0.45, x, y)


def _car(pen: Pen) -> None:
    pen.poly(pen.main, 18, 50, 32, 10, 70, 10, 88, 50)
    pen.poly(GLASS, 27, 46, 37, 18, 49, 18, 49, 46)
    pen.poly(GLASS, 55, 46, 55, 18, 66, 18, 78, 46)
    pen.box(0, 42, 100, 82, pen.main, radius=16)
    pen.box(0, 66, 100, 74, pen.dark)
    pen.oval(0, 48, 9, 62, COLORS["yellow"])
    _wheel(pen, 24, 80, 12, height=19)
    _wheel(pen, 77, 80, 12, height=19)


def _bus(pen: Pen) -> None:
    pen.box(0, 6, 100, 86, pen.main, radius=12)
    for x in (6, 25, 44, 63):
        pen.box(x, 18, x + 15, 44, GLASS, radius=3)
    pen.box(82, 18, 95, 84, GLASS, radius=3)
    pen.box(0, 56, 80, 64, pen.light)
    _wheel(pen, 22, 85, 9, height=15)
    _wheel(pen, 70, 85, 9, height=15)


def _truck(pen: Pen) -> None:
    pen.box(34, 4, 100, 76, SNOW, radius=4)
    pen.box(40, 14, 94, 30, pen.light)
    pen.poly(pen.main, 0, 46, 10, 22, 32, 22, 32, 80, 0, 80)
    pen.poly(GLASS, 7, 46, 14, 29, 27, 29, 27, 46)
    pen.box(0, 72, 100, 82, pen.dark)
    _wheel(pen, 18, 84, 10, height=16)
    _wheel(pen, 62, 84, 10, height=16)
    _wheel(pen, 84, 84, 10, height=16)


def _bicycle(pen: Pen) -> None:
    for left in (0, 58):
        pen.arc(left, 36, left + 42, 98, INK, width=8)
    pen.line(pen.main, 8, 22, 67, 36, 32, 66, 32, 50, 68, 22, 67)
    pen.line(pen.main, 8, 50, 68, 36, 32)
    pen.line(pen.main, 8, 79, 67, 66, 32, 62, 12, 74, 8)
    pen.box(26, 20, 46, 30, INK, radius=6)
    pen.oval(45, 60, 56, 77, STEEL)


def _airplane(pen: Pen) -> None:
    pen.poly(pen.dark, 82, 46, 100, 4, 88, 4, 70, 44)
    pen.poly(pen.dark, 44, 44, 66, 6, 76, 6, 62, 48)
    pen.oval(0, 32, 104, 74, SNOW)
    pen.box(30, 50, 100, 58, pen.main)
    pen.poly(pen.main, 36, 58, 60, 60, 82, 98, 70, 98)
    pen.spots((70, 110, 160), 4, 5, 20, 45, 34, 45, 48, 45, 62, 45)


def _helicopter(pen: Pen) -> None:
    pen.poly(pen.dark, 50, 38, 96, 40, 96, 52, 50, 62)
    pen.poly(pen.main, 86, 52, 90, 22, 100, 22, 100, 52)
    pen.box(0, 4, 78, 13, INK, radius=3)
    pen.box(36, 8, 43, 28, INK)
    pen.oval(8, 22, 70, 84, pen.main)
    pen.pie(8, 22, 58, 82, GLASS, start=150, end=270)
    pen.line(INK, 6, 26, 80, 24, 94, twin=39)
    pen.line(INK, 6, 8, 94, 72, 94)


def _tractor(pen: Pen) -> None:
    pen.box(22, 16, 29, 48, INK)
    pen.box(46, 2, 90, 12, pen.dark, radius=3)
    pen.box(50, 10, 86, 52, GLASS)
    pen.box(82, 10, 88, 52, pen.dark)
    pen.box(8, 42, 60, 78, pen.main, radius=6)
    pen.box(48, 48, 92, 76, pen.main)
    _wheel(pen, 20, 82, 14, height=17)
    _wheel(pen, 72, 70, 25, height=29)


def _train(pen: Pen) -> None:
    pen.box(10, 10, 24, 44, INK, radius=3)
    pen.box(6, 6, 28, 16, pen.dark, radius=3)
    pen.box(54, 4, 98, 14, pen.dark, radius=3)
    pen.box(58, 12, 94, 76, pen.main)
    pen.box(65, 20, 87, 44, GLASS)
    pen.box(4, 38, 62, 76, pen.main, radius=14)
    pen.box(34, 38, 40, 76, COLORS["yellow"])
    pen.poly(pen.dark, 8, 72, 8, 96, 0, 96)
    for x in (20, 48, 78):
        _wheel(pen, x, 84, 11, height=15)


def _sailboat(pen: Pen) -> None:
    pen.box(47, 0, 53, 76, WOOD)
    pen.poly(pen.main, 44, 4, 44, 66, 2, 66)
    pen.poly(SNOW, 56, 14, 56, 66, 92, 66)
    pen.poly(pen.dark, 0, 72, 100, 72, 82, 99, 18, 99)
    pen.poly(pen.light, 3, 77, 97, 77, 94, 84, 6, 84)


def _canoe(pen: Pen) -> None:
    pen.line(WOOD, 10, 46, 70, 72, 6)
    pen.oval(64, 0, 82, 34, WOOD)
    pen.poly(pen.main, 0, 22, 12, 34, 18, 44, 82, 44, 88, 34, 100, 22, 94, 70, 80, 97, 20, 97, 6, 70)
    pen.box(5, 54, 95, 66, pen.light)


def _sled(pen: Pen) -> None:
    pen.arc(0, 28, 40, 97, WOOD, width=10, start=90, end=270)
    pen.box(18, 86, 100, 97, WOOD, radius=4)
    for x in (28, 58, 84):
        pen.box(x, 30, x + 8, 90, WOOD)
    pen.box(8, 10, 98, 42, pen.main, radius=8)
    pen.box(8, 22, 98, 30, pen.light)


def _tree(pen: Pen) -> None:
    pen.box(42, 60, 58, 99, (118, 78, 46))
    pen.oval(0, 28, 54, 74, pen.main, twin=50)
    pen.oval(16, 0, 84, 60, pen.main)
    pen.oval(26, 8, 54, 34, pen.light)
    pen.oval(54, 40, 84, 64, pen.dark)


def _flower(pen: Pen) -> None:
    green = (70, 150, 62)
    pen.box(45, 50, 55, 100, green)
    pen.oval(8, 68, 48, 88, green)
    pen.oval(52, 74, 92, 94, green)
    pen.spots(pen.main, 20, 14, 50, 14, 76, 28, 68, 52, 32, 52, 24, 28)
    pen.oval(34, 22, 66, 46, pen.dark if pen.main[2] < 90 else COLORS["yellow"])


def _cactus(pen: Pen) -> None:
    pen.box(2, 28, 22, 62, pen.main, radius=18)
    pen.box(78, 18, 98, 52, pen.main, radius=18)
    pen.box(8, 50, 40, 66, pen.main, radius=12)
    pen.box(60, 40, 92, 56, pen.main, radius=12)
    pen.box(32, 0, 68, 84, pen.main, radius=26)
    pen.box(46, 12, 54, 74, pen.light, radius=4)
    pen.poly((196, 108, 70), 20, 74, 80, 74, 72, 99, 28, 99)


def _bench(pen: Pen) -> None:
    pen.box(8, 6, 18, 98, INK, twin=50)
    for y in (4, 28, 54):
        pen.box(0, y, 100, y + 18, pen.main, radius=5)
    pen.box(0, 66, 100, 74, pen.dark, radius=3)


def _traffic_light(pen: Pen) -> None:
    pen.box(38, 70, 62, 99, pen.dark)
    pen.box(4, 0, 96, 78, pen.main, radius=24)
    for y, color in ((14, "red"), (38, "yellow"), (62, "green")):
        pen.oval(26, y - 11, 74, y + 11, COLORS[color])


def _mailbox(pen: Pen) -> None:
    pen.box(38, 56, 56, 99, WOOD)
    pen.box(4, 14, 94, 64, pen.main, radius=24)
    pen.box(4, 40, 94, 64, pen.main)
    pen.oval(2, 14, 42, 66, pen.dark)
    pen.box(10, 36, 34, 44, SNOW)
    pen.box(72, 2, 79, 40, INK)
    pen.box(72, 0, 98, 16, COLORS["yellow"])


def _hydrant(pen: Pen) -> None:
    pen.box(6, 86, 94, 99, pen.dark, radius=6)
    pen.box(0, 42, 100, 66, pen.dark, radius=8)
    pen.box(20, 26, 80, 92, pen.main)
    pen.pie(16, 4, 84, 56, pen.main, start=180, end=360)
    pen.box(42, 0, 58, 10, pen.dark)
    pen.box(14, 27, 86, 35, pen.dark)
    pen.oval(34, 42, 66, 68, pen.light)


def _fence(pen: Pen) -> None:
    pen.box(0, 30, 100, 42, pen.dark)
    pen.box(0, 66, 100, 78, pen.dark)
    for x in (4, 29, 54, 79):
        pen.poly(pen.main, x, 20, x + 9, 2, x + 18, 20, x + 18, 98, x, 98)


def _barn(pen: Pen) -> None:
    pen.poly(pen.main, 6, 98, 6, 42, 22, 16, 50, 4, 78, 16, 94, 42, 94, 98)
    pen.line(pen.dark, 9, 2, 46, 20, 15, 50, 3, 80, 15, 98, 46)
    pen.box(28, 54, 72, 98, SNOW)
    pen.box(33, 59, 67, 98, pen.dark)
    pen.line(SNOW, 5, 33, 60, 67, 97, twin=50)
    pen.box(42, 24, 58, 42, SNOW)


def _cottage(pen: Pen) -> None:
    pen.box(72, 6, 84, 40, (146, 84, 66))
    pen.box(12, 42, 88, 98, CREAM)
    pen.poly(pen.main, 0, 48, 50, 2, 100, 48)
    pen.box(42, 62, 60, 98, pen.dark)
    pen.box(18, 56, 36, 74, GLASS, twin=51)


def _tent(pen: Pen) -> None:
    pen.poly(pen.main, 0, 98, 46, 4, 100, 98)
    pen.poly(pen.light, 46, 4, 0, 98, 22, 98)
    pen.poly(INK, 46, 28, 28, 98, 68, 98)
    pen.poly(pen.dark, 46, 28, 56, 98, 72, 98)


def _lighthouse(pen: Pen) -> None:
    pen.poly(COLORS["red"] if pen.main[0] < 200 else INK, 24, 14, 76, 14, 50, 0)
    pen.box(30, 12, 70, 28, (255, 232, 130))
    pen.box(18, 26, 82, 34, INK)
    pen.poly(SNOW, 28, 34, 72, 34, 90, 99, 10, 99)
    pen.poly(pen.main, 25, 44, 75, 44, 79, 60, 21, 60)
    pen.poly(pen.main, 17, 76, 83, 76, 87, 92, 13, 92)


def _windmill(pen: Pen) -> None:
    pen.poly(pen.main, 32, 40, 68, 40, 82, 99, 18, 99)
    pen.pie(30, 22, 70, 62, pen.dark, start=180, end=360)
    pen.box(41, 76, 59, 99, INK)
    for x, y in ((6, 2), (94, 2), (6, 82), (94, 82)):
        pen.line(SNOW, 15, 50 + (x - 50) * 0.3, 42 + (y - 42) * 0.3, x, y)
        pen.line(INK, 4, 50, 42, x, y)
    pen.oval(43, 35, 57, 49, INK)


def _snowman(pen: Pen) -> None:
    pen.line(WOOD, 6, 20, 52, 0, 36, twin=50)
    pen.oval(8, 52, 92, 100, SNOW)
    pen.oval(22, 18, 78, 62, SNOW)
    pen.box(20, 12, 80, 20, INK, radius=4)
    pen.box(30, 0, 70, 16, INK)
    pen.box(24, 48, 76, 59, pen.main, radius=5)
    pen.box(58, 52, 70, 76, pen.main, radius=4)
    pen.oval(37, 26, 45, 33, INK, twin=50.5)
    pen.poly(COLORS["orange"], 52, 34, 52, 43, 24, 42)
    pen.spots(INK, 4.5, 3.5, 44.5, 71.5, 44.5, 85.5)


def _anchor(pen: Pen) -> None:
    pen.arc(36, 0, 64, 26, pen.main, width=9)
    pen.box(43, 20, 57, 90, pen.main)
    pen.box(22, 30, 78, 42, pen.main, radius=5)
    pen.arc(6, 24, 94, 98, pen.main, width=13, start=10, end=170)
    pen.poly(pen.main, 0, 70, 4, 46, 26, 64, twin=50)


def _campfire(pen: Pen) -> None:
    pen.poly(pen.main, 20, 78, 10, 46, 28, 54, 32, 18, 50, 44, 54, 0, 72, 40, 86, 28, 82, 78)
    pen.poly(COLORS["yellow"], 34, 80, 30, 60, 44, 62, 52, 34, 60, 60, 72, 56, 68, 80)
    pen.line((112, 72, 44), 14, 6, 96, 92, 76)
    pen.line((142, 92, 56), 14, 8, 76, 94, 96)


def _ladder(pen: Pen) -> None:
    pen.poly(pen.main, 12, 0, 32, 0, 20, 99, 0, 99)
    pen.poly(pen.main, 68, 0, 88, 0, 100, 99, 80, 99)
    for y in (12, 34, 56, 78):
        pen.box(16, y, 84, y + 10, pen.dark)


def _wheelbarrow(pen: Pen) -> None:
    pen.line(WOOD, 8, 16, 78, 60, 60, 100, 34)
    pen.poly((118, 78, 46), 30, 32, 46, 12, 66, 8, 84, 30)
    pen.poly(pen.main, 8, 30, 92, 30, 76, 70, 34, 70)
    pen.poly(pen.light, 8, 30, 92, 30, 90, 38, 12, 38)
    pen.line(INK, 7, 72, 66, 80, 97)
    _wheel(pen, 20, 80, 13, height=18)


def _fountain(pen: Pen) -> None:
    water = (120, 196, 240)
    for left, right in ((22, 50), (50, 78)):
        pen.arc(left, 2, right, 70, water, width=8, start=180, end=360)
    pen.arc(4, 18, 50, 96, water, width=7, start=190, end=350)
    pen.arc(50, 18, 96, 96, water, width=7, start=190, end=350)
    pen.box(44, 18, 56, 84, pen.dark)
    pen.box(28, 52, 72, 62, pen.main, radius=5)
    pen.oval(0, 66, 100, 84, pen.light)
    pen.pie(0, 50, 100, 100, pen.main, start=0, end=180)
    pen.oval(8, 69, 92, 81, water)


OUTDOORS = (
    Kind("car", _car, (*BRIGHT, "black", "grey"), aspect=1.7, place="ground", scale=1.1),
    Kind("bus", _bus, ("red", "yellow", "blue", "green", "orange", "purple"), aspect=1.7, place="ground", scale=1.2),
    Kind("truck", _truck, BRIGHT, aspect=1.55, place="ground", scale=1.2),
    Kind("bicycle", _bicycle, BRIGHT, aspect=1.45, place="ground", scale=1.15),
    Kind("airplane", _airplane, BRIGHT, aspect=1.5, place="air", scale=1.1, tilt=12),
    Kind("helicopter", _helicopter, (*BRIGHT, "black"), aspect=1.3, place="air", scale=1.1, tilt=12),
    Kind("tractor", _tractor, ("green", "red", "blue", "yellow", "orange"), aspect=1.15, place="ground", scale=1.15),
    Kind("train", _train, ("red", "blue", "green", "black", "purple"), aspect=1.4, place="ground", scale=1.15),
    Kind("sailboat", _sailboat, BRIGHT, aspect=0.95, place="ground", scale=1.15),
    Kind("canoe", _canoe, ("red", "green", "blue", "yellow", "orange", "brown"), aspect=2.0, place="ground"),
    Kind("sled", _sled, BRIGHT, aspect=1.7, place="ground"),
    Kind("tree", _tree, ("green", "orange", "pink", "yellow"), aspect=0.85, place="ground", scale=1.3, tilt=3),
    Kind("flower", _flower, ("red", "pink", "purple", "white", "blue", "orange"), aspect=0.62, place="ground"),
    Kind("cactus", _cactus, ("green", "blue"), aspect=0.75, place="ground"),
    Kind("bench", _bench, ("brown", "green", "red", "blue", "white"), aspect=1.5, place="ground", plural="benches"),
    Kind("traffic light", _traffic_light, ("black", "grey", "yellow", "blue"), aspect=0.45, place="ground"),
    Kind(
        "mailbox", _mailbox, ("red", "blue", "green", "grey", "white"), aspect=0.9, place="ground", plural="mailboxes"
    ),
    Kind("hydrant", _hydrant, ("red", "yellow", "blue", "orange"), aspect=0.68, place="ground", scale=0.9),
    Kind("fence", _fence, ("white", "brown", "grey", "blue"), aspect=1.5, place="ground", scale=1.05),
    Kind("barn", _barn, ("red", "brown", "blue", "green"), aspect=1.0, place="ground", scale=1.25, tilt=2),
    Kind("cottage", _cottage, ("red", "brown", "blue", "green", "orange"), place="ground", scale=1.25, tilt=2),
    Kind("tent", _tent, BRIGHT, aspect=1.2, place="ground", scale=1.1),
    Kind("lighthouse", _lighthouse, ("red", "blue", "black", "green"), aspect=0.5, place="ground", scale=1.3, tilt=2),
    Kind("windmill", _windmill, ("brown", "red", "blue", "grey", "green"), aspect=0.85, place="ground", scale=1.3),
    Kind("snowman", _snowman, ("red", "blue", "green", "purple", "orange"), aspect=0.72, place="ground", scale=1.1),
    Kind("anchor", _anchor, ("grey", "black", "blue", "red"), aspect=0.85, tilt=15),
    Kind("campfire", _campfire, ("orange", "red"), place="ground", scale=0.95),
    Kind("ladder", _ladder, ("brown", "grey", "yellow", "red"), aspect=0.45, place="ground", scale=1.15, tilt=12),
    Kind("wheelbarrow", _wheelbarrow, ("red", "green", "blue", "grey", "orange"), aspect=1.4, place="ground"),
    Kind("fountain", _fountain, ("grey", "white", "pink", "blue"), aspect=1.05, place="ground", scale=1.1),
)
