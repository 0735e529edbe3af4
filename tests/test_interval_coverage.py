"""What intervals cover where the truth is known, in quick form; `benchmarks/coverage.py` has the whole of it."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from memometer.statistics import gap_of
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
