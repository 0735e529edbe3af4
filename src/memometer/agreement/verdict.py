"""Two labellings in plain words: how far they agree, and whether an audit finds the same under either."""

from memometer.agreement.schema import AuditUnderBoth, GapUnderBoth, LabelAgreementSummary
from memometer.report.gaps import UNDEFINED, interval_text
from memometer.report.text import capital, plain, signed, unsigned
from memometer.report.verdict import Verdict
from memometer.runs.schema import Number

__all__ = ["agreement_verdict", "headline_of"]

MAX_AUDITS = 8
NEITHER_IS_TRUE = (
    "Neither labelling is the truth: agreement says that they see the same, not that they are right, and labels that "
    "only one has count against both."
)


def headline_of(audit: AuditUnderBoth) -> GapUnderBoth | None:
    """The number that the verdict goes by."""
    return next((number for number in audit.numbers if number.key == audit.headline), None)


def agreement_verdict(summary: LabelAgreementSummary) -> Verdict:
    """Says how much of all labels both give, and where each audit's telling interval lies under either."""
    one, other = (plain(side.name) for side in (summary.one, summary.other))
    f1, kappa = summary.overall.f1, summary.overall.kappa
    if f1.value is None:
        return Verdict("undefined", "No verdict", f"{capital(f1.reason or 'undefined')}.")
    sure = "" if kappa.interval is None else f", 95\u00a0% interval {unsigned(kappa.low)} to {unsigned(kappa.high)}"
    shared = summary.shared
    sentence = (
        f"{one} and {other}: F1 {unsigned(f1.value)} over {summary.overall.n_labels:,} labels, kappa "
        f"{unsigned(kappa.value)}{sure}; over the {shared.n_labels:,} that both have, F1 {unsigned(shared.f1.value)}, "
        f"kappa {unsigned(shared.kappa.value)}. {summary.n_records:,} records."
    )
    title = f"The labellings share {100 * f1.value:.0f}\u00a0% of their labels (F1)"
    told = [_told(audit, one, other) for audit in summary.audits[:MAX_AUDITS]]
    if len(summary.audits) == 1:
        title += f"; {_finding(headline_of(summary.audits[0]))}"
    cautions = [NEITHER_IS_TRUE]
    if summary.audits:
        cautions.append(
            "The labels decide what a gap is measured over: a difference between labellings is no difference in what "
            "the models have memorized."
        )
    return Verdict("measured", title, " ".join([sentence, *told]), tuple(cautions))


def _told(audit: AuditUnderBoth, one: str, other: str) -> str:
    number = headline_of(audit)
    if number is None or number.one.value is None or number.other.value is None:
        return f"{plain(audit.name)}: no number is defined under both."
    sides = [
        f"{signed(gap.value)} {interval_text(gap)} by {name}"
        for gap, name in ((number.one, one), (number.other, other))
    ]
    paired = f"difference {signed(number.value)} {interval_text(number)}"
    what = f"{plain(audit.name)}, {number.name} ({number.design[0].lower()}{number.design[1:]})"
    return f"{what}: {', '.join(sides)}; {paired}."


def _finding(number: GapUnderBoth | None) -> str:
    """What an audit finds under either, in a few words."""
    sides: tuple[Number, Number] = (UNDEFINED, UNDEFINED) if number is None else (number.one, number.other)
    if any(side.interval is None for side in sides):
        return "the audit has no interval under both"
    ways = tuple("above" if side.above_zero else "below" if side.below_zero else "open" for side in sides)
    if ways[0] == ways[1]:
        same = {
            "above": "the gap of the audit lies above 0 under both",
            "below": "the gap of the audit lies below 0 under both",
            "open": "the interval of the audit covers 0 under both",
        }
        return same[ways[0]]
    return "what the audit finds depends on the labelling"
