"""An annotator that needs no model: labels, scores and boxes follow from a picture's colours."""

import time

import numpy as np

from memometer.annotators import Found, Seen

LABELS = ("red", "green", "blue", "bright")


def to_pixels(image):
    return Seen({"pixels": np.asarray(image.convert("RGB").resize((4, 4)), np.uint8)}, (image.height, image.width))


class PixelAnnotator:
    """Finds none to four objects in a picture, one of them larger than it and one beside it.

    Args:
        pause: seconds per batch, to be killed in.
        boxes: whether it gives places.
    """

    labels = LABELS
    weights_hashes = ("0" * 32,)
    warnings = ()
    preprocess = staticmethod(to_pixels)
    spec = "pixels"

    def __init__(self, pause=0.0, *, boxes=True):
        self.pause, self.boxes = pause, boxes
        self.identity = f"pixels, boxes: {boxes}"
        self.n_batches = 0

    def annotate(self, images):
        self.n_batches += 1
        time.sleep(self.pause)
        return [self._found(image) for image in images]

    def described(self):
        return {"kind": "pixels"}

    def _found(self, image):
        means = image.inputs["pixels"].reshape(-1, 3).mean(0) / 255
        scores = np.array([*means, means.mean()], np.float32)
        labels = np.flatnonzero(scores > 0.5).astype(np.int32)
        height, width = image.size
        corners = np.array(
            [[1, 1, 5, 6], [-3, 2, width + 4, 4], [0, height, width, height + 9], [2, 3, 4, 5]], np.float32
        )
        return Found(labels, scores[labels], corners[labels] if self.boxes else None)


def expected(path, *, boxes=True):
    """(objects, scores, boxes) of a picture, by hand."""
    from PIL import Image

    with Image.open(path) as image:
        means = np.asarray(image.convert("RGB").resize((4, 4)), np.float64).reshape(-1, 3).mean(0) / 255
        width = image.width
    places = {"red": [1, 1, 4, 5], "green": [0, 2, width, 2], "blue": None, "bright": [2, 3, 2, 2]}
    rows = [
        (label, score, places[label])
        for label, score in zip(LABELS, [*means, means.mean()], strict=True)
        if score > 0.5 and (places[label] is not None or not boxes)
    ]
    return sorted(rows, key=lambda row: -row[1])
