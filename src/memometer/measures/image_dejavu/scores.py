"""Image-only déjà vu: does a crop without the foreground tell a model the class of the image?

Meehan, Bordes, Vincent, Chaudhuri, Guo: Do SSL Models Have Déjà Vu?, NeurIPS 2023, arXiv 2304.13850 (two models), and
Kokhlikyan, Jayaraman, Bordes, Guo, Chaudhuri: Measuring Déjà Vu Memorization Efficiently, NeurIPS 2024, arXiv
2504.05651 (one model; METHODS, 3 and 4).

The k public images nearest to a record's crop predict the label that most of them have (`vote_labels`). A label that
only the model trained on the record gets right is memorized; one that the reference gets right too is correlation in
the data. The reference is a second model with votes of its own, or whatever predicts labels from crops
(`memometer.references`), so all that follows takes ranked labels, confidences and entropies.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from memometer.errors import InputError
from memometer.measures.image_dejavu.kernels import count_votes

if TYPE_CHECKING:
    from jaxtyping import Float64, Int8, Int32, Integer

__all__ = [
    "OUTCOMES",
    "UNDEFINED",
    "LabelVotes",
    "label_hits",
    "memorization_confidence",
    "outcomes",
    "undefined_labels",
    "vote_labels",
]

OUTCOMES = ("memorized", "correlated", "forgotten", "unassociated")
"""What a record may be, by the codes of `outcomes`: only the target is right, both, only the reference, neither."""

UNDEFINED = (
    "",
    "the record has no label",
    "no public image has the label",
    "no record that the reference was fitted on has the label",
)
"""Why a record is not scored, by the codes of `undefined_labels`; code 0 is scored."""

DIGITS = 12
"""Decimal places of an entropy, so that equal ones are equal whatever the logarithm's last bit."""

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.integer]


@dataclasses.dataclass(frozen=True)
class LabelVotes:
    """The labels that the neighbours of n crops vote for.

    Attributes:
        ranked: (n, top) int32 label ids: the commonest first, equally common ones by the smaller sum of their
            neighbours' ranks, then by the lower id; -1 where the neighbours have fewer labels.
        entropy: (n,) of the neighbours' labels, in nats.
    """

    ranked: Int32[npt.NDArray[np.int32], "n top"]
    entropy: Float64[Floats, "n"]

    @property
    def labels(self) -> Int32[npt.NDArray[np.int32], "n"]:
        """(n,) the predicted label ids."""
        return self.ranked[:, 0]

    @property
    def confidence(self) -> Float64[Floats, "n"]:
        """(n,) D's confidence: the entropy with its sign changed."""
        return 0.0 - self.entropy


def vote_labels(
    neighbors: Integer[Integers, "n k"], *, public_labels: Integer[Integers, "m"], n_labels: int, top: int = 5
) -> LabelVotes:
    """Counts the labels of each crop's neighbours (D; METHODS, 3).

    Args:
        neighbors: (n, k) public rows, nearest first; D takes k = 100.
        public_labels: (m,) label ids of the public images, each at least 0 (search only images with a label).
        n_labels: labels of the vocabulary (`memometer.objects.class_ids`).
        top: how many labels are kept.

    Raises:
        InputError: a neighbour is no public row, a public label is no id of the vocabulary, or k or ``top`` is below 1.

    >>> votes = vote_labels(np.array([[2, 0, 1, 3]]), public_labels=np.array([5, 4, 4, 5]), n_labels=6)
    >>> votes.labels.tolist(), votes.entropy.round(3).tolist()  # ranks 0 + 2 against 1 + 3
    ([4], [0.693])
    """
    neighbors, public_labels = np.asarray(neighbors), np.asarray(public_labels)
    if neighbors.ndim != 2 or neighbors.shape[1] < 1 or top < 1:
        raise InputError(f"neighbours of shape {neighbors.shape}, top {top}; expected (n, k), k and top of 1 or more")
    if neighbors.size and not (neighbors.min() >= 0 and neighbors.max() < len(public_labels)):
        raise InputError(
            f"a neighbour lies outside the {len(public_labels):,} public rows; search the public set that is counted"
        )
    if len(public_labels) and not (public_labels.min() >= 0 and public_labels.max() < n_labels):
        raise InputError(
            f"public label ids from {public_labels.min()} to {public_labels.max()}; expected 0 … {n_labels - 1}: "
            "leave images without a label out of the public set before the search"
        )
    n, k = neighbors.shape
    counts = np.arange(k + 1, dtype=np.float64)
    weights = counts * np.log(np.maximum(counts, 1))
    ranked, sums = np.full((n, top), -1, np.int32), np.zeros(n)
    count_votes(neighbors, public_labels, weights, n_labels, ranked, sums)
    # −Σ c/k ln(c/k) = ln k − (Σ c ln c) / k
    entropy = np.maximum(np.round(np.log(k) - sums / k, DIGITS), 0.0)
    return LabelVotes(ranked, entropy)


def undefined_labels(
    labels: Integer[Integers, "n"],
    *,
    public_labels: Integer[Integers, "m"],
    fitted_labels: Integer[Integers, "f"] | None = None,
) -> Int8[npt.NDArray[np.int8], "n"]:
    """(n,) place in `UNDEFINED`: why a record cannot be scored, whatever a model does; 0 where it can.

    Args:
        labels: (n,) label ids of the records; below 0 for none.
        public_labels: (m,) those of the public images.
        fitted_labels: those of the records that a one-model reference was fitted on; None for a second model.
    """
    code = np.zeros(len(labels), np.int8)
    if fitted_labels is not None:
        code[~np.isin(labels, fitted_labels)] = 3
    code[~np.isin(labels, public_labels)] = 2
    code[labels < 0] = 1
    return code


def label_hits(
    ranked: Integer[Integers, "n t"], labels: Integer[Integers, "n"], *, top: int = 1
) -> Float64[Floats, "n"]:
    """(n,) 1 where a record's label is among its first ``top`` predictions, else 0; NaN for no label or no answer.

    Args:
        ranked: (n, t) predicted label ids, best first, below 0 for none.
        labels: (n,) label ids of the records; below 0 for none.
        top: 1 … t.

    Raises:
        InputError: ``top`` is out of range, or lengths differ.
    """
    if ranked.ndim != 2 or len(ranked) != len(labels) or not 1 <= top <= ranked.shape[1]:
        raise InputError(
            f"predictions of shape {ranked.shape} for {len(labels)} labels, top {top}; expected (n, t), top of 1 … t"
        )
    hits = (ranked[:, :top] == labels[:, None]).any(axis=1)
    return np.where((labels < 0) | (ranked[:, 0] < 0), np.nan, hits)


def outcomes(
    target_hits: Float64[Floats, "n"], reference_hits: Float64[Floats, "n"]
) -> Int8[npt.NDArray[np.int8], "n"]:
    """(n,) place in `OUTCOMES` of each record (D; METHODS, 3); -1 where either is NaN.

    >>> [OUTCOMES[code] for code in outcomes(np.array([1.0, 1, 0, 0]), np.array([0.0, 1, 1, 0]))]
    ['memorized', 'correlated', 'forgotten', 'unassociated']
    """
    code = np.where(target_hits > 0, np.where(reference_hits > 0, 1, 0), np.where(reference_hits > 0, 2, 3))
    return np.where(np.isnan(target_hits) | np.isnan(reference_hits), -1, code).astype(np.int8)


def memorization_confidence(
    outcome: Int8[npt.NDArray[np.int8], "n"],
    *,
    target_entropy: Float64[Floats, "n"],
    reference_entropy: Float64[Floats, "n"],
) -> Float64[Floats, "n"]:
    """(n,) how surely a memorized record is one (B; METHODS, 4): reference's entropy − target's, in nats; else NaN.

    Args:
        outcome: (n,) of `outcomes`.
        target_entropy: (n,) of the neighbours' labels under the target.
        reference_entropy: (n,) of the reference's distribution over labels, or of its neighbours' labels.
    """
    return np.where(outcome == OUTCOMES.index("memorized"), reference_entropy - target_entropy, np.nan)
