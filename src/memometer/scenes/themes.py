"""Themes: where a scene plays, how that place is painted, and how likely each kind of object is there."""

import dataclasses
from collections.abc import Callable

import numpy as np

from memometer.scenes.backdrop import WHITE, Backdrop
from memometer.scenes.drawing import COLORS, Rgb, mix

__all__ = ["THEMES", "Theme"]

NIGHT: Rgb = (40, 36, 66)
GRASS: Rgb = (122, 178, 84)
BOARDS: Rgb = (184, 138, 90)
SAND: Rgb = (238, 214, 158)
SEA: Rgb = (64, 140, 184)
ASPHALT: Rgb = (112, 114, 124)


@dataclasses.dataclass(frozen=True)
class Theme:
    """A place and what is typically found there.

    Attributes:
        name: one word.
        phrase: how captions say it.
        surface: "wall" or "sky", what the tint colours.
        weights: how often each typical kind is found, relative to the others.
        paint: paints the place.
    """

    name: str
    phrase: str
    surface: str
    weights: dict[str, float]
    paint: Callable[[Backdrop], None]


def _theme(phrase: str, surface: str, *, often: str, sometimes: str) -> Callable[[Callable[[Backdrop], None]], Theme]:
    """Makes a theme of what paints its place; kinds found there weigh 3 (``often``) and 1 (``sometimes``)."""
    weights = {word: weight for words, weight in ((often, 3.0), (sometimes, 1.0)) for word in words.split(", ")}
    return lambda paint: Theme(paint.__name__, phrase, surface, weights, paint)


@_theme(
    "in a kitchen",
    "wall",
    often="kettle, mug, bowl, fridge, oven, toaster, frying pan",
    sometimes="bottle, fork, apple, banana, bread, cheese, egg, chair, clock, cat, pear, cake",
)
def kitchen(drop: Backdrop) -> None:
    """A half-tiled wall, a worktop and a warm floor."""
    drop.wall()
    drop.tiles(mix(drop.tint, WHITE, 0.6), top=drop.horizon * drop.between(0.35, 0.6), bottom=drop.horizon)
    drop.floor((206, 164, 120))
    drop.box(0, drop.horizon - 2, 100, drop.horizon + 4, (232, 224, 210))


@_theme(
    "in a bathroom",
    "wall",
    often="bathtub, toilet, toothbrush, mirror, bottle",
    sometimes="duck, bucket, candle, scissors, cat, mug, frog, fish, clock, flower",
)
def bathroom(drop: Backdrop) -> None:
    """Tiles everywhere, a checked floor."""
    drop.wall(mix(drop.tint, WHITE, 0.4))
    drop.tiles(mix(drop.tint, (60, 70, 90), 0.22), top=0, bottom=drop.horizon)
    drop.floor((222, 230, 234))
    for row, y in enumerate(np.arange(drop.horizon, 100, 10)):
        for x in np.arange(-10.0 + 10 * (row % 2), 100, 20):
            drop.box(x, y, x + 10, y + 10, mix(drop.tint, (90, 116, 140), 0.5))


@_theme(
    "in a bedroom",
    "wall",
    often="bed, lamp, wardrobe, teddy bear, mirror, book",
    sometimes="clock, chair, guitar, cat, suitcase, drum, hat, globe, candle, sofa, key, boot",
)
def bedroom(drop: Backdrop) -> None:
    """Striped wallpaper, floor boards, a rug."""
    drop.wall()
    step = drop.between(9, 16)
    for x in np.arange(drop.between(-8, 0), 100, step):
        drop.box(x, 0, x + step * 0.45, drop.horizon - 3, mix(drop.tint, WHITE, 0.45))
    drop.floor(BOARDS)
    drop.planks(mix(BOARDS, (60, 30, 20), 0.35))
    rug = mix(drop.tint, (110, 50, 100), 0.45)
    drop.oval(drop.between(25, 75), (drop.horizon + 102) / 2, drop.between(22, 36), (100 - drop.horizon) * 0.3, rug)


@_theme(
    "in an office",
    "wall",
    often="laptop, pencil, book, scissors, telephone, printer",
    sometimes="globe, mug, chair, lamp, clock, backpack, apple, key, cactus, umbrella, sofa",
)
def office(drop: Backdrop) -> None:
    """A window with a blind, a grey carpet."""
    drop.wall(mix(drop.tint, ASPHALT, 0.25))
    left, right = drop.between(4, 30), drop.between(55, 96)
    top, bottom = drop.between(4, 10), drop.horizon * drop.between(0.6, 0.8)
    drop.box(left, top, right, bottom, WHITE)
    drop.box(left + 2, top + 2, right - 2, bottom - 2, (176, 208, 228))
    for y in np.arange(top + 4, bottom * drop.between(0.5, 1), 4):
        drop.line(WHITE, 1.6, left, y, right, y)
    drop.floor((142, 150, 164))


@_theme(
    "at a party",
    "wall",
    often="cake, gift, balloon, crown, candle, drum",
    sometimes="guitar, pizza, burger, ice cream, hat, teddy bear, chair, bottle, cherry, fork, bowl, sofa",
)
def party(drop: Backdrop) -> None:
    """Bunting on the wall, confetti on the boards."""
    drop.wall()
    sag, step = drop.between(3, 12), drop.between(10, 15)
    paints = [COLORS[name] for name in ("red", "yellow", "blue", "green", "purple")]
    for index, x in enumerate(np.arange(0, 100, step)):
        y = 4 + sag * (1 - ((x - 50) / 50) ** 2)
        drop.poly(mix(paints[index % 5], WHITE, 0.2), x, y, x + step * 0.8, y, x + step * 0.4, y + 9)
    drop.floor((196, 150, 132))
    drop.dots(*paints, WHITE, top=drop.horizon, bottom=100, count=30, radius=1.1)


@_theme(
    "in a street",
    "sky",
    often="car, bus, bicycle, traffic light, mailbox, hydrant",
    sometimes="truck, bench, dog, tree, umbrella, suitcase, cat, pizza, burger, telephone, backpack, fountain",
)
def street(drop: Backdrop) -> None:
    """A skyline, a pavement, a road with a dashed line."""
    drop.sky(clouds=2)
    x = drop.between(-10, 0)
    while x < 100:
        width, height = drop.between(10, 20), drop.between(10, drop.horizon - 6)
        paint = mix(mix(drop.tint, ASPHALT, 0.6), (150, 90, 70), drop.between(0, 0.5))
        drop.box(x, drop.horizon - height, x + width, drop.horizon, paint)
        for y in np.arange(drop.horizon - height + 3, drop.horizon - 4, 6):
            for pane in np.arange(x + 2.5, x + width - 3, 5):
                drop.box(pane, y, pane + 2, y + 3, (250, 226, 150))
        x += width + drop.between(0, 4)
    drop.floor(ASPHALT)
    drop.box(0, drop.horizon, 100, drop.horizon + 6, (196, 190, 184))
    middle = (drop.horizon + 106) / 2
    for left in np.arange(drop.between(-16, 0), 100, 24):
        drop.box(left, middle - 1.2, left + 13, middle + 1.2, (244, 236, 200))


@_theme(
    "in a park",
    "sky",
    often="tree, bench, kite, dog, bicycle, fountain",
    sometimes="balloon, duck, butterfly, rabbit, ice cream, backpack, guitar, book, flower, hat, hydrant",
)
def park(drop: Backdrop) -> None:
    """Green hills and a winding path."""
    drop.sky(clouds=3)
    drop.hills((96, 156, 92), height=14, count=3)
    drop.floor(GRASS)
    start, end = drop.between(20, 80), drop.between(0, 100)
    drop.poly((220, 200, 158), start, drop.horizon, start + 4, drop.horizon, end + 14, 100, end - 14, 100)
    drop.dashes((92, 146, 64), top=drop.horizon + 2, bottom=100, count=18, length=3)


@_theme(
    "on a beach",
    "sky",
    often="umbrella, crab, bucket, seagull, turtle, ice cream",
    sometimes="sailboat, kite, fish, watermelon, hat, bottle, canoe, dog, book, cherry, balloon",
)
def beach(drop: Backdrop) -> None:
    """Sea behind, sand in front."""
    drop.sky(clouds=2)
    shore = drop.horizon + (100 - drop.horizon) * drop.between(0.15, 0.4)
    drop.floor(SAND)
    drop.fade(mix(SEA, NIGHT, 0.1), mix(SEA, WHITE, 0.3), top=drop.horizon, bottom=shore)
    for x in np.arange(drop.between(-8, 0), 104, 10):
        drop.oval(x, shore, 7, 2, WHITE)
    drop.dashes(mix(SAND, (150, 110, 60), 0.4), top=shore + 4, bottom=100, count=18, length=5)


@_theme(
    "at a harbour",
    "sky",
    often="sailboat, lighthouse, anchor, seagull, fish, canoe",
    sometimes="truck, suitcase, bucket, cottage, train, crab, boot, ladder, bicycle, penguin, cat",
)
def harbour(drop: Backdrop) -> None:
    """Wide water with waves, a wooden quay in front."""
    drop.sky(clouds=2)
    quay = 100 - drop.between(10, 24)
    drop.fade(mix(SEA, WHITE, 0.35), mix(SEA, NIGHT, 0.35), top=drop.horizon, bottom=quay)
    drop.dashes(mix(SEA, WHITE, 0.7), top=drop.horizon + 2, bottom=quay, count=22, length=7)
    drop.fade((150, 108, 74), (104, 72, 52), top=quay, bottom=100)
    for x in np.arange(drop.between(0, 8), 100, 9):
        drop.line((84, 58, 44), 0.8, x, quay, x, 100)


@_theme(
    "on a farm",
    "sky",
    often="barn, cow, sheep, pig, horse, tractor",
    sometimes="fence, duck, windmill, wheelbarrow, apple, pear, dog, ladder, bucket, cat, egg, truck",
)
def farm(drop: Backdrop) -> None:
    """Fields in rows."""
    drop.sky(clouds=3)
    drop.hills((170, 172, 92), height=9, count=2)
    drop.floor((214, 182, 84))
    vanishing = drop.between(10, 90)
    for x in np.arange(-120, 220, drop.between(24, 40)):
        drop.poly((150, 166, 72), vanishing, drop.horizon, x, 100, x + 14, 100)


@_theme(
    "in the snow",
    "sky",
    often="snowman, sled, penguin, mitten, cottage",
    sometimes="tree, boot, tent, gift, train, rabbit, hat, fence, horse, bench, helicopter, dog",
)
def snow(drop: Backdrop) -> None:
    """White mountains and falling flakes."""
    drop.sky(clouds=1)
    for _ in range(3):
        x, height, across = drop.between(0, 100), drop.between(14, 30), drop.between(18, 34)
        top = drop.horizon - height
        drop.poly((150, 168, 196), x - across, drop.horizon, x, top, x + across, drop.horizon)
        drop.poly(WHITE, x - across * 0.35, top + height * 0.35, x, top, x + across * 0.35, top + height * 0.35)
    drop.floor((236, 242, 250))
    drop.hills((226, 236, 246), height=5, count=2)
    drop.dots(WHITE, top=0, bottom=100, count=26, radius=1.1)


@_theme(
    "in a forest",
    "sky",
    often="tent, campfire, mushroom, backpack, frog",
    sometimes="canoe, boot, rabbit, snail, frying pan, guitar, kettle, bicycle, mug, tree, lamp, key, horse",
)
def camp(drop: Backdrop) -> None:
    """Fir trees against a dusky sky."""
    drop.fade(mix(drop.tint, NIGHT, 0.5), drop.tint, top=0, bottom=drop.horizon + 2)
    drop.dots((255, 246, 200), top=0, bottom=drop.horizon * 0.7, count=12, radius=0.7)
    x = drop.between(-8, 0)
    while x < 104:
        height, paint = drop.between(16, drop.horizon * 0.9), mix((34, 92, 74), NIGHT, drop.between(0, 0.4))
        for level in (0, 0.3, 0.55):
            top, wide = drop.horizon - height * (1 - level), 4 + 7 * level
            drop.poly(paint, x - wide, top + height * 0.45, x, top, x + wide, top + height * 0.45)
        x += drop.between(6, 13)
    drop.floor((92, 116, 62))
    drop.dashes((70, 92, 50), top=drop.horizon + 2, bottom=100, count=20, length=4)


@_theme(
    "at an airfield",
    "sky",
    often="airplane, helicopter, suitcase, rocket, truck",
    sometimes="bus, backpack, clock, globe, ladder, windmill, car, traffic light, telephone, kite, tractor",
)
def airfield(drop: Backdrop) -> None:
    """A runway that runs to the horizon."""
    drop.sky(clouds=3)
    drop.floor((158, 178, 108))
    far, near = drop.between(30, 70), drop.between(30, 70)
    drop.poly(ASPHALT, far - 10, drop.horizon, far + 10, drop.horizon, near + 55, 100, near - 55, 100)
    for share in (0.08, 0.24, 0.46, 0.74):
        y, wide = drop.horizon + (100 - drop.horizon) * share, 0.6 + 3 * share
        x, length = far + (near - far) * share, (100 - drop.horizon) * (0.06 + 0.12 * share)
        drop.poly(WHITE, x - wide, y, x + wide, y, x + wide * 1.3, y + length, x - wide * 1.3, y + length)
    drop.box(0, drop.horizon - 2, 100, drop.horizon, (120, 146, 100))


@_theme(
    "in a garden",
    "sky",
    often="flower, wheelbarrow, snail, butterfly, cactus, fence",
    sometimes="mushroom, ladder, bucket, rabbit, chair, cherry, pear, watermelon, turtle, frog, kettle",
)
def garden(drop: Backdrop) -> None:
    """A hedge and a lawn full of blossoms."""
    drop.sky(clouds=2)
    hedge = drop.between(6, 14)
    for x in np.arange(drop.between(-6, 0), 104, 7):
        drop.oval(x, drop.horizon - hedge, 6, 5, (64, 120, 66))
    drop.box(0, drop.horizon - hedge, 100, drop.horizon, (64, 120, 66))
    drop.floor((142, 196, 96))
    for left in np.arange(drop.between(-20, 0), 100, 22):
        drop.poly((126, 182, 84), left, drop.horizon, left + 11, drop.horizon, left + 15, 100, left - 4, 100)
    drop.dots((244, 150, 190), WHITE, (250, 222, 90), top=drop.horizon + 2, bottom=100, count=22, radius=1.3)


THEMES = (kitchen, bathroom, bedroom, office, party, street, park, beach, harbour, farm, snow, camp, airfield, garden)
"""In an order that scenes depend on."""
