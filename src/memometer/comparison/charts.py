"""Audits side by side: the difference of every number from the baseline, a panel per design."""

from typing import Any

from memometer.comparison.schema import ComparedNumber, ComparedRun, ComparisonSummary
from memometer.report.charts import theme
from memometer.report.charts.table import Numbers
from memometer.report.gaps import interval_text, n_text
from memometer.report.lazy import alt
from memometer.report.text import plain, signed
from memometer.runs import Run

__all__ = ["COLUMNS", "difference_forest", "difference_numbers", "forest_panel", "number_cells", "run_numbers"]

COLORS = (theme.TARGET, theme.BLUE, theme.VERMILION, theme.REFERENCE)
SHAPES = ("circle", "diamond", "square", "triangle-up", "cross")
MAX_RUNS = 20
"""Audits of the chart; the tables have all."""
MAX_NAME = 40
COLUMNS = ("Design", "Number", "Baseline", "Run", "Difference", "95 % interval", "n")


def difference_forest(audit: Run[ComparisonSummary], *, width: int = theme.WIDE) -> "alt.ConcatChart":
    """Every difference with its 95 % interval; left of 0 an audit shows less memorization than the baseline.

    Args:
        audit: a comparison.
        width: of the whole chart in px.
    """
    runs = [plain(run.name, limit=MAX_NAME) for run in audit.summary.runs[:MAX_RUNS]]
    rows: list[dict[str, Any]] = [
        {"design": number.design, "name": number.name, "run": name}
        | {"value": number.value, "low": number.low, "high": number.high}
        for name, run in zip(runs, audit.summary.runs, strict=False)
        for number in run.numbers
        if number.value is not None
    ]
    designs = list(dict.fromkeys(row["design"] for row in rows))
    panels = [
        forest_panel([row for row in rows if row["design"] == design], design, runs, width=width) for design in designs
    ]
    return theme.themed(alt.concat(*panels, columns=1, spacing=24))


def difference_numbers(audit: Run[ComparisonSummary]) -> Numbers:
    """The chart's differences as a table."""
    if all(number.value is None for run in audit.summary.runs for number in run.numbers):
        return Numbers((), ())
    rows = (
        (number.clear, (plain(run.name, limit=MAX_NAME), *number_cells(number)))
        for run in audit.summary.runs
        for number in run.numbers
    )
    return Numbers.marked(("Run", *COLUMNS), rows, n_text=3)


def run_numbers(run: ComparedRun) -> Numbers:
    """Every number of one audit beside the baseline's; differences whose interval is clear of 0 stand out."""
    return Numbers.marked(COLUMNS, ((number.clear, number_cells(number)) for number in run.numbers), n_text=2)


def number_cells(number: ComparedNumber) -> tuple[str, ...]:
    """What a table says of one number."""
    values = map(signed, (number.baseline, number.run, number.value))
    return (number.design, number.name, *values, interval_text(number), n_text(number))


def forest_panel(rows: list[dict[str, Any]], design: str, runs: list[str], *, width: int) -> "alt.LayerChart":
    """Numbers of one design with their intervals, a mark for each of ``runs``.

    Args:
        rows: ``name``, ``run``, ``value``, ``low`` and ``high`` of each mark.
        design: the title.
        runs: all, in the order of the legend.
        width: of the whole panel in px.
    """
    names = list(dict.fromkeys(row["name"] for row in rows))
    axis, room = theme.name_axis(names, limit=264 if width >= 600 else 180, titleColor=theme.MUTED)
    legend = alt.Legend(title=None, orient="top", columns=0 if width >= 600 else 1) if len(runs) > 1 else None
    colors = [COLORS[place % len(COLORS)] for place in range(len(runs))]
    shapes = [SHAPES[place % len(SHAPES)] for place in range(len(runs))]
    base = alt.Chart(theme.data(rows)).encode(
        y=alt.Y("name:N", sort=names, scale=alt.Scale(domain=names), title=None, axis=axis),
        yOffset=alt.YOffset("run:N", scale=alt.Scale(domain=runs, paddingOuter=0.5)),
        color=alt.Color("run:N", scale=alt.Scale(domain=runs, range=colors), legend=legend),
    )
    ticks = alt.Axis(labelExpr=theme.GAP_LABEL, tickCount=max(3, width // 150))
    x = alt.X("value:Q", title=None, axis=ticks, scale=alt.Scale(zero=True))
    interval = base.mark_rule(strokeWidth=2.5).encode(x=alt.X("low:Q", title=None, axis=ticks), x2="high:Q")
    shape = alt.Shape("run:N", scale=alt.Scale(domain=runs, range=shapes), legend=legend)
    point = base.mark_point(filled=True, opacity=1, size=75).encode(x=x, shape=shape)
    return alt.layer(theme.zero_line(horizontal=False), interval, point).properties(
        width=max(120, width - room - 40), height=max(26, 18 * len(runs)) * len(names), title=design
    )
