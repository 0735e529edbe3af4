"""Naive Bayes on 100,000 crops (1,000 labels, 2,000 objects, K = 5) against a plain loop over records and labels.

The loop is timed on a sample of the same crops and scaled; the labels of the sample must be equal, and the confidences.
"""

import math
import time

import numpy as np
from common import measure, record_section

from memometer.references import CropObjects, fit_naive_bayes

N, N_LABELS, N_OBJECTS, K, SAMPLE, REPEATS = 100_000, 1_000, 2_000, 5, 200, 3


def make_crops(rng, labels):
    """K objects in each crop, some common everywhere and some that go with the label."""
    common = (N_OBJECTS * rng.random((len(labels), 4 * K)) ** 2).astype(np.int32)
    tied = (labels[:, None] * 7 + rng.integers(0, 20, common.shape)) % N_OBJECTS
    drawn = np.where(rng.random(common.shape) < 0.5, common, tied).astype(np.int32)
    ids = np.array([list(dict.fromkeys(row))[:K] for row in drawn.tolist()], np.int32)
    return CropObjects(np.arange(len(labels) + 1, dtype=np.int64) * K, ids.ravel(), N_OBJECTS)


def python_loop(log_prior, log_likelihood, crops):
    """METHODS, Section 4, on Python lists; returns (label, confidence, entropy) per crop."""
    answers = []
    for objects in crops:
        scores, best, label = [], -math.inf, -1
        for place, prior in enumerate(log_prior):
            score = prior
            likelihood = log_likelihood[place]
            for each in objects:
                score += likelihood[each]
            scores.append(score)
            if score > best:
                best, label = score, place
        weights = [math.exp(score - best) for score in scores]
        total = sum(weights)
        entropy = math.log(total) - sum(w * (s - best) for w, s in zip(weights, scores, strict=True)) / total
        answers.append((label, 1 / total, entropy))
    return np.array(answers)


def main():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, N_LABELS, N)
    fit_crops, crops = make_crops(rng, labels), make_crops(rng, rng.permutation(labels))
    start = time.perf_counter()
    model = fit_naive_bayes(fit_crops, labels=labels, n_labels=N_LABELS, k=K)
    fitting = time.perf_counter() - start
    ours = min(measure(lambda: model.predict(crops, top=1))[0] for _ in range(REPEATS))
    five = min(measure(lambda: model.predict(crops, top=5))[0] for _ in range(REPEATS))

    # The loop gets its tables ready-made, as Python lists: only the scoring itself is timed.
    rows = rng.choice(N, SAMPLE, replace=False)
    lists = (model.log_prior.tolist(), model.log_likelihood.T.tolist(), crops.ids.reshape(N, K)[rows].tolist())
    start = time.perf_counter()
    expected = python_loop(*lists)
    loop = (time.perf_counter() - start) * N / SAMPLE
    found = model.predict(crops, top=1)
    np.testing.assert_array_equal(found.labels[rows], model.label_ids[expected[:, 0].astype(int)])
    np.testing.assert_allclose(found.confidence[rows], expected[:, 1], rtol=1e-9)
    np.testing.assert_allclose(found.entropy[rows], expected[:, 2], atol=1e-9)

    record_section(
        "Naive Bayes",
        f"{N:,} crops, {N_LABELS:,} labels, {N_OBJECTS:,} objects, K = {K}; label, confidence and entropy of each crop; "
        f"the best of {REPEATS}. Command: `python benchmarks/naive_bayes.py`.\n\n"
        "| what | seconds | ratio |\n|---|---|---|\n"
        f"| memometer `NaiveBayes.predict`, one label for each crop | {ours:.2f} | 1 |\n"
        f"| the same, five labels | {five:.2f} | {five / ours:.1f} |\n"
        f"| plain loop over records and labels (timed on {SAMPLE:,} records, scaled) | {loop:,.0f} | {loop / ours:,.0f} |\n"
        f"| fitting | {fitting:.2f} | |\n\n"
        "Labels of the sample are equal, confidences and entropies to nine digits. Wanted: a ratio of at least 50.",
        packages=("memometer", "numpy", "scipy"),
    )


if __name__ == "__main__":
    main()
