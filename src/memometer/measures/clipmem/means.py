"""The mean CLIPMem of a subset: its interval covers another draw of records and of negatives alike."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from memometer.statistics import gap_of

__all__ = ["Negatives", "subset_mean"]

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Negatives:
    """What the negatives add to the sampling of a subset's mean.

    Attributes:
        own: (n,) the deviation of each record of the subset as a negative; 0 where it is none.
        others: (m,) the deviations of negatives outside of the subset; None where there are none.
        groups: (m,) which of these belong together.
    """

    own: Floats
    others: Floats | None
    groups: npt.NDArray[np.int64] | None


def subset_mean(
    values: Floats,
    name: str,
    *,
    groups: npt.NDArray[np.int64],
    negatives: Negatives | None = None,
    seed: int,
    replicates: int,
) -> dict[str, Any]:
    """A mean with its interval over records, and over negatives where it depends on such.

    A mean CLIPMem takes off a mean over negatives as well, each of which adds its similarity to the subset. To first
    order the two samples add up: negatives of their own are drawn as a second set, whose mean of 0 is taken off; and
    where the subset's records are the negatives, each of them adds both of its parts at once.
    """
    options: dict[str, Any] = {"seed": seed, "name": name, "replicates": replicates}
    gap = gap_of([values], groups=[groups], **options)
    if negatives is not None and gap.low is not None:
        shifted = values - negatives.own
        if negatives.others is None:
            both = gap_of([shifted], groups=[groups], **options)
        else:
            drawn = [groups, negatives.groups]
            both = gap_of([shifted, negatives.others], groups=drawn, weights=(1.0, -1.0), **options)
        reason = None if both.low is not None else f"negatives: {both.reason}"
        gap = dataclasses.replace(gap, low=both.low, high=both.high, reason=reason)
    scored = np.sort(values[~np.isnan(values)])
    return {**gap.as_dict(), "std": float(scored.std(ddof=1)) if len(scored) > 1 else None}
