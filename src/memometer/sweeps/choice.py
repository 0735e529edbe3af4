"""Which settings no other beats, and which one memorizes least at a utility loss that is still allowed."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np

from memometer.sweeps.schema import Difference, Spread

__all__ = ["Choice", "best_within", "paired_difference", "pareto_front", "spread"]

Values = Mapping[int, float]
"""Seed → value."""


@dataclasses.dataclass(frozen=True)
class Choice:
    """The best setting within an allowed loss.

    Attributes:
        setting: it memorizes least of those allowed; the baseline itself where none memorizes less.
        allowed: settings whose mean utility is no further below the baseline's than allowed, in their order.
    """

    setting: str
    allowed: tuple[str, ...]


def spread(values: Values) -> Spread:
    """Mean and standard deviation over seeds."""
    numbers = list(values.values())
    if not numbers:
        return Spread(value=None, std=None, n=0)
    std = float(np.std(numbers, ddof=1)) if len(numbers) > 1 else None
    return Spread(value=float(np.mean(numbers)), std=std, n=len(numbers))


def paired_difference(values: Values, baseline: Values) -> Difference:
    """A setting less the baseline, seed by seed: what a seed does to both drops out.

    >>> paired_difference({0: 0.5, 1: 0.25}, {0: 0.25, 1: 0.25}).value
    0.125
    """
    common = [seed for seed in values if seed in baseline]
    differences = [values[seed] - baseline[seed] for seed in common]
    mean = spread(dict(zip(common, differences, strict=True)))
    if mean.value is None or mean.std is None:
        return Difference(value=mean.value, std=None, low=None, high=None, n=mean.n, clear=False)
    from scipy.stats import t

    half = float(t.ppf(0.975, mean.n - 1)) * mean.std / math.sqrt(mean.n)
    low, high = mean.value - half, mean.value + half
    return Difference(value=mean.value, std=mean.std, low=low, high=high, n=mean.n, clear=low > 0 or high < 0)


def pareto_front(points: Sequence[tuple[float, float]]) -> list[bool]:
    """Whether each (utility, memorization) is one that no other beats.

    A point beats another when its utility is no lower and its memorization no higher, and one of the two is better;
    equal points do not beat each other.

    >>> pareto_front([(0.9, 0.2), (0.8, 0.1), (0.8, 0.3)])
    [True, True, False]
    """
    return [
        not any(use >= utility and gap <= memorization and (use, gap) != (utility, memorization) for use, gap in points)
        for utility, memorization in points
    ]


def best_within(
    memorization: Mapping[str, Values], utility: Mapping[str, Values], *, baseline: str, max_loss: float
) -> Choice | None:
    """The setting that memorizes least among those that lose no more utility than allowed.

    Loss and gain are mean differences to the baseline over the seeds that both have, so that a setting with a missing
    seed is not judged by which one is missing.

    Args:
        memorization: by setting, its values over seeds.
        utility: by setting, its values over seeds.
        baseline: one of the settings.
        max_loss: what the mean utility may lose, in the utility's own unit.

    Returns:
        None where the baseline itself has no values.
    """
    if not memorization.get(baseline) or not utility.get(baseline):
        return None
    gains = {}
    for setting in memorization:
        lost = paired_difference(utility.get(setting, {}), utility[baseline]).value
        gained = paired_difference(memorization[setting], memorization[baseline]).value
        if lost is not None and gained is not None and lost >= -max_loss - 1e-12:
            gains[setting] = gained
    best = min(gains, key=lambda setting: (gains[setting], setting != baseline))
    return Choice(best, tuple(gains))
