"""The measures: what belongs to each, by name, so that nothing of it is imported before it is asked for."""

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from memometer.audits.measure import Measure
    from memometer.audits.options import AuditOptions
    from memometer.runs import Run
    from memometer.runs.schema import Summary

__all__ = ["MEASURES", "RUNS", "SUMMARIES", "Row", "measure_of", "options_of", "run_kind", "summary_model"]


class Row(NamedTuple):
    """Where what belongs to a measure is, and what it asks."""

    room: str
    options: str
    measure: str
    question: str


MEASURES = {
    "vl-dejavu": Row(
        "vl_dejavu",
        "VLDejaVuOptions",
        "VLDejaVu",
        "Déjà vu in a CLIP-like model: does a caption reveal its training image's unmentioned objects?",
    ),
    "image-dejavu": Row(
        "image_dejavu",
        "ImageDejaVuOptions",
        "ImageDejaVu",
        "Image-only déjà vu: does a crop without the foreground give the foreground's class away?",
    ),
    "clipmem": Row(
        "clipmem",
        "ClipMemOptions",
        "ClipMem",
        "Memorized pairs of a CLIP-like model: which does it align better than models that never saw them?",
    ),
    "sslmem": Row(
        "sslmem",
        "SslMemOptions",
        "SslMem",
        "Memorization by layer of one tower: does a model hold the views of its records closer together?",
    ),
    "unitmem": Row(
        "unitmem",
        "UnitMemOptions",
        "UnitMem",
        "Memorization by unit: which units does a single training record excite far more than all others?",
    ),
}


SUMMARIES = {
    "clipmem": ("memometer.audits.schema_clipmem", "ClipMemSummary"),
    "compare": ("memometer.comparison.schema", "ComparisonSummary"),
    "image-dejavu": ("memometer.audits.schema_image_dejavu", "ImageDejaVuSummary"),
    "sslmem": ("memometer.audits.schema_sslmem", "SslMemSummary"),
    "sweep": ("memometer.sweeps.schema", "SweepSummary"),
    "unitmem": ("memometer.audits.schema_unitmem", "UnitMemSummary"),
    "utility": ("memometer.utility.schema", "UtilitySummary"),
    "vl-dejavu": ("memometer.audits.schema", "VLDejaVuSummary"),
}
"""What ``measure`` of a summary says → the module and the class of the summary's model."""


RUNS = {
    "compare": ("memometer.comparison.result", "Comparison"),
    "sweep": ("memometer.sweeps.sweep", "Sweep"),
    "utility": ("memometer.utility.result", "Utility"),
}
"""What ``measure`` of a summary says → the module and the class of the run; every other run is an audit."""


def run_kind(measure: str) -> "type[Run[Any]]":
    """The class of a run."""
    module, name = RUNS.get(measure, ("memometer.audits.result", "Audit"))
    found: type[Run[Any]] = getattr(import_module(module), name)
    return found


def options_of(measure: str) -> "type[AuditOptions]":
    """The options of a measure."""
    row = MEASURES[measure]
    found: type[AuditOptions] = getattr(import_module(f"memometer.audits.options_{row.room}"), row.options)
    return found


def measure_of(options: "AuditOptions") -> "Measure[Any, Any, Any]":
    """The measure with these options."""
    row = MEASURES[options.measure]
    found: Measure[Any, Any, Any] = getattr(import_module(f"memometer.audits.{row.room}"), row.measure)(options)
    return found


def summary_model(measure: str) -> "type[Summary]":
    """The model of a measure's ``summary.json``."""
    module, name = SUMMARIES[measure]
    model: type[Summary] = getattr(import_module(module), name)
    return model
