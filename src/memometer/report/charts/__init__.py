"""Charts of an audit: each takes an `Audit`, returns an altair chart, and computes nothing but bins.

>>> from memometer.report import charts
>>> sorted(name for name in charts.__all__ if name != "FIGURES")
['Figure', 'gap_by_k', 'gap_by_top', 'headline_gaps', 'leaking_objects', 'recall_distributions']
"""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from memometer.report.charts.headline import headline_gaps, headline_numbers
from memometer.report.charts.leaking import leaking_numbers, leaking_objects
from memometer.report.charts.recall import recall_distributions, recall_numbers
from memometer.report.charts.sweep import gap_by_k, sweep_numbers
from memometer.report.charts.table import Numbers
from memometer.report.charts.top import gap_by_top, top_numbers

if TYPE_CHECKING:
    from memometer.audits.result import Audit

__all__ = [
    "FIGURES",
    "Figure",
    "gap_by_k",
    "gap_by_top",
    "headline_gaps",
    "leaking_objects",
    "recall_distributions",
]


@dataclasses.dataclass(frozen=True)
class Figure:
    """A chart and what stands around it on the page.

    Attributes:
        key: its anchor on the page.
        short: its name among the contents.
        title: its heading.
        text: how to read it, in a few sentences.
        draw: the chart, of a given width in px.
        numbers: the same numbers as a table; one without rows means that there is nothing to draw.
    """

    key: str
    short: str
    title: str
    text: str
    draw: Callable[..., Any]
    numbers: Callable[["Audit"], Numbers]


FIGURES = (
    Figure(
        "gaps",
        "Gaps",
        "Gaps and their intervals",
        "Each mark is a gap, each line its 95\u00a0% interval. An interval that stays clear of 0 shows a difference "
        "between the models that these records did not make by chance.",
        headline_gaps,
        headline_numbers,
    ),
    Figure(
        "recall",
        "Recall",
        "Recall of both models",
        "The share of records whose recall exceeds x. Where the model trained on the records lies above the other, "
        "it recovers more of their objects; the shaded area is the AUCG, drawn again below by itself.",
        recall_distributions,
        recall_numbers,
    ),
    Figure(
        "top",
        "Most exposed",
        "The most exposed records",
        "The gap among the first L records of three sortings. Sorting by a result picks winners by construction, so "
        "the dashed control shows the same procedure with the models' roles swapped: only what exceeds it is evidence.",
        gap_by_top,
        top_numbers,
    ),
    Figure(
        "objects",
        "Objects",
        "Objects that leak most",
        "How much more often the model trained on a record recovers an object that the caption does not name (in "
        "brackets: the records that hold it). Ranked by the low end of the 95\u00a0% interval; grey where it meets 0. "
        "Among many objects, a few stand out by chance.",
        leaking_objects,
        leaking_numbers,
    ),
    Figure(
        "k",
        "By k",
        "Gap by number of neighbours",
        "The same test with other numbers k of public neighbours per record. A finding that holds for one k alone "
        "is a weak one.",
        gap_by_k,
        sweep_numbers,
    ),
)
"""The charts of the page, in order."""
