"""VL-Déjà-Vu: which objects of a record do its caption's neighbours among the public images reveal.

Jayaraman, Guo, Chaudhuri: Déjà Vu Memorization in Vision-Language Models, NeurIPS 2024, arXiv 2402.02103, Section 3.
The k public images nearest to a record's caption predict the union of their objects (`score_union`), or for the sample
level the ten objects that most of them hold (`top_objects`).

"Unmentioned" numbers are memometer's own: the same with every label that the query caption names struck from both the
prediction and the record, since a working model finds what it is asked for without having memorized anything.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from memometer.errors import InputError
from memometer.measures.vl_dejavu.kernels import CHUNKS, count_top, count_union, csr
from memometer.objects.sets import ObjectSets

if TYPE_CHECKING:
    from jaxtyping import Bool, Float64, Int32, Integer

__all__ = ["TopCounts", "TopObjects", "UnionScores", "score_union", "top_objects"]


@dataclasses.dataclass(frozen=True)
class UnionScores:
    """Counts behind precision and recall of n records under one model, for several k at once.

    Attributes:
        ks: the numbers of neighbours, ascending.
        n_objects: (n,) objects of each record.
        n_unmentioned: (n,) those of them that the query caption does not name.
        predicted, hits: (len(ks), n) labels predicted, and how many of them the record holds.
        predicted_unmentioned, hits_unmentioned: (len(ks), n) the same among labels that the caption does not name.
        found: (total objects,) bool, parallel to the records' ``indices``: recovered with the k of the headline.
        unmentioned: (total objects,) bool, parallel to the records' ``indices``: not named by the caption.
    """

    ks: tuple[int, ...]
    n_objects: Integer[npt.NDArray[np.integer], "n"]
    n_unmentioned: Integer[npt.NDArray[np.integer], "n"]
    predicted: Integer[npt.NDArray[np.integer], "ks n"]
    hits: Integer[npt.NDArray[np.integer], "ks n"]
    predicted_unmentioned: Integer[npt.NDArray[np.integer], "ks n"]
    hits_unmentioned: Integer[npt.NDArray[np.integer], "ks n"]
    found: Bool[npt.NDArray[np.bool_], "t"]
    unmentioned: Bool[npt.NDArray[np.bool_], "t"]

    def lot(self, rows: slice) -> UnionScores:
        """The counts of some consecutive records, as views; ``found`` and ``unmentioned`` are left out."""
        empty = np.zeros(0, np.bool_)
        return dataclasses.replace(
            self,
            n_objects=self.n_objects[rows],
            n_unmentioned=self.n_unmentioned[rows],
            predicted=self.predicted[:, rows],
            hits=self.hits[:, rows],
            predicted_unmentioned=self.predicted_unmentioned[:, rows],
            hits_unmentioned=self.hits_unmentioned[:, rows],
            found=empty,
            unmentioned=empty,
        )

    def precision(self, k: int, *, unmentioned: bool = False) -> Float64[npt.NDArray[np.float64], "n"]:
        """(n,) share of the predicted labels that the record holds; 0 when nothing is predicted, NaN where undefined.

        Undefined means a record without an object (with ``unmentioned``: without an unmentioned object).
        """
        row = self.ks.index(k)
        hits, predicted, own = (
            (self.hits_unmentioned[row], self.predicted_unmentioned[row], self.n_unmentioned)
            if unmentioned
            else (self.hits[row], self.predicted[row], self.n_objects)
        )
        return _share(hits, predicted, own)

    def recall(self, k: int, *, unmentioned: bool = False) -> Float64[npt.NDArray[np.float64], "n"]:
        """(n,) share of the record's labels that are predicted; NaN where undefined, as in `precision`."""
        row = self.ks.index(k)
        hits, own = (
            (self.hits_unmentioned[row], self.n_unmentioned) if unmentioned else (self.hits[row], self.n_objects)
        )
        return _share(hits, own, own)

    def f_score(self, k: int, *, unmentioned: bool = False) -> Float64[npt.NDArray[np.float64], "n"]:
        """(n,) harmonic mean of precision and recall; 0 when both are 0, NaN where undefined."""
        return harmonic_mean(self.precision(k, unmentioned=unmentioned), self.recall(k, unmentioned=unmentioned))


@dataclasses.dataclass(frozen=True)
class TopCounts:
    """How many of the objects that most neighbours hold n records hold too, under one model (A's sample level).

    Attributes:
        correct: (n,) how many of the predicted labels the record holds.
        n_predicted: (n,) how many labels are predicted.
        n_own: (n,) labels of the record that could be found.
    """

    correct: Integer[npt.NDArray[np.integer], "n"]
    n_predicted: Integer[npt.NDArray[np.integer], "n"]
    n_own: Integer[npt.NDArray[np.integer], "n"]

    def lot(self, rows: slice) -> TopCounts:
        """Those of some consecutive records, as views."""
        return TopCounts(self.correct[rows], self.n_predicted[rows], self.n_own[rows])

    @property
    def precision(self) -> Float64[npt.NDArray[np.float64], "n"]:
        """(n,) correct / predicted; 0 when nothing is predicted, NaN for a record without labels."""
        return _share(self.correct, self.n_predicted, self.n_own)

    @property
    def recall(self) -> Float64[npt.NDArray[np.float64], "n"]:
        """(n,) correct / own labels; NaN for a record without labels."""
        return _share(self.correct, self.n_own, self.n_own)

    @property
    def f_score(self) -> Float64[npt.NDArray[np.float64], "n"]:
        """(n,) harmonic mean of precision and recall; 0 when both are 0."""
        return harmonic_mean(self.precision, self.recall)


@dataclasses.dataclass(frozen=True)
class TopObjects(TopCounts):
    """The same with the objects.

    Attributes:
        labels: (n, top) int32 label ids, best first; -1 where fewer labels are predicted.
    """

    labels: Int32[npt.NDArray[np.int32], "n top"]


def _share(
    part: Integer[npt.NDArray[np.integer], "n"],
    of: Integer[npt.NDArray[np.integer], "n"],
    own: Integer[npt.NDArray[np.integer], "n"],
) -> Float64[npt.NDArray[np.float64], "n"]:
    """(n,) part / of, 0 where that is of nothing; NaN for a record without labels of its ``own``."""
    share: npt.NDArray[np.float64] = np.divide(part, np.maximum(of, 1), dtype=np.float64)
    share[own == 0] = np.nan
    return share


def harmonic_mean(
    left: Float64[npt.NDArray[np.float64], "n"], right: Float64[npt.NDArray[np.float64], "n"]
) -> Float64[npt.NDArray[np.float64], "n"]:
    """Elementwise 2ab / (a + b); 0 where both are 0, NaN where either is."""
    total = left + right
    return np.where(total == 0, 0.0, 2 * left * right / np.where(total == 0, 1.0, total))


def score_union(
    *,
    objects: ObjectSets,
    named: ObjectSets,
    public: ObjectSets,
    neighbors: Integer[npt.NDArray[np.integer], "n k"],
    ks: tuple[int, ...],
    found_k: int,
) -> UnionScores:
    """Scores the union of the neighbours' objects against each record's own (A, Section 3; METHODS, 1).

    A sweep over k costs one pass over the neighbours of the largest k.

    Args:
        objects: the objects of the n records.
        named: the labels that each record's query caption names.
        public: the objects of the m public images.
        neighbors: (n, K) public rows, nearest first, K ≥ max(ks).
        ks: the numbers of neighbours to score.
        found_k: the k whose recovered objects are kept one by one; must be in ``ks``.

    Raises:
        InputError: label spaces or lengths differ, k is not within 1 … K, or a neighbour is no public row.
    """
    _check(objects, named, public, neighbors)
    ks = tuple(sorted(set(ks)))
    if not ks or ks[0] < 1 or ks[-1] > neighbors.shape[1]:
        raise InputError(
            f"k = {ks or 'nothing'} for {neighbors.shape[1]} neighbours; expected 1 … {neighbors.shape[1]}"
        )
    n = len(objects)
    counts = np.zeros((4, len(ks), n), np.int32)
    n_unmentioned = np.zeros(n, np.int64)
    found = np.zeros(len(objects.indices), np.bool_)
    unmentioned = np.zeros(len(objects.indices), np.bool_)
    count_union(
        csr(objects),
        csr(named),
        csr(public),
        neighbors,
        np.array(ks, np.int64),
        ks.index(found_k),
        len(objects.labels),
        counts,
        n_unmentioned,
        found,
        unmentioned,
        np.zeros(CHUNKS, np.int64),
    )
    return UnionScores(ks, objects.sizes, n_unmentioned, counts[0], counts[1], counts[2], counts[3], found, unmentioned)


def top_objects(
    *,
    objects: ObjectSets,
    named: ObjectSets | None,
    public: ObjectSets,
    neighbors: Integer[npt.NDArray[np.integer], "n k"],
    top: int = 10,
) -> TopObjects:
    """The ``top`` objects that most neighbours hold; ties by summed detector score, then by label id (METHODS, 1).

    Args:
        objects: the objects of the n records.
        named: labels to strike from prediction and record alike (for unmentioned numbers); None strikes none.
        public: the objects of the public images, with scores where a detector gave them.
        neighbors: (n, k) public rows.
        top: how many objects are predicted; 10 in A and B.

    Raises:
        InputError: as in `score_union`.
    """
    n = len(objects)
    struck = (
        named if named is not None else ObjectSets(np.zeros(n + 1, np.int64), np.zeros(0, np.int32), objects.labels)
    )
    _check(objects, struck, public, neighbors)
    scores = public.scores if public.scores is not None else np.zeros(len(public.indices), np.float32)
    labels = np.full((n, top), -1, np.int32)
    counts = np.zeros((3, n), np.int64)
    count_top(
        csr(objects),
        csr(struck),
        csr(public),
        scores,
        neighbors,
        len(objects.labels),
        labels,
        counts,
    )
    return TopObjects(counts[0], counts[1], counts[2], labels)


def _check(objects: ObjectSets, named: ObjectSets, public: ObjectSets, neighbors: npt.NDArray[np.integer]) -> None:
    if not len(objects.labels) == len(named.labels) == len(public.labels):
        raise InputError(
            f"object sets over {len(objects.labels)}, {len(named.labels)} and {len(public.labels)} labels; "
            "build all three over one vocabulary (memometer.objects.label_union)"
        )
    if not len(objects) == len(named) == len(neighbors):
        raise InputError(
            f"{len(objects)} records, {len(named)} captions, {len(neighbors)} rows of neighbours; expected one each"
        )
    if neighbors.size and not (neighbors.min() >= 0 and neighbors.max() < len(public)):
        raise InputError(
            f"a neighbour lies outside the {len(public)} public rows; search the same public set that is scored"
        )
