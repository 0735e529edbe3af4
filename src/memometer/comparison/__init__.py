"""Audits side by side: how far each number differs, with a paired interval, and the records that moved the most."""

from memometer.comparison.compare import compare_audits
from memometer.comparison.result import Comparison, load_comparison

__all__ = ["Comparison", "compare_audits", "load_comparison"]
