"""Gaps with intervals: the bootstrap, the papers' spread, the balance of both ways."""

from memometer.statistics.agreement import Agreement, correlation, jaccard_of_found, share_equal
from memometer.statistics.clusters import clustered_mean
from memometer.statistics.comparisons import RankCorrelation, WelchTest, rank_correlation, welch_test
from memometer.statistics.confident import ConfidentHits, confident_accuracy, confident_gap, most_confident
from memometer.statistics.gaps import Gap, gap_of, mean_of, population_contributions, recall_area_by_histogram
from memometer.statistics.groups import equal_groups, group_gap
from memometer.statistics.labels import label_table
from memometer.statistics.precision import MeanPrecision, average_precision, mean_average_precision
from memometer.statistics.roc import RocArea, roc_area, roc_curve
from memometer.statistics.top import top_counts, top_gaps

__all__ = [
    "Agreement",
    "ConfidentHits",
    "Gap",
    "MeanPrecision",
    "RankCorrelation",
    "RocArea",
    "WelchTest",
    "average_precision",
    "clustered_mean",
    "confident_accuracy",
    "confident_gap",
    "correlation",
    "equal_groups",
    "gap_of",
    "group_gap",
    "jaccard_of_found",
    "label_table",
    "mean_average_precision",
    "mean_of",
    "most_confident",
    "population_contributions",
    "rank_correlation",
    "recall_area_by_histogram",
    "roc_area",
    "roc_curve",
    "share_equal",
    "top_counts",
    "top_gaps",
    "welch_test",
]
