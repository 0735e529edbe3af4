"""UnitMem, slow and obvious."""

import numpy as np


def unitmem_oracle(activations, ids, *, rest=np.mean):
    """(value, record) of each unit, everything stored, straight from METHODS, Section 6."""
    result = []
    for column in np.asarray(activations, float).T:
        best = min(range(len(ids)), key=lambda row: (-column[row], ids[row]))
        others = rest(np.delete(column, best))
        total = column[best] + others
        result.append(((column[best] - others) / total if total > 0 else np.nan, ids[best]))
    return np.array([value for value, _ in result]), [record for _, record in result]
