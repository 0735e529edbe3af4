"""Things to eat."""

from memometer.scenes.drawing.kind import BRIGHT, Kind
from memometer.scenes.drawing.pen import COLORS, SNOW, WOOD, Pen, Rgb

__all__ = ["FOOD"]

CRUST: Rgb = (224, 166, 88)
LEAF: Rgb = (76, 158, 66)
CREAM: Rgb = (252, 240, 214)


def _apple(pen: Pen) -> None:
    pen.oval(2, 22, 60, 94, pen.main, twin=50)
    pen.oval(26, 50, 74, 100, pen.main)
    pen.oval(14, 34, 30, 56, pen.light)
    pen.line(WOOD, 8, 50, 32, 54, 4)
    pen.oval(54, 2, 86, 20, LEAF)


def _banana(pen: Pen) -> None:
    pen.poly(pen.main, 0, 10, 12, 2, 24, 34, 46, 52, 70, 48, 86, 22, 98, 24, 98, 52, 76, 92, 48, 98, 22, 84, 6, 52)
    pen.line(pen.dark, 9, 10, 22, 18, 54, 40, 76, 68, 74, 92, 46)
    pen.poly(WOOD, 0, 12, 4, 0, 16, 2, 13, 16)
    pen.poly(WOOD, 86, 24, 96, 18, 100, 32, 94, 36)


def _pear(pen: Pen) -> None:
    pen.oval(26, 12, 74, 68, pen.main)
    pen.oval(6, 44, 94, 100, pen.main)
    pen.oval(18, 58, 36, 80, pen.light)
    pen.line(WOOD, 8, 50, 18, 56, 0)
    pen.oval(56, 2, 88, 16, LEAF)


def _cake(pen: Pen) -> None:
    pen.box(4, 88, 96, 99, SNOW, radius=4)
    pen.box(10, 46, 90, 90, CREAM, radius=4)
    pen.box(10, 64, 90, 72, pen.main)
    pen.box(8, 36, 92, 54, pen.main, radius=8)
    pen.spots(pen.main, 7, 10, 19, 56, 41, 56, 63, 56, 81, 56)
    for x in (30, 50, 70):
        pen.box(x - 4, 16, x + 4, 38, pen.light)
        pen.oval(x - 5, 2, x + 5, 17, COLORS["orange"])


def _pizza(pen: Pen) -> None:
    pen.pie(-30, -60, 130, 96, CRUST, start=62, end=118)
    pen.poly(CRUST, 2, 14, 98, 14, 50, 100)
    pen.box(0, 2, 100, 20, (190, 124, 58), radius=9)
    pen.poly((250, 208, 92), 8, 20, 92, 20, 50, 92)
    pen.spots(pen.main, 11, 10, 34, 34, 64, 36, 50, 60)


def _bread(pen: Pen) -> None:
    pen.box(8, 28, 92, 98, (176, 108, 48), radius=8)
    pen.oval(0, 4, 62, 62, (176, 108, 48), twin=50)
    pen.box(16, 34, 84, 90, pen.light, radius=6)
    pen.oval(8, 12, 58, 56, pen.light, twin=50)


def _cheese(pen: Pen) -> None:
    pen.poly(pen.light, 2, 52, 70, 6, 98, 44, 98, 52)
    pen.box(2, 50, 98, 96, pen.main)
    pen.oval(14, 58, 36, 80, pen.dark)
    pen.oval(52, 72, 70, 90, pen.dark)
    pen.oval(74, 52, 92, 70, pen.dark)
    pen.oval(56, 26, 74, 38, pen.dark)


def _mushroom(pen: Pen) -> None:
    pen.box(34, 44, 66, 98, CREAM, radius=10)
    pen.pie(2, 2, 98, 110, pen.main, start=180, end=360)
    pen.box(2, 52, 98, 60, pen.dark, radius=4)
    pen.spots(SNOW, 9, 9, 50, 20)
    pen.spots(SNOW, 8, 8, 24, 38, 76, 38)


def _watermelon(pen: Pen) -> None:
    pen.pie(0, -88, 100, 98, (48, 126, 60), start=0, end=180)
    pen.pie(7, -76, 93, 84, CREAM, start=0, end=180)
    pen.pie(12, -70, 88, 74, pen.main, start=0, end=180)
    pen.spots((36, 28, 30), 4, 7, 28, 22, 50, 30, 72, 22, 40, 50, 60, 50)


def _ice_cream(pen: Pen) -> None:
    pen.poly(CRUST, 18, 46, 82, 46, 50, 100)
    pen.line((176, 116, 52), 5, 34, 52, 60, 82, twin=50)
    pen.oval(6, 22, 60, 58, pen.main)
    pen.oval(40, 22, 94, 58, pen.light)
    pen.oval(22, 2, 78, 44, pen.main)
    pen.oval(40, 0, 58, 14, (206, 30, 50))


def _cherry(pen: Pen) -> None:
    pen.line(LEAF, 8, 28, 62, 60, 6, 74, 62)
    pen.oval(54, 0, 96, 22, LEAF)
    pen.oval(2, 50, 50, 98, pen.main, twin=51)
    pen.oval(12, 60, 24, 74, pen.light, twin=43)


def _burger(pen: Pen) -> None:
    pen.pie(4, 2, 96, 88, CRUST, start=180, end=360)
    pen.spots(CREAM, 4, 4, 30, 24, 50, 14, 70, 24)
    pen.box(0, 44, 100, 56, LEAF, radius=6)
    pen.box(4, 54, 96, 66, pen.main)
    pen.box(4, 64, 96, 80, (96, 54, 36), radius=6)
    pen.box(6, 78, 94, 98, CRUST, radius=10)


def _egg(pen: Pen) -> None:
    pen.oval(0, 16, 66, 88, SNOW)
    pen.oval(28, 4, 96, 76, SNOW)
    pen.oval(36, 34, 100, 96, SNOW)
    pen.oval(30, 26, 74, 74, pen.main)
    pen.oval(38, 32, 52, 46, pen.light)


FOOD = (
    Kind("apple", _apple, ("red", "green", "yellow", "pink"), scale=0.85),
    Kind("banana", _banana, ("yellow", "green", "brown"), aspect=1.7, scale=0.9, tilt=25),
    Kind("pear", _pear, ("green", "yellow", "orange"), aspect=0.72, scale=0.85),
    Kind("cake", _cake, ("pink", "red", "blue", "purple", "brown", "green")),
    Kind("pizza", _pizza, ("red", "green", "purple", "black"), aspect=0.95, scale=0.9, tilt=20),
    Kind("bread", _bread, ("yellow", "white", "brown"), aspect=1.1, scale=0.85, countable=False),
    Kind("cheese", _cheese, ("yellow", "orange", "white"), aspect=1.3, scale=0.9, countable=False),
    Kind("mushroom", _mushroom, ("red", "brown", "orange", "purple", "blue"), aspect=0.95, place="ground", scale=0.9),
    Kind("watermelon", _watermelon, ("red", "pink", "yellow"), aspect=1.8, scale=0.95, tilt=15),
    Kind("ice cream", _ice_cream, BRIGHT, aspect=0.68),
    Kind("cherry", _cherry, ("red", "purple", "yellow", "pink"), scale=0.85, plural="cherries"),
    Kind("burger", _burger, ("red", "yellow", "orange", "purple"), aspect=1.2, scale=0.9),
    Kind("egg", _egg, ("yellow", "orange"), aspect=1.15, scale=0.85, tilt=30),
)
