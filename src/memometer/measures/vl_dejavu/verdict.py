"""The verdict of a VL-Déjà-Vu audit: one plain sentence."""

from memometer.measures.vl_dejavu.schema import VLDejaVuSummary
from memometer.report.gaps import DESIGNS, MEASURES, SCOPES
from memometer.report.verdict import Verdict, duplicate_caution, judged, no_verdict
from memometer.runs.schema import Number

__all__ = ["BALANCED", "verdict"]


BALANCED = ("balanced", "controlled")
"""Designs whose gap is 0 in expectation without memorization, whatever the models' quality."""


def verdict(summary: VLDejaVuSummary) -> Verdict:
    """Judges the recall gap (PRG), balanced and over unmentioned objects where there are such, by its 95 % interval.

    Unmentioned objects come first because a working model recovers the mentioned ones without memorization;
    the balanced gap comes first because a one-way gap mixes memorization with quality.
    """
    design, scope, gap = _primary(summary)
    if gap.interval is None or gap.value is None:
        return no_verdict("the recall gap (PRG) or its interval is", gap.reason)
    objects = "the objects that its caption leaves out" if scope == "unmentioned" else "its objects"
    other = "a text encoder that never saw an image" if summary.is_one_model else "the model that never saw it"
    return judged(
        gap,
        name=f"the {design} recall gap (PRG) over {SCOPES[scope].lower()}",
        noun="gap",
        claim=f"The model trained on a record recovers more of {objects} than {other}",
        fair=design in BALANCED,
        cautions=_cautions(summary, design=design, scope=scope),
        beside=_others_above_zero(summary, design),
    )


def _primary(summary: VLDejaVuSummary) -> tuple[str, str, Number]:
    """The first defined PRG in the order balanced, controlled, one-way; within it, unmentioned before all."""
    order = [(design, scope) for design in (*BALANCED, "one-way") for scope in ("unmentioned", "all")]
    for design, scope in order:
        gap = summary.gap(design, scope, "prg")
        if gap.value is not None and gap.interval is not None:
            return design, scope, gap
    return "one-way", "all", summary.gap("one-way", "all", "prg")


def _cautions(summary: VLDejaVuSummary, *, design: str, scope: str) -> tuple[str, ...]:
    cautions = []
    if design not in BALANCED:
        remedy = (
            "Audit records that the target never saw too (--control-role) to tell them apart."
            if summary.is_one_model
            else "Audit the reference's own records too (--reference-role) to tell them apart."
        )
        cautions.append(
            "This is one direction only. A one-way gap mixes memorization with plain model quality: a better target "
            f"wins on anyone's records, a worse one hides what it memorized. {remedy}"
        )
    if scope != "unmentioned":
        cautions.append(
            "No gap over unmentioned objects is defined here. Objects that the caption names are recovered by any "
            "working model, so this gap is weaker evidence."
        )
    return (*cautions, *duplicate_caution(summary))


def _others_above_zero(summary: VLDejaVuSummary, design: str) -> tuple[str, ...]:
    names = [
        f"{MEASURES[measure][0]} over {SCOPES[scope].lower()}"
        for scope in SCOPES
        for measure in MEASURES
        if summary.gap(design, scope, measure).above_zero
    ]
    if not names:
        return ()
    line = (
        f"Not every gap of this design ({DESIGNS[design].lower()}) agrees: the interval of {', '.join(names)} lies "
        "above 0. Among six intervals, one that misses 0 by chance is no rarity."
    )
    return (line,)
