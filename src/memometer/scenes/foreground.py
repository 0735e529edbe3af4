"""Foreground scenes: one large object that the image is labelled with, beside a background that only hints at it.

For the image-only tests: does a model that sees the background alone know the class of the foreground? Each class has
a home among the themes, where it plays more often than elsewhere. So whoever knows this much guesses better than by
chance (`BEST_GUESS`), and the rest of the way to 100 % is open to memorization alone. The background's colours, its
props and their places tell every scene from every other.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np

from memometer.scenes.composition import TINTS, Item, Scene, kinds_of, pick, place, weighted
from memometer.scenes.drawing import KINDS, Kind
from memometer.scenes.themes import THEMES, Theme
from memometer.seeds import rng_for

__all__ = ["BEST_GUESS", "HOMES", "compose_foreground"]

HOMES = {
    "kettle": "kitchen",
    "duck": "bathroom",
    "teddy bear": "bedroom",
    "laptop": "office",
    "cake": "party",
    "mailbox": "street",
    "dog": "park",
    "crab": "beach",
    "sailboat": "harbour",
    "tractor": "farm",
    "penguin": "snow",
    "mushroom": "camp",
    "helicopter": "airfield",
    "butterfly": "garden",
}
"""Class → its home; a class is never a prop."""

AT_HOME = 0.35
"""Share of a class's scenes that play at its home whatever; the others play anywhere, all themes alike."""

BEST_GUESS = AT_HOME + (1 - AT_HOME) / len(HOMES)
"""How often the class whose home the theme is, is right: the most that the theme alone can tell."""

N_PROPS = {2: 0.3, 3: 0.4, 4: 0.3}
"""Props of a scene, and the share of scenes that have so many."""

SHORTEST_SIDE, LONGEST_SIDE = 0.52, 0.60
"""The longer side of the foreground, as a share of the picture's: between the latter and the former × its aspect."""

FREE = 0.38
"""So wide a strip beside the foreground stays free of it, from top to bottom; less (0.28 and more) for wide kinds."""

PROP_SIDE = (0.15, 0.19)
"""The side of a square prop."""

MARGIN = 0.02
PLACES_TRIED = 20


def compose_foreground(seed: int, index: int) -> Scene:
    """Foreground scene ``index`` of a seed; no other scene takes part in it."""
    rng = rng_for(seed, "foreground", index)
    label = pick(rng, tuple(HOMES))
    theme = _theme(rng, label)
    horizon = 0.3 + 0.28 * float(rng.random())
    tint = pick(rng, TINTS)
    foreground, strip = _foreground(rng, KINDS[label], horizon)
    props: list[Item] = []
    for kind in kinds_of(rng, theme, weighted(rng, N_PROPS), without=HOMES):
        prop = _prop(rng, kind)
        props.append(place(prop, props, _positions(rng, prop, strip, horizon), free=0))
    return Scene(seed, index, theme, tint, horizon, (foreground, *props), label)


def _theme(rng: np.random.Generator, label: str) -> Theme:
    """The home of the class with `AT_HOME`, else any theme."""
    anywhere = pick(rng, THEMES)
    if rng.random() >= AT_HOME:
        return anywhere
    return next(theme for theme in THEMES if theme.name == HOMES[label])


def _foreground(rng: np.random.Generator, kind: Kind, horizon: float) -> tuple[Item, tuple[float, float]]:
    """The labelled object, and from where to where the strip beside it reaches, across."""
    aspect = kind.aspect * (0.97 + 0.06 * float(rng.random()))
    stretch = max(aspect, 1 / aspect)
    shortest = SHORTEST_SIDE * stretch
    longest = shortest + (LONGEST_SIDE - shortest) * float(rng.random())
    width, height = (longest, longest / aspect) if aspect > 1 else (longest * aspect, longest)
    across, down = rng.random(2).tolist()
    left = MARGIN + max(0.0, 1 - FREE - 2 * MARGIN - width) * across
    top, bottom = height / 2 + MARGIN, 1 - height / 2 - MARGIN
    if kind.place == "ground":
        top = min(bottom, max(top, horizon + 0.1 - height / 2))
    item = Item(
        kind=kind,
        color=kind.colors[0],  # one colour for each class: what a small model learns to tell classes by in minutes
        size="",
        x=left + width / 2,
        y=top + (bottom - top) * down,
        width=width,
        height=height,
        tilt=min(kind.tilt, 6.0) * (2 * float(rng.random()) - 1),
        mirrored=bool(rng.random() < 0.5),
    )
    if rng.random() < 0.5:
        return item, (left + width, 1.0)
    return dataclasses.replace(item, x=1 - item.x), (0.0, 1 - left - width)


def _prop(rng: np.random.Generator, kind: Kind) -> Item:
    """A small object, not yet placed; no side is so short that nothing can be made out."""
    smallest, largest = PROP_SIDE
    side = smallest + (largest - smallest) * float(rng.random())
    aspect = min(max(kind.aspect, 0.5), 2.0)
    width, height = side * aspect**0.5, side / aspect**0.5
    tilt = kind.tilt * (2 * float(rng.random()) - 1)
    return Item(kind, pick(rng, kind.colors), "small", 0.5, 0.5, width, height, tilt, bool(rng.random() < 0.5))


def _positions(
    rng: np.random.Generator, item: Item, strip: tuple[float, float], horizon: float
) -> Iterator[tuple[float, float]]:
    """Random centres that keep the item in the strip, and on the ground where its kind belongs there."""
    half_width, half_height = item.width / 2 + MARGIN, item.height / 2 + MARGIN
    top = half_height if item.kind.place != "ground" else max(half_height, horizon - half_height)
    for _ in range(PLACES_TRIED):
        across, down = rng.random(2).tolist()
        x = strip[0] + half_width + (strip[1] - strip[0] - 2 * half_width) * across
        yield x, top + (1 - half_height - top) * down
