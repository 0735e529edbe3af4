"""What intervals cover where the truth is known, in quick form; all of it: `benchmarks/interval_coverage.py`."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from memometer.statistics import gap_of, group_gap, rank_correlation, roc_area
from memometer.statistics.dependence import design_effect

PATH = Path(__file__).parents[1] / "benchmarks" / "coverage_worlds.py"


@pytest.fixture(scope="module")
def worlds():
    spec = importlib.util.spec_from_file_location("coverage_worlds", PATH)
    module = importlib.util.module_from_spec(spec)
    sys.modules["coverage_worlds"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["coverage_worlds"]


def test_intervals_of_groups_cover_what_those_of_single_records_miss(worlds):
    found = {name: covered / given for name, (given, covered) in worlds.coverage("grouped", worlds=40).items()}
    for name, share in found.items():
        assert share >= 0.88 or name.endswith("single records"), (name, share)
    assert found["balanced gap, groups of 10, drawn as single records"] < 0.88
    assert found["difference of two sets (t-test), groups of 10, as single records"] < 0.95


def test_the_mean_clipmem_covers_another_draw_of_negatives(worlds):
    found = {name: covered / given for name, (given, covered) in worlds.coverage("clipmem", worlds=60).items()}
    for name, share in found.items():
        assert share < 0.85 if name.endswith("taken as fixed") else share >= 0.89, (name, share)


def test_few_records_are_given_no_interval_and_unequal_models_are_balanced(worlds):
    ((given, _),) = worlds.coverage("few", worlds=20).values()
    assert given == 0
    found = {name: covered / given for name, (given, covered) in worlds.coverage("unequal", worlds=60).items()}
    assert found["balanced gap, a better target"] >= 0.9
    assert found["one-way gap, a better target"] < 0.7


def three_way(rng):
    return gap_of([rng.choice([-1.0, 0.0, 1.0], 150, p=[0.25, 0.45, 0.3]) for _ in range(2)], **bootstrap(rng))


def continuous(rng):
    return gap_of([rng.gamma(2, 1, 150) - 2 for _ in range(2)], **bootstrap(rng))


def bootstrap(rng):
    return {"seed": int(rng.integers(1 << 30)), "name": "x", "replicates": 300}


def correlated(rng):
    first, noise = rng.standard_normal((2, 60))
    return rank_correlation(first, 0.5 * first + np.sqrt(0.75) * noise)


def largest(groups):
    return lambda rng: group_gap(*rng.exponential(size=(2, groups, 30)).max(axis=2))


def area(shift):
    def draw(rng):
        positives = np.arange(90) < 15
        return roc_area(rng.standard_normal(90) + shift * positives, positives)

    return draw


@pytest.mark.parametrize(
    ("draw", "truth"),
    [
        (three_way, 0.05),
        (continuous, 0.0),
        (correlated, 6 / np.pi * np.arcsin(0.5 / 2)),  # of a bivariate normal of correlation ½
        (largest(10), 0.0),
        (largest(20), 0.0),
        (area(0.0), 0.5),
        (area(1.0), 0.7602),  # Φ(shift / √2)
        (area(2.0), 0.9214),
    ],
)
def test_an_interval_covers_the_truth_95_times_in_100(draw, truth):
    found = [draw(np.random.default_rng([0, world])) for world in range(400)]
    assert 0.92 <= np.mean([each.low <= truth <= each.high for each in found]) <= 0.98


def test_records_alone_have_the_same_bytes_with_and_without_groups():
    rng = np.random.default_rng(0)
    for values in (rng.normal(size=(2, 400)), rng.integers(-1, 2, (2, 400)).astype(float)):
        alone = [rng.permutation(400) for _ in values]
        plain = gap_of(list(values), seed=3, name="x")
        assert gap_of(list(values), seed=3, name="x", groups=alone) == plain
        assert plain.n_groups == 800


def test_neither_the_order_of_records_nor_the_names_of_groups_change_a_number():
    rng = np.random.default_rng(0)
    values, groups = rng.normal(size=300), rng.integers(0, 60, 300)
    values[::7] = np.nan
    order = rng.permutation(300)
    found = gap_of([values], seed=3, name="x", groups=[groups])
    assert gap_of([values[order]], seed=3, name="x", groups=[1000 - groups[order]]) == found
    assert found.n_groups == len(set(groups[~np.isnan(values)]))


def test_design_effects_by_hand():
    values = np.array([1.0, 1.0, -1.0, -1.0])
    # Sums of groups 2 and −2: 8 · 2/1 over 4 · 4/3.
    assert design_effect(values, np.array([0, 0, 1, 1])) == pytest.approx(16 / (16 / 3))
    assert design_effect(values, None) == design_effect(values, np.arange(4)) == 1.0
