"""The numbers of a measurement of utility, one by one, ready to be shown."""

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

from memometer.report.gaps import Gap
from memometer.report.text import DASH, plain, unsigned

if TYPE_CHECKING:
    from memometer.utility.schema import UtilitySummary

__all__ = ["CLASSIFICATIONS", "Share", "shares"]

CLASSIFICATIONS = {"zero_shot": "Zero-shot", "linear_probe": "Linear probe"}
"""Parts that tell classes apart."""
PARTS = {**CLASSIFICATIONS, "image_to_text": "Image → text", "text_to_image": "Text → image"}


@dataclasses.dataclass(frozen=True)
class Share:
    """A share of images or captions, or a mean average precision, with its 95 % interval.

    Attributes:
        part: of the measurement.
        name: of the number within its part.
        value: in [0, 1]; None where it is undefined.
        low: lower end of the interval.
        high: upper end of it.
        std: standard deviation over draws of 10 % of the images (paper A's protocol).
        n: the images or captions behind it.
        n_groups: what its interval draws: groups of images, or single ones; None where it is not known.
        reason: why it is undefined; may be empty.
    """

    part: str
    name: str
    value: float | None
    low: float | None
    high: float | None
    std: float | None
    n: int
    reason: str
    n_groups: int | None = None

    @property
    def n_text(self) -> str:
        """The images or captions, and the groups that they come in."""
        return Gap(n=self.n, n_groups=self.n_groups).n_text

    @property
    def interval_text(self) -> str:
        """The interval in brackets."""
        if self.low is None or self.high is None:
            return DASH
        return f"[{unsigned(self.low)}, {unsigned(self.high)}]"


def shares(summary: "UtilitySummary") -> Iterator[Share]:
    """All that was measured, in the order of the page."""
    for part, numbers in summary.numbers().items():
        for name, number in numbers.items():
            yield Share(
                part=PARTS[part],
                name=name.replace("_", " "),
                value=number.value,
                low=number.low,
                high=number.high,
                std=number.std,
                n=number.n,
                reason=plain(number.reason or "", limit=200),
                n_groups=number.n_groups,
            )
