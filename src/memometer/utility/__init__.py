"""What a model is good for: zero-shot classification, a linear probe, image ↔ text retrieval."""

from typing import TYPE_CHECKING

from memometer.first_use import on_first_use

if TYPE_CHECKING:
    from memometer.utility.measure import measure_utility
    from memometer.utility.result import Utility, load_utility

__all__ = ["Utility", "load_utility", "measure_utility"]

# So that showing a result does not load what computes it.
__getattr__ = on_first_use(__name__)
