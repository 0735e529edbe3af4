"""Worlds whose truth is known: what intervals cover in each. `coverage.py` and a quick test draw them."""

import numpy as np

from memometer.measures.clipmem.means import Negatives, subset_mean
from memometer.measures.clipmem.scores import HeldOut, align, similarity
from memometer.statistics import ConfidentHits, clustered_mean, confident_gap, gap_of, rank_correlation, welch_test

REPLICATES = 400


def _gap(values, groups=None, **options):
    return gap_of(values, seed=0, name="x", replicates=REPLICATES, groups=groups, **options)


def single(rng, *, n):
    """A skewed score per record, no groups."""
    gap = _gap([rng.exponential(size=n), rng.exponential(size=n)])
    return {f"balanced gap, {n} records per direction": (gap, 1.0)}


def grouped(rng, *, n_groups=60, size=10, share=0.15):
    """Records in groups of ten that share a part of their score."""
    groups = np.repeat(np.arange(n_groups), size)

    def draw():
        return share**0.5 * rng.normal(size=n_groups)[groups] + (1 - share) ** 0.5 * rng.normal(size=len(groups))

    values = [draw(), draw()]
    second = values[0] + draw()
    hits = [(draw() > 0).astype(float) for _ in range(2)]
    pair = ConfidentHits(hits[0], draw(), hits[1], draw(), np.arange(len(groups)))
    grouped_pair = ConfidentHits(
        hits[0], pair.target_confidence, hits[1], pair.reference_confidence, pair.id_rank, groups
    )
    options = {"percent": 20, "seed": 0, "name": "x", "replicates": 200}
    sizes = rng.integers(1, 6, len(groups))
    found = np.minimum(sizes, np.maximum(0, np.rint(sizes * (0.5 + 0.2 * draw()))))
    return {
        "balanced gap, groups of 10, drawn as single records": (_gap(values), 0.0),
        "balanced gap, groups of 10": (_gap(values, [groups, groups]), 0.0),
        "difference of two sets (t-test), groups of 10, as single records": (welch_test(*values), 0.0),
        "difference of two sets (t-test), groups of 10": (welch_test(*values, groups=(groups, groups)), 0.0),
        "score of the 20 % most confident, groups of 10, as single records": (confident_gap([pair], **options), 0.0),
        "score of the 20 % most confident, groups of 10": (confident_gap([grouped_pair], **options), 0.0),
        "rank correlation, groups of 10, as single records": (rank_correlation(values[0], second), RANK),
        "rank correlation, groups of 10": (rank_correlation(values[0], second, groups=groups), RANK),
        "recall of captions, images in groups of 10": (
            clustered_mean(found, sizes, seed=0, name="x", replicates=REPLICATES, groups=groups),
            RECALL,
        ),
    }


RANK = 6 / np.pi * np.arcsin(0.5**0.5 / 2)
"""Spearman's, of normal variables of correlation √½."""


def _recall():
    rng = np.random.default_rng(1)
    sizes = rng.integers(1, 6, 2_000_000)
    found = np.minimum(sizes, np.maximum(0, np.rint(sizes * (0.5 + 0.2 * rng.normal(size=len(sizes))))))
    return float(found.sum() / sizes.sum())


RECALL = _recall()


class Trained:
    """One model: fixed maps from what a record is to its embeddings, and what it remembers of some records."""

    def __init__(self, rng, *, dim=16, latent=8):
        self.maps = rng.normal(size=(2, latent, dim))
        self.means = rng.normal(size=(2, dim)) * 2

    def embed(self, latent, rng, *, remembered):
        both = [
            latent @ each + mean + rng.normal(size=(len(latent), len(mean)))
            for each, mean in zip(self.maps, self.means, strict=False)
        ]
        if remembered:
            both[1] = both[1] + 0.3 * both[0]
        return [each / np.linalg.norm(each, axis=1, keepdims=True) for each in both]


MODELS = [Trained(np.random.default_rng(seed)) for seed in (0, 1)]


def _pairs(rng, n, *, candidates):
    latent = rng.normal(size=(n, 8))
    return [model.embed(latent, rng, remembered=candidates and place == 0) for place, model in enumerate(MODELS)]


def _truth(*, candidates):
    rng = np.random.default_rng(7)
    own, held = _pairs(rng, 200_000, candidates=candidates), _pairs(rng, 200_000, candidates=False)
    aligned = [
        similarity(*mine).mean()
        - mine[0].mean(axis=0) @ other[1].mean(axis=0)
        - mine[1].mean(axis=0) @ other[0].mean(axis=0)
        for mine, other in zip(own, held, strict=True)
    ]
    return float(aligned[0] - aligned[1])


TRUTH = {name: _truth(candidates=name == "candidates") for name in ("candidates", "external")}


def _summed(pairs):
    return HeldOut(images=pairs[0].sum(axis=0), texts=pairs[1].sum(axis=0), n=len(pairs[0]))


def clipmem(rng, *, n=300, n_negatives=200):
    """Candidates that the target remembers, and negatives that no model was trained on, which are the external set."""
    sets = {"candidates": _pairs(rng, n, candidates=True), "external": _pairs(rng, n_negatives, candidates=False)}
    held = sets["external"]
    found, scores = {}, {}
    for name, pairs in sets.items():
        own = np.full(len(pairs[0][0]), name == "external")
        sides = [align(*mine, held_out=_summed(other), own=own) for mine, other in zip(pairs, held, strict=True)]
        scores[name] = sides[0] - sides[1]
        again = np.full(n_negatives, name == "external")
        parts = [
            similarity(*other) - align(*other, held_out=_summed(mine), own=again)
            for mine, other in zip(pairs, held, strict=False)
        ]
        influence = parts[0] - parts[1]
        deviations = influence - influence.mean()
        nothing = np.zeros(len(scores[name]))
        negatives = Negatives(deviations, None, None) if name == "external" else Negatives(nothing, deviations, None)
        drawn = {"seed": 0, "replicates": REPLICATES, "groups": np.arange(len(scores[name]))}
        for part, what in ((None, ", negatives taken as fixed"), (negatives, "")):
            mean = subset_mean(scores[name], "x", negatives=part, **drawn)
            found[f"mean CLIPMem of the {name} pairs{what}"] = (mean, TRUTH[name])
    test = welch_test(scores["candidates"], scores["external"])
    return {**found, "CLIPMem, candidates less external": (test, TRUTH["candidates"] - TRUTH["external"])}


def few(rng):
    """Three records per direction, nothing to find."""
    return {
        "balanced gap, 3 records per direction (none is given)": (_gap([rng.normal(size=3), rng.normal(size=3)]), 0.0)
    }


def unequal(rng, *, n=400, quality=0.1, source=0.1):
    """Nothing is memorized: the target is better on anyone's records; and on the one source's more than on the other's."""
    forward, backward = rng.normal(quality, 1, n), rng.normal(-quality, 1, n)
    return {
        "one-way gap, a better target": (_gap([forward]), 0.0),
        "balanced gap, a better target": (_gap([forward, backward]), 0.0),
        "balanced gap, roles of unlike source": (_gap([forward + source, backward]), 0.0),
    }


def trainings(rng, *, units=512):
    """Two trainings of one recipe, whose units differ by what each training shares: the interval over units."""
    change = rng.normal(0, 0.02) + rng.normal(0, 0.3, units)
    return {"UnitMem of two trainings of one recipe, over units (no longer given)": (_gap([change]), 0.0)}


SCENARIOS = {
    "20": lambda rng: single(rng, n=20),
    "50": lambda rng: single(rng, n=50),
    "200": lambda rng: single(rng, n=200),
    "grouped": grouped,
    "clipmem": clipmem,
    "few": few,
    "unequal": unequal,
    "trainings": trainings,
}


def coverage(scenario, *, worlds, start=0):
    """Name → (worlds with an interval, worlds whose interval covers the truth)."""
    counts = {}
    for world in range(start, start + worlds):
        for name, (found, truth) in SCENARIOS[scenario](np.random.default_rng([world, 12])).items():
            low, high = (found["low"], found["high"]) if isinstance(found, dict) else (found.low, found.high)
            given, covered = counts.get(name, (0, 0))
            known = low is not None
            counts[name] = (given + known, covered + bool(known and low <= truth <= high))
    return counts
