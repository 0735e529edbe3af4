"""Things for work, play and travel."""

from memometer.scenes.drawing.kind import BRIGHT, Kind
from memometer.scenes.drawing.pen import COLORS, INK, SNOW, STEEL, WOOD, Pen

__all__ = ["THINGS"]


def _laptop(pen: Pen) -> None:
    pen.box(14, 4, 86, 74, pen.dark, radius=8)
    pen.box(21, 12, 79, 66, pen.main)
    pen.line(SNOW, 6, 28, 26, 60, 26)
    pen.line(SNOW, 6, 28, 42, 72, 42)
    pen.poly(STEEL, 10, 74, 90, 74, 100, 96, 0, 96)
    pen.poly(INK, 22, 78, 78, 78, 82, 86, 18, 86)


def _pencil(pen: Pen) -> None:
    pen.poly((244, 214, 170), 26, 8, 26, 92, 0, 50)
    pen.poly(INK, 10, 38, 10, 62, 0, 50)
    pen.box(24, 8, 82, 92, pen.main)
    pen.box(24, 38, 82, 64, pen.light)
    pen.box(80, 8, 90, 92, STEEL)
    pen.box(88, 8, 100, 92, COLORS["pink"], radius=18)


def _book(pen: Pen) -> None:
    pen.poly(pen.dark, 0, 18, 50, 28, 100, 18, 100, 92, 50, 100, 0, 92)
    pen.poly(pen.main, 0, 14, 50, 24, 100, 14, 100, 86, 50, 96, 0, 86)
    pen.poly(SNOW, 7, 6, 50, 18, 50, 86, 7, 78, twin=50)
    for y in (28, 44, 60):
        pen.line(pen.main, 5, 15, y, 42, y + 7, twin=50)
    pen.line(INK, 4, 50, 18, 50, 90)


def _scissors(pen: Pen) -> None:
    pen.poly(STEEL, 26, 0, 40, 4, 62, 62, 50, 66, twin=50)
    pen.arc(4, 56, 46, 98, pen.main, width=13)
    pen.arc(54, 56, 96, 98, pen.main, width=13)
    pen.oval(45, 50, 55, 60, INK)


def _telephone(pen: Pen) -> None:
    pen.poly(pen.main, 24, 34, 76, 34, 98, 96, 2, 96)
    pen.box(2, 8, 98, 30, pen.dark, radius=14)
    pen.box(0, 10, 24, 44, pen.dark, radius=10, twin=50)
    pen.oval(28, 42, 72, 90, SNOW)
    pen.oval(40, 55, 60, 77, pen.main)


def _globe(pen: Pen) -> None:
    pen.box(26, 90, 74, 99, WOOD, radius=6)
    pen.box(45, 78, 55, 94, WOOD)
    pen.arc(4, 0, 96, 86, WOOD, width=7, start=280, end=110)
    pen.oval(10, 4, 84, 80, pen.main)
    pen.poly(pen.light, 24, 16, 46, 12, 52, 30, 36, 46, 20, 38)
    pen.poly(pen.light, 54, 38, 76, 34, 74, 58, 56, 68)


def _printer(pen: Pen) -> None:
    pen.box(24, 2, 76, 42, SNOW)
    pen.box(2, 32, 98, 80, pen.main, radius=9)
    pen.oval(80, 40, 90, 51, COLORS["green"])
    pen.box(14, 60, 86, 72, INK, radius=4)
    pen.box(22, 64, 78, 98, SNOW)
    pen.line(STEEL, 5, 32, 78, 68, 78)
    pen.line(STEEL, 5, 32, 88, 56, 88)


def _key(pen: Pen) -> None:
    pen.arc(0, 2, 40, 98, pen.main, width=22)
    pen.box(36, 40, 100, 60, pen.main)
    pen.box(68, 54, 77, 86, pen.main)
    pen.box(86, 54, 97, 94, pen.main)


def _backpack(pen: Pen) -> None:
    pen.arc(34, 0, 66, 26, pen.dark, width=8)
    pen.box(0, 44, 18, 90, pen.dark, radius=8, twin=50)
    pen.box(10, 10, 90, 98, pen.main, radius=26)
    pen.box(22, 54, 78, 90, pen.light, radius=10)
    pen.box(14, 38, 86, 46, pen.dark)
    pen.box(44, 38, 56, 62, COLORS["yellow"])


def _suitcase(pen: Pen) -> None:
    pen.arc(32, 0, 68, 40, INK, width=8, start=180, end=360)
    pen.box(0, 20, 100, 97, pen.main, radius=12)
    pen.box(16, 20, 26, 97, pen.dark, twin=50)
    pen.box(40, 50, 60, 64, COLORS["yellow"], radius=4)


def _hat(pen: Pen) -> None:
    pen.oval(0, 64, 100, 98, pen.dark)
    pen.oval(2, 62, 98, 90, pen.main)
    pen.box(24, 4, 76, 78, pen.main, radius=16)
    pen.box(24, 54, 76, 72, INK)


def _boot(pen: Pen) -> None:
    pen.box(38, 0, 90, 86, pen.main, radius=9)
    pen.box(2, 50, 90, 90, pen.main, radius=18)
    pen.box(0, 84, 94, 99, INK, radius=4)
    pen.box(36, 0, 92, 16, pen.light, radius=6)


def _mitten(pen: Pen) -> None:
    pen.oval(0, 34, 42, 72, pen.main)
    pen.box(24, 0, 94, 80, pen.main, radius=32)
    pen.box(22, 74, 96, 99, pen.dark, radius=8)
    pen.oval(46, 26, 72, 52, pen.light)


def _crown(pen: Pen) -> None:
    pen.poly(pen.main, 2, 20, 28, 52, 50, 6, 72, 52, 98, 20, 90, 80, 10, 80)
    pen.box(8, 74, 92, 98, pen.dark, radius=4)
    pen.spots(pen.light, 7, 8, 5, 16, 50, 8, 95, 16)
    pen.spots(COLORS["red"], 6, 7, 28, 86, 50, 86, 72, 86)


def _gift(pen: Pen) -> None:
    pen.oval(18, 2, 50, 30, pen.light, twin=50)
    pen.box(8, 44, 92, 99, pen.main)
    pen.box(2, 26, 98, 48, pen.dark, radius=4)
    pen.box(41, 24, 59, 99, pen.light)


def _balloon(pen: Pen) -> None:
    pen.line(INK, 5, 50, 74, 42, 86, 54, 100)
    pen.poly(pen.dark, 50, 68, 36, 82, 64, 82)
    pen.oval(2, 0, 98, 76, pen.main)
    pen.oval(20, 12, 44, 38, pen.light)


def _drum(pen: Pen) -> None:
    pen.line(WOOD, 6, 30, 28, 4, 2, twin=50)
    pen.box(6, 34, 94, 90, pen.main)
    pen.oval(6, 76, 94, 99, pen.main)
    pen.line(SNOW, 6, 6, 42, 28, 88, 50, 44, 72, 88, 94, 42)
    pen.oval(6, 18, 94, 46, SNOW)


def _guitar(pen: Pen) -> None:
    pen.box(40, 8, 60, 60, (92, 58, 36))
    pen.box(34, 0, 66, 14, INK, radius=8)
    pen.oval(12, 40, 88, 74, pen.main)
    pen.oval(0, 58, 100, 100, pen.main)
    pen.oval(34, 54, 66, 70, INK)
    pen.box(28, 82, 72, 89, INK)


def _kite(pen: Pen) -> None:
    pen.line(INK, 5, 50, 70, 38, 80, 60, 88, 46, 100)
    pen.poly(pen.main, 50, 0, 96, 32, 50, 76, 4, 32)
    pen.poly(pen.light, 50, 0, 96, 32, 50, 32)
    pen.poly(pen.dark, 4, 32, 50, 32, 50, 76)
    pen.poly(pen.main, 30, 82, 44, 90, 32, 98)
    pen.poly(pen.main, 70, 82, 56, 88, 68, 98)


def _umbrella(pen: Pen) -> None:
    pen.box(46, 4, 54, 88, WOOD)
    pen.arc(46, 78, 72, 99, WOOD, width=8, start=0, end=180)
    pen.pie(0, 4, 100, 108, pen.main, start=180, end=360)
    pen.pie(32, 4, 68, 108, SNOW, start=180, end=360)
    pen.poly(INK, 47, 0, 53, 0, 53, 8, 47, 8)


def _rocket(pen: Pen) -> None:
    pen.poly(COLORS["orange"], 30, 78, 70, 78, 50, 100)
    pen.poly(pen.main, 28, 50, 2, 88, 30, 80, twin=50)
    pen.oval(24, 0, 76, 64, pen.main)
    pen.poly(SNOW, 25, 28, 75, 28, 76, 56, 68, 80, 32, 80, 24, 56)
    pen.oval(34, 36, 66, 60, pen.dark)
    pen.oval(41, 41, 59, 55, (180, 220, 244))


THINGS = (
    Kind("laptop", _laptop, ("blue", "green", "purple", "black", "pink", "orange"), aspect=1.25),
    Kind("pencil", _pencil, BRIGHT, aspect=3.0, scale=0.95, tilt=40),
    Kind("book", _book, (*BRIGHT, "brown", "black"), aspect=1.3, scale=0.9),
    Kind("scissors", _scissors, BRIGHT, aspect=0.75, tilt=30, plural="scissors", countable=False),
    Kind("telephone", _telephone, (*BRIGHT, "black"), aspect=1.2, scale=0.9),
    Kind("globe", _globe, ("blue", "green", "purple", "orange"), aspect=0.9),
    Kind("printer", _printer, ("white", "grey", "black", "blue"), aspect=1.1),
    Kind("key", _key, ("yellow", "grey", "red", "orange", "blue"), aspect=2.2, scale=0.9, tilt=40),
    Kind("backpack", _backpack, (*BRIGHT, "black"), aspect=0.85),
    Kind("suitcase", _suitcase, (*BRIGHT, "brown", "black"), aspect=1.15),
    Kind("hat", _hat, (*BRIGHT, "brown", "grey"), aspect=1.3, scale=0.9),
    Kind("boot", _boot, (*BRIGHT, "brown", "black"), aspect=0.95, place="ground", scale=0.85),
    Kind("mitten", _mitten, BRIGHT, aspect=0.85, scale=0.85, tilt=20),
    Kind("crown", _crown, ("yellow", "orange", "grey", "pink", "blue"), aspect=1.3, scale=0.9),
    Kind("gift", _gift, BRIGHT, aspect=0.95, scale=0.9),
    Kind("balloon", _balloon, BRIGHT, aspect=0.62, place="air"),
    Kind("drum", _drum, BRIGHT, aspect=1.1, scale=0.95),
    Kind("guitar", _guitar, ("orange", "red", "brown", "blue", "purple", "green"), aspect=0.5, scale=1.05, tilt=25),
    Kind("kite", _kite, BRIGHT, aspect=0.75, place="air", tilt=25),
    Kind("umbrella", _umbrella, BRIGHT, aspect=1.0, scale=1.05, tilt=15),
    Kind("rocket", _rocket, BRIGHT, aspect=0.6, tilt=25),
)
