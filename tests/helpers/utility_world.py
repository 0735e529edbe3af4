"""A small world on disk for measurements of utility: vectors of images and captions, labels, objects."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from worlds import write_vectors


class UtilityWorld:
    """Records of the roles ``test`` and ``probe`` with vectors, in a folder.

    Args:
        folder: where to write.
        seed: of everything.
        n: records per role.
        several: objects of several kinds per image, else one label each.
        captions: how many captions each record has, dealt out in turn.
        signal: how far images and captions of one record lie together, and images of one kind.
        shuffled: records and vectors in another order, with the same content.
    """

    def __init__(self, folder, *, seed=0, n=60, dim=8, several=True, captions=(3,), signal=1.0, shuffled=False):
        rng = np.random.default_rng(seed)
        self.folder = folder
        self.kinds = [f"kind_{number}" for number in range(4)]
        self.ids = [f"{role}{row:03d}" for role in ("t", "p") for row in range(n)]
        self.roles = ["test"] * n + ["probe"] * n
        self.holds = rng.random((2 * n, 4)) < 0.35
        self.label = rng.integers(4, size=2 * n)
        truth = self.holds if several else np.eye(4)[self.label]
        self.images = signal * truth @ rng.standard_normal((4, dim)) + rng.standard_normal((2 * n, dim))
        self.images = self.images.astype(np.float32)
        self.counts = np.array([captions[row % len(captions)] for row in range(2 * n)])
        self.owners = np.repeat(np.arange(2 * n), self.counts)
        noise = rng.standard_normal((len(self.owners), dim))
        self.texts = (signal * self.images[self.owners] + noise).astype(np.float32)
        order = rng.permutation(2 * n) if shuffled else np.arange(2 * n)
        self._write(order, several=several)

    def _write(self, order, *, several):
        texts = {row: [f"caption {place} of {self.ids[row]}" for place in range(self.counts[row])] for row in order}
        held = [[kind for kind, has in zip(self.kinds, self.holds[row], strict=True) if has] for row in order]
        records = {
            "record_id": [self.ids[row] for row in order],
            "captions": pa.array([texts[row] for row in order], pa.list_(pa.string())),
            "objects": pa.array(held if several else [None] * len(order), pa.list_(pa.string())),
            "label": pa.array([None if several else self.kinds[self.label[row]] for row in order], pa.string()),
            "role": [self.roles[row] for row in order],
        }
        (self.folder / "records").mkdir(parents=True)
        pq.write_table(pa.table(records), self.folder / "records" / "records.parquet")
        rows = np.concatenate([np.flatnonzero(self.owners == row) for row in order])
        texts = ([self.ids[self.owners[row]] for row in rows], self.texts[rows])
        write_vectors(self.folder / "vectors", images=(records["record_id"], self.images[order]), texts=texts)

    @property
    def options(self):
        """Keyword arguments of ``measure_utility``."""
        return {"model": f"embeddings:{self.folder / 'vectors'}", "records": self.folder / "records", "role": "test"}

    @property
    def model(self):
        """The same vectors as a model, which also knows prompts."""
        return WordEncoder(self)


class WordEncoder:
    """Embeds a prompt as the mean image of the probe's records of the kind that it names; nothing else of texts."""

    identity = "words"
    spec = "words"

    def __init__(self, world):
        self._world = world
        self.prompts = []

    def encode_texts(self, texts):
        self.prompts += texts
        world = self._world
        rows = []
        for text in texts:
            (place,) = [p for p, kind in enumerate(world.kinds) if kind.replace("_", " ") in text]
            own = (world.label == place) & (np.array(world.roles) == "probe")
            rows.append(world.images[own].mean(axis=0))
        return np.array(rows, np.float32)
