"""One record of those that show the same picture."""

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from memometer.data.bundles import find_bundles
from memometer.data.duplicates import NEAR_DISTANCE
from memometer.data.records import Records

__all__ = ["without_duplicates"]


def without_duplicates(records: Records, *, max_distance: int = NEAR_DISTANCE) -> Records:
    """The records, in their order, without those whose picture a record with a smaller id has.

    Exact and near duplicates are followed from record to record, so one record of each cluster stays. A record without
    hashes stays, for it cannot be compared.

    Args:
        records: n records.
        max_distance: see `memometer.data.duplicates.NEAR_DISTANCE`.

    Raises:
        InputError: ``max_distance`` is out of range.
    """
    clusters = find_bundles(records.table, by_group=False, max_distance=max_distance).of_row
    by_id = pc.array_sort_indices(records.record_ids).to_numpy()
    kept = np.zeros(len(records), bool)
    kept[by_id[np.unique(clusters[by_id], return_index=True)[1]]] = True
    return dataclasses.replace(records, table=records.table.filter(pa.array(kept)))
