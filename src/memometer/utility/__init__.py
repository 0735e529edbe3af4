"""What a model is good for: zero-shot classification, a linear probe, image ↔ text retrieval."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memometer.utility.measure import measure_utility
    from memometer.utility.result import Utility, load_utility

__all__ = ["Utility", "load_utility", "measure_utility"]

_HOMES = {
    "Utility": "memometer.utility.result",
    "load_utility": "memometer.utility.result",
    "measure_utility": "memometer.utility.measure",
}


def __getattr__(name: str) -> Any:
    """Imports a name on its first use, so that showing a result does not load what computes it."""
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
