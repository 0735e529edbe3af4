"""What can be run: where what belongs to each measure is, so that nothing of it is imported before it is asked for."""

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from memometer.errors import InputError

if TYPE_CHECKING:
    from memometer.audits.measure import Measure
    from memometer.audits.options import AuditOptions
    from memometer.comparison.view import View
    from memometer.report.measure_page import MeasurePage
    from memometer.runs import Run
    from memometer.runs.schema import Summary

__all__ = ["KNOWN", "MEASURES", "Row", "measure_of", "options_of", "page_of", "run_kind", "summary_model", "view_of"]


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


MEASURES = {
    "vl-dejavu": Row(
        options="memometer.measures.vl_dejavu.options:VLDejaVuOptions",
        measure="memometer.measures.vl_dejavu.audit:VLDejaVu",
        summary="memometer.measures.vl_dejavu.schema:VLDejaVuSummary",
        page="memometer.measures.vl_dejavu.page:PAGE",
        view="memometer.measures.vl_dejavu.compare:VIEW",
        question="Déjà vu in a CLIP-like model: does a caption reveal its training image's unmentioned objects?",
    ),
    "image-dejavu": Row(
        options="memometer.measures.image_dejavu.options:ImageDejaVuOptions",
        measure="memometer.measures.image_dejavu.audit:ImageDejaVu",
        summary="memometer.measures.image_dejavu.schema:ImageDejaVuSummary",
        page="memometer.measures.image_dejavu.page:PAGE",
        view="memometer.measures.image_dejavu.compare:VIEW",
        question="Image-only déjà vu: does a crop without the foreground give the foreground's class away?",
    ),
    "clipmem": Row(
        options="memometer.measures.clipmem.options:ClipMemOptions",
        measure="memometer.measures.clipmem.audit:ClipMem",
        summary="memometer.measures.clipmem.schema:ClipMemSummary",
        page="memometer.measures.clipmem.page:PAGE",
        view="memometer.measures.clipmem.compare:VIEW",
        question="Memorized pairs of a CLIP-like model: which does it align better than models that never saw them?",
    ),
    "sslmem": Row(
        options="memometer.measures.sslmem.options:SslMemOptions",
        measure="memometer.measures.sslmem.audit:SslMem",
        summary="memometer.measures.sslmem.schema:SslMemSummary",
        page="memometer.measures.sslmem.page:PAGE",
        view="memometer.measures.sslmem.compare:VIEW",
        question="Memorization by layer of one tower: does a model hold the views of its records closer together?",
    ),
    "unitmem": Row(
        options="memometer.measures.unitmem.options:UnitMemOptions",
        measure="memometer.measures.unitmem.audit:UnitMem",
        summary="memometer.measures.unitmem.schema:UnitMemSummary",
        page="memometer.measures.unitmem.page:PAGE",
        view="memometer.measures.unitmem.compare:VIEW",
        question="Memorization by unit: which units does a single training record excite far more than all others?",
    ),
}
"""Measure → where it is: ``memometer audit NAME``."""

OTHERS = {
    "compare": Row(
        summary="memometer.comparison.schema:ComparisonSummary",
        page="memometer.comparison.page:PAGE",
        run="memometer.comparison.result:Comparison",
    ),
    "sweep": Row(
        summary="memometer.sweeps.schema:SweepSummary",
        page="memometer.sweeps.page:PAGE",
        run="memometer.sweeps.sweep:Sweep",
    ),
    "utility": Row(
        summary="memometer.utility.schema:UtilitySummary",
        page="memometer.utility.page:PAGE",
        run="memometer.utility.result:Utility",
    ),
}
"""Other commands that write runs."""

KNOWN = {**MEASURES, **OTHERS}
"""By what ``measure`` of a summary says."""


def options_of(measure: str) -> "type[AuditOptions]":
    """The options of a measure's audit."""
    found: type[AuditOptions] = _find(measure, "options")
    return found


def measure_of(options: "AuditOptions") -> "Measure[Any, Any, Any]":
    """The measure with these options."""
    found: Measure[Any, Any, Any] = _find(options.measure, "measure")(options)
    return found


def summary_model(measure: str) -> "type[Summary]":
    """The model of a measure's ``summary.json``."""
    found: type[Summary] = _find(measure, "summary")
    return found


def page_of(measure: str) -> "MeasurePage[Any]":
    """The page of a measure."""
    found: MeasurePage[Any] = _find(measure, "page")
    return found


def view_of(measure: str) -> "View":
    """What is compared of the audits of a measure."""
    found: View = _find(measure, "view")
    return found


def run_kind(measure: str) -> "type[Run[Any]]":
    """The class of a measure's runs; an audit, where none is known."""
    row = KNOWN.get(measure)
    found: type[Run[Any]] = _named(AUDIT if row is None else row.run)
    return found


def _find(measure: str, what: str) -> Any:
    """What a row says of a measure.

    Raises:
        InputError: there is none of this name, or it has no such thing.
    """
    known = [name for name, row in KNOWN.items() if getattr(row, what)]
    if measure not in known:
        raise InputError(f"no {what} is known of the measure '{measure}'; expected one of {', '.join(sorted(known))}")
    return _named(getattr(KNOWN[measure], what))


def _named(place: str) -> Any:
    module, name = place.split(":")
    return getattr(import_module(module), name)
