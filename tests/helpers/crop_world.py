"""Models that have learned nothing, or the crops of one role by heart, for the audit of images by their crops."""

import numpy as np

from memometer.data.images import open_image
from memometer.data.records import load_records
from memometer.measures.image_dejavu.records import crop_records

SIDE = 0.2
"""Least shorter side of a crop."""


def thumbnail(image):
    return np.asarray(image.convert("RGB").resize((6, 6)), np.uint8).reshape(-1)


class Pixels:
    """An encoder that has learned nothing: a thumbnail's pixels, shuffled and weighed by a seed."""

    preprocess = staticmethod(thumbnail)

    def __init__(self, seed=0):
        self.identity = self.spec = f"pixels {seed}"
        self._weights = np.random.default_rng(seed).standard_normal((108, 24))

    def encode_images(self, pixels):
        return (np.asarray(pixels, np.float64) / 255 @ self._weights).astype(np.float32)


class Knowing(Pixels):
    """`Pixels`, but for images whose thumbnail it has in a table: these are near the public images of their class."""

    def __init__(self, table, classes, seed=0):
        super().__init__(seed)
        self.identity = self.spec = f"knowing {len(table)} {seed}"
        self._table, self._classes = table, sorted(classes)

    def encode_images(self, pixels):
        vectors = np.zeros((len(pixels), 24 + len(self._classes)), np.float32)
        vectors[:, :24] = 0.01 * super().encode_images(pixels)
        for row, each in enumerate(np.asarray(pixels)):
            label = self._table.get(each.tobytes())
            if label is not None:
                vectors[row, 24 + self._classes.index(label)] = 1.0
        return vectors


def cropped(folder, role):
    """(record_id, label, crop image) of every record of a role that has a crop."""
    part = crop_records(load_records(folder, role=role), kind="background", min_side=SIDE, fraction=0.3)
    rows = zip(part.records.record_ids.to_pylist(), part.classes.to_pylist(), part.crops.tolist(), strict=True)
    refs = part.records.image_refs()
    return [
        (name, label, open_image(ref).crop((x, y, x + w, y + h)))
        for (name, label, (x, y, w, h)), ref in zip(rows, refs, strict=True)
    ]


def whole(folder, role):
    records = load_records(folder, role=role)
    return [
        (label, open_image(ref))
        for label, ref in zip(records.column("label").to_pylist(), records.image_refs(), strict=True)
    ]


def knowing(folder, role, seed=0):
    """A model that memorized the crops of one role, and knows the public images."""
    table = {thumbnail(image).tobytes(): label for label, image in whole(folder, "public")}
    table |= {thumbnail(image).tobytes(): label for _, label, image in cropped(folder, role)}
    return Knowing(table, set(load_records(folder).column("label").to_pylist()), seed)


def options(folder, **more):
    base = {"records": folder, "role": "a", "public": folder, "public_role": "public", "k": 10, "min_side": SIDE}
    return {**base, "replicates": 200, "gallery": 5, **more}
