"""Charts of a VL-Déjà-Vu audit: each takes an `Audit`, returns an altair chart, and computes nothing but bins.

>>> from memometer.measures.vl_dejavu import charts
>>> sorted(charts.__all__)
['gap_by_k', 'gap_by_top', 'headline_gaps', 'leaking_objects', 'recall_distributions']
"""

from memometer.measures.vl_dejavu.charts.by_k import gap_by_k
from memometer.measures.vl_dejavu.charts.headline import headline_gaps
from memometer.measures.vl_dejavu.charts.leaking import leaking_objects
from memometer.measures.vl_dejavu.charts.recall import recall_distributions
from memometer.measures.vl_dejavu.charts.top import gap_by_top

__all__ = ["gap_by_k", "gap_by_top", "headline_gaps", "leaking_objects", "recall_distributions"]
