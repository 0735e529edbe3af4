"""Audits side by side: how far each number differs, with a paired interval, and the records that moved the most."""

from typing import TYPE_CHECKING

from memometer.first_use import on_first_use

if TYPE_CHECKING:
    from memometer.comparison.compare import compare_audits
    from memometer.comparison.result import Comparison, load_comparison

__all__ = ["Comparison", "compare_audits", "load_comparison"]

# So that showing a result does not load what computes it.
__getattr__ = on_first_use(__name__)
