"""Gaps with intervals: the bootstrap, the papers' spread, the balance of both ways."""

from memometer.statistics.agreement import Agreement, correlation, jaccard_of_found
from memometer.statistics.comparisons import RankCorrelation, WelchTest, rank_correlation, welch_test
from memometer.statistics.gaps import Gap, gap_of, population_contributions, recall_area_by_histogram
from memometer.statistics.groups import equal_groups, group_gap
from memometer.statistics.labels import label_table
from memometer.statistics.roc import RocArea, roc_area, roc_curve
from memometer.statistics.top import top_counts, top_gaps

__all__ = [
    "Agreement",
    "Gap",
    "RankCorrelation",
    "RocArea",
    "WelchTest",
    "correlation",
    "equal_groups",
    "gap_of",
    "group_gap",
    "jaccard_of_found",
    "label_table",
    "population_contributions",
    "rank_correlation",
    "recall_area_by_histogram",
    "roc_area",
    "roc_curve",
    "top_counts",
    "top_gaps",
    "welch_test",
]
