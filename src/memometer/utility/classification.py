"""How well scores of images by class find what is in the images: accuracy of one label, or mean average precision."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from memometer.embeddings import Embeddings
from memometer.errors import VectorError
from memometer.statistics import Gap, gap_of, mean_average_precision
from memometer.utility.truth import Truth

__all__ = ["Classified", "classify", "zero_shot_scores"]

TOP = 5
TILE = 8192


@dataclasses.dataclass(frozen=True)
class Classified:
    """Numbers of a classification of n records by c classes.

    Attributes:
        numbers: for the summary, each with its n and interval; None where it is of the other task.
        predicted: (n,) the best class.
        correct: (n,) whether the image is, or holds, that class.
        rank: (n,) of the label among all classes, from 1; 0 where an image has several.
        of_class: (c,) the average precision of each class, or the share of its records that are right; NaN for none.
    """

    numbers: dict[str, Any]
    predicted: npt.NDArray[np.int64]
    correct: npt.NDArray[np.bool_]
    rank: npt.NDArray[np.int64]
    of_class: npt.NDArray[np.float64]


def classify(
    scores: npt.NDArray[np.float32],
    truth: Truth,
    *,
    seed: int,
    name: str,
    replicates: int,
    micro: bool,
    groups: npt.NDArray[np.int64] | None = None,
) -> Classified:
    """Compares scores with what is in the images; of equal scores the lower class goes first.

    Args:
        scores: (n, c) of the scored records of ``truth`` and its classes.
        truth: n scored records, none left out.
        seed: with ``name``, decides the resampling.
        name: e.g. ``"zero_shot"``.
        replicates: bootstrap replicates over records.
        micro: also the micro average of several objects per image.
        groups: (n,) which records belong together and are drawn at once; None where each is alone.
    """
    n, c = scores.shape
    positive = truth.positive
    predicted = scores.argmax(axis=1)
    correct = positive[np.arange(n), predicted]
    numbers: dict[str, Any] = dict.fromkeys(
        ("accuracy", "accuracy@5", "mean_average_precision", "micro_average_precision")
    )
    if truth.task == "multi-label":
        found = mean_average_precision(
            scores, positive, seed=seed, name=name, replicates=replicates, micro=micro, groups=groups
        )
        numbers["mean_average_precision"] = found.macro.as_dict()
        numbers["micro_average_precision"] = found.micro.as_dict() if found.micro else None
        return Classified(numbers, predicted, correct, np.zeros(n, np.int64), found.classes)
    label = positive.argmax(axis=1)
    own = scores[np.arange(n), label][:, None]
    before = (scores > own) | ((scores == own) & (np.arange(c) < label[:, None]))
    rank = before.sum(axis=1) + 1
    for key, top in (("accuracy", 1), ("accuracy@5", TOP)):
        gap = Gap(None, None, None, None, 0, f"there are {c} classes, fewer than {top}")
        if top <= c:
            hits = [(rank <= top).astype(float)]
            gap = gap_of(hits, seed=seed, name=f"{name}/{key}", replicates=replicates, groups=[groups])
        numbers[key] = gap.as_dict()
    counts = np.bincount(label, minlength=c)
    right = np.bincount(label, correct, minlength=c)
    of_class = np.where(counts > 0, right / np.maximum(counts, 1), np.nan)
    return Classified(numbers, predicted, correct, rank, of_class)


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
