"""From labels to records: the columns ``objects``, ``boxes`` and ``scores``, and what lies beside the table."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from memometer.data.assembling import with_objects, write_groups
from memometer.data.beside import VOCABULARY
from memometer.data.records import RECORD_SCHEMA, Records
from memometer.data.verifying import REJECT_SCHEMA, stored_path
from memometer.files import atomic_path
from memometer.storage.paths import AnyPath
from memometer.tables import write_table

__all__ = ["BESIDE", "Counts", "Labels", "copy_beside", "write_labelled", "write_left_out"]

BESIDE = (VOCABULARY, "planted.parquet", "split.json")
"""What audits read beside ``records.parquet``: how captions name objects, what was planted, how records were split."""

Floats = npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Labels:
    """What was found in some records: the one table that all annotators give, in compressed rows.

    Attributes:
        rows: (n,) int64 of the records that were looked at, ascending.
        counts: (n,) int64, the labels of each; 0 where nothing was found.
        labels: (t,) strings, t the sum of the counts.
        scores: (t,) float32, 0 to 1; NaN where there is none.
        boxes: (t, 4) float32, left, top, width and height in px of the stored image; NaN where there is none.
    """

    rows: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    labels: pa.Array
    scores: Floats
    boxes: Floats

    def columns(self) -> tuple[pa.Array, pa.Array | None, pa.Array | None]:
        """``objects``, ``boxes`` and ``scores`` of the records; None where there is not one box, or score."""
        starts = pa.array(np.concatenate(([0], np.cumsum(self.counts))), pa.int32())
        unknown = np.isnan(self.boxes[:, 0])
        sides = pa.FixedSizeListArray.from_arrays(pa.array(self.boxes.reshape(-1)), 4, mask=pa.array(unknown))
        scores = pa.array(self.scores, mask=np.isnan(self.scores))
        return (
            pa.ListArray.from_arrays(starts, self.labels),
            pa.ListArray.from_arrays(starts, sides) if len(unknown) and not unknown.all() else None,
            pa.ListArray.from_arrays(starts, scores) if len(scores) > scores.null_count else None,
        )


@dataclasses.dataclass
class Counts:
    """What `write_labelled` wrote."""

    n_records: int = 0
    n_objects: int = 0
    n_without_objects: int = 0
    labels: Counter[str] = dataclasses.field(default_factory=Counter)


def write_labelled(records: Records, found: Iterable[Labels], path: Path, *, folder: Path) -> Counts:
    """Writes the records that were looked at, with what was found in each.

    Args:
        records: n records.
        found: in the order of the records.
        path: of the Parquet.
        folder: where it will lie: images below it are named from there, others by their whole paths.
    """
    counts = Counts()

    def labelled() -> Iterator[pa.Table]:
        for labels in found:
            objects, boxes, scores = labels.columns()
            table = _placed(records.take(labels.rows.tolist()), folder)
            counts.n_records += len(labels.rows)
            counts.n_objects += len(labels.labels)
            counts.n_without_objects += int((labels.counts == 0).sum())
            counts.labels.update(
                {each["values"]: each["counts"] for each in pc.value_counts(labels.labels).to_pylist()}
            )
            yield with_objects(table, objects, boxes=boxes, scores=scores)

    write_groups(path, labelled())
    return counts


def write_left_out(records: Records, rejects: Sequence[tuple[int, str]], path: Path) -> dict[str, int]:
    """Writes the records without labels with the reasons; returns counts by kind of reason, commonest first."""
    rows = pa.array([row for row, _ in rejects], pa.int64())
    reasons = [reason for _, reason in rejects]
    table = records.table.select(["record_id", "image_path"]).take(rows)
    columns = [
        table["record_id"],
        table["image_path"],
        pa.nulls(len(rows), pa.string()),
        pa.array(reasons, pa.string()),
    ]
    write_table(path, pa.table(columns, schema=REJECT_SCHEMA))
    kinds = Counter(reason.partition(":")[0] for reason in reasons)
    return dict(sorted(kinds.items(), key=lambda each: (-each[1], each[0])))


def copy_beside(source: AnyPath, folder: Path) -> None:
    """Copies what audits read beside the records; what lies there of other records goes."""
    for name in BESIDE:
        if (source / name).is_file():
            with atomic_path(folder / name) as temporary:
                temporary.write_bytes((source / name).read_bytes())
        else:
            (folder / name).unlink(missing_ok=True)


def _placed(records: Records, folder: Path) -> pa.Table:
    """The table of records with image paths that hold from ``folder``."""
    refs = records.image_refs()
    paths = [None if ref is None else stored_path(ref.path, str(folder)) for ref in refs]
    place = RECORD_SCHEMA.get_field_index("image_path")
    return records.table.set_column(place, RECORD_SCHEMA.field("image_path"), pa.array(paths, pa.string()))
