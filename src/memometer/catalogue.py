"""What can be run: where what belongs to each measure is, so that nothing of it is imported before it is asked for."""

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from memometer.errors import InputError

if TYPE_CHECKING:
    from memometer.audits.measure import Measure
    from memometer.audits.options import AuditOptions
    from memometer.comparison.view import View
    from memometer.report.measure_page import MeasurePage
    from memometer.runs import Run
    from memometer.runs.schema import Number, Summary

__all__ = [
    "KNOWN",
    "MEASURES",
    "Row",
    "headline_of",
    "measure_of",
    "options_of",
    "page_of",
    "run_kind",
    "summary_model",
    "view_of",
]


AUDIT = "memometer.audits.result:Audit"


class Row(NamedTuple):
    """Where what belongs to a measure is, as ``module:name``.

    Attributes:
        summary: the model of its ``summary.json``.
        page: its report.
        options: of its audit.
        measure: what its audit does.
        view: what is compared of its audits.
        run: the class of its runs.
        question: that it answers.
    """

    summary: str
    page: str
    options: str = ""
    measure: str = ""
    view: str = ""
    run: str = AUDIT
    question: str = ""


def _room(name: str, prefix: str, question: str) -> Row:
    """The row of a measure whose files are called as those of all: only the room's name and the classes' differ."""
    room = f"memometer.measures.{name}"
    return Row(
        summary=f"{room}.schema:{prefix}Summary",
        page=f"{room}.page:PAGE",
        options=f"{room}.options:{prefix}Options",
        measure=f"{room}.audit:{prefix}",
        view=f"{room}.compare:VIEW",
        question=question,
    )


def _other(package: str, prefix: str) -> Row:
    """The row of a command whose package has its runs, ``prefix``, with their summary and their page."""
    place = f"memometer.{package}"
    return Row(summary=f"{place}.schema:{prefix}Summary", page=f"{place}.page:PAGE", run=f"{place}:{prefix}")


MEASURES = {
    "vl-dejavu": _room(
        "vl_dejavu",
        "VLDejaVu",
        "Déjà vu in a CLIP-like model: does a caption reveal its training image's unmentioned objects?",
    ),
    "image-dejavu": _room(
        "image_dejavu",
        "ImageDejaVu",
        "Image-only déjà vu: does a crop without the foreground give the foreground's class away?",
    ),
    "clipmem": _room(
        "clipmem",
        "ClipMem",
        "Memorized pairs of a CLIP-like model: which does it align better than models that never saw them?",
    ),
    "sslmem": _room(
        "sslmem",
        "SslMem",
        "Memorization by layer of one tower: does a model hold the views of its records closer together?",
    ),
    "unitmem": _room(
        "unitmem",
        "UnitMem",
        "Memorization by unit: which units does a single training record excite far more than all others?",
    ),
}
"""Measure → where it is: ``memometer audit NAME``."""

OTHERS = {
    "agree": _other("agreement", "LabelAgreement"),
    "compare": _other("comparison", "Comparison"),
    "sweep": _other("sweeps", "Sweep"),
    "utility": _other("utility", "Utility"),
}
"""Other commands that write runs."""

KNOWN = {**MEASURES, **OTHERS}
"""By what ``measure`` of a summary says."""


def options_of(measure: str) -> "type[AuditOptions]":
    """The options of a measure's audit."""
    return cast("type[AuditOptions]", _find(measure, "options"))


def measure_of(options: "AuditOptions") -> "Measure[Any, Any, Any]":
    """The measure with these options."""
    return cast("Measure[Any, Any, Any]", _find(options.measure, "measure")(options))


def summary_model(measure: str) -> "type[Summary]":
    """The model of a measure's ``summary.json``."""
    return cast("type[Summary]", _find(measure, "summary"))


def page_of(measure: str) -> "MeasurePage[Any]":
    """The page of a measure."""
    return cast("MeasurePage[Any]", _find(measure, "page"))


def view_of(measure: str) -> "View":
    """What is compared of the audits of a measure."""
    return cast("View", _find(measure, "view"))


def headline_of(summary: "Summary") -> "dict[str, Number] | None":
    """The numbers that an audit is judged by; None of what is no audit."""
    row = KNOWN.get(summary.measure)
    return _named(row.measure).null_intervals(summary) if row and row.measure else None


def run_kind(measure: str) -> "type[Run[Any]]":
    """The class of a measure's runs; an audit, where none is known."""
    return cast("type[Run[Any]]", _named(KNOWN[measure].run if measure in KNOWN else AUDIT))


def _find(measure: str, what: str) -> Any:
    """What a row says of a measure.

    Raises:
        InputError: there is none of this name, or it has no such thing.
    """
    known = [name for name, row in KNOWN.items() if getattr(row, what)]
    if measure not in known:
        raise InputError(f"no measure '{measure}' with {what} is known; expected one of {', '.join(sorted(known))}")
    return _named(getattr(KNOWN[measure], what))


def _named(place: str) -> Any:
    module, name = place.split(":")
    return getattr(import_module(module), name)
