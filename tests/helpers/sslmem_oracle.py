"""SSLMem's distances, slow and obvious."""

import itertools

import numpy as np


def distance_oracle(views):
    """The mean over all unordered pairs, straight from METHODS, Section 6."""
    wide = np.asarray(views, np.float64)
    units = [view / np.linalg.norm(view) for view in wide]
    pairs = [np.linalg.norm(one - other) for one, other in itertools.combinations(units, 2)]
    return np.mean(pairs) if pairs else np.nan
