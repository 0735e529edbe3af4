"""One plain sentence: what was found, and how sure it is."""

import dataclasses

from memometer.report.gaps import n_text
from memometer.report.text import capital, signed
from memometer.runs.schema import AuditSummary, Number

__all__ = ["Verdict", "duplicate_caution", "judged", "no_verdict"]


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What an audit says.

    Attributes:
        kind: ``"found"``, ``"one-way"``, ``"not-shown"``, ``"negative"``, ``"better"``, ``"measured"`` or
            ``"undefined"``; tells the colour beside it.
        title: the finding in a few words.
        sentence: the finding with its number and interval.
        cautions: what a reader must know before believing it; may be empty.
    """

    kind: str
    title: str
    sentence: str
    cautions: tuple[str, ...] = ()


def no_verdict(what: str, reasons: str | None, cautions: tuple[str, ...] = ()) -> Verdict:
    """That ``what``, e.g. "the score is", undefined, and why."""
    sentence = f"{capital(what)} undefined{f': {reasons}' if reasons else ''}."
    return Verdict("undefined", "No verdict", sentence, cautions)


def judged(
    gap: Number,
    *,
    name: str,
    noun: str,
    claim: str,
    fair: bool,
    cautions: tuple[str, ...],
    beside: tuple[str, ...] = (),
) -> Verdict:
    """What a gap between a model and its reference says, by its 95 % interval.

    Args:
        gap: with an interval.
        name: of the gap, in full.
        noun: of it, in a word.
        claim: what is so where it lies above 0.
        fair: whether it is 0 in expectation without memorization, whatever the models' quality.
        cautions: what a reader must know.
        beside: more of that, where memorization is not shown.
    """
    number = f"{name} is {signed(gap.value)}, 95\u00a0% interval {signed(gap.low)} to {signed(gap.high)}"
    number += f", from {n_text(gap, 'records')}"
    if gap.above_zero:
        title = "Memorization found" if fair else "Gap found, one way only: memorization or model quality"
        return Verdict("found" if fair else "one-way", title, f"{claim}: {number}.", cautions)
    if gap.below_zero:
        hint = "Check that target and reference, and their roles, were not exchanged."
        title = f"No memorization shown: the {noun} lies below 0"
        return Verdict("negative", title, f"{capital(number)}. {hint}", cautions)
    bound = f"At this sample size, a {noun} of up to {signed(gap.high)} remains possible."
    title = "No memorization shown at this sample size"
    return Verdict("not-shown", title, f"{capital(number)}, which covers 0. {bound}", (*beside, *cautions))


def duplicate_caution(summary: AuditSummary) -> tuple[str, ...]:
    """What duplicates across roles mean for the verdict."""
    if summary.duplicates_across_roles.n:
        return ("Some images appear in more than one role, which biases every number: see Warnings.",)
    return ()
