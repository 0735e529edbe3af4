"""Sources, records, splits into roles, duplicates, and the built-in scenes."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from memometer.data.importing import import_records
from memometer.data.records import Records, load_records
from memometer.data.sources import Fields, ReaderOptions
from memometer.data.summary import ImportSummary

if TYPE_CHECKING:
    from memometer.data.duplicates import Duplicates, find_duplicates
    from memometer.data.scenes import make_scenes
    from memometer.data.splits import SplitSummary, split_records

# These load numba and scipy, which the processes that decode images do not need.
_HOMES = {
    "Duplicates": "memometer.data.duplicates",
    "SplitSummary": "memometer.data.splits",
    "find_duplicates": "memometer.data.duplicates",
    "make_scenes": "memometer.data.scenes",
    "split_records": "memometer.data.splits",
}

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


def __getattr__(name: str) -> Any:
    """Imports the rest of the public names on their first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'memometer.data' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
