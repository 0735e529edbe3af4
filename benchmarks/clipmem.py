"""CLIPMem's alignment of 100,000 records over 50,000 negatives (d = 512), by mean embeddings and by loops.

All get embeddings in memory. The loop takes one record after another and its cosines with every negative, vectorised by
NumPy within a record. A harder peer computes the same cosines as matrix products of many records at a time. Both are
timed on a sample of the records and scaled. Alignments of the sample must agree.
"""

import time

import numpy as np
from common import record_section, table, take_turns

from memometer.measures.clipmem.scores import HeldOut, align

N, M, D, SAMPLE, REPEATS = 100_000, 50_000, 512, 400, 5


def unit(rng, n):
    vectors = rng.standard_normal((n, D), np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def by_means(images, texts, negative_images, negative_texts):
    """All that the audit computes per model, the sums over the negatives included."""
    sums = (part.sum(axis=0, dtype=np.float64) for part in (negative_images, negative_texts))
    return align(images, texts, held_out=HeldOut(*sums, n=len(negative_images)))


def by_loop(images, texts, negative_images, negative_texts):
    """The definition: every record against every negative."""
    found = []
    for image, text in zip(images, texts, strict=True):
        against_texts = (negative_texts @ image).mean(dtype=np.float64)
        against_images = (negative_images @ text).mean(dtype=np.float64)
        found.append(float(image @ text) - against_texts - against_images)
    return np.array(found)


def by_products(images, texts, negative_images, negative_texts):
    """The definition as two matrix products, as fast as BLAS has it."""
    positive = np.einsum("ij,ij->i", images, texts, dtype=np.float64)
    against_texts = (images @ negative_texts.T).mean(axis=1, dtype=np.float64)
    against_images = (texts @ negative_images.T).mean(axis=1, dtype=np.float64)
    return positive - against_texts - against_images


def timed(function, *arguments):
    wall, cpu = time.perf_counter(), time.process_time()
    function(*arguments)
    return time.perf_counter() - wall, time.process_time() - cpu


def main():
    rng = np.random.default_rng(0)
    images, negative_images = unit(rng, N), unit(rng, M)
    texts, negative_texts = unit(rng, N), unit(rng, M)
    rows = rng.choice(N, SAMPLE, replace=False)
    few = (images[rows], texts[rows], negative_images, negative_texts)
    found = by_means(images, texts, negative_images, negative_texts)[rows]
    difference = max(np.abs(found - peer(*few)).max() for peer in (by_loop, by_products))
    np.testing.assert_array_less(difference, 1e-5)
    times = take_turns(
        {
            "means": lambda: timed(by_means, images, texts, negative_images, negative_texts),
            "loop": lambda: timed(by_loop, *few),
            "products": lambda: timed(by_products, *few),
        },
        repeats=REPEATS,
    )
    ours = times["means"].median
    loop, products = (times[name].median * N / SAMPLE for name in ("loop", "products"))
    rows = [
        ("memometer, mean embeddings", f"{ours:.2f}", 1),
        (f"loop over negatives (timed on {SAMPLE:,} records, scaled)", f"{loop:,.0f}", f"{loop / ours:,.0f}"),
        ("matrix products, the same sample", f"{products:,.0f}", f"{products / ours:,.0f}"),
    ]
    record_section(
        "CLIPMem",
        f"Alignment of {N:,} records over {M:,} held-out pairs, d = {D}, medians of {REPEATS} turns. "
        "Command: `python benchmarks/clipmem.py`.\n\n"
        + table(("what", "seconds", "ratio"), rows)
        + f"\n\nLargest difference over the sample: {difference:.1e}. Wanted: a ratio of at least 100 to the loop, differences below "
        "1e-5.",
        packages=("memometer", "numpy"),
    )


if __name__ == "__main__":
    main()
