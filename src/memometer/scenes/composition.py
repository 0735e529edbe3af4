"""Which objects a scene holds, and where they stand."""

import dataclasses
from collections.abc import Collection, Iterable, Sequence
from typing import TypeVar

import numpy as np

from memometer.scenes.drawing import KINDS, Kind
from memometer.scenes.themes import THEMES, Theme
from memometer.seeds import rng_for

__all__ = ["TINTS", "Item", "Scene", "compose", "kinds_of", "pick", "place", "weighted"]

N_OBJECTS = {3: 0.1, 4: 0.3, 5: 0.35, 6: 0.25}
"""Objects of a scene, and the share of scenes that have so many."""

ROOM = {3: 1.08, 4: 1.04, 5: 0.98, 6: 0.92}
"""Objects of a scene → how large they are drawn, so that many find room too."""

SIZES = {"small": 0.24, "": 0.29, "large": 0.36}
"""Size words → the side of a square object, as a share of the picture's side."""

SHORTEST_SIDE = 0.16
"""No side of an object is shorter, so that it can be made out at 48 px."""

OFF_THEME = 0.3
"""Share of objects that may be of any kind, whatever the theme."""

FREE_OVERLAP = 0.08
"""Objects may cover so much of one another (of the smaller one's box) without another place being tried."""

PLACES_TRIED = 30
TINTS = ("blue", "pink", "orange", "grey", "purple", "green", "yellow")

Choice = TypeVar("Choice")


@dataclasses.dataclass(frozen=True)
class Item:
    """One object of a scene; lengths are shares of the picture's side.

    Attributes:
        kind: what it is.
        color: colour word.
        size: "small", "" or "large".
        x, y: its centre.
        width, height: of its box before tilting.
        tilt: degrees, counter-clockwise.
        mirrored: left and right swapped.
    """

    kind: Kind
    color: str
    size: str
    x: float
    y: float
    width: float
    height: float
    tilt: float
    mirrored: bool


@dataclasses.dataclass(frozen=True)
class Scene:
    """All that is decided about a scene before it is drawn, whatever its size in px.

    Attributes:
        seed, index: what everything about it follows from.
        theme: where it plays.
        tint: colour word of its wall or sky.
        horizon: where the wall or sky ends, as a share of the side from the top.
        items: its objects, each of another kind, from back to front.
        label: the class of the picture, which is the kind of its first item; None where it has none.
    """

    seed: int
    index: int
    theme: Theme
    tint: str
    horizon: float
    items: tuple[Item, ...]
    label: str | None = None


def pick(rng: np.random.Generator, choices: Sequence[Choice]) -> Choice:
    """One of ``choices``, all alike likely."""
    return choices[int(rng.random() * len(choices))]


def compose(seed: int, index: int) -> Scene:
    """Scene ``index`` of a seed; no other scene takes part in it."""
    rng = rng_for(seed, "scene", index)
    theme = pick(rng, THEMES)
    horizon = 0.3 + 0.28 * float(rng.random())
    tint = pick(rng, TINTS)
    count = weighted(rng, N_OBJECTS)
    drafts = [_draft(rng, kind, room=ROOM[count]) for kind in kinds_of(rng, theme, count)]
    placed: list[Item] = []
    for draft in sorted(drafts, key=lambda item: -item.width * item.height):
        half = PLACES_TRIED // 2
        tried = (_position(rng, draft, horizon, anywhere=attempt >= half) for attempt in range(PLACES_TRIED))
        placed.append(place(draft, placed, tried, free=FREE_OVERLAP))
    items = tuple(sorted(placed, key=lambda item: item.y + item.height / 2))
    return Scene(seed, index, theme, tint, horizon, items)


def kinds_of(rng: np.random.Generator, theme: Theme, count: int, *, without: Collection[str] = ()) -> list[Kind]:
    """``count`` different kinds: typical ones of the theme, and with `OFF_THEME` any kind; none of some words."""
    words: list[str] = []
    while len(words) < count:
        off_theme = rng.random() < OFF_THEME
        word = pick(rng, tuple(KINDS)) if off_theme else weighted(rng, theme.weights)
        if word not in words and word not in without:
            words.append(word)
    return [KINDS[word] for word in words]


def _draft(rng: np.random.Generator, kind: Kind, *, room: float) -> Item:
    """An object of this kind, not yet placed."""
    size = pick(rng, tuple(SIZES))
    side = room * SIZES[size] * kind.scale * (0.94 + 0.12 * float(rng.random()))
    aspect = kind.aspect * (0.94 + 0.12 * float(rng.random()))
    width, height = side * aspect**0.5, side / aspect**0.5
    grown = max(1.0, SHORTEST_SIDE / min(width, height))
    tilt = kind.tilt * (2 * float(rng.random()) - 1)
    mirrored = bool(rng.random() < 0.5)
    return Item(kind, pick(rng, kind.colors), size, 0.5, 0.5, width * grown, height * grown, tilt, mirrored)


def place(item: Item, placed: Sequence[Item], tried: Iterable[tuple[float, float]], *, free: float) -> Item:
    """The item at the first of the centres ``tried`` whose overlap is at most ``free``, else at that of the least."""
    best, least = (0.5, 0.5), 2.0
    for x, y in tried:
        covered = max((overlap(item, x, y, other) for other in placed), default=0.0)
        if covered < least:
            best, least = (x, y), covered
        if least <= free:
            break
    return dataclasses.replace(item, x=best[0], y=best[1])


def _position(rng: np.random.Generator, item: Item, horizon: float, *, anywhere: bool) -> tuple[float, float]:
    """A random centre that keeps the item in the picture, and above or on the ground where its kind belongs."""
    across, down = rng.random(2).tolist()
    half_width, half_height = item.width / 2 + 0.02, item.height / 2 + 0.02
    top, bottom = half_height, 1 - half_height
    if item.kind.place == "air":
        bottom = max(top, min(bottom, horizon + 0.1))
    elif item.kind.place == "ground" or not anywhere:
        top = min(bottom, max(top, horizon + 0.08 - item.height / 2))
    return half_width + (1 - 2 * half_width) * across, top + (bottom - top) * down


def overlap(item: Item, x: float, y: float, other: Item) -> float:
    """The area that the item's box at (x, y) shares with another's, as a share of the smaller box."""
    across = (item.width + other.width) / 2 - abs(x - other.x)
    down = (item.height + other.height) / 2 - abs(y - other.y)
    if across <= 0 or down <= 0:
        return 0.0
    across, down = min(across, item.width, other.width), min(down, item.height, other.height)
    return across * down / min(item.width * item.height, other.width * other.height)


def weighted(rng: np.random.Generator, weights: dict[Choice, float]) -> Choice:
    """A key of ``weights``, as likely as its weight."""
    rest = float(rng.random()) * sum(weights.values())
    for choice, weight in weights.items():
        rest -= weight
        if rest < 0:
            return choice
    return choice
