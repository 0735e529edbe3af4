"""The gaps of a summary, one by one, ready to be shown."""

from memometer.report.text import DASH, signed
from memometer.runs.schema import Number
from memometer.statistics.small_sets import counted

__all__ = ["DESIGNS", "MEASURES", "SCOPES", "UNDEFINED", "interval_text", "n_text"]

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
