"""The gaps of a summary, one by one, ready to be shown."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from memometer.report.text import DASH, signed
from memometer.statistics.small_sets import counted

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


def read_gap(entry: dict[str, Any] | None) -> Gap:
    """A gap as ``summary.json`` holds it; an absent one is undefined."""
    known = {field.name for field in dataclasses.fields(Gap)}
    return Gap(**{key: value for key, value in (entry or {}).items() if key in known})


def find_gap(summary: Mapping[str, Any], *, design: str, scope: str, measure: str) -> Gap:
    """The gap of one design (`DESIGNS`), scope (`SCOPES`) and measure (`MEASURES`)."""
    by_scope = {
        "balanced": summary.get("balanced"),
        "controlled": summary.get("controlled"),
        "one-way": summary["gaps"],
        "swapped": (summary.get("backward") or {}).get("gaps"),
        "control": (summary.get("control") or {}).get("gaps"),
    }[design]
    return read_gap(((by_scope or {}).get(scope) or {}).get(measure))


def shown_designs(summary: Mapping[str, Any]) -> Iterator[str]:
    """The designs that this audit has, the most telling first."""
    yield from (design for design in ("balanced", "controlled") if summary.get(design))
    yield "one-way"
    if summary.get("backward"):
        yield "swapped"
    if summary.get("control"):
        yield "control"


def is_one_model(summary: Mapping[str, Any]) -> bool:
    """Whether the reference is a text encoder that searched captions, in place of a second model."""
    return bool((summary.get("searched") or {}).get("reference") == "captions" and summary["searched"].get("target"))
