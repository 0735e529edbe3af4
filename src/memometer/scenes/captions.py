"""Captions: what is said of a scene, which is never all that is in it."""

from collections.abc import Sequence

import numpy as np

from memometer.scenes.composition import Item, Scene, pick
from memometer.seeds import rng_for

__all__ = ["captions_of", "class_caption"]

N_CAPTIONS = 5
"""Captions of every record."""

MAX_NAMED = 3
"""The captions of a record name at most so many of its objects, and always leave one out."""

LEFT_OF = ("{a} left of {b}", "{a} to the left of {b}", "left of {b}, {a}", "{a} with {b} on its right")
RIGHT_OF = ("{a} right of {b}", "{a} to the right of {b}", "right of {b}, {a}", "{a} with {b} on its left")
ABOVE = ("{a} above {b}", "{a} over {b}", "above {b}, {a}", "{a} with {b} below it")
BELOW = ("{a} below {b}", "{a} under {b}", "below {b}, {a}", "{a} with {b} above it")
TOGETHER = ("{a} and {b}", "{a} beside {b}", "a picture of {a} and {b}", "{a} not far from {b}")
THREE = ("{a}, {b} and {c}", "{a} with {b} and {c}", "a picture of {a}, {b} and {c}", "{a}, near {b} and {c}")
ALONE = ("{a} {where}", "{where}, {a}", "there is {a} {where}", "look at {a} {where}")


def captions_of(scene: Scene) -> tuple[str, ...]:
    """The five captions of a scene, no two equal; the first names two objects with size, colour and place."""
    rng = rng_for(scene.seed, "captions", scene.index)
    named = _shuffled(rng, scene.items)[: min(MAX_NAMED, len(scene.items) - 1)]
    captions = [_pair(rng, scene, named)]
    writers = (_pair, _triple, _single)
    while len(captions) < N_CAPTIONS:
        caption = writers[len(captions) % 3](rng, scene, named)
        if caption not in captions:
            captions.append(caption)
    return tuple(captions)


def class_caption(scene: Scene) -> tuple[str]:
    """The one caption of a scene with a class: the object of that class with its colour, and the theme."""
    return (f"{_phrase(scene.items[0])} {scene.theme.phrase}",)


def _pair(rng: np.random.Generator, scene: Scene, named: Sequence[Item]) -> str:
    """Two objects and how they stand to each other."""
    one, other = _shuffled(rng, named)[:2]
    text = pick(rng, _relations(one, other)).format(a=_phrase(one), b=_phrase(other))
    return text + _setting(rng, scene)


def _triple(rng: np.random.Generator, scene: Scene, named: Sequence[Item]) -> str:
    """All the objects that captions may name: three, or two in a scene of three."""
    if len(named) < 3:
        return _pair(rng, scene, named)
    one, other, third = _shuffled(rng, named)
    return pick(rng, THREE).format(a=_phrase(one), b=_phrase(other), c=_phrase(third))


def _single(rng: np.random.Generator, scene: Scene, named: Sequence[Item]) -> str:
    """One object, where it is in the picture, and often where the picture plays."""
    item = pick(rng, named)
    text = pick(rng, ALONE).format(a=_phrase(item), where=_whereabouts(item))
    return text + _setting(rng, scene)


def _relations(one: Item, other: Item) -> tuple[str, ...]:
    """The templates that are true of where the two stand."""
    right, down = other.x - one.x, other.y - one.y
    if max(abs(right), abs(down)) < 0.12:
        return TOGETHER
    if abs(right) > abs(down):
        return LEFT_OF if right > 0 else RIGHT_OF
    return ABOVE if down > 0 else BELOW


def _phrase(item: Item) -> str:
    """The object with its size, its colour, and an article where the word takes one."""
    words = " ".join(word for word in (item.size, item.color, item.kind.word) if word)
    if not item.kind.countable:
        return words
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _whereabouts(item: Item) -> str:
    down = "top" if item.y < 0.36 else "bottom" if item.y > 0.64 else ""
    across = "left" if item.x < 0.36 else "right" if item.x > 0.64 else ""
    if not down and not across:
        return "in the middle"
    return f"at the {' '.join(word for word in (down, across) if word)}"


def _setting(rng: np.random.Generator, scene: Scene) -> str:
    """Now and then the theme, or the colour of the wall or the sky; else nothing."""
    luck = rng.random()
    if luck < 0.15:
        return f" {scene.theme.phrase}"
    if luck < 0.3:
        preposition = "before" if scene.theme.surface == "wall" else "under"
        return f" {preposition} {'an' if scene.tint[0] in 'aeiou' else 'a'} {scene.tint} {scene.theme.surface}"
    return ""


def _shuffled(rng: np.random.Generator, items: Sequence[Item]) -> list[Item]:
    return [items[place] for place in rng.permutation(len(items))]
