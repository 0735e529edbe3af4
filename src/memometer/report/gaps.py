"""The gaps of a summary, one by one, ready to be shown."""

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

from memometer.report.text import DASH, signed
from memometer.statistics.small_sets import counted

if TYPE_CHECKING:
    from memometer.audits.schema import VLDejaVuSummary
    from memometer.runs.schema import Number

__all__ = ["DESIGNS", "MEASURES", "SCOPES", "Gap", "find_gap", "is_one_model", "read_gap", "shown_designs"]

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


@dataclasses.dataclass(frozen=True)
class Gap:
    """One gap with its 95 % interval.

    Attributes:
        value: the gap, in [−1, 1]; None where it is undefined.
        low: lower end of the interval.
        high: upper end of the interval.
        std: standard deviation over draws of 10 % of the records (paper A's protocol).
        n: the records it is computed on.
        reason: why it, or its interval, is undefined.
        n_groups: what its interval draws: groups of records, or the records where each is alone.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    std: float | None = None
    n: int | None = None
    reason: str | None = None
    n_groups: int | None = None

    @property
    def n_text(self) -> str:
        """The records, and the groups that they come in.

        >>> Gap(n=1200, n_groups=120).n_text
        '1,200 in 120 groups'
        """
        return DASH if self.n is None else counted(self.n, self.n_groups)

    @property
    def drawn_text(self) -> str:
        """The same in words.

        >>> Gap(n=1200, n_groups=120).drawn_text
        '1,200 records in 120 groups'
        """
        return self.counted("records")

    def counted(self, what: str) -> str:
        """The records, or whatever is counted, with their groups."""
        return f"{DASH} {what}" if self.n is None else counted(self.n, self.n_groups, what=what)

    @property
    def interval(self) -> tuple[float, float] | None:
        """Lower and upper end, where both are defined."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    @property
    def above_zero(self) -> bool:
        """Whether the interval lies above 0."""
        return self.low is not None and self.low > 0

    @property
    def below_zero(self) -> bool:
        """Whether the interval lies below 0."""
        return self.high is not None and self.high < 0

    @property
    def interval_text(self) -> str:
        """The interval in brackets.

        >>> Gap(value=0.1, low=0.05, high=0.15).interval_text
        '[+0.050, +0.150]'
        """
        return DASH if self.interval is None else f"[{signed(self.low)}, {signed(self.high)}]"


def read_gap(number: "Number | None") -> Gap:
    """A number of a summary; an absent one is undefined."""
    if number is None:
        return Gap()
    return Gap(number.value, number.low, number.high, number.std, number.n, number.reason, number.n_groups)


def find_gap(summary: "VLDejaVuSummary", *, design: str, scope: str, measure: str) -> Gap:
    """The gap of one design (`DESIGNS`), scope (`SCOPES`) and measure (`MEASURES`)."""
    by_scope = {
        "balanced": summary.balanced,
        "controlled": summary.controlled,
        "one-way": summary.gaps,
        "swapped": summary.backward and summary.backward.gaps,
        "control": summary.control and summary.control.gaps,
    }[design]
    return read_gap(by_scope and by_scope[scope][measure])


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
