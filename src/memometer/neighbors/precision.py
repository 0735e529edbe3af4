"""How far a float32 matrix product may lie from a similarity.

The search finds candidates by float32 products and ranks them by float64 similarities, so no row may be lost to the
rounding of the product. Let q and b be a query and a bank row, scaled by powers of two (which is exact) so that no norm
in their tile exceeds 8, and u = 2^-24, the unit roundoff of float32. Then

* q and b become float32 (they change only when they were float64): each component by a relative error of at most u,
  or, if it is tiny, by at most 2^-126, also where the processor flushes such numbers to zero;
* the product adds d terms in an order that is not known. In whatever order, with or without fused multiply-adds, its
  error is at most γ(d) · Σ|q_i b_i| with γ(n) = n·u / (1 − n·u) [Higham, Accuracy and Stability of Numerical
  Algorithms, 2nd edition, section 3.1], and Σ|q_i b_i| <= ‖q‖‖b‖. Flushed intermediate results add at most 2^-126 each;
* the float64 similarity itself errs by γ(d) with 2^-53 in place of u, which is below u for every d that is allowed;
* what the search computes with it (score ± error, norms, thresholds) rounds a few times more.

Together: |score − similarity| <= γ(d + 16) · ‖q‖‖b‖ + (d + 16) · 2^-118, where 16 is more than the roundings counted
above, and 2^-118 more than all the tiny terms of one component with norms of 8. The first part is
``relative_bound(d)``, to be multiplied by the two norms; the second is ``absolute_bound(d)``. A lower bound on the
k-th best similarity then excludes every row whose score plus error is below it.

Where whole numbers are multiplied (``Int8Products``), q and b are about s·x and t·y, of codes x, y and scales s, t.
The product of the codes is exact, and

    q·b − (s·x)·(t·y) = q·(b − t·y) + (q − s·x)·(t·y),

so beside what was said above a score errs by at most ‖q‖·‖b − t·y‖ + ‖q − s·x‖·(‖b‖ + ‖b − t·y‖). Both residuals are
computed in float64 when the vectors are coded, and rounded up. The d roundings of a float32 product, which do not take
place, leave room for those of the scales.

Where vectors are rounded to bfloat16 (``FusedProducts``), the same holds with scales of 1. A product of two such
numbers is exact in float32, and so is the difference of a number and its rounding. Tensor cores line several products
up and cut their sum off: by at most four times what as many roundings would err, for which the first part is multiplied
by 4 (``Coded.rounding``).

None of this holds where float32 products are computed in less than float32: see ``full_float32``. The search also
checks the bound on every candidate, whose score and similarity it both has.
"""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import torch

__all__ = ["MAX_DIM", "absolute_bound", "full_float32", "relative_bound"]

MAX_DIM = 1 << 20  # beyond it the bound grows useless; no encoder comes near
_switch = threading.RLock()


def relative_bound(dim: int) -> float:
    """γ(d + 16) of float32: times both norms, the error of a product of vectors of ``dim`` components."""
    roundings = (dim + 16) * 2.0**-24
    return roundings / (1 - roundings)


def absolute_bound(dim: int) -> float:
    """The part of the error that does not shrink with the norms, for scaled vectors."""
    return (dim + 16) * 2.0**-118


@contextlib.contextmanager
def full_float32() -> Iterator[None]:
    """Float32 products in full float32, whatever the process has allowed; one holder at a time.

    ``torch.set_float32_matmul_precision("medium")`` and its newer equivalents compute float32 products in bfloat16 or
    TF32, on CUDA and on CPUs that have them.
    """
    with _switch:
        backends = [getattr(torch.backends.mkldnn, "matmul", None), torch.backends.cuda.matmul]
        settable: list[Any] = [backend for backend in backends if hasattr(backend, "fp32_precision")]  # torch >= 2.9
        before = [backend.fp32_precision for backend in settable]
        try:
            legacy: str | None = torch.get_float32_matmul_precision()
        except RuntimeError:  # the process has used the newer settings in a way that the older one cannot express
            legacy = None
        torch.set_float32_matmul_precision("highest")
        try:
            yield
        finally:
            if legacy is not None:
                torch.set_float32_matmul_precision(legacy)
            for backend, precision in zip(settable, before, strict=True):
                backend.fp32_precision = precision
