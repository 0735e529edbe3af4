"""Small worlds of image-caption pairs for ``embeddings:DIR``: four subsets, models that know some of the pairs."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from worlds import write_vectors

SUBSETS = {"shared": "s", "candidates": "c", "independent": "i", "external": "e"}
KNOWN = {"f": ("shared", "candidates"), "g": ("shared", "independent"), "h": ()}
"""What each kind of model was trained on; ``h`` was trained on none of it."""


def unit(vectors):
    wide = vectors.astype(np.float64)
    return wide / np.linalg.norm(wide, axis=-1, keepdims=True)


class PairWorld:
    """Records of four roles on disk, and vectors of the models ``f1, f2, …, g1, …``, named by what they know.

    Args:
        folder: where to write.
        seed: of everything.
        n: records per subset.
        captions: per record.
        known: how far a model pulls a pair together that it was trained on.
        quality: how far any model pulls a pair together, if its caption is true of the image.
        miscaptioned: candidates whose captions are of something else; models pull these together twice as hard.
    """

    def __init__(
        self, folder, *, seed=0, n=12, dim=8, captions=2, known=0.0, quality=0.0, miscaptioned=0, models=("f1", "g1")
    ):
        rng = np.random.default_rng(seed)
        self.folder = folder
        self.ids = [f"{role}{row:04d}" for role in SUBSETS.values() for row in range(n)]
        self.subset = np.repeat(list(SUBSETS), n)
        self.wrong = np.zeros(len(self.ids), bool)
        self.wrong[n : n + miscaptioned] = True
        order = rng.permutation(len(self.ids))  # roles are mixed, as in real folders
        self.ids = [self.ids[place] for place in order]
        self.subset, self.wrong = self.subset[order], self.wrong[order]
        self.vectors = {}
        for name in models:
            pull = quality * ~self.wrong + known * np.isin(self.subset, KNOWN[name[0]]) * (1 + self.wrong)
            images = rng.standard_normal((len(self.ids), dim))
            texts = rng.standard_normal((len(self.ids), captions, dim)) + pull[:, None, None] * images[:, None]
            self.vectors[name] = (images.astype(np.float32), texts.astype(np.float32))
        self._write(captions)

    def _write(self, captions):
        records = {
            "record_id": self.ids,
            "captions": pa.array([[f"caption {n} of {name}" for n in range(captions)] for name in self.ids]),
            "role": [SUBSETS[name] for name in self.subset],
        }
        (self.folder / "records").mkdir(parents=True)
        pq.write_table(pa.table(records), self.folder / "records" / "records.parquet")
        if self.wrong.any():
            planted = {"record_id": [name for name, wrong in zip(self.ids, self.wrong, strict=True) if wrong]}
            planted |= {"kind": ["miscaptioned"] * int(self.wrong.sum()), "of": ["x"] * int(self.wrong.sum())}
            pq.write_table(pa.table(planted), self.folder / "records" / "planted.parquet")
        for name, (images, texts) in self.vectors.items():
            flat = (np.repeat(self.ids, captions).tolist(), texts.reshape(-1, texts.shape[-1]))
            write_vectors(self.folder / name, images=(self.ids, images), texts=flat)

    def spec(self, name):
        return f"embeddings:{self.folder / name}"

    @property
    def options(self):
        """Keyword arguments of the audit, all models of the world in their places."""
        return {
            "targets": [self.spec(name) for name in self.vectors if name[0] == "f"],
            "references": [self.spec(name) for name in self.vectors if name[0] == "g"],
            "records": self.folder / "records",
            **SUBSETS,
            "replicates": 100,
        }

    def align(self, name, *, captions=1, held="external", negatives=True):
        """(n,) METHODS, Section 5, by loops over captions and over all negatives."""
        images, texts = (unit(vectors) for vectors in self.vectors[name])
        texts = texts[:, :captions]
        others = np.flatnonzero(self.subset == held)
        found = []
        for row in range(len(self.ids)):
            value = np.mean([text @ images[row] for text in texts[row]])
            if negatives:
                rest = [other for other in others if other != row]
                value -= np.mean([images[row] @ text for other in rest for text in texts[other]])
                value -= np.mean([images[other] @ text for other in rest for text in texts[row]])
            found.append(value)
        return np.array(found)
