"""One table: every measure against the invariances that any result must satisfy (METHODS, Section 8).

A case makes a small world from a generator and scores it record by record. What a model says of the records is drawn at
random, so nobody has memorized anything, unless record 0 is planted. The sixth, that gaps fall with text masking, is
tests/training/test_training_masking_study.py.
"""

import string

import numpy as np
import pytest
from worlds import sets_of

from memometer.measures.clipmem.scores import HeldOut, align, clipmem
from memometer.measures.image_dejavu.scores import label_hits, vote_labels
from memometer.measures.sslmem.scores import alignment_distances, relative_sslmem, sslmem
from memometer.measures.unitmem.scores import UnitSums, unit_scores
from memometer.measures.vl_dejavu.scores import score_union
from memometer.statistics import gap_of

N, M, K = 60, 80, 5
LABELS = list(string.ascii_lowercase[:12])


class VLDejaVu:
    """Recall of a record's objects from neighbours in a public set; a model is its (N, K) neighbours."""

    def __init__(self, rng):
        self.own, self.public = (
            [sorted(set(rng.choice(LABELS, rng.integers(1, 4)).tolist())) for _ in range(n)] for n in (N, M)
        )
        self.models = [np.array([rng.permutation(M)[:K] for _ in range(N)]) for _ in range(2)]

    def plant(self):
        self.own[0], self.public[0], self.public[1] = LABELS[:6], LABELS[:6], []
        self.models[0][0, 0] = 0
        self.models[1][0, :] = 1

    def score(self, target, reference, *, records=slice(None), others=None):
        order = np.arange(M) if others is None else others
        own = [self.own[row] for row in np.arange(N)[records]]
        public = sets_of([self.public[row] for row in order], LABELS)
        recalls = [
            score_union(
                objects=sets_of(own, LABELS), named=sets_of([[]] * len(own), LABELS), public=public,
                neighbors=np.argsort(order)[model[records]], ks=(K,), found_k=K,
            ).recall(K)
            for model in (target, reference)
        ]  # fmt: skip
        return recalls[0] - recalls[1]


class ImageDejaVu:
    """Whether neighbours' votes give a record's label away; a model is its (N, K) neighbours."""

    def __init__(self, rng):
        self.labels, self.public = rng.integers(0, 5, N), rng.integers(0, 5, M)
        self.models = [np.array([rng.permutation(M)[:K] for _ in range(N)]) for _ in range(2)]

    def plant(self):
        right, wrong = (np.flatnonzero((self.public == self.labels[0]) == same)[:K] for same in (True, False))
        for model, rows in zip(self.models, (right, wrong), strict=True):
            model[0] = rows

    def score(self, target, reference, *, records=slice(None), others=None):
        order = np.arange(M) if others is None else others
        hits = [
            label_hits(
                vote_labels(
                    np.argsort(order)[model[records]], public_labels=self.public[order], n_labels=5
                ).ranked,
                self.labels[records],
            )
            for model in (target, reference)
        ]  # fmt: skip
        return hits[0] - hits[1]


def directions(rng, n, dim=8):
    vectors = rng.standard_normal((n, dim))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class ClipMem:
    """Alignment of pairs less that of held-out ones; a model is its towers' vectors of both."""

    def __init__(self, rng):
        self.models = [tuple(directions(rng, n)[:, None] for n in (N, N, M, M)) for _ in range(2)]

    def plant(self):
        images, texts, *_ = self.models[0]
        texts[0] = images[0]
        images, texts, *_ = self.models[1]
        texts[0] = -images[0]

    def score(self, target, reference, *, records=slice(None), others=None):
        order = np.arange(M) if others is None else others
        aligned = []
        for images, texts, held_images, held_texts in (target, reference):
            held_out = HeldOut(held_images[order, 0].mean(axis=0), held_texts[order, 0].mean(axis=0), M)
            aligned.append(align(images[records, 0], texts[records, 0], held_out=held_out))
        return clipmem(targets=aligned[0][None], references=aligned[1][None]).score


class SSLMem:
    """How much closer a model holds a record's views; a model is its (N, views, dim) representations."""

    measure = staticmethod(sslmem)

    def __init__(self, rng):
        self.models = [directions(rng, N * 4).reshape(N, 4, -1) for _ in range(2)]

    def plant(self):
        self.models[0][0] = self.models[0][0, :1]

    def score(self, target, reference, *, records=slice(None), others=None):
        sides = [
            alignment_distances(views.reshape(-1, views.shape[-1]), np.arange(len(views) + 1) * 4)
            for views in (target[records], reference[records])
        ]
        return type(self).measure(target=sides[0], reference=sides[1])


class RelativeSSLMem(SSLMem):
    """The same over the sum of both distances."""

    measure = staticmethod(relative_sslmem)


class UnitMem:
    """UnitMem over the trained records less UnitMem over others, unit by unit; "a model" is a set of records."""

    def __init__(self, rng):
        self.models = [np.abs(rng.standard_normal((40, N))) for _ in range(2)]

    def plant(self):
        self.models[0][0, 0] = 1e6  # one record of the trained excites unit 0 alone

    def score(self, target, reference, *, records=slice(None), others=None):
        ranks = np.arange(40)
        if not isinstance(records, slice):
            ranks = ranks[np.random.default_rng(0).permutation(40)]
        scores = [unit_scores(UnitSums.of(each[ranks], ranks)).unitmem for each in (target, reference)]
        return scores[0] - scores[1]


CASES = (VLDejaVu, ImageDejaVu, ClipMem, SSLMem, RelativeSSLMem, UnitMem)
by_record = pytest.mark.parametrize("case", [case for case in CASES if case is not UnitMem])
every = pytest.mark.parametrize("case", CASES)


@every
def test_1_one_model_twice_gives_0_and_swapping_negates(case):
    world = case(np.random.default_rng(1))
    target, reference = world.models
    assert np.all(world.score(target, target) == 0)
    np.testing.assert_array_equal(world.score(target, reference), -world.score(reference, target))
    there, same = (world.score(target, other) for other in (reference, target))
    gap, nothing = (gap_of([scores], seed=0, name="x", replicates=200) for scores in (there, same))
    assert (nothing.value, nothing.low, nothing.high, nothing.std) == (0.0, 0.0, 0.0, 0.0)
    # A mean is taken in sorted order, so its last bit may differ.
    assert gap_of([-there], seed=0, name="x", replicates=200).value == pytest.approx(-gap.value, rel=1e-12)


@by_record
def test_2_the_order_of_records_and_of_public_rows_changes_nothing(case):
    rng = np.random.default_rng(2)
    world = case(rng)
    scores = world.score(*world.models)
    records, others = rng.permutation(N), rng.permutation(M)
    np.testing.assert_allclose(world.score(*world.models, records=records), scores[records], rtol=0, atol=1e-15)
    np.testing.assert_allclose(world.score(*world.models, others=others), scores, rtol=0, atol=1e-12)


def test_2_the_order_of_records_changes_no_unit():
    world = UnitMem(np.random.default_rng(2))
    moved = world.score(*world.models, records=np.arange(N))
    np.testing.assert_allclose(moved, world.score(*world.models), rtol=0, atol=1e-15)


def test_3_recall_never_falls_as_k_grows():
    rng = np.random.default_rng(3)
    world = VLDejaVu(rng)
    own, public, named = (
        sets_of(each, LABELS) for each in (world.own, world.public, [[]] * (N // 2) + world.own[: N // 2])
    )
    neighbors = np.array([rng.permutation(M) for _ in range(N)])
    ks = tuple(range(1, M + 1))
    scores = score_union(objects=own, named=named, public=public, neighbors=neighbors, ks=ks, found_k=1)
    for over in (False, True):
        recalls = np.array([scores.recall(k, unmentioned=over) for k in ks])
        assert np.all(np.nan_to_num(np.diff(recalls, axis=0)) >= 0)
        assert np.nanmean(recalls[-1]) > np.nanmean(recalls[0])


@every
def test_4_without_memorization_the_balanced_interval_covers_0(case):
    covered = 0
    for seed in range(60):
        ways = []
        for way in range(2):  # other records, and the models' roles swapped
            world = case(np.random.default_rng([seed, way]))
            ways.append(world.score(*world.models[:: 1 - 2 * way]))
        gap = gap_of(ways, seed=seed, name="null", replicates=300)
        covered += gap.low <= 0 <= gap.high
    assert covered >= 51  # of 60 at 95 %, fewer have a chance of 1 in 1000


@every
def test_5_what_is_planted_is_found_first(case):
    world = case(np.random.default_rng(5))
    world.plant()
    scores = world.score(*world.models)
    assert scores[0] == scores.max() > 0
