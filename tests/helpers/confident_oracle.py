"""Scores of the most confident records, slow and obvious."""

import numpy as np

from memometer.statistics import ConfidentHits


def draw(rng, n, *, levels=5, undefined=0.0):
    """Hits that are likelier for confident predictions; few levels of confidence, so that many are equal."""

    def one(lift):
        confidence = rng.integers(0, levels, n) / levels
        hits = (rng.random(n) < 0.1 + lift * confidence).astype(float)
        hits[rng.random(n) < undefined] = np.nan
        return hits, confidence

    return ConfidentHits(*one(0.8), *one(0.3), rng.permutation(n))


def score_oracle(pair, rows, size):
    """The score of the records ``rows``, which may occur several times, by sorting them."""
    gap = 0.0
    for hits, confidence, sign in (
        (pair.target_hits, pair.target_confidence, 1),
        (pair.reference_hits, pair.reference_confidence, -1),
    ):
        chosen = sorted(rows, key=lambda row: (-confidence[row], pair.id_rank[row]))[:size]
        gap += sign * sum(hits[row] for row in chosen) / size
    return gap
