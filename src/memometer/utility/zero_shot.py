"""Scores of images by class from prompts: cosine similarity of image and class vector, no training at all."""

import numpy as np
import numpy.typing as npt

from memometer.embeddings import Embeddings
from memometer.errors import VectorError

__all__ = ["zero_shot_scores"]

TILE = 8192


def zero_shot_scores(images: Embeddings, classes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(n, c) cosine similarities, added up in float64 and kept in float32, so that equal vectors tie.

    Args:
        images: (n, d), read a tile at a time.
        classes: (c, d) of unit length.

    Raises:
        VectorError: the two differ in their width.
    """
    if images.dim != classes.shape[1]:
        raise VectorError(
            f"{images.name} have {images.dim} components, the class vectors {classes.shape[1]}; both towers must share "
            "a space: measure projector features"
        )
    scores = np.empty((len(images), len(classes)), np.float32)
    wide = classes.astype(np.float64).T
    for start in range(0, len(images), TILE):
        scores[start : start + TILE] = images[start : start + TILE].astype(np.float64) @ wide
    return scores
