"""What stands for a name in front of a text tower."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from memometer.embeddings import normalise
from memometer.errors import InputError

__all__ = ["ONE", "SEVEN", "mean_directions", "prompts_of", "templates_of"]

ONE = ("a photo of a {}.",)
SEVEN = (
    "itap of a {}.",
    "a bad photo of the {}.",
    "a origami {}.",
    "a photo of the large {}.",
    "a {} in a video game.",
    "art of the {}.",
    "a photo of the small {}.",
)
"""The seven templates that CLIP's authors found best for ImageNet (Radford and others 2021); OWL-ViT's authors use
seven too (Minderer and others 2022)."""


def templates_of(number: int | None) -> tuple[str, ...]:
    """One template, which is the default, or seven.

    Raises:
        InputError: another number.
    """
    if number not in (None, 1, 7):
        raise InputError(f"{number} templates are asked for; expected 1 or 7")
    return SEVEN if number == 7 else ONE


def prompts_of(names: Sequence[str], templates: Sequence[str]) -> list[str]:
    """The prompts of each name, one name after another."""
    return [template.format(name) for name in names for template in templates]


def mean_directions(vectors: npt.NDArray[np.float32], *, of: int) -> npt.NDArray[np.float32]:
    """(n · of, d) → (n, d) unit vectors: the mean direction of each run of ``of`` vectors.

    >>> mean_directions(np.array([[2.0, 0.0], [0.0, 1.0]], np.float32), of=2).round(3).tolist()
    [[0.7070000171661377, 0.7070000171661377]]
    """
    return normalise(normalise(vectors, name="prompts").reshape(-1, of, vectors.shape[1]).mean(1), name="names")
