"""Furniture and other things of the house."""

from memometer.scenes.drawing.kind import BRIGHT, Kind
from memometer.scenes.drawing.pen import COLORS, INK, SNOW, STEEL, WOOD, Pen, Rgb

__all__ = ["HOUSEHOLD"]

WATER: Rgb = (150, 208, 240)
GLOW: Rgb = (255, 232, 140)


def _kettle(pen: Pen) -> None:
    pen.arc(24, 2, 76, 66, pen.dark, width=8, start=180, end=360)
    pen.poly(pen.main, 76, 66, 100, 36, 90, 30, 70, 50)
    pen.pie(8, 22, 88, 140, pen.main, start=180, end=360)
    pen.box(8, 78, 88, 98, pen.dark, radius=7)
    pen.oval(42, 14, 54, 28, INK)
    pen.oval(22, 42, 36, 68, pen.light)


def _mug(pen: Pen) -> None:
    pen.arc(54, 34, 100, 82, pen.main, width=10)
    pen.box(4, 18, 74, 98, pen.main, radius=10)
    pen.oval(4, 8, 74, 30, pen.light)
    pen.oval(12, 12, 66, 27, (92, 56, 34))
    pen.box(4, 58, 74, 70, pen.light)


def _bowl(pen: Pen) -> None:
    pen.pie(2, -54, 98, 94, pen.main, start=0, end=180)
    pen.box(32, 84, 68, 99, pen.dark, radius=4)
    pen.oval(0, 4, 100, 38, pen.light)
    pen.oval(9, 10, 91, 32, pen.dark)
    pen.line(pen.light, 6, 20, 56, 80, 56)


def _fridge(pen: Pen) -> None:
    pen.box(6, 0, 94, 97, pen.main, radius=12)
    pen.box(6, 36, 94, 41, pen.dark)
    pen.box(16, 14, 26, 32, INK)
    pen.box(16, 46, 26, 72, INK)
    pen.box(80, 4, 90, 34, pen.light)
    pen.box(80, 44, 90, 92, pen.light)


def _oven(pen: Pen) -> None:
    pen.box(2, 2, 98, 98, pen.main, radius=6)
    pen.box(2, 2, 98, 14, INK, radius=4)
    pen.spots(SNOW, 7, 7, 18, 25, 39, 25, 61, 25, 82, 25)
    pen.box(12, 40, 88, 88, INK, radius=6)
    pen.box(20, 50, 80, 80, COLORS["orange"], radius=4)
    pen.box(16, 36, 84, 42, pen.light)


def _frying_pan(pen: Pen) -> None:
    pen.box(52, 42, 100, 58, WOOD, radius=8)
    pen.oval(0, 4, 66, 96, pen.main)
    pen.oval(10, 18, 56, 82, pen.dark)
    pen.oval(18, 34, 48, 70, SNOW)
    pen.oval(26, 44, 42, 62, COLORS["yellow"])


def _toaster(pen: Pen) -> None:
    pen.box(22, 2, 46, 44, (220, 166, 98), radius=8)
    pen.box(54, 6, 78, 44, (220, 166, 98), radius=8)
    pen.box(4, 30, 92, 92, pen.main, radius=16)
    pen.box(12, 90, 26, 99, INK, twin=48)
    pen.box(90, 48, 100, 60, INK)
    pen.box(14, 46, 62, 56, pen.light, radius=5)


def _bottle(pen: Pen) -> None:
    pen.box(34, 0, 66, 12, WOOD)
    pen.box(36, 10, 64, 40, pen.main)
    pen.poly(pen.main, 36, 26, 64, 26, 92, 46, 8, 46)
    pen.box(8, 40, 92, 99, pen.main, radius=14)
    pen.box(8, 56, 92, 82, SNOW)
    pen.box(22, 62, 78, 74, pen.dark)


def _fork(pen: Pen) -> None:
    for x in (0, 38, 76):
        pen.box(x, 0, x + 24, 34, STEEL, radius=10)
    pen.box(0, 26, 100, 46, STEEL, radius=18)
    pen.box(36, 40, 64, 60, STEEL)
    pen.box(28, 54, 72, 100, pen.main, radius=18)


def _chair(pen: Pen) -> None:
    pen.box(10, 0, 24, 98, pen.dark, radius=3)
    pen.box(16, 4, 40, 50, pen.main, radius=6)
    pen.box(10, 48, 90, 64, pen.main, radius=5)
    pen.box(76, 60, 88, 98, pen.dark)
    pen.box(30, 60, 40, 90, pen.dark, twin=48)


def _lamp(pen: Pen) -> None:
    pen.poly(pen.main, 28, 0, 72, 0, 98, 46, 2, 46)
    pen.poly(pen.light, 36, 6, 48, 6, 44, 40, 20, 40)
    pen.oval(32, 40, 68, 56, GLOW)
    pen.box(44, 50, 56, 92, INK)
    pen.box(22, 88, 78, 99, INK, radius=6)


def _bed(pen: Pen) -> None:
    pen.box(0, 8, 9, 98, WOOD, radius=3)
    pen.box(91, 40, 100, 98, WOOD, radius=3)
    pen.box(4, 58, 96, 82, WOOD)
    pen.box(6, 46, 94, 64, SNOW, radius=5)
    pen.box(10, 30, 36, 54, SNOW, radius=10)
    pen.box(34, 38, 95, 74, pen.main, radius=9)
    pen.box(34, 38, 44, 74, pen.light, radius=4)


def _sofa(pen: Pen) -> None:
    pen.box(14, 88, 24, 99, INK, twin=50)
    pen.box(10, 6, 90, 80, pen.main, radius=16)
    pen.box(48, 14, 52, 56, pen.dark)
    pen.box(8, 54, 92, 92, pen.light, radius=8)
    pen.box(48, 54, 52, 78, pen.dark)
    pen.box(0, 36, 18, 92, pen.dark, radius=12, twin=50)


def _wardrobe(pen: Pen) -> None:
    pen.box(10, 90, 24, 99, INK, twin=50)
    pen.box(0, 0, 100, 12, pen.dark, radius=3)
    pen.box(4, 8, 96, 93, pen.main, radius=3)
    pen.box(48, 12, 52, 90, INK)
    pen.box(12, 18, 42, 48, pen.light, radius=4, twin=50)
    pen.box(12, 56, 42, 86, pen.light, radius=4, twin=50)
    pen.oval(38, 46, 48, 57, COLORS["yellow"], twin=50)


def _mirror(pen: Pen) -> None:
    pen.oval(2, 0, 98, 100, pen.main)
    pen.oval(16, 11, 84, 89, (196, 226, 238))
    pen.poly(SNOW, 30, 62, 60, 18, 70, 26, 36, 76)


def _bathtub(pen: Pen) -> None:
    pen.line(STEEL, 8, 88, 44, 88, 8, 74, 8, 74, 20)
    for x, y, radius in ((22, 34, 13), (40, 26, 15), (58, 34, 12)):
        pen.oval(x - radius * 0.7, y - radius, x + radius * 0.7, y + radius, SNOW)
    pen.box(14, 84, 26, 99, INK, twin=50)
    pen.pie(4, -4, 96, 94, pen.main, start=0, end=180)
    pen.box(0, 40, 100, 54, pen.light, radius=7)


def _toilet(pen: Pen) -> None:
    pen.box(58, 4, 96, 54, pen.main, radius=6)
    pen.box(56, 0, 98, 12, pen.dark, radius=4)
    pen.box(64, 16, 74, 24, STEEL)
    pen.pie(2, 10, 84, 92, pen.main, start=0, end=180)
    pen.box(34, 76, 76, 99, pen.main, radius=5)
    pen.box(0, 46, 88, 58, pen.light, radius=6)
    pen.box(6, 56, 80, 62, pen.dark)


def _clock(pen: Pen) -> None:
    pen.oval(0, 0, 100, 100, pen.main)
    pen.oval(13, 13, 87, 87, SNOW)
    pen.spots(INK, 4, 4, 50, 20, 80, 50, 50, 80, 20, 50)
    pen.line(INK, 8, 50, 26, 50, 52, 70, 60)


def _candle(pen: Pen) -> None:
    pen.oval(30, 0, 70, 40, COLORS["orange"])
    pen.oval(40, 14, 60, 40, GLOW)
    pen.box(26, 38, 74, 88, pen.main, radius=6)
    pen.box(26, 40, 44, 60, pen.light, radius=6)
    pen.box(2, 84, 98, 99, STEEL, radius=12)


def _toothbrush(pen: Pen) -> None:
    pen.box(0, 54, 100, 98, pen.main, radius=40)
    for x in (4, 13, 22, 31):
        pen.box(x, 2, x + 7, 60, SNOW)
    pen.box(4, 32, 38, 42, pen.light)
    pen.box(58, 66, 94, 84, pen.light, radius=16)


def _teddy_bear(pen: Pen) -> None:
    for left in (12, 64):
        pen.oval(left, 0, left + 26, 26, pen.dark)
        pen.oval(left - 10, 46, left + 20, 74, pen.main)
        pen.oval(left - 4, 74, left + 30, 100, pen.main)
    pen.oval(62, 46, 96, 74, pen.main)
    pen.oval(18, 42, 82, 96, pen.main)
    pen.oval(32, 56, 68, 88, pen.light)
    pen.oval(14, 4, 86, 54, pen.main)
    pen.oval(34, 26, 66, 52, pen.light)
    pen.oval(43, 30, 57, 40, INK)
    pen.oval(28, 18, 38, 29, INK, twin=50)


def _bucket(pen: Pen) -> None:
    pen.arc(12, 0, 88, 64, STEEL, width=6, start=180, end=360)
    pen.poly(pen.main, 4, 30, 96, 30, 82, 98, 18, 98)
    pen.poly(pen.dark, 9, 54, 91, 54, 88, 68, 12, 68)
    pen.oval(4, 22, 96, 40, pen.light)
    pen.oval(14, 26, 86, 37, WATER)


HOUSEHOLD = (
    Kind("kettle", _kettle, (*BRIGHT, "grey", "black"), aspect=1.05),
    Kind("mug", _mug, (*BRIGHT, "black"), aspect=1.05, scale=0.85),
    Kind("bowl", _bowl, BRIGHT, aspect=1.5, scale=0.9),
    Kind("fridge", _fridge, ("white", "grey", "blue", "red", "green", "pink"), aspect=0.58, place="ground", scale=1.2),
    Kind("oven", _oven, ("white", "grey", "red", "blue", "green"), place="ground", scale=1.05),
    Kind("frying pan", _frying_pan, ("black", "grey", "red", "blue"), aspect=1.55, tilt=20),
    Kind("toaster", _toaster, ("grey", "red", "blue", "green", "pink"), aspect=1.15, scale=0.9),
    Kind("bottle", _bottle, ("green", "blue", "red", "brown", "purple", "yellow"), aspect=0.45),
    Kind("fork", _fork, BRIGHT, aspect=0.36, tilt=25),
    Kind("chair", _chair, (*BRIGHT, "brown"), aspect=0.72, place="ground", scale=1.05),
    Kind("lamp", _lamp, BRIGHT, aspect=0.66, scale=1.05),
    Kind("bed", _bed, BRIGHT, aspect=1.6, place="ground", scale=1.15),
    Kind("sofa", _sofa, (*BRIGHT, "brown", "grey"), aspect=1.6, place="ground", scale=1.1),
    Kind("wardrobe", _wardrobe, ("brown", "white", "blue", "green", "grey"), aspect=0.8, place="ground", scale=1.2),
    Kind("mirror", _mirror, (*BRIGHT, "brown", "black"), aspect=0.72, place="air", scale=1.05),
    Kind("bathtub", _bathtub, ("white", "blue", "pink", "green"), aspect=1.5, place="ground", scale=1.1),
    Kind("toilet", _toilet, ("white", "pink", "blue", "green"), aspect=0.9, place="ground"),
    Kind("clock", _clock, (*BRIGHT, "brown", "black"), place="air", scale=0.9),
    Kind("candle", _candle, BRIGHT, aspect=0.55, scale=0.9),
    Kind("toothbrush", _toothbrush, BRIGHT, aspect=2.6, scale=0.95, tilt=35, plural="toothbrushes"),
    Kind("teddy bear", _teddy_bear, ("brown", "white", "pink", "orange", "grey"), aspect=0.9),
    Kind("bucket", _bucket, BRIGHT, aspect=0.92, scale=0.9),
)
