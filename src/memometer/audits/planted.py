"""Planted records: how well a ranking finds what is known to be the matter with some of them (METHODS, 8.5)."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from memometer.data.records import Records
from memometer.errors import DamagedError, SourceError
from memometer.files import hash_file
from memometer.statistics import roc_area, roc_curve
from memometer.storage.paths import AnyPath
from memometer.tables import read_table

__all__ = ["ROC_SCHEMA", "Planted", "find_planted", "planted_hash", "planted_in", "planted_kinds"]

PLANTED_NAME = "planted.parquet"
"""The file beside ``records.parquet``, with the columns ``record_id`` and ``kind``."""

ROC_SCHEMA = pa.schema(
    [
        ("kind", pa.string()),
        ("by", pa.string()),
        ("false_positive_rate", pa.float64()),
        ("true_positive_rate", pa.float64()),
    ]
)
"""Corners of the ROC curves, in their order."""

Floats = npt.NDArray[np.float64]
Planted = tuple[list[dict[str, Any]] | None, pa.Table | None]
"""The rows and the curves of `find_planted`; None where nothing is planted."""


def planted_kinds(folder: AnyPath, record_ids: pa.Array) -> pa.Array:
    """(n,) what was planted in each record, e.g. ``"miscaptioned"``; null for a record as it should be.

    Raises:
        SourceError: the folder's ``planted.parquet`` is not as expected.
    """
    path = folder / PLANTED_NAME
    if not path.is_file():
        return pa.nulls(len(record_ids), pa.string())
    try:
        rows = read_table(path, ["record_id", "kind"])
    except (DamagedError, OSError) as error:
        raise SourceError(
            f"{path} cannot be read: {error}; expected Parquet with the columns record_id and kind, "
            "as 'memometer data scenes --miscaptioned … --repeated …' writes it"
        ) from error
    ids, kinds = (rows[name].combine_chunks().cast(pa.string()) for name in ("record_id", "kind"))
    other = pc.not_equal(kinds, kinds.take(pc.index_in(ids, value_set=ids)))
    if pc.any(other).as_py():
        raise SourceError(f"{path} plants two kinds in record '{ids.filter(other)[0]}'; expected one")
    return kinds.take(pc.index_in(record_ids, value_set=ids))


def planted_hash(folder: AnyPath) -> str | None:
    """The hash of what is planted in a folder of records, for the key of an audit; None where nothing is."""
    path = folder / PLANTED_NAME
    return hash_file(path) if path.is_file() else None


def planted_in(records: Records, scores: Callable[[], dict[str, Floats]]) -> Planted:
    """`find_planted` among these records; where nothing is planted in them, ``scores`` is not called."""
    kinds = planted_kinds(records.folder, records.record_ids)
    return (None, None) if kinds.null_count == len(kinds) else find_planted(kinds, scores(), groups=records.groups)


def find_planted(
    kinds: pa.Array, scores: dict[str, Floats], *, groups: npt.NDArray[np.int64] | None = None
) -> tuple[list[dict[str, Any]], pa.Table]:
    """For each kind and each score, the area under the ROC curve that tells the planted records from the others.

    Records of another kind are left out of both. A random order has an area of ½ exactly, so it is not drawn.

    Args:
        kinds: (n,) of `planted_kinds`.
        scores: name → (n,), high for records that it takes for planted; NaN where undefined.
        groups: (n,) which records belong together; None where each is alone.

    Returns:
        Rows ``{"kind", "by", "area", "low", "high", "n_positive", "n_negative", …}``, with a ``"random"`` one per kind,
        and the curves (`ROC_SCHEMA`).
    """
    clean = kinds.is_null().to_numpy(zero_copy_only=False)
    rows: list[dict[str, Any]] = []
    curves: list[pa.Table] = []
    for kind in sorted(pc.unique(kinds.drop_null()).to_pylist()):
        positives = pc.fill_null(pc.equal(kinds, kind), fill_value=False).to_numpy(zero_copy_only=False)
        among = positives | clean
        for by, score in scores.items():
            found = roc_area(score[among], positives[among], groups=None if groups is None else groups[among])
            rows.append({"kind": kind, "by": by, **found.as_dict()})
            if found.area is not None:
                x, y = roc_curve(score[among], positives[among])
                names = [pa.repeat(name, len(x)) for name in (kind, by)]
                curves.append(pa.table([*names, x, y], schema=ROC_SCHEMA))
        counts = {"n_positive": int(positives.sum()), "n_negative": int(clean.sum())}
        rows.append({"kind": kind, "by": "random", "area": 0.5, "low": 0.5, "high": 0.5, **counts})
    return rows, pa.concat_tables(curves) if curves else ROC_SCHEMA.empty_table()
