"""Themes: where a scene plays, and how likely each kind of object is there."""

import dataclasses
from collections.abc import Callable

from memometer.scenes import places
from memometer.scenes.backdrop import Backdrop

__all__ = ["THEMES", "Theme"]


@dataclasses.dataclass(frozen=True)
class Theme:
    """A place and what is typically found there.

    Attributes:
        name: one word.
        phrase: how captions say it.
        paint: paints the place.
        surface: "wall" or "sky", what the tint colours.
        weights: how often each typical kind is found, relative to the others.
    """

    name: str
    phrase: str
    paint: Callable[[Backdrop], None]
    surface: str
    weights: dict[str, float]


def _weights(*, often: str, sometimes: str) -> dict[str, float]:
    """Weights 3 and 1 from two comma-separated lists of kinds."""
    return {word.strip(): weight for words, weight in ((often, 3.0), (sometimes, 1.0)) for word in words.split(",")}


THEMES = (
    Theme(
        "kitchen",
        "in a kitchen",
        places.kitchen,
        "wall",
        _weights(
            often="kettle, mug, bowl, fridge, oven, toaster, frying pan",
            sometimes="bottle, fork, apple, banana, bread, cheese, egg, chair, clock, cat, pear, cake",
        ),
    ),
    Theme(
        "bathroom",
        "in a bathroom",
        places.bathroom,
        "wall",
        _weights(
            often="bathtub, toilet, toothbrush, mirror, bottle",
            sometimes="duck, bucket, candle, scissors, cat, mug, frog, fish, clock, flower",
        ),
    ),
    Theme(
        "bedroom",
        "in a bedroom",
        places.bedroom,
        "wall",
        _weights(
            often="bed, lamp, wardrobe, teddy bear, mirror, book",
            sometimes="clock, chair, guitar, cat, suitcase, drum, hat, globe, candle, sofa, key, boot",
        ),
    ),
    Theme(
        "office",
        "in an office",
        places.office,
        "wall",
        _weights(
            often="laptop, pencil, book, scissors, telephone, printer",
            sometimes="globe, mug, chair, lamp, clock, backpack, apple, key, cactus, umbrella, sofa",
        ),
    ),
    Theme(
        "party",
        "at a party",
        places.party,
        "wall",
        _weights(
            often="cake, gift, balloon, crown, candle, drum",
            sometimes="guitar, pizza, burger, ice cream, hat, teddy bear, chair, bottle, cherry, fork, bowl, sofa",
        ),
    ),
    Theme(
        "street",
        "in a street",
        places.street,
        "sky",
        _weights(
            often="car, bus, bicycle, traffic light, mailbox, hydrant",
            sometimes="truck, bench, dog, tree, umbrella, suitcase, cat, pizza, burger, telephone, backpack, fountain",
        ),
    ),
    Theme(
        "park",
        "in a park",
        places.park,
        "sky",
        _weights(
            often="tree, bench, kite, dog, bicycle, fountain",
            sometimes="balloon, duck, butterfly, rabbit, ice cream, backpack, guitar, book, flower, hat, hydrant",
        ),
    ),
    Theme(
        "beach",
        "on a beach",
        places.beach,
        "sky",
        _weights(
            often="umbrella, crab, bucket, seagull, turtle, ice cream",
            sometimes="sailboat, kite, fish, watermelon, hat, bottle, canoe, dog, book, cherry, balloon",
        ),
    ),
    Theme(
        "harbour",
        "at a harbour",
        places.harbour,
        "sky",
        _weights(
            often="sailboat, lighthouse, anchor, seagull, fish, canoe",
            sometimes="truck, suitcase, bucket, cottage, train, crab, boot, ladder, bicycle, penguin, cat",
        ),
    ),
    Theme(
        "farm",
        "on a farm",
        places.farm,
        "sky",
        _weights(
            often="barn, cow, sheep, pig, horse, tractor",
            sometimes="fence, duck, windmill, wheelbarrow, apple, pear, dog, ladder, bucket, cat, egg, truck",
        ),
    ),
    Theme(
        "snow",
        "in the snow",
        places.snow,
        "sky",
        _weights(
            often="snowman, sled, penguin, mitten, cottage",
            sometimes="tree, boot, tent, gift, train, rabbit, hat, fence, horse, bench, helicopter, dog",
        ),
    ),
    Theme(
        "camp",
        "in a forest",
        places.camp,
        "sky",
        _weights(
            often="tent, campfire, mushroom, backpack, frog",
            sometimes="canoe, boot, rabbit, snail, frying pan, guitar, kettle, bicycle, mug, tree, lamp, key, horse",
        ),
    ),
    Theme(
        "airfield",
        "at an airfield",
        places.airfield,
        "sky",
        _weights(
            often="airplane, helicopter, suitcase, rocket, truck",
            sometimes="bus, backpack, clock, globe, ladder, windmill, car, traffic light, telephone, kite, tractor",
        ),
    ),
    Theme(
        "garden",
        "in a garden",
        places.garden,
        "sky",
        _weights(
            often="flower, wheelbarrow, snail, butterfly, cactus, fence",
            sometimes="mushroom, ladder, bucket, rabbit, chair, cherry, pear, watermelon, turtle, frog, kettle",
        ),
    ),
)
