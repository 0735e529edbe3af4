"""Removal: which records to leave out of the next training, and leaving them out (C, Figure 6)."""

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from memometer.data.records import Records
from memometer.errors import InputError
from memometer.seeds import rng_for
from memometer.tables import read_table

__all__ = ["RANKINGS", "REMOVAL_SCHEMA", "choose_removals", "leave_out", "load_scores"]

RANKINGS = {"clipmem": ("clipmem", "descending"), "similarity": ("similarity_target", "ascending"), "random": None}
"""How records are ranked: the column of ``samples.parquet`` and which end of it goes first; None draws them."""

REMOVAL_SCHEMA = pa.schema([("record_id", pa.string()), ("score", pa.float64()), ("rank", pa.int64())])


def load_scores(source: Path) -> pa.Table:
    """The scores in a run folder's ``samples.parquet``, or in a Parquet file.

    Raises:
        InputError: there is no such file, or it has no column ``record_id``.
    """
    path = source / "samples.parquet" if source.is_dir() else source
    if not path.is_file():
        raise InputError(f"no scores at {path}; give a run folder of 'memometer audit clipmem', or a Parquet of scores")
    try:
        table = read_table(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read as Parquet: {error}") from error
    if "record_id" not in table.column_names:
        raise InputError(f"{path} has no column record_id, only {', '.join(table.column_names)}")
    return table


def choose_removals(
    scores: pa.Table,
    *,
    most: int,
    by: str = "clipmem",
    subset: str = "candidates",
    seed: int = 0,
) -> pa.Table:
    """The first records of a ranking (`REMOVAL_SCHEMA`), rank 1 first; ties by record id.

    Records without a score are never chosen. The order of the rows of ``scores`` changes nothing.

    Args:
        scores: columns ``record_id``, that of the ranking, and ``subset``; a table without the last counts as a whole.
        most: how many.
        by: a name of `RANKINGS`; ``"random"`` is the control, drawn among all records of the subset.
        subset: choose among these records alone.
        seed: of the random draw.

    Raises:
        InputError: a column or a subset is missing, or fewer records have a score.
    """
    if by not in RANKINGS:
        raise InputError(f"by = '{by}'; expected one of {', '.join(RANKINGS)}")
    if most < 1:
        raise InputError(f"{most} records are to be removed; expected 1 or more")
    if "subset" in scores.column_names:
        known = sorted(value for value in pc.unique(scores["subset"]).to_pylist() if value is not None)
        scores = scores.filter(pc.equal(scores["subset"], subset))
        if not scores.num_rows:
            raise InputError(f"no record is in the subset '{subset}'; the subsets are {', '.join(known)}")
    ids, ranking = scores["record_id"], RANKINGS[by]
    if ranking is None:
        draws = [rng_for(seed, "removal", record_id).random() for record_id in ids.to_pylist()]
        values, order = pa.chunked_array([pa.array(draws, pa.float64())]), "ascending"
    else:
        column, order = ranking
        if column not in scores.column_names:
            raise InputError(f"the scores have no column '{column}', which --by {by} ranks by; pass another --by")
        values = pc.cast(scores[column], pa.float64())
    table = pa.table({"record_id": ids, "score": values}).filter(pc.is_finite(values))
    if not table.num_rows:
        raise InputError(
            f"none of the {scores.num_rows:,} records has a score to rank by; pass another --by, or --subset"
        )
    if table.num_rows < most:
        raise InputError(
            f"{most:,} records are to be removed, but only {table.num_rows:,} of them have a score; "
            "pass a smaller --most"
        )
    chosen = table.sort_by([("score", order), ("record_id", "ascending")]).slice(0, most)
    return chosen.append_column("rank", pa.array(np.arange(1, most + 1))).cast(REMOVAL_SCHEMA)


def leave_out(records: Records, path: Path | None) -> Records:
    """The records that are not named in the Parquet file ``path``, in their order; all of them without a file.

    Raises:
        InputError: the file cannot be read, or names records that are not there.
    """
    if path is None:
        return records
    named = load_scores(path)["record_id"].cast(pa.string()).combine_chunks()
    unknown = pc.unique(named.filter(pc.invert(pc.is_in(named, value_set=records.record_ids)))).to_pylist()
    if unknown:
        raise InputError(
            f"{len(unknown):,} of the {len(pc.unique(named)):,} records named in {path} are not among the "
            f"{len(records):,} to train on, e.g. {', '.join(map(str, unknown[:3]))}; give the folder and the role that "
            "they were chosen from"
        )
    kept = pc.invert(pc.is_in(records.record_ids, value_set=named))
    if not pc.any(kept).as_py():
        raise InputError(f"{path} names all {len(records):,} records to train on; nothing is left")
    return dataclasses.replace(records, table=records.table.filter(kept))
