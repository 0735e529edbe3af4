"""Which objects leak most: each label's recall under the target and the reference, paired by record."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["label_table"]


def label_table(
    *,
    labels: pa.Array,
    label_ids: npt.NDArray[np.int32],
    found_target: npt.NDArray[np.bool_],
    found_reference: npt.NDArray[np.bool_],
) -> pa.Table:
    """One row per label that occurs: n, both recalls, their difference with a 95 % interval, largest gap first.

    The interval is Agresti and Min's for paired proportions (2005: Wald after adding ½ to each cell), which holds its
    level for small n. Rows are ordered by the interval's lower end, so that a label seen twice does not lead.

    Args:
        labels: (v,) the vocabulary.
        label_ids: (t,) the label of each (record, object) pair.
        found_target: (t,) whether the target recovered it.
        found_reference: (t,) whether the reference did.
    """
    v = len(labels)
    n = np.bincount(label_ids, minlength=v).astype(np.float64)
    hits_target = np.bincount(label_ids, weights=found_target, minlength=v)
    hits_reference = np.bincount(label_ids, weights=found_reference, minlength=v)
    only_target = np.bincount(label_ids, weights=found_target & ~found_reference, minlength=v)
    only_reference = np.bincount(label_ids, weights=found_reference & ~found_target, minlength=v)
    difference = only_target - only_reference
    adjusted = difference / (n + 2)
    variance = (only_target + only_reference + 1 - difference**2 / (n + 2)) / (n + 2) ** 2
    half = 1.96 * np.sqrt(variance)
    kept = np.flatnonzero(n)
    kept = kept[np.lexsort((kept, -(adjusted - half)[kept]))]
    table = {
        "label": labels.take(pa.array(kept)),
        "n": pa.array(n[kept].astype(np.int64)),
        "recall_target": pa.array(hits_target[kept] / n[kept]),
        "recall_reference": pa.array(hits_reference[kept] / n[kept]),
        "gap": pa.array(difference[kept] / n[kept]),
        "low": pa.array(np.maximum(adjusted - half, -1.0)[kept]),
        "high": pa.array(np.minimum(adjusted + half, 1.0)[kept]),
    }
    return pa.table({**table, "label": pc.cast(table["label"], pa.string())})
