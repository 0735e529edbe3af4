"""Scoring 1,000,000 records (k = 100, 8 objects per image, 21,000 labels) against a plain loop over Python sets.

The loop is timed on a sample of the same records and scaled; the scores of the sample must be equal.
"""

import resource
import time

import numpy as np
import pyarrow as pa
from common import record_section

from memometer.measures.vl_dejavu.scores import score_union
from memometer.objects.sets import ObjectSets

N, M, K, N_OBJECTS, N_LABELS, SAMPLE = 1_000_000, 1_000_000, 100, 8, 21_000, 2_000


def make_sets(rng, n, size):
    """n images of up to ``size`` labels, some common and many rare, as labels of real images are."""
    drawn = (N_LABELS * rng.random((n, size), np.float32) ** 3).astype(np.int32)
    drawn.sort(axis=1)
    first = np.ones_like(drawn, bool)
    first[:, 1:] = drawn[:, 1:] != drawn[:, :-1]
    indptr = np.concatenate(([0], np.cumsum(first.sum(axis=1)))).astype(np.int64)
    return ObjectSets(indptr, drawn[first], pa.array([f"{label:05d}" for label in range(N_LABELS)]))


def python_loop(own, named, public, neighbors):
    """METHODS, Section 1, in Python sets; returns (precision, recall, unmentioned recall) per record."""
    scores = []
    for objects, spoken, rows in zip(own, named, neighbors, strict=True):
        predicted = set()
        for row in rows:
            predicted |= public[row]
        unmentioned = objects - spoken
        hits = len(objects & predicted)
        scores.append(
            (
                hits / len(predicted) if predicted else 0.0,
                hits / len(objects),
                len(unmentioned & predicted) / len(unmentioned) if unmentioned else np.nan,
            )
        )
    return np.array(scores)


def as_sets(sets, rows):
    return [set(sets.indices[sets.indptr[row] : sets.indptr[row + 1]].tolist()) for row in rows]


def main():
    rng = np.random.default_rng(0)
    own, named, public = make_sets(rng, N, N_OBJECTS), make_sets(rng, N, 3), make_sets(rng, M, N_OBJECTS)
    neighbors = rng.integers(0, M, (N, K))
    call = {"objects": own, "named": named, "public": public, "ks": (1, 10, 100), "found_k": 10}
    small = ObjectSets(own.indptr[:2], own.indices[: own.indptr[1]], own.labels)
    few = ObjectSets(named.indptr[:2], named.indices[: named.indptr[1]], own.labels)
    score_union(**{**call, "objects": small, "named": few}, neighbors=neighbors[:1])  # compiles

    start = time.perf_counter()
    scores = score_union(**call, neighbors=neighbors)
    ours = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20

    # The loop gets its sets and rows ready-made, as Python objects: only the scoring itself is timed.
    rows = rng.choice(N, SAMPLE, replace=False)
    wanted = neighbors[rows]
    public_sets = dict(zip(np.unique(wanted).tolist(), as_sets(public, np.unique(wanted)), strict=True))
    lists = (as_sets(own, rows), as_sets(named, rows), public_sets, wanted.tolist())
    start = time.perf_counter()
    expected = python_loop(*lists)
    loop = (time.perf_counter() - start) * N / SAMPLE
    found = np.stack([scores.precision(100), scores.recall(100), scores.recall(100, unmentioned=True)], 1)[rows]
    np.testing.assert_array_equal(found, expected)

    record_section(
        "Scoring",
        f"{N:,} records, k = {K} (and 1 and 10 in the same pass), {N_OBJECTS} objects per image, {N_LABELS:,} labels, "
        f"{M:,} public images. Command: `python benchmarks/scoring.py`.\n\n"
        "| what | seconds | ratio |\n|---|---|---|\n"
        f"| memometer `score_union` | {ours:.2f} | 1 |\n"
        f"| plain loop over Python sets (timed on {SAMPLE:,} records, scaled) | {loop:,.0f} | {loop / ours:,.0f} |\n\n"
        f"Scores of the sample are equal to the last bit. Peak memory of the process: {peak:.2f} GiB, of which the "
        f"neighbours themselves are {neighbors.nbytes / 2**30:.2f} GiB. Wanted: a ratio of at least 50, under 3 GiB.",
    )


if __name__ == "__main__":
    main()
