"""What "near" means in a search: the largest inner product, or the smallest l2 distance.

Both rank by a number that is larger for nearer rows: the inner product, or the squared distance with its sign changed.
A matrix product finds the candidates for distances as well: with an extra component,

    (q, c) · (b, −‖b‖² / 2c) = q·b − ‖b‖² / 2 = (−‖q − b‖² + ‖q‖²) / 2,

which for one query grows as the distance falls. The lifted vectors are vectors like others, so the bound on the error
of their float32 product (``precision``) holds for them as it stands. The unit c is any positive number; near the
vectors' norms it makes the bound tightest. It changes the time, never the answer.
"""

import dataclasses
import math
from typing import Literal

import numpy as np
import numpy.typing as npt

from memometer.errors import InputError

__all__ = ["INNER", "Metric", "MetricName", "Side", "l2_metric", "metric_named"]

MetricName = Literal["inner", "l2"]
Side = Literal["queries", "bank"]
Double = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Metric:
    """How similarities, float32 products and norms relate.

    Attributes:
        squared: similarities are squared distances with their sign changed, else inner products.
        unit: c above; None for inner products.
        largest: the largest norm whose products, squares and lifts stay within float64.
        slope: (similarity * slope + offset of the query) is what the product approximates.
    """

    squared: bool
    unit: float | None
    largest: float
    slope: float

    def last_component(self, norms: Double, *, side: Side) -> Double | None:
        """(m,) the last component of the lifted vectors of these norms; None where there is none."""
        if self.unit is None:
            return None
        return np.full(len(norms), self.unit) if side == "queries" else -(norms**2) / (2 * self.unit)

    def offsets(self, norms: Double) -> Double:
        """(q,) what is added to the similarities of queries of these norms before they are compared with products."""
        return norms**2 / 2 if self.squared else np.zeros(len(norms))

    def rounding(self, norms: Double, *, dim: int) -> float:
        """How far float64 rounding may move a similarity of one of these queries, beyond what the norms account for.

        A squared distance errs by a few times d·2^-53 of ‖q‖² + ‖b‖². The part of ‖b‖² is far below the bound on the
        float32 product, which exceeds 2^-24·‖b‖²; the part of ‖q‖², where the bank's rows are much shorter, is not.
        """
        return float(norms.max(initial=0.0) ** 2) * (dim + 16) * 2.0**-51 if self.squared else 0.0


INNER = Metric(squared=False, unit=None, largest=1e100, slope=1.0)


def l2_metric(norm: float) -> Metric:
    """Distances between vectors of about this norm, which only matters for the time a search takes."""
    unit = 2.0 ** math.frexp(norm)[1] if norm > 0 and math.isfinite(norm) else 1.0
    return Metric(squared=True, unit=min(max(unit, 2.0**-166), 2.0**166), largest=1e50, slope=0.5)


def metric_named(name: str, *, norm: float) -> Metric:
    """The metric of this name, for vectors of about this norm.

    Raises:
        InputError: there is none.
    """
    if name not in {"inner", "l2"}:
        raise InputError(f"metric is '{name}'; pass 'inner' or 'l2'")
    return INNER if name == "inner" else l2_metric(norm)
