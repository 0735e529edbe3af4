"""The settings of a sweep's summary, ready to be shown."""

import dataclasses

from memometer.report.gaps import MEASURES
from memometer.report.text import DASH, plain, signed, unsigned
from memometer.sweeps.schema import Difference, Metric, SweepSummary

__all__ = ["SCOPES", "Shown", "metric_name", "shown_settings"]

SCOPES = {"all": "all objects", "unmentioned": "unmentioned objects"}

DIRECTIONS = {"image_to_text": "image → text", "text_to_image": "text → image"}

NO_DIFFERENCE = Difference(value=None, std=None, low=None, high=None, n=0, clear=False)
UNDEFINED = Metric(value=None, std=None, n=0, std_tenth=None, by_seed={}, difference=NO_DIFFERENCE)


@dataclasses.dataclass(frozen=True)
class Shown:
    """One setting.

    Attributes:
        number: its place in the sweep file, from 1; stands for it where there is no room for its name.
        name: on one line, clipped.
        n_seeds: finished cells.
        front: whether no other setting beats it; None where that is undefined.
        metrics: by name, as in ``summary.json``.
    """

    number: int
    name: str
    n_seeds: int
    front: bool | None
    metrics: dict[str, Metric]

    @property
    def numbered(self) -> str:
        """By its number too, which is all that most points of a chart bear."""
        return f"{self.number}. {self.name}"

    def number_of(self, metric: str | None) -> Metric:
        """A metric over seeds."""
        return self.metrics.get(metric or "", UNDEFINED)

    def mean_text(self, metric: str | None, *, sign: bool) -> str:
        """``mean ± std over seeds``."""
        found, text = self.number_of(metric), signed if sign else unsigned
        return text(found.value) if found.std is None else f"{text(found.value)} ± {unsigned(found.std)}"

    def difference_text(self, metric: str | None) -> str:
        """The difference to the baseline with its interval over seeds."""
        less = self.number_of(metric).difference
        return signed(less.value) + ("" if less.low is None else f" [{signed(less.low)}, {signed(less.high)}]")


def shown_settings(summary: SweepSummary) -> list[Shown]:
    """All settings, in the order of the sweep file."""
    return [
        Shown(number, plain(entry.name, limit=40), entry.n_seeds, entry.front, entry.metrics)
        for number, entry in enumerate(summary.settings, start=1)
    ]


def metric_name(metric: str | None) -> str:
    """A metric as people call it.

    >>> metric_name("prg/unmentioned"), metric_name("retrieval/image_to_text/recall@1")
    ('PRG, unmentioned objects', 'recall@1, image → text')
    """
    if metric is None:
        return DASH
    first, *rest = metric.split("/")
    if first in MEASURES:
        return f"{MEASURES[first][0]}, {SCOPES.get(rest[0], rest[0])}"
    if first == "clipmem":
        return f"CLIPMem, {' '.join(rest)}"
    if first == "retrieval":
        return ", ".join([*rest[1:], *(DIRECTIONS.get(word, word) for word in rest[:1])])
    return " ".join([first.replace("_", "-"), *(word.replace("_", " ") for word in rest)])
