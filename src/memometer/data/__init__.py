"""Sources, records, splits into roles, duplicates, and the built-in scenes."""

from memometer.data.importing import import_records
from memometer.data.records import Records, load_records
from memometer.data.sources import Fields, ReaderOptions
from memometer.data.summary import ImportSummary

__all__ = ["Fields", "ImportSummary", "ReaderOptions", "Records", "import_records", "load_records"]
