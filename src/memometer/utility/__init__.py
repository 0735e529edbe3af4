"""What a model is good for: zero-shot classification, a linear probe, image ↔ text retrieval."""

from memometer.utility.measure import measure_utility
from memometer.utility.result import Utility, load_utility

__all__ = ["Utility", "load_utility", "measure_utility"]
