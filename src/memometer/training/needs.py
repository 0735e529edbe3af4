"""What a training needs of its records, and what they lack of it."""

import functools
from collections.abc import Sequence
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from memometer.data.records import Records
from memometer.errors import InputError

__all__ = ["PAIR", "Need", "check_records", "lacking"]

Need = Literal["image", "caption"]

PAIR: tuple[Need, ...] = ("image", "caption")


def lacking(records: Records, needs: Sequence[Need]) -> tuple[pa.BooleanArray, str]:
    """(n,) whether a record lacks any of this; and in words what records lack, e.g. ``no image or no caption``."""
    without = {}
    for need in needs:
        if need == "image":
            without["no image"] = pc.is_null(records.column("image_path"))
        else:
            captions = pc.fill_null(pc.list_value_length(records.column("captions")), 0)
            without["no caption"] = pc.equal(captions, 0)
    said = " or ".join(what for what, rows in without.items() if pc.any(rows).as_py())
    return functools.reduce(pc.or_, without.values()), said


def check_records(records: Records, needs: Sequence[Need], *, batch_size: int, why: str) -> None:
    """Checks that there is a batch of records, and that each has what a training needs.

    Args:
        records: n records.
        needs: of each.
        batch_size: of the training.
        why: it needs them, as a sentence.

    Raises:
        InputError: too few records, or records that lack something.
    """
    if len(records) < batch_size:
        raise InputError(
            f"{len(records):,} records to train on, fewer than a batch of {batch_size}; "
            f"pass --batch-size {len(records)} or less"
        )
    without, what = lacking(records, needs)
    if count := pc.sum(without).as_py():
        first = records.record_ids.filter(without)[0].as_py()
        raise InputError(
            f"{count:,} of {len(records):,} records have {what}, e.g. '{first}'; {why}: import the records again, "
            "which leaves such records out"
        )
