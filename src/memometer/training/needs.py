"""What a training needs of its records, and what they lack of it."""

import functools
import os
from collections.abc import Sequence
from typing import Literal, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from memometer.data.records import Records
from memometer.errors import InputError
from memometer.progress import warn
from memometer.training.config import TrainingOptions

__all__ = ["PAIR", "Need", "check_records", "fit_batch", "lacking"]

Need = Literal["image", "caption"]

PAIR: tuple[Need, ...] = ("image", "caption")

Options = TypeVar("Options", bound=TrainingOptions)


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


def check_records(records: Records, needs: Sequence[Need], *, why: str) -> None:
    """Checks that each record has what a training needs.

    Args:
        records: n records.
        needs: of each.
        why: it needs them, as a sentence.

    Raises:
        InputError: records lack something.
    """
    without, what = lacking(records, needs)
    if count := pc.sum(without).as_py():
        first = records.record_ids.filter(without)[0].as_py()
        raise InputError(
            f"{count:,} of {len(records):,} records have {what}, e.g. '{first}'; {why}: import the records again, "
            "which leaves such records out"
        )


def fit_batch(config: Options, *, n: int) -> Options:
    """The options with a batch that ``n`` records fill; smaller sets are trained on whole, with a remark.

    Raises:
        InputError: fewer than 2 records for every process.
    """
    if n >= config.batch_size:
        return config
    n_processes = int(os.environ.get("WORLD_SIZE", "1"))
    size = n - n % n_processes
    if size < 2 * n_processes:
        raise InputError(
            f"{n:,} records to train on; expected 2 or more for each of {n_processes} processes, since a record is "
            "told from the others of its batch: name another --role, or import more records"
        )
    warn(f"{n:,} records do not fill a batch of {config.batch_size}, so --batch-size is {size}")
    return config.model_copy(update={"batch_size": size})
