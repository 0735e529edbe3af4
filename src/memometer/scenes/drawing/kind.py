"""What a kind of object is: its word, how it is drawn, and where it may stand."""

import dataclasses
from collections.abc import Callable
from typing import Literal

from memometer.scenes.drawing.pen import Pen

__all__ = ["BRIGHT", "FUR", "Kind", "Place"]

Place = Literal["air", "ground", "any"]

BRIGHT = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "white")
FUR = ("brown", "black", "white", "grey", "orange")


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of object.

    Attributes:
        word: the noun of captions and object lists, one word or two.
        draw: draws it with a pen, facing left where it has a face.
        colors: colour words it comes in.
        aspect: width over height.
        place: above the horizon, standing below it, or either.
        scale: how large it is beside other kinds, 1 on average.
        tilt: the largest tilt, in degrees.
        plural: None for ``word + "s"``.
        countable: False for words without an article, e.g. "bread".
    """

    word: str
    draw: Callable[[Pen], None]
    colors: tuple[str, ...] = BRIGHT
    aspect: float = 1.0
    place: Place = "any"
    scale: float = 1.0
    tilt: float = 6.0
    plural: str | None = None
    countable: bool = True

    @property
    def forms(self) -> tuple[str, str]:
        """Singular and plural."""
        return self.word, self.plural or f"{self.word}s"
