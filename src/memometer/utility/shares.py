"""The numbers of a measurement of utility, one by one, ready to be shown."""

from collections.abc import Iterator
from typing import NamedTuple

from memometer.report.text import capital
from memometer.runs.schema import Number
from memometer.utility.schema import PARTS, UtilitySummary

__all__ = ["CLASSIFICATIONS", "Share", "shares"]

CLASSIFICATIONS = {name: capital(PARTS[name]) for name in ("zero_shot", "linear_probe")}
"""Parts that tell classes apart."""


class Share(NamedTuple):
    """A share of images or captions, or a mean average precision: of which part, its name there, and the number."""

    part: str
    name: str
    number: Number


def shares(summary: UtilitySummary) -> Iterator[Share]:
    """All that was measured, in the order of the page."""
    for part, numbers in summary.numbers().items():
        yield from (Share(capital(PARTS[part]), name.replace("_", " "), number) for name, number in numbers.items())
