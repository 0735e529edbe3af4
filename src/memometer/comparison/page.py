"""Audits side by side: the difference of every number from the baseline, and the records that moved the most."""

from typing import TYPE_CHECKING

from memometer.comparison.charts import (
    COLUMNS,
    difference_forest,
    difference_numbers,
    number_cells,
    run_numbers,
)
from memometer.comparison.schema import ComparedRun, ComparisonSummary, Named
from memometer.comparison.verdict import compare_verdict
from memometer.report.charts.table import HeadTable, Numbers
from memometer.report.measure_page import Figure, GalleryWords, MeasurePage, Reading
from memometer.report.terminal import head_tables
from memometer.report.text import Clipped, clip, count, plain
from memometer.runs import Run
from memometer.statistics.small_sets import counted

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["PAGE"]

MAX_RUNS = 50

FIGURES: tuple[Figure[ComparisonSummary], ...] = (
    Figure(
        "differences",
        "Differences",
        "The difference of each number from the baseline",
        "Each mark is a number of an audit less the same of the baseline, each line its paired 95\u00a0% interval. "
        "Left of 0 the audit shows less memorization than the baseline. Designs have axes of their own.",
        difference_forest,
        difference_numbers,
    ),
)


def _facts(audit: Run[ComparisonSummary]) -> tuple[tuple[str, Clipped], ...]:
    summary = audit.summary
    facts: list[tuple[str, object]] = [("Measure", summary.of_name), ("Baseline", _named(summary.baseline))]
    facts += [("Compared", f"{_named(run)}, {_common(run, 'records in common')}") for run in summary.runs[:MAX_RUNS]]
    return tuple((name, clip(value, limit=600)) for name, value in facts)


def _named(side: Named) -> str:
    return f"{side.name} ({side.folder})" if side.folder and side.folder != side.name else side.name


def _common(run: ComparedRun, what: str) -> str:
    """How many records an audit has in common with the baseline, and in how many groups."""
    parts = run.records.values()
    n_groups = [counts.n_common if counts.n_groups_common is None else counts.n_groups_common for counts in parts]
    return counted(sum(counts.n_common for counts in parts), sum(n_groups), what=what)


def _tables(audit: Run[ComparisonSummary]) -> tuple[HeadTable, ...]:
    baseline = plain(audit.summary.baseline.name)
    return (
        *(
            HeadTable(
                f"{plain(run.name)} less {baseline}",
                run_numbers(run),
                "Differences whose interval is clear of 0 are in bold. n: the records, units, or groups dealt "
                "alike, that both score. Baseline and run are over these alone. Of the "
                f"{_common(run, 'records that both have')}, {count(run.moved.more)} moved to more "
                f"memorization and {count(run.moved.less)} to less.",
            )
            for run in audit.summary.runs
        ),
        HeadTable("Why numbers are undefined", _reasons(audit)),
    )


def _reasons(audit: Run[ComparisonSummary]) -> Numbers:
    rows = {
        (plain(run.name), number.design, number.name, plain(number.reason, limit=200)): None
        for run in audit.summary.runs
        for number in run.numbers
        if number.reason
    }
    return Numbers(("Run", *COLUMNS[:2], "Reason"), tuple(rows), n_text=4)


def _terminal(audit: Run[ComparisonSummary]) -> "list[Table]":
    """Of each audit the numbers of the design that the verdict goes by, which fit 80 columns; the report has all."""
    baseline, brief = plain(audit.summary.baseline.name), []
    for run in audit.summary.runs:
        design = next((number.design for number in run.numbers if number.key == run.headline), "")
        shown = [number for number in run.numbers if number.design == design]
        n_others = len(run.numbers) - len(shown)
        others = f", {count(n_others)} more numbers in the report" if n_others else ""
        title = f"{plain(run.name)} less {baseline} ({design}{others}; {_common(run, 'records')})"
        rows = ((number.clear, number_cells(number)[1:]) for number in shown)
        brief.append(HeadTable(title, Numbers.marked(COLUMNS[1:], rows)))
    return list(head_tables(audit.summary.of_name, [*brief, HeadTable("undefined", _reasons(audit))]))


READING = (
    Reading(
        "Paired by record",
        "Both audits score the same records, and a record that is easily recovered is so by both. The interval draws "
        "records with replacement, the same ones for both audits, and takes the difference each time; what the two "
        "have in common falls out. Two separate intervals that overlap say little about the difference.",
    ),
    Reading(
        "Which way is better",
        "All numbers grow with memorization. A negative difference says that the audit shows less of it than the "
        "baseline. Whether the model is still as good is another question: measure its utility.",
    ),
    Reading(
        "What the intervals cover",
        "Which records happened to be tested: 95&nbsp;% bootstrap over records. How two trainings of one setting "
        "differ is not in it; train with several seeds to know (<code>memometer sweep</code>).",
    ),
    Reading(
        "Many numbers",
        "Of twenty intervals without a difference, one misses 0 by chance. The verdict goes by one number alone, "
        "chosen beforehand: the balanced one over what captions leave out, where there is such.",
    ),
)

PAGE: MeasurePage[ComparisonSummary] = MeasurePage(
    name="Run",
    kind="comparison",
    lead="Which model memorized more of the same records, and where?",
    reading=READING,
    method=(
        "a paired percentile bootstrap over records. For numbers that are means, the difference of two means is the "
        "mean of the differences, so that one resampling serves both audits; the most confident records are selected "
        "anew in every replicate. The comparison is memometer’s own."
    ),
    gallery=GalleryWords(
        "Records that moved the most",
        "The records whose score differs the most from the baseline’s, each way. They were chosen for that, so a part "
        "of each change is chance. Captions, objects and pictures stand here where an audit’s gallery holds them, or "
        "where the records’ folder was given (--records).",
    ),
    verdict=compare_verdict,
    facts=_facts,
    tables=_tables,
    figures=FIGURES,
    terminal=_terminal,
    spoken=lambda summary: [compare_verdict(summary).title],
)
