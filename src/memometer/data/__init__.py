"""Sources, records, splits into roles, duplicates, and the built-in scenes."""

from typing import TYPE_CHECKING

from memometer.data.importing import import_records
from memometer.data.records import Records, load_records
from memometer.data.sources import Fields, ReaderOptions
from memometer.data.summary import ImportSummary
from memometer.first_use import on_first_use

if TYPE_CHECKING:
    # These load numba and scipy, which the processes that decode images do not need.
    from memometer.data.duplicates import Duplicates, find_duplicates
    from memometer.data.splits import SplitSummary, split_records
    from memometer.scenes import make_scenes

__all__ = [
    "Duplicates",
    "Fields",
    "ImportSummary",
    "ReaderOptions",
    "Records",
    "SplitSummary",
    "find_duplicates",
    "import_records",
    "load_records",
    "make_scenes",
    "split_records",
]


__getattr__ = on_first_use(__name__)
