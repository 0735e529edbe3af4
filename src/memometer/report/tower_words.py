"""What the verdicts of single towers share: one tower, or both side by side."""

from collections.abc import Iterable, Mapping
from typing import Literal

from memometer.report.gaps import n_text
from memometer.report.text import capital, count, signed
from memometer.report.verdict import Verdict, no_verdict
from memometer.runs.schema import Number

__all__ = ["Towers", "kind_of", "not_found", "said_between", "said_of", "views_of"]

Towers = Mapping[Literal["image", "text"], Number]


def views_of(towers: Iterable[str], *, draws: int, augment: str) -> list[tuple[str, object]]:
    """How the views of each tower's records are made, as facts."""
    views = {
        "image": f"{count(draws)} per image, drawn by '{augment}'",
        "text": f"up to {count(draws)} captions per record",
    }
    return [(f"Views, {tower} tower", views[tower]) for tower in towers]


def kind_of(gaps: Towers) -> str:
    """The kind of verdict that the gaps of all towers are."""
    if all(gap.interval is None for gap in gaps.values()):
        return "undefined"
    if any(gap.above_zero for gap in gaps.values()):
        return "found"
    return "negative" if all(gap.below_zero for gap in gaps.values()) else "not-shown"


def not_found(kind: str, sentence: str, gaps: Towers, cautions: tuple[str, ...], *, what: str) -> Verdict:
    """The verdict where no tower shows memorization."""
    if kind == "undefined":
        reasons = "; ".join(dict.fromkeys(gap.reason for gap in gaps.values() if gap.reason))
        return no_verdict(f"{what} or its interval is", reasons, cautions)
    if kind == "negative":
        hint = "Check that models and roles were not exchanged."
        return Verdict("negative", "No memorization shown: the score lies below 0", f"{sentence} {hint}", cautions)
    bounds = ", ".join(f"{signed(gap.high)} ({tower} tower)" for tower, gap in gaps.items() if gap.high is not None)
    bound = f"At this sample size, {what} of up to {bounds} remains possible."
    return Verdict("not-shown", "No memorization shown at this sample size", f"{sentence} {bound}", cautions)


def said_of(gaps: Towers, *, name: str, what: str) -> str:
    """The gaps of all towers in words."""
    parts = [
        f"{tower} tower {signed(gap.value)}, 95\u00a0% interval {signed(gap.low)} to {signed(gap.high)}, from "
        f"{n_text(gap, what)}"
        if gap.interval
        else f"{tower} tower undefined"
        for tower, gap in gaps.items()
    ]
    return f"{capital(name)}: {'; '.join(parts)}."


def said_between(gap: Number, name: str, *, more: str) -> str:
    """Which tower ``more``, such as memorizes more; a one-way score says nothing of memorization."""
    if gap.interval is None:
        return ""
    number = f"{signed(gap.value)}, 95\u00a0% interval {signed(gap.low)} to {signed(gap.high)}"
    if gap.above_zero or gap.below_zero:
        tower = "text" if gap.above_zero else "image"
        return f"The {tower} tower {more}: text less image in {name} is {number}."
    return f"Which tower {more} is not shown: text less image in {name} is {number}."
