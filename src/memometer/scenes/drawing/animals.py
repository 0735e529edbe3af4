"""Animals, facing left."""

from memometer.scenes.drawing.kind import FUR, Kind
from memometer.scenes.drawing.pen import INK, SNOW, Pen, Rgb

__all__ = ["ANIMALS"]

BEAK: Rgb = (246, 166, 36)
BLUSH: Rgb = (246, 178, 186)


def _legs(pen: Pen, *places: float, top: float, width: float = 9) -> None:
    for index, x in enumerate(places):
        pen.box(x, top, x + width, 98, pen.dark if index % 2 else pen.main, radius=2)


def _dog(pen: Pen) -> None:
    pen.line(pen.main, 9, 82, 54, 96, 30)
    _legs(pen, 30, 42, 66, 77, top=64)
    pen.box(28, 44, 88, 78, pen.main, radius=16)
    pen.box(18, 12, 50, 56, pen.main, radius=14)
    pen.box(2, 32, 30, 54, pen.light, radius=9)
    pen.oval(0, 30, 12, 42, INK)
    pen.oval(38, 14, 56, 54, pen.dark)
    pen.spots(INK, 4, 4, 26, 25)


def _cat(pen: Pen) -> None:
    pen.arc(62, 20, 100, 86, pen.dark, width=9, start=250, end=90)
    pen.oval(28, 44, 82, 100, pen.main)
    pen.poly(pen.main, 10, 34, 12, 0, 32, 16, twin=36)
    pen.poly(BLUSH, 15, 22, 15, 8, 25, 16, twin=36)
    pen.oval(6, 12, 66, 60, pen.main)
    pen.oval(24, 36, 48, 56, pen.light)
    pen.poly(INK, 31, 38, 41, 38, 36, 45)
    pen.spots(INK, 5, 5, 22, 31, 50, 31)


def _horse(pen: Pen) -> None:
    pen.line(pen.dark, 9, 88, 46, 97, 60, 94, 80)
    _legs(pen, 34, 46, 70, 80, top=60, width=8)
    pen.oval(30, 40, 92, 74, pen.main)
    pen.poly(pen.main, 30, 60, 18, 10, 34, 6, 56, 48)
    pen.poly(pen.dark, 30, 2, 40, 12, 58, 44, 46, 44)
    pen.poly(pen.main, 22, 4, 36, 10, 14, 44, 2, 38)
    pen.spots(INK, 3, 3, 21, 20)


def _cow(pen: Pen) -> None:
    pen.line(pen.main, 5, 92, 40, 98, 72)
    _legs(pen, 32, 45, 72, 82, top=66, width=9)
    pen.box(26, 34, 94, 76, SNOW, radius=14)
    pen.oval(42, 34, 64, 56, pen.main)
    pen.oval(70, 46, 90, 72, pen.main)
    pen.line(SNOW, 6, 6, 8, 12, 22, twin=24)
    pen.box(8, 18, 40, 62, pen.main, radius=10)
    pen.oval(4, 44, 44, 70, BLUSH)
    pen.oval(12, 54, 19, 61, INK, twin=24)
    pen.spots(INK, 4, 4, 16, 32, 32, 32)


def _sheep(pen: Pen) -> None:
    for x in (34, 48, 66, 78):
        pen.box(x, 66, x + 7, 98, INK)
    pen.spots(pen.main, 18, 17, 28, 41, 44, 29, 62, 27, 76, 39, 72, 55, 52, 59, 34, 55, 52, 43)
    pen.oval(4, 26, 38, 66, INK)
    pen.oval(8, 16, 36, 38, pen.light)
    pen.oval(12, 42, 18, 48, SNOW, twin=21)


def _pig(pen: Pen) -> None:
    pen.arc(84, 22, 100, 48, pen.dark, width=6, start=90, end=20)
    _legs(pen, 28, 42, 66, 78, top=70, width=10)
    pen.oval(22, 22, 94, 86, pen.main)
    pen.poly(pen.dark, 6, 34, 10, 4, 30, 18)
    pen.poly(pen.dark, 54, 34, 50, 4, 32, 18)
    pen.oval(2, 14, 58, 70, pen.main)
    pen.oval(12, 36, 48, 62, pen.light)
    pen.oval(19, 43, 27, 55, INK, twin=30)
    pen.spots(INK, 4, 4, 18, 30, 42, 30)


def _duck(pen: Pen) -> None:
    pen.poly(pen.main, 70, 62, 100, 40, 94, 78)
    pen.oval(22, 46, 92, 98, pen.main)
    pen.oval(44, 56, 84, 86, pen.dark)
    pen.oval(12, 6, 54, 54, pen.main)
    pen.poly(BEAK, 20, 26, 0, 36, 20, 44)
    pen.spots(INK, 5, 5, 30, 24)


def _rabbit(pen: Pen) -> None:
    pen.oval(22, 0, 40, 48, pen.main, twin=42)
    pen.oval(27, 6, 35, 40, BLUSH, twin=42)
    pen.oval(30, 52, 88, 100, pen.main)
    pen.oval(78, 72, 98, 92, pen.light)
    pen.oval(14, 32, 68, 76, pen.main)
    pen.oval(30, 56, 52, 74, pen.light)
    pen.oval(36, 56, 46, 63, BLUSH)
    pen.spots(INK, 5, 5, 28, 49, 54, 49)


def _fish(pen: Pen) -> None:
    pen.poly(pen.dark, 66, 50, 100, 10, 94, 50, 100, 90)
    pen.poly(pen.dark, 34, 24, 52, 2, 66, 30)
    pen.oval(0, 14, 78, 86, pen.main)
    pen.arc(14, 14, 50, 86, pen.light, width=8, start=290, end=70)
    pen.poly(pen.dark, 40, 52, 60, 42, 60, 66)
    pen.oval(10, 30, 28, 52, SNOW)
    pen.spots(INK, 5, 5, 18, 42)


def _turtle(pen: Pen) -> None:
    pen.oval(18, 66, 36, 98, pen.light, twin=51)
    pen.oval(0, 36, 28, 76, pen.light)
    pen.poly(pen.light, 86, 66, 100, 80, 84, 82)
    pen.pie(16, 4, 94, 146, pen.main, start=180, end=360)
    pen.box(14, 68, 96, 82, pen.dark, radius=6)
    pen.poly(pen.dark, 44, 24, 66, 24, 74, 48, 54, 60, 36, 48)
    pen.spots(INK, 4, 4, 11, 52)


def _crab(pen: Pen) -> None:
    for x in (14, 26, 68, 80):
        pen.line(pen.dark, 7, 50, 70, x, 74, x - 4 if x < 50 else x + 10, 98)
    pen.line(pen.main, 9, 28, 62, 10, 42, twin=50)
    pen.pie(0, 4, 32, 46, pen.main, start=300, end=230)
    pen.pie(68, 4, 100, 46, pen.main, start=310, end=240)
    pen.oval(18, 42, 82, 90, pen.main)
    pen.line(pen.main, 5, 40, 50, 40, 30, twin=50)
    pen.oval(32, 20, 48, 40, SNOW, twin=50)
    pen.spots(INK, 4, 4, 40, 30, 60, 30)


def _penguin(pen: Pen) -> None:
    pen.oval(18, 86, 50, 100, BEAK, twin=50)
    pen.oval(2, 36, 30, 84, pen.dark, twin=50)
    pen.oval(14, 24, 86, 97, pen.main)
    pen.oval(20, 0, 80, 52, pen.main)
    pen.oval(28, 38, 72, 94, SNOW)
    pen.oval(26, 14, 50, 42, SNOW, twin=50)
    pen.poly(BEAK, 38, 34, 62, 34, 50, 50)
    pen.spots(INK, 5, 5, 40, 25, 60, 25)


def _butterfly(pen: Pen) -> None:
    pen.oval(0, 6, 50, 58, pen.main, twin=50)
    pen.oval(10, 46, 50, 96, pen.dark, twin=50)
    pen.oval(14, 20, 34, 42, pen.light, twin=50)
    pen.line(INK, 4, 48, 26, 36, 2, twin=50)
    pen.oval(44, 20, 56, 88, INK)


def _snail(pen: Pen) -> None:
    pen.box(4, 74, 100, 96, (226, 196, 140), radius=10)
    pen.box(2, 36, 20, 92, (226, 196, 140), radius=9)
    pen.line(INK, 4, 6, 38, 2, 14)
    pen.line(INK, 4, 15, 38, 20, 14)
    pen.oval(24, 12, 92, 86, pen.main)
    pen.arc(36, 26, 80, 74, pen.dark, width=9)
    pen.oval(50, 42, 68, 60, pen.dark)


def _seagull(pen: Pen) -> None:
    pen.poly(pen.dark, 44, 46, 58, 0, 100, 8, 68, 52)
    pen.poly(pen.main, 40, 48, 24, 4, 0, 10, 28, 56)
    pen.poly(pen.main, 70, 60, 98, 66, 92, 86, 66, 78)
    pen.oval(24, 38, 80, 84, pen.main)
    pen.oval(14, 32, 46, 66, pen.main)
    pen.poly(BEAK, 18, 46, 0, 56, 18, 60)
    pen.spots(INK, 4, 4, 26, 46)


def _frog(pen: Pen) -> None:
    pen.oval(0, 54, 32, 98, pen.dark, twin=50)
    pen.oval(10, 32, 90, 98, pen.main)
    pen.oval(28, 62, 72, 98, pen.light)
    pen.oval(9, 6, 43, 44, pen.main, twin=50)
    pen.oval(16, 12, 36, 36, SNOW, twin=50)
    pen.spots(INK, 5, 5, 26, 25, 74, 25)
    pen.arc(26, 28, 74, 66, INK, width=5, start=20, end=160)


ANIMALS = (
    Kind("dog", _dog, FUR, aspect=1.1, place="ground"),
    Kind("cat", _cat, FUR, aspect=0.9, place="ground"),
    Kind("horse", _horse, ("brown", "black", "white", "grey"), aspect=1.05, place="ground", scale=1.15),
    Kind("cow", _cow, ("brown", "black"), aspect=1.25, place="ground", scale=1.1),
    Kind("sheep", _sheep, ("white", "grey", "brown", "pink"), aspect=1.2, place="ground", plural="sheep"),
    Kind("pig", _pig, ("pink", "brown", "grey"), aspect=1.2, place="ground"),
    Kind("duck", _duck, ("yellow", "white", "brown", "green"), place="ground", scale=0.9),
    Kind("rabbit", _rabbit, ("white", "grey", "brown"), aspect=0.85, place="ground"),
    Kind("fish", _fish, aspect=1.35, scale=0.9, tilt=15, plural="fish"),
    Kind("turtle", _turtle, ("green", "brown", "blue"), aspect=1.35, place="ground", scale=0.9),
    Kind("crab", _crab, ("red", "orange", "blue", "purple"), aspect=1.25, place="ground", scale=0.9),
    Kind("penguin", _penguin, ("black", "blue", "grey"), aspect=0.75, place="ground"),
    Kind("butterfly", _butterfly, aspect=1.15, scale=0.85, tilt=25, plural="butterflies"),
    Kind("snail", _snail, ("pink", "brown", "orange", "purple", "blue"), aspect=1.25, place="ground", scale=0.85),
    Kind("seagull", _seagull, ("white", "grey"), aspect=1.25, place="air", tilt=12),
    Kind("frog", _frog, ("green", "yellow", "blue"), aspect=1.15, place="ground", scale=0.9),
)
