"""An audit under other labels: scored again from the neighbours that it keeps, without a model or a search."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from memometer.audits.result import Audit
from memometer.data.records import Records
from memometer.errors import InputError
from memometer.measures.vl_dejavu.scores import UnionScores, score_union
from memometer.objects.nouns import mentioned
from memometer.objects.sets import label_union, object_sets
from memometer.objects.vocabulary import Vocabulary
from memometer.runs.folder import AGAIN

__all__ = ["Rescored", "rescored"]

SIDES = ("target", "reference")


@dataclasses.dataclass(frozen=True)
class Rescored:
    """An audit under other labels.

    Attributes:
        audit: whose ``samples`` are those of the labels; its summary is that of its own.
        n_records: records that were scored again.
        n_unknown: records of the audit that are not among those with labels.
        n_far: records with a neighbour that is not among them.
    """

    audit: Audit
    n_records: int
    n_unknown: int
    n_far: int


def rescored(audit: Audit, records: Records, *, vocabulary: Vocabulary | None) -> Rescored:
    """Scores every record again by the labels of ``records``, its own and those of its neighbours.

    Args:
        audit: a VL-Déjà-Vu audit.
        records: with the labels of all its records and public images, by their ids.
        vocabulary: decides which objects a caption names; None takes the built-in one.

    Raises:
        InputError: it is no such audit, it keeps fewer neighbours than its k, or none of its records can be scored.
    """
    name, k = audit.folder or "the audit", getattr(audit.summary, "k", 0)
    if audit.summary.measure != "vl-dejavu":
        raise InputError(
            f"{name} is of the measure '{audit.summary.measure}', whose numbers labels do not decide in a way that can "
            "be computed again; expected a run of 'memometer audit vl-dejavu'"
        )
    kept = audit.tables.get("neighbors")
    if kept is None:
        raise InputError(f"{name} keeps no neighbours (neighbors.parquet): an earlier version wrote it; {AGAIN}")
    rows, near, counts = _found(kept, records, k=k, name=str(name))
    objects = records.table["objects"]
    labels = label_union([objects])
    everything = object_sets(objects, labels=labels)
    number = int(audit.config.get("caption", 1))
    own = records.take(rows["record"])
    queries = pc.list_element(own.column("captions"), number - 1)
    sets = object_sets(own.table["objects"], labels=labels)
    named = mentioned(queries, labels=labels, vocabulary=vocabulary)
    columns: dict[str, Any] = {"record_id": own.record_ids, "direction": kept["direction"].take(pa.array(rows["kept"]))}
    for side in SIDES:
        scores = score_union(objects=sets, named=named, public=everything, neighbors=near[side], ks=(k,), found_k=k)
        columns |= _columns(scores, k, side)
    table = _with_groups(pa.table(columns), audit.samples)
    return Rescored(dataclasses.replace(audit, tables={**audit.tables, "samples": table}), n_records=len(own), **counts)


def _found(
    kept: pa.Table, records: Records, *, k: int, name: str
) -> tuple[dict[str, npt.NDArray[np.int64]], dict[str, npt.NDArray[np.int64]], dict[str, int]]:
    """The rows that can be scored, of ``kept`` and of ``records``, and the places of their k neighbours by model."""
    n_kept = pc.min(pc.list_value_length(kept["neighbors_target"])).as_py() or 0
    if n_kept < k:
        raise InputError(
            f"{name} keeps {n_kept:,} neighbours of each caption, and was scored with k = {k:,}: expected a run with "
            f"--k {n_kept or 10} or fewer; audit again with such a k, which embeds and searches nothing anew where "
            "--store has the vectors"
        )
    ids = records.record_ids
    places = pc.fill_null(pc.index_in(kept["record_id"].combine_chunks(), value_set=ids), -1).to_numpy()
    near = {}
    for side in SIDES:
        flat = pc.list_flatten(pc.list_slice(kept[f"neighbors_{side}"].combine_chunks(), 0, k))
        near[side] = pc.fill_null(pc.index_in(flat, value_set=ids), -1).to_numpy().astype(np.int64).reshape(-1, k)
    known = places >= 0
    close = np.all([(each >= 0).all(axis=1) for each in near.values()], axis=0)
    rows = np.flatnonzero(known & close)
    if not len(rows):
        missing = "its records" if not known.any() else "the neighbours of its records"
        raise InputError(
            f"{name} is of {len(known):,} captions, e.g. of '{kept['record_id'][0]}', and none can be scored: "
            f"{missing} are not among those that both labellings have; label the audit's records and its public images"
        )
    counts = {"n_unknown": int((~known).sum()), "n_far": int((known & ~close).sum())}
    return {"kept": rows, "record": places[rows].astype(np.int64)}, {s: near[s][rows] for s in SIDES}, counts


def _columns(scores: UnionScores, k: int, side: str) -> dict[str, pa.Array]:
    return {
        f"{what}{suffix}_{side}": pa.array(getattr(scores, what)(k, unmentioned=bool(suffix)), from_pandas=True)
        for what in ("precision", "recall")
        for suffix in ("", "_unmentioned")
    }


def _with_groups(table: pa.Table, samples: pa.Table) -> pa.Table:
    """With the groups that the audit's own samples name; as it is, where they name none."""
    if "group" not in samples.column_names:
        return table
    keys = [pc.binary_join_element_wise(each["direction"], each["record_id"], "\0") for each in (table, samples)]
    places = pc.index_in(keys[0], value_set=keys[1].combine_chunks())
    return table.append_column("group", samples["group"].combine_chunks().take(places.combine_chunks()))
