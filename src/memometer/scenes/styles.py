"""The kinds of scenes: how one is composed, and what is said of it."""

import dataclasses
from collections.abc import Callable

from memometer.errors import InputError
from memometer.scenes.captions import captions_of, class_caption
from memometer.scenes.composition import Scene, compose
from memometer.scenes.foreground import compose_foreground

__all__ = ["STYLES", "Style", "style_of"]


@dataclasses.dataclass(frozen=True)
class Style:
    """One kind of scenes.

    Attributes:
        compose: seed and index → the scene.
        captions: the scene → its captions.
    """

    compose: Callable[[int, int], Scene]
    captions: Callable[[Scene], tuple[str, ...]]


STYLES = {
    "objects": Style(compose, captions_of),
    "foreground": Style(compose_foreground, class_caption),
}
"""What ``kind`` of `make_scenes` may be."""


def style_of(kind: str) -> Style:
    """The style of this name.

    Raises:
        InputError: there is none.
    """
    if kind not in STYLES:
        raise InputError(f"there are no scenes of kind '{kind}'; choose {' or '.join(STYLES)} with --kind")
    return STYLES[kind]
