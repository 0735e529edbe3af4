"""Photographs, detectors that look at them, and what is found."""

import numpy as np
import pytest
from PIL import Image

from memometer.annotators import Asked, load_annotator

NAMES = ("person", "dog", "tennis racket", "hot dog", "cat", "bus")
OPEN = {"owlv2": "owlv2", "grounding-dino": "grounding-dino", "mm-grounding-dino": "grounding-dino", "omdet": "omdet"}


def photographs():
    """Three of other sizes, two of one size."""
    rng = np.random.default_rng(0)
    sizes = ((90, 60), (64, 64), (50, 110), (90, 60))
    return [Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)) for width, height in sizes]


def opened(folders, family, *, threshold, names=NAMES, **more):
    kind = OPEN.get(family, "rtdetr")
    names = names if family in OPEN else None
    return load_annotator(f"{kind}:{folders(family)}", Asked(names=names, threshold=threshold, **more))


def found_by(annotator, images):
    """[(label, score, box)] of each image, of descending score."""
    seen = [annotator.preprocess(image) for image in images]
    return [
        [
            (annotator.labels[label], score, box)
            for label, score, box in sorted(
                zip(found.labels.tolist(), found.scores.tolist(), found.boxes.tolist(), strict=True),
                key=lambda each: -each[1],
            )
        ]
        for found in annotator.annotate(seen)
    ]


def same(ours, theirs):
    """Two lists of (label, score, box)."""
    assert [label for label, *_ in ours] == [label for label, *_ in theirs]
    for (_, score, box), (_, their_score, their_box) in zip(ours, theirs, strict=True):
        assert score == pytest.approx(their_score, abs=1e-5)
        assert box == pytest.approx(their_box, abs=1e-2)
