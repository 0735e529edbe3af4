"""Charts of an audit: each takes an `Audit`, returns an altair chart, and computes nothing but bins.

>>> from memometer.report import charts
>>> sorted(charts.__all__)
['gap_by_k', 'gap_by_top', 'headline_gaps', 'leaking_objects', 'recall_distributions']
"""

from memometer.report.charts.headline import headline_gaps
from memometer.report.charts.leaking import leaking_objects
from memometer.report.charts.recall import recall_distributions
from memometer.report.charts.sweep import gap_by_k
from memometer.report.charts.top import gap_by_top

__all__ = ["gap_by_k", "gap_by_top", "headline_gaps", "leaking_objects", "recall_distributions"]
