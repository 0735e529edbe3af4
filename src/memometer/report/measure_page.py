"""What a report says of one measure: its words, its tables, its charts, its gallery."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from memometer.report.charts.table import HeadTable, Numbers
from memometer.report.items import item_sections
from memometer.report.pictures import Pictures
from memometer.report.terminal import head_tables
from memometer.report.text import Clipped, count
from memometer.report.verdict import Verdict
from memometer.runs import Run
from memometer.runs.schema import Summary
from memometer.statistics.small_sets import is_small_warning

S = TypeVar("S", bound="Summary")

__all__ = ["Figure", "GalleryWords", "HeadTable", "MeasurePage", "Reading", "scored_in", "skipped_in"]


@dataclasses.dataclass(frozen=True)
class Figure(Generic[S]):
    """A chart and what stands around it on the page.

    Attributes:
        key: its anchor on the page.
        short: its name among the contents.
        title: its heading.
        text: how to read it, in a few sentences.
        draw: the chart, of a given width in px.
        numbers: the same numbers as a table; one without rows means that there is nothing to draw.
        wanted: whether the audit has what the chart is about; one that is not wanted has no place on the page.
    """

    key: str
    short: str
    title: str
    text: str
    draw: Callable[..., Any]
    numbers: Callable[[Run[S]], Numbers]
    wanted: Callable[[Run[S]], bool] = lambda _: True


@dataclasses.dataclass(frozen=True)
class GalleryWords:
    """What stands above a gallery.

    Attributes:
        title: its heading.
        text: what is shown and how it was chosen.
        caution: said when memorization was not found.
    """

    title: str
    text: str
    caution: str = ""


class Reading(NamedTuple):
    """One part of "How to read this": a heading, and HTML of our own words, never of input."""

    heading: str
    text: str


@dataclasses.dataclass(frozen=True)
class MeasurePage(Generic[S]):
    """Everything about a report that depends on the measure; the rest is the same for all.

    Attributes:
        name: of the measure, as it is spoken of.
        lead: the question that the audit answers.
        reading: "How to read this".
        method: HTML that names the paper.
        gallery: what stands above the gallery; None where there is none.
        verdict: a summary → what was found, in one plain sentence.
        facts: what was tested: (name, value).
        tables: the results at the head of the page.
        figures: the charts, in order.
        skipped: a summary → where, and reason → how many records are not scored there.
        head: the template of the head, and what it needs beside ``tables``.
        items: the gallery's entries, their pictures placed.
        gallery_template: the template that shows them.
        terminal: what is printed when the audit is done; None prints ``tables``.
        spoken: what is printed below it; None says so where nothing is told, and where there are few records.
        kind: of work, ``"audit"`` for all but sweeps, comparisons and measurements of utility.
    """

    name: str
    lead: str
    reading: tuple[Reading, ...]
    method: str
    gallery: GalleryWords | None
    verdict: Callable[[S], Verdict]
    facts: Callable[[Run[S]], tuple[tuple[str, Clipped], ...]]
    tables: Callable[[Run[S]], tuple[HeadTable, ...]]
    figures: tuple[Figure[S], ...]
    skipped: Callable[[S], Iterable[tuple[str, dict[str, int]]]] = lambda _: ()
    head: Callable[[Run[S]], dict[str, Any]] | None = None
    items: Callable[[Run[S], Pictures], Any] = item_sections
    gallery_template: str = "items.html.jinja"
    terminal: Callable[[Run[S]], Iterable[Any]] | None = None
    spoken: Callable[[S], Iterable[str]] | None = None
    kind: str = "audit"

    def figures_of(self, audit: Run[S]) -> tuple[Figure[S], ...]:
        """The charts of this audit."""
        return tuple(figure for figure in self.figures if figure.wanted(audit))

    def printed(self, audit: Run[S]) -> Iterable[Any]:
        """What a terminal shows of the audit."""
        return self.terminal(audit) if self.terminal else head_tables(self.name, self.tables(audit))

    def said(self, summary: S) -> Iterable[str]:
        """What a terminal says below that."""
        if self.spoken:
            return self.spoken(summary)
        verdict = self.verdict(summary)
        undefined = [f"{verdict.title}: {verdict.sentence}"] if verdict.kind == "undefined" else []
        return [*undefined, *filter(is_small_warning, summary.notes)]


class Counted(Protocol):
    """Records of one direction."""

    n_skipped: dict[str, int]


class Scored(Protocol):
    """Records of one direction, with how many of them are scored."""

    n_records: int
    n_scored: int


def skipped_in(*directions: Counted | None) -> Iterator[tuple[str, dict[str, int]]]:
    """Where, and reason → how many records are not scored.

    Args:
        directions: those under test, those with the roles swapped, and the control.
    """
    names = ("records", "records, roles swapped", "control records")
    return ((name, part.n_skipped) for name, part in zip(names, directions, strict=False) if part)


def scored_in(*directions: Scored | None) -> Iterator[tuple[str, str]]:
    """How many records are scored, as facts; directions as of `skipped_in`."""
    names = ("Records scored", "Records scored, roles swapped", "Control records")
    parts = ((name, part) for name, part in zip(names, directions, strict=False) if part)
    return ((name, f"{count(part.n_scored)} of {count(part.n_records)}") for name, part in parts)
