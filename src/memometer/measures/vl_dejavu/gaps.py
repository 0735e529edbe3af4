"""Which gaps a VL-Déjà-Vu audit has."""

from collections.abc import Iterator

from memometer.measures.vl_dejavu.schema import GapsTwice, VLDejaVuSummary
from memometer.report.gaps import UNDEFINED
from memometer.runs.schema import Number

__all__ = ["find_gap", "is_one_model", "number_of", "shown_designs"]


def find_gap(summary: VLDejaVuSummary, *, design: str, scope: str, measure: str) -> Number:
    """The gap of one design (`DESIGNS`), scope (`SCOPES`) and measure (`MEASURES`)."""
    by_scope = {
        "balanced": summary.balanced,
        "controlled": summary.controlled,
        "one-way": summary.gaps,
        "swapped": summary.backward and summary.backward.gaps,
        "control": summary.control and summary.control.gaps,
    }[design]
    return number_of(by_scope, scope=scope, measure=measure) if by_scope else UNDEFINED


def number_of(scopes: GapsTwice, *, scope: str, measure: str) -> Number:
    """The gap of one scope (`SCOPES`) and measure (`MEASURES`)."""
    gaps = {"all": scopes.all, "unmentioned": scopes.unmentioned}[scope]
    return {"ppg": gaps.ppg, "prg": gaps.prg, "aucg": gaps.aucg}[measure]


def shown_designs(summary: VLDejaVuSummary) -> Iterator[str]:
    """The designs that this audit has, the most telling first."""
    shown = {
        "balanced": summary.balanced,
        "controlled": summary.controlled,
        "one-way": summary.gaps,
        "swapped": summary.backward,
        "control": summary.control,
    }
    yield from (design for design, found in shown.items() if found)


def is_one_model(summary: VLDejaVuSummary) -> bool:
    """Whether the reference is a text encoder that searched captions, in place of a second model."""
    return summary.searched.get("reference") == "captions" and "target" in summary.searched
