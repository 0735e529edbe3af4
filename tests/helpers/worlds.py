"""Small worlds for tests: object sets, and an obvious oracle of VL-Déjà-Vu in Python sets."""

import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from memometer.objects.sets import ObjectSets, object_sets


def sets_of(lists, labels):
    """Object sets of Python lists of labels."""
    return object_sets(pa.array(lists, pa.list_(pa.string())), labels=pa.array(labels, pa.string()))


def random_sets(rng, n, labels, *, most=6) -> tuple[list[list[str]], ObjectSets]:
    lists = [[str(label) for label in rng.choice(labels, rng.integers(0, most), replace=True)] for _ in range(n)]
    return lists, sets_of(lists, list(labels))


def union_oracle(own, named, public, neighbors, k):
    """(precision, recall, F) per record over all and over unmentioned objects, straight from METHODS, Section 1."""

    def scores(objects, predicted):
        if not objects:
            return (np.nan, np.nan, np.nan)
        hits = len(objects & predicted)
        precision = hits / len(predicted) if predicted else 0.0
        recall = hits / len(objects)
        f = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
        return (precision, recall, f)

    everything, unmentioned = [], []
    for objects, spoken, rows in zip(own, named, neighbors, strict=True):
        predicted = set().union(*(set(public[row]) for row in rows[:k])) if k else set()
        everything.append(scores(set(objects), predicted))
        unmentioned.append(scores(set(objects) - set(spoken), predicted - set(spoken)))
    return np.array(everything).reshape(-1, 3), np.array(unmentioned).reshape(-1, 3)


GAPS = ("ppg", "prg", "aucg")


def gaps_by_hand(target, reference):
    """PPG, PRG and AUCG of two models' oracle scores, straight from METHODS, Section 1."""
    scored = ~np.isnan(target[:, 1])
    precision, recall = ((target - reference)[scored, place] for place in (0, 1))
    return np.array([np.sign(precision).mean(), np.sign(recall).mean(), recall.mean()])


def values(gaps, over="all"):
    """The three gaps of a summary."""
    return np.array([gaps[over][gap]["value"] for gap in GAPS])


def top_oracle(own, struck, public, neighbors, *, top=10):
    """(labels, correct) per record: the labels that most neighbours hold, ties by label."""
    result = []
    for objects, spoken, rows in zip(own, struck, neighbors, strict=True):
        votes = {}
        for row in rows:
            for label in set(public[row]) - set(spoken):
                votes[label] = votes.get(label, 0) + 1
        best = sorted(votes, key=lambda label: (-votes[label], label))[:top]
        result.append((best, len(set(best) & (set(objects) - set(spoken)))))
    return result


def write_vectors(folder, **kinds):
    """A folder for ``embeddings:DIR``; ``images`` and ``texts`` are the record ids and their vectors."""
    folder.mkdir(exist_ok=True)
    for kind, (ids, vectors) in kinds.items():
        np.save(folder / f"{kind}.npy", vectors)
        pq.write_table(pa.table({"record_id": ids}), folder / f"{kind}.parquet")


class VectorWorld:
    """A world on disk for ``embeddings:DIR``: records of roles a and b, a public set, two models' vectors.

    Args:
        folder: where to write.
        seed: of everything.
        n: records per role.
        m: public images.
        plant: how strongly each model's caption vectors lean towards a public image that holds the record's objects,
            for the records of its own role: planted memorization.
    """

    def __init__(self, folder, *, seed=0, n=30, m=40, dim=8, plant=0.0):
        rng = np.random.default_rng(seed)
        labels = [f"thing{number}" for number in range(12)]
        self.folder = folder
        self.public_objects = [sorted(rng.choice(labels, rng.integers(1, 5), replace=False)) for _ in range(m)]
        self.public_ids = [f"p{row:04d}" for row in range(m)]
        self.objects, self.captions, self.ids, self.roles, twins = [], [], [], [], []
        for role in ("a", "b"):
            for row in range(n):
                twin = int(rng.integers(m))
                own = list(self.public_objects[twin])
                twins.append(twin)
                self.ids.append(f"{role}{row:04d}")
                self.roles.append(role)
                self.objects.append(own)
                self.captions.append([f"a {own[0]} somewhere", "another caption"])
        self.vectors = {}
        for role in ("a", "b"):
            images = rng.standard_normal((m, dim))
            texts = rng.standard_normal((2 * n, dim))
            own = np.array(self.roles) == role
            texts[own] += plant * images[np.array(twins)[own]]
            self.vectors[role] = (images.astype(np.float32), texts.astype(np.float32))
        self._write()

    def _write(self):
        records = {
            "record_id": self.ids + self.public_ids,
            "captions": pa.array(self.captions + [["public"]] * len(self.public_ids), pa.list_(pa.string())),
            "objects": pa.array(self.objects + self.public_objects, pa.list_(pa.string())),
            "role": self.roles + ["public"] * len(self.public_ids),
        }
        (self.folder / "records").mkdir(parents=True)
        pq.write_table(pa.table(records), self.folder / "records" / "records.parquet")
        for role, (images, texts) in self.vectors.items():
            write_vectors(self.folder / role, images=(self.public_ids, images), texts=(self.ids, texts))

    @property
    def options(self):
        """Keyword arguments of the audit, both ways."""
        return {
            "target": f"embeddings:{self.folder / 'a'}",
            "reference": f"embeddings:{self.folder / 'b'}",
            "records": self.folder / "records",
            "role": "a",
            "reference_role": "b",
            "public": self.folder / "records",
            "public_role": "public",
        }

    def oracle(self, role, *, k):
        """(target, reference) scores of one role's records, as `union_oracle` gives them, by brute force."""
        rows = [row for row, each in enumerate(self.roles) if each == role]
        named = [[label for label in self.objects[row] if label in self.captions[row][0].split()] for row in rows]
        own = [self.objects[row] for row in rows]
        models = (role, "b" if role == "a" else "a")
        return [union_oracle(own, named, self.public_objects, self.nearest(model, role, k=k), k) for model in models]

    def nearest(self, model, role, *, k):
        """(n, k) the public images nearest to the captions of one role, under one model."""
        images, texts = (array.astype(np.float64) for array in self.vectors[model])
        texts = texts[np.array(self.roles) == role]
        images /= np.linalg.norm(images, axis=1, keepdims=True)
        similarity = (texts / np.linalg.norm(texts, axis=1, keepdims=True)) @ images.T
        return np.argsort(-similarity, axis=1, kind="stable")[:, :k]


def relabelled(source, out, *, called="sight", seed=9):
    """The same records as another labeller sees them: labels missed, others seen, one called otherwise."""
    shutil.copytree(source, out)
    rng = np.random.default_rng(seed)

    def seen(labels):
        kept = [label for label in labels if rng.random() < 0.8]
        more = [f"thing{rng.integers(14)}" for _ in range(rng.integers(2))]
        return [called if label == "thing3" else label for label in [*kept, *more]]

    table = pq.read_table(out / "records.parquet")
    place = table.schema.get_field_index("objects")
    objects = pa.array([seen(labels) for labels in table["objects"].to_pylist()], pa.list_(pa.string()))
    pq.write_table(table.set_column(place, "objects", objects), out / "records.parquet")
    return out


class TextWorld(VectorWorld):
    """A `VectorWorld` with text vectors of the public captions, and folders of text vectors alone."""

    def __init__(self, folder, **options):
        super().__init__(folder, **options)
        self.text_vectors = {}
        self.add_text("text", seed=99)
        for role in "ab":  # the models' own text vectors of the public captions, for t2t
            _images, texts = self.vectors[role]
            public = np.random.default_rng(7).standard_normal((len(self.public_ids), texts.shape[1]))
            self._write_text(role, np.concatenate([texts, public.astype(np.float32)]))

    def add_text(self, name, *, seed, helpful=0.0):
        """Text vectors, ``helpful`` where public captions of like objects should be near."""
        rng = np.random.default_rng(seed)
        vectors = rng.standard_normal((len(self.ids) + len(self.public_ids), 16))
        everything = [*self.objects, *self.public_objects]
        labels = sorted({label for objects in everything for label in objects})
        directions = rng.standard_normal((len(labels), 16))
        for row, objects in enumerate(everything):
            vectors[row] += helpful * sum(directions[labels.index(label)] for label in objects)
        self._write_text(name, vectors.astype(np.float32))

    def _write_text(self, name, vectors):
        write_vectors(self.folder / name, texts=(self.ids + self.public_ids, vectors))
        self.text_vectors[name] = vectors.astype(np.float64)

    @property
    def one_model(self):
        """Keyword arguments of a one-model audit, controlled by role b."""
        return {
            **self.options,
            "reference": f"embeddings:{self.folder / 'text'}",
            "reference_role": None,
            "control_role": "b",
        }

    def text_side(self, name, role, *, k):
        """Scores of one role under a search of public captions, by brute force."""
        rows = [row for row, each in enumerate(self.roles) if each == role]
        named = [[label for label in self.objects[row] if label in self.captions[row][0].split()] for row in rows]
        unit = self.text_vectors[name] / np.linalg.norm(self.text_vectors[name], axis=1, keepdims=True)
        near = np.argsort(-(unit[rows] @ unit[len(self.ids) :].T), axis=1, kind="stable")[:, :k]
        return union_oracle([self.objects[row] for row in rows], named, self.public_objects, near, k), near
