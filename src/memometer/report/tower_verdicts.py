"""SSLMem and UnitMem in one sentence each: one tower, or both side by side."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from memometer.report.gaps import UNDEFINED, n_text
from memometer.report.text import capital, signed
from memometer.report.verdict import Verdict

if TYPE_CHECKING:
    from memometer.audits.schema_sslmem import SslMemSummary
    from memometer.audits.schema_unitmem import UnitMemSummary
    from memometer.runs.schema import AuditSummary, Number

    Towers = Mapping[Literal["image", "text"], Number]

__all__ = ["sslmem_verdict", "unitmem_verdict"]


def sslmem_verdict(summary: "SslMemSummary") -> Verdict:
    """Judges SSLMem at the output of each tower by its 95 % interval: balanced where the audit went both ways."""
    design = "balanced" if summary.backward else "forward"
    at_output = {
        tower: entry.balanced if summary.backward else entry.forward for tower, entry in summary.towers.items()
    }
    gaps = {tower: scores.sslmem if scores else UNDEFINED for tower, scores in at_output.items()}
    cautions = _duplicate_caution(summary)
    if design == "forward":
        cautions += (
            (
                "This is one direction only. A model that holds all views closer together does so on anyone's records. "
                "Audit the reference's own records too (--reference-role) to tell quality from memorization."
            ),
        )
    name = "balanced SSLMem" if design == "balanced" else "one-way SSLMem"
    sentence = _sentence(gaps, name=f"{name} at the output", what="records")
    if summary.text_less_image:
        more = "memorizes more" if design == "balanced" else "has the larger one-way score"
        sentence += " " + _between(summary.text_less_image, "relative SSLMem", more=more)
    kind = _kind(gaps)
    if kind == "found" and design == "forward":
        return Verdict("one-way", "Closer views, one way only: memorization or model quality", sentence, cautions)
    if kind == "found":
        claim = "The model trained on a record holds its views closer together than the model that never saw it"
        return Verdict("found", "Memorization found", f"{claim}: {sentence[0].lower()}{sentence[1:]}", cautions)
    return _not_found(kind, sentence, gaps, cautions, what="SSLMem")


def unitmem_verdict(summary: "UnitMemSummary") -> Verdict:
    """Judges mean UnitMem on the records less that on the control, over all units, by its 95 % interval."""
    towers = summary.towers
    cautions = _duplicate_caution(summary)
    gaps = {tower: entry.control.difference for tower, entry in towers.items() if entry.control}
    if len(gaps) < len(towers):
        means = "; ".join(
            f"{tower} tower: mean UnitMem {entry.mean:.3f} over {entry.n_units - entry.n_undefined:,} units, "
            f"{entry.share_above_half:.0%} of them above 0.5"
            for tower, entry in towers.items()
            if entry.mean is not None
        )
        if not means:
            return Verdict("undefined", "No verdict", "UnitMem is undefined for every unit.", cautions)
        hint = (
            "Units are selective of records that a model never saw as well. Give such records (--control-role) to tell "
            "what of it is memorization."
        )
        return Verdict("one-way", "Selective units, without a control", f"{capital(means)}.", (*cautions, hint))
    sentence = _sentence(gaps, name="mean UnitMem beyond records the model never saw", what="pairs of groups")
    if summary.text_less_image:
        sentence += " " + _between(summary.text_less_image, "UnitMem beyond the control", more="memorizes more")
    kind = _kind(gaps)
    if kind == "found":
        claim = "Single training records excite the units more selectively than records that the model never saw"
        return Verdict("found", "Memorization found", f"{claim}: {sentence[0].lower()}{sentence[1:]}", cautions)
    return _not_found(kind, sentence, gaps, cautions, what="UnitMem beyond the control")


def _kind(gaps: "Towers") -> str:
    if all(gap.interval is None for gap in gaps.values()):
        return "undefined"
    if any(gap.above_zero for gap in gaps.values()):
        return "found"
    return "negative" if all(gap.below_zero for gap in gaps.values()) else "not-shown"


def _not_found(kind: str, sentence: str, gaps: "Towers", cautions: tuple[str, ...], *, what: str) -> Verdict:
    if kind == "undefined":
        reasons = "; ".join(dict.fromkeys(gap.reason for gap in gaps.values() if gap.reason))
        return Verdict(
            "undefined",
            "No verdict",
            f"{what} or its interval is undefined{f': {reasons}' if reasons else ''}.",
            cautions,
        )
    if kind == "negative":
        hint = "Check that models and roles were not exchanged."
        return Verdict("negative", "No memorization shown: the score lies below 0", f"{sentence} {hint}", cautions)
    bounds = ", ".join(f"{signed(gap.high)} ({tower} tower)" for tower, gap in gaps.items() if gap.high is not None)
    bound = f"At this sample size, {what} of up to {bounds} remains possible."
    return Verdict("not-shown", "No memorization shown at this sample size", f"{sentence} {bound}", cautions)


def _sentence(gaps: "Towers", *, name: str, what: str) -> str:
    parts = [
        f"{tower} tower {signed(gap.value)}, 95\u00a0% interval {signed(gap.low)} to {signed(gap.high)}, from "
        f"{n_text(gap, what)}"
        if gap.interval
        else f"{tower} tower undefined"
        for tower, gap in gaps.items()
    ]
    return f"{capital(name)}: {'; '.join(parts)}."


def _between(gap: "Number", name: str, *, more: str) -> str:
    """Which tower ``more``, such as memorizes more; a one-way score says nothing of memorization."""
    if gap.interval is None:
        return ""
    number = f"{signed(gap.value)}, 95\u00a0% interval {signed(gap.low)} to {signed(gap.high)}"
    if gap.above_zero or gap.below_zero:
        tower = "text" if gap.above_zero else "image"
        return f"The {tower} tower {more}: text less image in {name} is {number}."
    return f"Which tower {more} is not shown: text less image in {name} is {number}."


def _duplicate_caution(summary: "AuditSummary") -> tuple[str, ...]:
    if summary.duplicates_across_roles.n:
        return ("Some images appear in more than one role, which biases every number: see Warnings.",)
    return ()
