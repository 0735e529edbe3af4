"""CLIPMem: how much better a model aligns a pair that it was trained on than a model that never saw it.

Paper C: Wang, Dziedzic, Kim, Backes, Boenisch: Captured by Captions: On Memorization and its Mitigation in CLIP Models.
ICLR 2025, arXiv 2502.07830 (METHODS, Section 5). sim is the cosine, I' a view of the image, T' one of the captions:

    align(f, I, T) = E sim(f_img(I'), f_txt(T')) − E sim(f_img(I'), f_txt(t)) − E sim(f_img(i), f_txt(T'))
    CLIPMem(I, T)  = align(f, I, T) − align(g, I, T)

where t and i are held-out captions and images, f was trained with the pair and g without it.

The cosine of unit vectors is an inner product, and I', T', t and i are drawn independently, so every expectation is
the inner product of two *mean* embeddings: the value of the sum over all views and all negatives, at O(n) inner
products in place of O(n · m).
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from memometer.errors import InputError

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Float64

__all__ = ["ClipMem", "HeldOut", "align", "clipmem", "normalised", "similarity"]

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class HeldOut:
    """What the held-out pairs add up to under one model: all that the negatives need.

    Attributes:
        images: (d,) float64, the sum over held-out records of each one's mean image embedding.
        texts: (d,) float64, the same of its captions.
        n: the held-out records.
    """

    images: Float64[Floats, "d"]
    texts: Float64[Floats, "d"]
    n: int


def similarity(
    images: Float[npt.NDArray[np.floating], "n d"], texts: Float[npt.NDArray[np.floating], "n d"]
) -> Float64[Floats, "n"]:
    """(n,) the expected cosine of each record's views with its captions.

    Args:
        images: (n, d), the mean of the l2-normalised embeddings of each record's views; not itself normalised.
        texts: (n, d), the same of its captions.

    Raises:
        InputError: the two are of different shapes.
    """
    if images.ndim != 2 or images.shape != texts.shape:
        raise InputError(
            f"image embeddings have the shape {images.shape}, text embeddings {texts.shape}; expected (n, d) of both"
        )
    cosines: Floats = np.einsum("ij,ij->i", images, texts, dtype=np.float64)
    return cosines


def align(
    images: Float[npt.NDArray[np.floating], "n d"],
    texts: Float[npt.NDArray[np.floating], "n d"],
    *,
    held_out: HeldOut | None,
    own: Bool[npt.NDArray[np.bool_], "n"] | None = None,
) -> Float64[Floats, "n"]:
    """(n,) how well one model aligns every record, above chance: METHODS, Section 5; in float64.

    Args:
        images: (n, d), as in `similarity`.
        texts: (n, d).
        held_out: the negatives under the same model; None leaves the second and the third term out.
        own: (n,) whether the record is one of the held-out ones itself. Its own pair is then taken out of its
            negatives, exactly, so that it is compared with others alone, as every other record is.

    Returns:
        NaN where no negative is left.

    Raises:
        InputError: shapes that do not belong together.

    >>> dog, cat = np.array([[1.0, 0.0]]), np.array([0.6, 0.8])
    >>> align(dog, dog, held_out=HeldOut(images=cat, texts=cat, n=1)).round(3).tolist()
    [-0.2]
    """
    positive = similarity(images, texts)
    if held_out is None:
        return positive
    if held_out.images.shape != images.shape[1:] or held_out.texts.shape != images.shape[1:]:
        raise InputError(
            f"held-out embeddings have the shapes {held_out.images.shape} and {held_out.texts.shape}; "
            f"expected ({images.shape[1]},), as of the same model"
        )
    left_out = np.zeros(len(images), bool) if own is None else own
    # An image against all held-out captions, and a caption against all held-out images, less what is its own.
    negative = np.einsum("ij,j->i", images, held_out.texts, dtype=np.float64)
    negative += np.einsum("ij,j->i", texts, held_out.images, dtype=np.float64)
    negative[left_out] -= 2 * positive[left_out]
    count = held_out.n - left_out.astype(np.int64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count > 0, positive - negative / count, np.nan)


@dataclasses.dataclass(frozen=True)
class ClipMem:
    """Scores of n records.

    Attributes:
        score: (n,) raw CLIPMem: ``align_target`` less ``align_reference``.
        stderr: (n,) its standard error over trainings; NaN where there is only one target or one reference.
        align_target: (n,) the mean over targets.
        align_reference: (n,) the mean over references.
    """

    score: Float64[Floats, "n"]
    stderr: Float64[Floats, "n"]
    align_target: Float64[Floats, "n"]
    align_reference: Float64[Floats, "n"]


def clipmem(*, targets: Float64[Floats, "t n"], references: Float64[Floats, "r n"]) -> ClipMem:
    """CLIPMem of n records from the alignments under one or several trainings.

    The mean over all pairs of a target with a reference is the difference of the two means.

    Args:
        targets: (t, n) `align` under each model that was trained with the records.
        references: (r, n) under each model that was not.

    Raises:
        InputError: the shapes do not belong together.
    """
    if targets.ndim != 2 or references.ndim != 2 or targets.shape[1] != references.shape[1]:
        raise InputError(
            f"alignments have the shapes {targets.shape} and {references.shape}; expected (t, n) and (r, n)"
        )
    if not len(targets) or not len(references):
        raise InputError("CLIPMem compares at least one target with at least one reference")
    # Sorted, so that the order in which the trainings are named does not change the last bit.
    first, second = np.sort(targets, axis=0), np.sort(references, axis=0)
    align_target, align_reference = first.mean(axis=0), second.mean(axis=0)
    stderr = np.full(targets.shape[1], np.nan)
    if min(len(first), len(second)) > 1:
        stderr = np.sqrt(first.var(axis=0, ddof=1) / len(first) + second.var(axis=0, ddof=1) / len(second))
    return ClipMem(align_target - align_reference, stderr, align_target, align_reference)


def normalised(scores: Float64[Floats, "n"]) -> tuple[Float64[Floats, "n"], float | None]:
    """Scores divided by their range, unshifted: 0 still says "no memorization", and all lie in [−1, 1].

    The range is max − min over all the scores given (C: the union of the four subsets). Where all scores lie on one
    side of 0, which C does not foresee, the range reaches to 0, for else they would leave [−1, 1].

    Args:
        scores: (n,), NaN where undefined.

    Returns:
        (n,) the scores over the range, and the range; NaN and None where there is none: no score, or all of them 0.

    >>> normalised(np.array([0.3, 0.0, -0.1, np.nan]))[0].round(2).tolist()
    [0.75, 0.0, -0.25, nan]
    """
    defined = scores[~np.isnan(scores)]
    span = float(defined.max(initial=0.0) - defined.min(initial=0.0))
    if span == 0:
        return np.full(len(scores), np.nan), None
    return scores / span, span
