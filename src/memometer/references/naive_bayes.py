"""Naive Bayes: which label the objects in a crop suggest, in a data set that no model was trained on.

Kokhlikyan, Jayaraman, Bordes, Guo, Chaudhuri: Measuring Déjà Vu Memorization Efficiently, NeurIPS 2024, arXiv
2504.05651. Of the K most confident objects o_1 … o_K in a crop, the prediction is argmax_t P(t) ∏ P(o_k | t). The
probabilities are counted on records that are disjoint from the ones measured: P(t) is the share of records of label t,
and P(o | t) = (count(o, t) + α) / (Σ_o count(o, t) + α V) for V objects, which is scikit-learn's ``MultinomialNB``.
It is written out here because that one holds a dense (records, labels) table while it fits.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import scipy.sparse

from memometer.errors import InputError
from memometer.references.crop_objects import CropObjects
from memometer.references.predictions import LabelPredictions, concat_predictions, rank_labels

__all__ = ["NaiveBayes", "fit_naive_bayes"]

TILE_SIZE = 1 << 18
"""Numbers in a tile of scores, which a processor's cache holds; changes no result."""


@dataclasses.dataclass(frozen=True)
class NaiveBayes:
    """A fitted Naive Bayes classifier.

    Attributes:
        label_ids: (s,) int32 the labels seen in fitting, ascending; no other is ever predicted.
        log_prior: (s,) float64 log P(t).
        log_likelihood: (v, s) float64 log P(o | t).
        k: objects of a crop that are used.
        alpha: the smoothing.
    """

    label_ids: npt.NDArray[np.int32]
    log_prior: npt.NDArray[np.float64]
    log_likelihood: npt.NDArray[np.float64]
    k: int
    alpha: float

    def predict(self, crops: CropObjects, *, top: int = 5) -> LabelPredictions:
        """The labels of n crops; memory does not grow with their number times that of the labels.

        A crop without an object is answered with the prior, and counted.

        Args:
            crops: over the vocabulary of the fitting.
            top: labels to keep for each crop.

        Raises:
            InputError: the crops are over another vocabulary.
        """
        parts = [rank_labels(scores, label_ids=self.label_ids, top=top) for scores in self._tiles(crops)]
        return dataclasses.replace(concat_predictions(parts, top=top), n_without_objects=crops.n_without_objects)

    def _tiles(self, crops: CropObjects) -> Iterator[npt.NDArray[np.float64]]:
        """(rows, s) log P(t) + Σ log P(o_k | t) of some crops after another."""
        n_objects = len(self.log_likelihood)
        if crops.n_objects != n_objects:
            raise InputError(
                f"crops over a vocabulary of {crops.n_objects:,} objects, Naive Bayes over one of {n_objects:,}; "
                "build both over one vocabulary (memometer.objects.label_union)"
            )
        held = _matrix(crops.most_confident(self.k))
        size = max(TILE_SIZE // len(self.label_ids), 1)
        for start in range(0, len(crops), size):
            yield held[start : start + size] @ self.log_likelihood + self.log_prior


def fit_naive_bayes(
    crops: CropObjects,
    *,
    labels: npt.NDArray[np.integer],
    n_labels: int,
    k: int = 2,
    alpha: float = 1.0,
    count_all: bool = False,
) -> NaiveBayes:
    """Counts labels and objects of n records (B; METHODS, 4).

    Args:
        crops: the objects in the crop of each record.
        labels: (n,) each record's label id.
        n_labels: labels of the vocabulary; one that no record has is never predicted.
        k: the most confident objects of a crop that are used; B uses 1, 2 and 5.
        alpha: Laplace's smoothing, above 0.
        count_all: count all objects of the records' crops; without it the k most confident, as in prediction
            [default]: B does not say.

    Raises:
        InputError: there is no record, the numbers of labels and crops differ, or an option is out of its range.
    """
    labels = np.asarray(labels, np.int64)
    if k < 1 or not alpha > 0:
        raise InputError(f"k = {k} objects, alpha = {alpha}; expected k of 1 or more and alpha above 0")
    if labels.shape != (len(crops),) or not len(labels):
        raise InputError(f"labels of shape {labels.shape} for {len(crops):,} crops; expected one for each, 1 or more")
    if labels.min() < 0 or labels.max() >= n_labels:
        raise InputError(f"label ids from {labels.min()} to {labels.max()}; expected 0 … {n_labels - 1}")
    counted = crops if count_all else crops.most_confident(k)
    label_ids, place, records = np.unique(labels, return_inverse=True, return_counts=True)
    shape = (counted.n_objects, len(label_ids))
    pairs = counted.ids * np.int64(shape[1]) + place[counted.rows]
    counts = np.bincount(pairs, minlength=shape[0] * shape[1]).reshape(shape) + alpha
    return NaiveBayes(
        label_ids.astype(np.int32),
        np.log(records / len(labels)),
        np.log(counts) - np.log(counts.sum(axis=0)),
        k,
        alpha,
    )


def _matrix(crops: CropObjects) -> scipy.sparse.csr_array:
    """(n, v) 1 where a crop holds an object."""
    ones = np.ones(len(crops.ids))
    return scipy.sparse.csr_array((ones, crops.ids, crops.indptr), shape=(len(crops), crops.n_objects))
