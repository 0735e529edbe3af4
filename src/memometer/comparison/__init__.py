"""Audits side by side: how far each number differs, with a paired interval, and the records that moved the most."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memometer.comparison.compare import compare_audits
    from memometer.comparison.result import Comparison, load_comparison

__all__ = ["Comparison", "compare_audits", "load_comparison"]

_HOMES = {
    "Comparison": "memometer.comparison.result",
    "compare_audits": "memometer.comparison.compare",
    "load_comparison": "memometer.comparison.result",
}


def __getattr__(name: str) -> Any:
    """Imports a name on its first use, so that showing a result does not load what computes it."""
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
