"""What a measurement of utility says, in plain words: the first number of each part with its interval."""

import itertools

from memometer.report.text import capital, unsigned
from memometer.report.verdict import Verdict
from memometer.utility.schema import UtilitySummary
from memometer.utility.shares import Share, shares

__all__ = ["utility_verdict"]


def utility_verdict(summary: UtilitySummary) -> Verdict:
    """Names the number of each part that stands first; it judges nothing, for good enough depends on the purpose."""
    defined = (share for share in shares(summary) if share.number.value is not None)
    first = [next(group) for _, group in itertools.groupby(defined, key=lambda share: share.part)]
    if not first:
        return Verdict("undefined", "No utility", "No number is defined; the table says why.")
    parts = (f"{share.part.lower()} {unsigned(share.number.value)}".replace(" ", "\u00a0") for share in first)
    title = ", ".join(parts)  # lines break between parts alone
    return Verdict("measured", capital(title), " ".join(map(_sentence, first)))


def _sentence(share: Share) -> str:
    counted = "captions" if share.part.startswith("Text") else "images"
    sure = (
        "without an interval"
        if share.number.low is None
        else f"95\u00a0% interval {unsigned(share.number.low)} to {unsigned(share.number.high)}"
    )
    return f"{share.part}: {share.name} {unsigned(share.number.value)}, {sure}, n = {share.number.n:,} {counted}."
