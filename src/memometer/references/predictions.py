"""What every reference hands on: the labels it predicts for n crops, and how sure it is."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from memometer.errors import InputError

__all__ = ["LabelPredictions", "concat_predictions", "rank_labels"]

TIE = 1e-9
"""Logarithms that differ by less are equal: the order of a sum moves its last bits."""


@dataclasses.dataclass(frozen=True)
class LabelPredictions:
    """A reference's distribution over labels for each of n crops, in short.

    Attributes:
        ranked: (n, top) int32 label ids, the most probable first, equal ones by the lower id; -1 where the reference
            knows no further label, or gave no answer.
        confidence: (n,) probability of the first label; NaN without an answer.
        entropy: (n,) entropy of the distribution in nats; NaN without an answer.
        n_without_objects: crops without an object, for which Naive Bayes answers with its prior.
        rejects: (record_id, reason) of the crops without an answer.
    """

    ranked: npt.NDArray[np.int32]
    confidence: npt.NDArray[np.float64]
    entropy: npt.NDArray[np.float64]
    n_without_objects: int = 0
    rejects: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.ranked)

    @property
    def labels(self) -> npt.NDArray[np.int32]:
        """(n,) the predicted label ids; -1 without an answer."""
        return self.ranked[:, 0]


def rank_labels(scores: npt.NDArray[np.floating], *, label_ids: npt.NDArray[np.integer], top: int) -> LabelPredictions:
    """Labels, confidence and entropy of softmax(scores).

    Args:
        scores: (n, s) finite logarithms of probabilities, or logits: a constant per row changes nothing.
        label_ids: (s,) the label of each column, ascending.
        top: how many labels are kept.

    Raises:
        InputError: there is no label, or ``top`` is below 1.

    >>> rank_labels(np.log([[1.0, 2.0, 2.0]]), label_ids=np.array([4, 6, 9]), top=2).ranked.tolist()
    [[6, 9]]
    """
    if not len(label_ids) or top < 1:
        raise InputError(f"{len(label_ids)} labels to rank, top {top} to keep; expected 1 or more of both")
    left = np.asarray(scores, np.float64)
    left = left - left.max(axis=1, keepdims=True)
    weights = np.exp(left)
    total = weights.sum(axis=1)
    entropy = np.log(total) - np.einsum("ns,ns->n", weights, left) / total
    ranked = np.full((len(left), top), -1, np.int32)
    every = np.arange(len(left))
    for place in range(min(top, len(label_ids))):
        best = (left >= left.max(axis=1, keepdims=True) - TIE).argmax(axis=1)
        ranked[:, place] = label_ids[best]
        left[every, best] = -np.inf
    return LabelPredictions(ranked, 1 / total, np.maximum(entropy, 0.0))


def concat_predictions(parts: Sequence[LabelPredictions], *, top: int) -> LabelPredictions:
    """The predictions of several runs of crops, one after another."""
    empty = np.zeros(0)
    return LabelPredictions(
        np.concatenate([np.zeros((0, top), np.int32), *(part.ranked for part in parts)]),
        np.concatenate([empty, *(part.confidence for part in parts)]),
        np.concatenate([empty, *(part.entropy for part in parts)]),
        sum(part.n_without_objects for part in parts),
        tuple(reject for part in parts for reject in part.rejects),
    )
