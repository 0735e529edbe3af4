"""The gaps of a summary, one by one, ready to be shown."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from memometer.report.text import DASH, signed
from memometer.runs.schema import Number
from memometer.statistics.small_sets import counted

if TYPE_CHECKING:
    from memometer.audits.schema import GapsTwice, VLDejaVuSummary

__all__ = [
    "DESIGNS",
    "MEASURES",
    "SCOPES",
    "UNDEFINED",
    "find_gap",
    "interval_text",
    "is_one_model",
    "n_text",
    "number_of",
    "shown_designs",
]

MEASURES = {
    "ppg": ("PPG", "precision gap, share of records"),
    "prg": ("PRG", "recall gap, share of records"),
    "aucg": ("AUCG", "difference of mean recall"),
}
SCOPES = {"all": "All objects", "unmentioned": "Unmentioned objects"}
DESIGNS = {
    "balanced": "Balanced, both ways",
    "controlled": "Controlled: less the control",
    "one-way": "One-way",
    "swapped": "One-way, roles swapped",
    "control": "Control: never seen",
}


UNDEFINED = Number(value=None, low=None, high=None, n=0)
"""Stands for a number that a run does not have."""


def interval_text(number: Number) -> str:
    """The interval in brackets.

    >>> interval_text(Number(value=0.1, low=0.05, high=0.15, n=1200))
    '[+0.050, +0.150]'
    """
    return f"[{signed(number.low)}, {signed(number.high)}]" if number.interval else DASH


def n_text(number: Number, what: str = "") -> str:
    """The records, or whatever is counted, and the groups that they come in.

    >>> n_text(Number(value=None, low=None, high=None, n=1200, n_groups=120), "records")
    '1,200 records in 120 groups'
    """
    return DASH if number is UNDEFINED else counted(number.n, number.n_groups, what=what)


def find_gap(summary: "VLDejaVuSummary", *, design: str, scope: str, measure: str) -> Number:
    """The gap of one design (`DESIGNS`), scope (`SCOPES`) and measure (`MEASURES`)."""
    by_scope = {
        "balanced": summary.balanced,
        "controlled": summary.controlled,
        "one-way": summary.gaps,
        "swapped": summary.backward and summary.backward.gaps,
        "control": summary.control and summary.control.gaps,
    }[design]
    return number_of(by_scope, scope=scope, measure=measure) if by_scope else UNDEFINED


def number_of(scopes: "GapsTwice", *, scope: str, measure: str) -> Number:
    """The gap of one scope (`SCOPES`) and measure (`MEASURES`)."""
    gaps = {"all": scopes.all, "unmentioned": scopes.unmentioned}[scope]
    return {"ppg": gaps.ppg, "prg": gaps.prg, "aucg": gaps.aucg}[measure]


def shown_designs(summary: "VLDejaVuSummary") -> Iterator[str]:
    """The designs that this audit has, the most telling first."""
    shown = {
        "balanced": summary.balanced,
        "controlled": summary.controlled,
        "one-way": summary.gaps,
        "swapped": summary.backward,
        "control": summary.control,
    }
    yield from (design for design, found in shown.items() if found)


def is_one_model(summary: "VLDejaVuSummary") -> bool:
    """Whether the reference is a text encoder that searched captions, in place of a second model."""
    return summary.searched.get("reference") == "captions" and "target" in summary.searched
